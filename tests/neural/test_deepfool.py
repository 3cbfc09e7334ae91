from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import skdal.neural.deepfool
from skdal.neural.deepfool import deepfool


def slow_deepfool(module, x, *, n_classes=None, max_iter=50, overshoot=0.02, clip=None):
    """Algorithm 2 as it is written: a row at a time, a gradient for each class."""
    norms, flipped = [], []
    for row in x:
        start = row[None]
        point, total = start.clone(), torch.zeros_like(start)
        logits = module(start).detach()[0]
        source = int(logits.argmax())
        classes = [k for k in logits.argsort(descending=True).tolist() if k != source]
        classes = sorted(classes[: len(classes) if n_classes is None else n_classes - 1])
        for _ in range(max_iter):
            leaf = point.clone().requires_grad_()
            f = module(leaf)[0]
            if int(f.argmax()) != source:
                break
            steps = []
            for k in classes:
                (w,) = torch.autograd.grad(f[k] - f[source], leaf, retain_graph=True)
                gap = (f[k] - f[source]).detach().abs()
                if w.norm() > 0:
                    steps.append((float(gap / w.norm()), gap / w.norm() ** 2 * w))
            if not steps:
                break
            total = total + min(steps, key=lambda step: step[0])[1]
            point = start + (1 + overshoot) * total
            if clip is not None:
                point = point.clamp(*clip)
        norms.append((point - start).norm())
        flipped.append(int(module(point)[0].argmax()) != source)
    return torch.stack(norms), torch.tensor(flipped)


def mlp(n_classes=4, seed=0, dtype=torch.float64):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, n_classes)
        return nn.Sequential(*layers).to(dtype).eval()


def convnet(channels=1, dtype=torch.float64, **params):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = nn.Conv2d(channels, 4, 3, **params)
        pooled = nn.MaxPool2d(2), nn.Conv2d(4, 6, 2), nn.BatchNorm2d(6), nn.ReLU()
        last = nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(24, 5)
        return nn.Sequential(first, nn.ReLU(), *pooled, *last).to(dtype).eval()


def affine(weight, bias):
    module = nn.Linear(len(weight[0]), len(weight)).double()
    with torch.no_grad():
        module.weight.copy_(torch.as_tensor(weight))
        module.bias.copy_(torch.as_tensor(bias))
    return module.eval()


def rows(*shape, dtype=torch.float64, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class Recorder(nn.Module):
    """Counts the rows that the module in it sees."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        self.batches = []

    def forward(self, x):
        self.batches.append(len(x))
        return self.module(x)


def assert_equal(result, expected, rtol=1e-9):
    torch.testing.assert_close(result[0], expected[0], rtol=rtol, atol=rtol)
    assert result[1].tolist() == expected[1].tolist()


class TestAffine:
    @pytest.mark.parametrize("overshoot", [0.02, 0.5])
    def test_one_step_to_the_nearest_hyperplane(self, overshoot):
        weight, bias, x = rows(5, 3, seed=1) - 0.5, rows(5, seed=2), rows(40, 3)
        logits = x @ weight.T + bias
        source = logits.argmax(dim=1)
        gaps = logits.gather(1, source[:, None]) - logits
        slopes = (weight[source][:, None] - weight).norm(dim=2)
        distances = (gaps / slopes).nan_to_num(nan=torch.inf).min(dim=1).values
        module = Recorder(affine(weight, bias))
        norms, flipped = deepfool(module, x, overshoot=overshoot)
        torch.testing.assert_close(norms, (1 + overshoot) * distances, rtol=1e-9, atol=0)
        assert flipped.all()
        assert module.batches == [40, 40]

    def test_a_change_to_a_class_that_is_no_candidate_counts(self):
        module = affine([[0.0, 0.0], [1.0, 0.0], [1.9, 0.0]], [1.0, 0.5, 0.1])
        norms, flipped = deepfool(module, torch.zeros(1, 2).double(), n_classes=2)
        assert module(torch.tensor([[0.51, 0.0]]).double()).argmax() == 2
        assert flipped.item()
        assert norms.item() == pytest.approx(0.51)

    def test_two_candidates(self):
        module = affine([[0.0, 0.0], [1.0, 0.0], [0.0, 9.0]], [1.0, 0.5, 0.1])
        x = torch.zeros(1, 2).double()
        assert deepfool(module, x, n_classes=2)[0].item() == pytest.approx(1.02 * 0.5)
        assert deepfool(module, x, n_classes=3)[0].item() == pytest.approx(1.02 * 0.1)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("bias", [[1.0, 1.0, 0.0], [0.0, 0.0, -1.0]])
    @pytest.mark.parametrize("scale", [0.0, 1.0, 1e6])
    def test_a_tie_is_left(self, dtype, bias, scale):
        module = affine([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], bias).to(dtype)
        x = torch.full((1, 2), scale, dtype=dtype)
        norms, flipped = deepfool(module, x, max_iter=5)
        assert flipped.item()
        assert 0 < norms.item() <= 1e-4 * (scale + 1)

    def test_without_overshoot_it_ends(self):
        module = Recorder(affine([[1.0, 0.3], [0.2, 1.0]], [0.0, 0.0]))
        norms, _ = deepfool(module, rows(30, 2), overshoot=0.0, max_iter=4)
        reference, _ = slow_deepfool(module.module, rows(30, 2), overshoot=0.0, max_iter=4)
        torch.testing.assert_close(norms, reference, rtol=1e-9, atol=1e-12)
        assert max(module.batches) == 30


class TestReference:
    @pytest.mark.parametrize("n_classes", [None, 2, 3, 4, 9])
    def test_mlp(self, n_classes):
        x = 4 * rows(50, 6) - 2
        expected = slow_deepfool(mlp(), x, n_classes=n_classes)
        assert_equal(deepfool(mlp(), x, n_classes=n_classes), expected)

    def test_two_classes(self):
        x = 4 * rows(50, 6) - 2
        assert_equal(deepfool(mlp(2), x), slow_deepfool(mlp(2), x))

    @pytest.mark.parametrize("max_iter", [1, 2, 5])
    def test_max_iter(self, max_iter):
        x = 4 * rows(50, 6) - 2
        expected = slow_deepfool(mlp(3), x, max_iter=max_iter)
        assert_equal(deepfool(mlp(3), x, max_iter=max_iter), expected)
        if max_iter == 1:
            assert 0 < expected[1].sum() < 50

    @pytest.mark.parametrize("params", [{}, {"padding": 1}, {"padding": "same"}, {"stride": 2}])
    @pytest.mark.parametrize("channels", [1, 3, 5])
    @pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
    def test_convolutions(self, params, channels, dtype, rtol):
        module, x = convnet(channels, dtype, **params), rows(12, channels, 12, 11, dtype=dtype)
        assert_equal(deepfool(module, x), slow_deepfool(module, x), rtol)

    @pytest.mark.parametrize(
        "params",
        [
            {"padding": (2, 0), "stride": (1, 3), "dilation": (2, 1), "bias": False},
            {"padding": 1, "padding_mode": "circular"},
        ],
    )
    def test_thin_convolutions(self, params):
        module, x = convnet(2, torch.float32, **params), rows(12, 2, 12, 20, dtype=torch.float32)
        assert_equal(deepfool(module, x), slow_deepfool(module, x), 1e-4)

    def test_float32(self):
        x = 4 * rows(50, 6, dtype=torch.float32) - 2
        module = mlp(dtype=torch.float32)
        result = deepfool(module, x)
        assert result[0].dtype == torch.float32
        assert_equal(result, slow_deepfool(module, x), 1e-4)

    def test_clip(self):
        x = rows(50, 6)
        result = deepfool(mlp(), x, clip=(0, 1), max_iter=6)
        assert_equal(result, slow_deepfool(mlp(), x, clip=(0, 1), max_iter=6))
        assert not torch.allclose(result[0], deepfool(mlp(), x, max_iter=6)[0])

    @pytest.mark.cuda
    def test_cuda(self):
        x = 4 * rows(300, 6) - 2
        norms, flipped = deepfool(mlp().cuda(), x.cuda())
        assert norms.is_cuda
        assert_equal((norms.cpu(), flipped.cpu()), deepfool(mlp(), x), 1e-7)
        images = rows(300, 1, 9, 8)
        norms, flipped = deepfool(convnet().cuda(), images.cuda())
        assert_equal((norms.cpu(), flipped.cpu()), deepfool(convnet(), images), 1e-7)


class TestNeverFlips:
    def test_constant_network(self):
        module = Recorder(affine([[0.0, 0.0]] * 3, [1.0, 0.0, 0.5]))
        norms, flipped = deepfool(module, rows(5, 2))
        assert norms.tolist() == [0] * 5
        assert not flipped.any()
        assert module.batches == [5]

    def test_equal_logits_without_gradient(self):
        norms, flipped = deepfool(affine([[0.0, 0.0]] * 3, [0.0] * 3), rows(5, 2))
        assert norms.tolist() == [0] * 5
        assert not flipped.any()

    def test_one_dead_row(self):
        module = nn.Sequential(nn.ReLU(), affine([[1.0, 0.0], [0.0, 1.0]], [0.1, 0.0]))
        x = torch.tensor([[2.0, 1.0], [-1.0, -1.0], [1.0, 2.0]]).double()
        norms, flipped = deepfool(module, x)
        assert flipped.tolist() == [True, False, True]
        assert norms[1] == 0
        assert norms[0].item() == pytest.approx(1.02 * 1.1 / 2**0.5)

    def test_a_dead_class_is_no_candidate(self):
        module = affine([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [1.0, 0.99, 0.0])
        norms, flipped = deepfool(module, torch.zeros(1, 2).double())
        assert flipped.item()
        assert norms.item() == pytest.approx(1.02)

    def test_a_gradient_that_is_not_finite(self):
        class Root(nn.Module):
            def forward(self, x):
                return torch.cat([x.sqrt(), 1 - x], dim=1)

        norms, flipped = deepfool(Root(), torch.tensor([[0.0], [0.5]]).double())
        assert flipped.tolist() == [False, True]
        assert norms[0] == 0

    @pytest.mark.parametrize("max_iter", [1, 7])
    def test_clip_leaves_no_room(self, max_iter):
        module = Recorder(affine([[1.0, 0.0], [-1.0, 0.0]], [3.0, 0.0]))
        norms, flipped = deepfool(module, rows(5, 2), clip=(0, 1), max_iter=max_iter)
        assert not flipped.any()
        torch.testing.assert_close(norms, rows(5, 2)[:, 0])
        assert module.batches == [5] * (max_iter + 1)


class TestBatches:
    def test_rows_do_not_depend_on_their_company(self, monkeypatch):
        x = 4 * rows(40, 6) - 2
        expected = deepfool(mlp(), x)
        order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
        norms, flipped = deepfool(mlp(), x[order])
        assert_equal((norms, flipped), (expected[0][order], expected[1][order]))
        for size in (1, 3, 7):
            monkeypatch.setattr(skdal.neural.deepfool, "_MICRO_BATCH", size)
            assert_equal(deepfool(mlp(), x), expected)
        alone = [deepfool(mlp(), row[None]) for row in x]
        assert_equal(tuple(torch.cat(parts) for parts in zip(*alone, strict=True)), expected)

    def test_batches_stay_full(self, monkeypatch):
        monkeypatch.setattr(skdal.neural.deepfool, "_MICRO_BATCH", 8)
        module = Recorder(mlp())
        deepfool(module, 4 * rows(100, 6) - 2)
        assert max(module.batches) == 8
        # Between two full batches, the one that told which rows of the first go on.
        assert sum(size == 8 for size in module.batches) > 0.8 * len(module.batches)

    def test_rows_that_flipped_are_not_seen_again(self):
        # The distance of a row is to the power of 4 what the network takes it for.
        class Power(nn.Module):
            def forward(self, x):
                return torch.cat([x**4, torch.full_like(x, 1e-4)], dim=1)

        x = torch.tensor([[0.1001]] + [[3.0]] * 2).double()
        for overshoot in (0.02, 0.0):
            seen = []
            for row in x[:2]:
                module = Recorder(Power())
                assert deepfool(module, row[None], overshoot=overshoot, max_iter=9)[0] > 0
                seen.append(sum(module.batches))
            assert seen[0] < seen[1] <= 10
            together = Recorder(Power())
            deepfool(together, x, overshoot=overshoot, max_iter=9)
            # One row a step, once at the end, and at most once more when others end.
            assert sum(together.batches) <= seen[0] + 2 * seen[1] + 2

    @pytest.mark.parametrize(
        ("n_flipping", "batches"), [(1, [10, 10, 9, 9]), (6, [10, 10, 4, 4, 4]), (10, [10, 10])]
    )
    def test_rows_are_run_again_only_if_many_ended(self, n_flipping, batches):
        class Held(nn.Module):
            def forward(self, x):
                held, moving = x.T
                return torch.stack([moving + held.detach(), torch.full_like(moving, 0.5)], dim=1)

        x = torch.ones(10, 2).double()
        x[:n_flipping, 0] = 0
        module = Recorder(Held())
        norms, flipped = deepfool(module, x, clip=(0, 1), max_iter=3)
        assert flipped.tolist() == [True] * n_flipping + [False] * (10 - n_flipping)
        torch.testing.assert_close(norms[:n_flipping], torch.full((n_flipping,), 0.51).double())
        assert module.batches == batches

    @pytest.mark.parametrize("shape", [(0, 6), (0, 1, 9, 8)])
    def test_no_rows(self, shape):
        norms, flipped = deepfool(mlp(), rows(*shape), clip=(0, 1))
        assert norms.shape == flipped.shape == (0,)
        assert norms.dtype == torch.float64
        assert flipped.dtype == torch.bool


class TestState:
    def check(self, module, call):
        x = rows(10, 6)
        before = copy.deepcopy(module.state_dict())
        flags = [parameter.requires_grad for parameter in module.parameters()]
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        x_before, generator = x.clone(), torch.get_rng_state()
        call(module, x)
        assert torch.equal(x, x_before)
        assert not x.requires_grad
        assert torch.equal(torch.get_rng_state(), generator)
        assert [parameter.requires_grad for parameter in module.parameters()] == flags
        for name, value in module.state_dict().items():
            assert torch.equal(value, before[name])
        for parameter in module.parameters():
            assert torch.equal(parameter.grad, torch.ones_like(parameter))
        assert not module._forward_hooks
        assert torch.is_grad_enabled()

    def test_after_a_run(self):
        self.check(mlp(), deepfool)

    def test_after_an_exception(self):
        class Fails(nn.Module):
            def __init__(self):
                super().__init__()
                self.module, self.n_calls = mlp(), 0

            def forward(self, x):
                self.n_calls += 1
                if self.n_calls == 2:
                    raise ZeroDivisionError
                return self.module(x)

        def call(module, x):
            with pytest.raises(ZeroDivisionError):
                deepfool(module, x)

        self.check(Fails(), call)

    @pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
    def test_without_gradients(self, context):
        expected = deepfool(mlp(), rows(10, 6))
        module = mlp()
        with context():
            result = deepfool(module, rows(10, 6))
            assert not torch.is_grad_enabled()
        assert_equal(result, expected)

    def test_frozen_parameters(self):
        module = mlp().requires_grad_(False)
        assert_equal(deepfool(module, rows(10, 6)), deepfool(mlp(), rows(10, 6)))
        assert not any(parameter.requires_grad for parameter in module.parameters())

    def test_rows_that_require_gradients(self):
        x = rows(10, 6).requires_grad_()
        norms, _ = deepfool(mlp(), x)
        assert not norms.requires_grad
        assert x.grad is None

    def test_in_place_at_the_input(self):
        inner = affine([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
        module, x = nn.Sequential(nn.ReLU(inplace=True), inner), rows(10, 2) - 0.2
        before = x.clone()
        assert_equal(deepfool(module, x), deepfool(nn.Sequential(nn.ReLU(), inner), x))
        assert torch.equal(x, before)


class TestErrors:
    def test_integers(self):
        with pytest.raises(ValueError, match=r"floating point.*int64.*token ids"):
            deepfool(mlp(), torch.zeros(3, 6, dtype=torch.long))

    @pytest.mark.parametrize("n_classes", [1, 0])
    def test_n_classes(self, n_classes):
        with pytest.raises(ValueError, match=f"n_classes={n_classes}.*2 or more"):
            deepfool(mlp(), rows(3, 6), n_classes=n_classes)

    @pytest.mark.parametrize(("low", "high"), [(-0.1, 0.5), (0.5, 1.1), (0.5, torch.nan)])
    def test_rows_outside_of_clip(self, low, high):
        x = rows(3, 6)
        x[1, 2], x[2, 0] = low, high
        with pytest.raises(ValueError, match=r"clip=\(0, 1\), but x has values from"):
            deepfool(mlp(), x, clip=(0, 1))

    def test_the_bounds_of_clip_are_inside(self):
        x = torch.tensor([[0.1, 0.7]] * 3)
        deepfool(nn.Linear(2, 2), x, clip=(0.1, 0.7))

    @pytest.mark.parametrize("bad", [torch.nan, torch.inf])
    def test_output_is_not_finite(self, bad, monkeypatch):
        monkeypatch.setattr(skdal.neural.deepfool, "_MICRO_BATCH", 4)
        x = rows(20, 6)
        x[[5, 6]] = bad
        with pytest.raises(ValueError, match=r"not finite for the rows \[5, 6\];"):
            deepfool(mlp(), x)
        with pytest.raises(ValueError, match=r"rows \[0, 1, 2, 3\];"):
            deepfool(mlp(), torch.full_like(x, bad))

    @pytest.mark.parametrize("n_outputs", [0, 1])
    def test_a_single_output(self, n_outputs):
        with pytest.raises(ValueError, match=rf"shape \(3, {n_outputs}\).*two or more classes"):
            deepfool(nn.Sequential(mlp(), Columns(n_outputs)), rows(3, 6))

    def test_output_has_another_shape(self):
        with pytest.raises(ValueError, match=r"rows of shape \(3, 6\) to .* \(3, 2, 3\)"):
            deepfool(nn.Unflatten(1, (2, 3)), rows(3, 6))

    @pytest.mark.parametrize("after", [True, False])
    def test_no_gradient(self, after):
        parts = [Detach(), mlp()]
        with pytest.raises(ValueError, match="does not depend differentiably on x"):
            deepfool(nn.Sequential(*reversed(parts) if after else parts), rows(3, 6))


class Columns(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.n = n

    def forward(self, x):
        return x[:, : self.n]


class Detach(nn.Module):
    def forward(self, x):
        return x.detach()
