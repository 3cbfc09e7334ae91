from __future__ import annotations

import gc
from copy import deepcopy
from itertools import count

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.dropout import _DropoutNd

from skdal.neural.dropout import dropout_layers, dropout_passes, mean_predictions

N_ROWS, N_PASSES, SEED = 5, 4, 7


def _rows(*shape, dtype=torch.float32, n_rows=N_ROWS):
    return torch.randn(n_rows, *shape, dtype=dtype, generator=torch.Generator().manual_seed(1))


def _build(network, *args, dtype=torch.float32):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = network(*args).to(dtype).eval()
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(layer.running_mean)
                nn.init.uniform_(layer.running_var, 0.5, 2)
    return module


# The reference: every dropout layer in train mode, row by row, always with the same random state


class _OneMask(nn.Module):
    def __init__(self, layer, calls):
        super().__init__()
        self.layer, self.calls = deepcopy(layer).train(), calls
        self.index = 0

    def forward(self, x):
        seed = np.random.SeedSequence((SEED, self.index, next(self.calls[0]))).generate_state(1)[0]
        rows = []
        for row in x.split(1):
            with torch.random.fork_rng():
                torch.manual_seed(int(seed))
                # An in-place layer writes through the view.
                rows.append(self.layer(row))
        return x if rows[0].data_ptr() == x.data_ptr() else torch.cat(rows)


def _with_one_mask(module, calls):
    for name, child in module.named_children():
        if isinstance(child, _DropoutNd) and child.p > 0:
            setattr(module, name, _OneMask(child, calls))
        else:
            _with_one_mask(child, calls)


@torch.no_grad()
def _reference(module, x, n_passes=N_PASSES):
    module, calls = deepcopy(module), [count()]
    _with_one_mask(module, calls)
    outputs = []
    for index in range(n_passes):
        calls[0] = count()
        for layer in module.modules():
            if isinstance(layer, _OneMask):
                layer.index = index
        outputs.append(module(deepcopy(x)))
    return outputs


def _same(actual, expected, tolerance=1e-5):
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def _calls_of(kind, monkeypatch, module, x, n_passes):
    """How often the forward of a kind of layer was computed."""
    n_calls = 0
    forward = kind.forward

    def counting(*args, **kwargs):
        nonlocal n_calls
        n_calls += 1
        return forward(*args, **kwargs)

    monkeypatch.setattr(kind, "forward", counting)
    list(dropout_passes(module, x, n_passes, SEED))
    return n_calls


# Networks


def _mlp(p=0.5, n_out=3):
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(p), nn.Linear(8, n_out))


def _cnn(inplace=True):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace),
        nn.MaxPool2d(2),
        nn.Dropout2d(0.3),
        nn.Conv2d(4, 6, 3, padding=1),
        nn.ReLU(inplace),
        nn.Flatten(),
        nn.Dropout(0.5, inplace),
        nn.Linear(54, 3),
    )


class _Functional(nn.Module):
    """Functions, a skip connection, layers used twice, and changes in place on both sides."""

    def __init__(self):
        super().__init__()
        self.first, self.twice, self.last = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.relu, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.4)

    def forward(self, x):
        x *= 2
        h = self.first(x)
        before = h.sum(dim=1, keepdim=True)
        functional.relu_(h)
        h += 1
        skip = self.twice(h)
        self.relu(skip)
        h = h + self.drop(skip)
        skip += 1
        x.add_(before)
        h = self.twice(self.drop(self.twice(h))) + skip + x.mean(dim=1, keepdim=True)
        return self.last(h)


class _OnlyInPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 6), nn.Dropout(0.5, True), nn.Linear(6, 3)

    def forward(self, x):
        h = self.first(x)
        part = h[:, :3]
        self.drop(h)
        return self.last(h) + part


class _Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 5, batch_first=True)
        self.drop, self.last = nn.Dropout(0.5), nn.Linear(5, 3)

    def forward(self, x):
        sequence, (state, _) = self.lstm(x)
        return self.last(self.drop(sequence)[:, -1] + state[0])


class _Containers(nn.Module):
    def __init__(self):
        super().__init__()
        self.before = nn.Sequential(nn.Linear(4, 6), nn.Sequential(nn.ReLU(), nn.Linear(6, 6)))
        self.around = nn.ModuleList([nn.Sequential(nn.Linear(6, 6), nn.Dropout(), nn.ReLU())])
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        h = before = self.before(x)
        for layer in self.around:
            h = layer(h)
        return self.last(h + before)


class _Constants(nn.Module):
    """Tensors made of numbers, views of parameters, lists of tensors, numbers of tensors."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 3)
        self.register_buffer("shift", torch.arange(6.0))

    def forward(self, x):
        scale = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=x.dtype)
        scale[0] = 5
        h = functional.linear(x * scale, self.first.weight.view(6, 4).t().t()) + self.shift[None]
        left, right = h.split(3, dim=1)
        *_, weight = self.last.weight.unbind(0)
        h = torch.cat([right, left * h.abs().max().item()], dim=1) @ torch.diag(weight)
        return self.last(self.drop(h)) * len(h.shape) + left


class _Branching(nn.Module):
    """What it computes depends on values, also on those that dropout has changed."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 3)

    def forward(self, x):
        h = self.first(x)
        h = h.relu() if h[0, 0] > 0 else h.tanh()
        dropped = self.drop(h)
        h = dropped * h if dropped[0, 0] == 0 else self.drop(dropped) + h.exp()
        return self.last(h)


class _Cached(nn.Module):
    """Fills a cache in its first forward."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 3)
        self.cache = None

    def forward(self, x):
        h = self.first(x)
        if self.cache is None:
            self.cache = torch.arange(6, dtype=x.dtype).cos() + 1
        return self.last(self.drop(h * self.cache) + self.cache)


class _OtherLibrary(nn.Module):
    """Reads values past torch."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 3)

    def forward(self, x):
        h = self.first(x)
        largest = float(np.max(h.numpy()))
        h = torch.from_numpy(np.sign(h.numpy())) + sum((h + 1).flatten().tolist())
        return self.last(self.drop(h)) * largest


class _Reshaped(nn.Module):
    """Changes shapes in place."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 3)

    def forward(self, x):
        h = self.first(x)
        dropped = self.drop(h)
        h.unsqueeze_(1)
        return self.last(dropped + h.sum(dim=1)) * len(h.shape)


class _Swallowing(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 3)

    def forward(self, x):
        h = self.first(x).square()
        try:
            scale = float(np.asarray(h.exp()).max())
        except Exception:
            scale = 0.0
        return self.last(self.drop(h)) * scale


class _Counting(nn.Module):
    """Has a state that each forward changes."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 3)
        self.register_buffer("n_forwards", torch.zeros(()))

    def forward(self, x):
        self.n_forwards += 1
        return self.last(self.drop(self.first(x))) * self.n_forwards


NETWORKS = {
    "mlp": (_mlp, (4,)),
    "cnn": (_cnn, (1, 8, 8)),
    "functional": (_Functional, (4,)),
    "only in place": (_OnlyInPlace, (4,)),
    "recurrent": (_Recurrent, (6, 4)),
    "containers": (_Containers, (4,)),
    "constants": (_Constants, (4,)),
    "branching": (_Branching, (4,)),
    "cached": (_Cached, (4,)),
    "other library": (_OtherLibrary, (4,)),
    "reshaped": (_Reshaped, (4,)),
    "swallowing": (_Swallowing, (4,)),
    "counting": (_Counting, (4,)),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NETWORKS)
def test_passes_are_those_of_the_reference(name, dtype):
    network, shape = NETWORKS[name]
    module, x = _build(network, dtype=dtype), _rows(*shape, dtype=dtype)
    expected, given = _reference(module, x), x.clone()
    passes = [logits.clone() for logits in dropout_passes(module, x, N_PASSES, SEED)]
    _same(passes, expected, 1e-4 if dtype is torch.float32 else 1e-10)
    assert torch.equal(x, given)
    assert not torch.equal(passes[0], passes[1])


@pytest.mark.parametrize("name", NETWORKS)
def test_passes_may_be_kept_and_changed(name):
    network, shape = NETWORKS[name]
    module, x = _build(network), _rows(*shape)
    expected = _reference(module, x)
    kept = []
    for logits in dropout_passes(module, x, N_PASSES, SEED):
        assert not logits.requires_grad
        assert not logits.is_inference()
        kept.append(logits.clone())
        logits.zero_()
    _same(kept, expected, 1e-4)


@pytest.mark.parametrize(
    ("name", "kind", "n_prefix", "n_rest"),
    [
        ("mlp", nn.Linear, 1, 1),
        ("cnn", nn.Conv2d, 1, 1),
        ("cnn", nn.BatchNorm2d, 1, 0),
        ("cnn", nn.MaxPool2d, 1, 0),
        # What a function works on in place has to be made anew.
        ("functional", nn.Linear, 1, 4),
        ("recurrent", nn.LSTM, 1, 0),
        ("containers", nn.Linear, 3, 1),
        ("branching", nn.Linear, 1, 1),
    ],
)
def test_what_comes_before_dropout_is_computed_once(name, kind, n_prefix, n_rest, monkeypatch):
    network, shape = NETWORKS[name]
    n_calls = _calls_of(kind, monkeypatch, _build(network), _rows(*shape), 10)
    assert n_calls == n_prefix + 10 * n_rest


def test_a_module_may_change_between_passes():
    module, x = _build(_Branching), _rows(4)
    module.drop, module.flag = nn.Dropout(1e-9), False
    module.forward = lambda x: module.last(
        module.drop(module.first(x).exp() if module.flag else module.first(x))
    )
    with torch.no_grad():
        expected = []
        for module.flag in (False, True) * 4:
            expected.append(module(x))
    module.flag, actual = False, []
    for logits in dropout_passes(module, x, 8, 0):
        actual.append(logits)
        module.flag = not module.flag
    _same(actual, expected)


def test_a_dict_of_tensors():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = _mlp()

        def forward(self, x):
            return self.body(x["a"] * x["b"])

    module, x = _build(Named), {"a": _rows(4), "b": _rows(4) + 1}
    _same(list(dropout_passes(module, x, N_PASSES, SEED)), _reference(module, x))


def test_script_modules_are_just_called():
    module = _build(_mlp)
    expected = _reference(module, _rows(4))
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        module[0] = torch.jit.script(module[0])
    _same(list(dropout_passes(module, _rows(4), N_PASSES, SEED)), expected)


@pytest.mark.slow
@pytest.mark.parametrize("part", [True, False])
def test_compiled_modules_run_uncompiled(part):
    module, x = _build(_mlp), _rows(4)
    expected = _reference(module, x)
    if part:
        module[0] = torch.compile(module[0], backend="eager")
    else:
        module = torch.compile(module, backend="eager")
    with torch.no_grad():
        module(x)
    _same(list(dropout_passes(module, x, N_PASSES, SEED)), expected)


# Which layers, and which masks


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Dropout, (6,)),
        (nn.Dropout, (2, 3)),
        (nn.Dropout1d, (3, 4)),
        (nn.Dropout2d, (3, 4, 5)),
        (nn.Dropout3d, (3, 2, 2, 2)),
        (nn.AlphaDropout, (6,)),
        (nn.FeatureAlphaDropout, (3, 2, 2, 2)),
    ],
)
@pytest.mark.parametrize("inplace", [False, True])
def test_every_kind_of_dropout(layer, shape, inplace):
    module = nn.Sequential(nn.Tanh(), layer(0.4, inplace=inplace), nn.Flatten()).eval()
    x = _rows(*shape, dtype=torch.float64)
    passes = list(dropout_passes(module, x, 20, SEED))
    _same(passes, _reference(module, x, 20), 1e-10)
    assert torch.stack(passes).std(dim=0).amin() > 0


@pytest.mark.filterwarnings("ignore:dropout.d. Received:UserWarning")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Dropout1d, (6,)),
        (nn.Dropout1d, (6, 3)),
        (nn.Dropout2d, (6,)),
        (nn.Dropout2d, (6, 3)),
        (nn.Dropout3d, (6, 3)),
        (nn.Dropout3d, (6, 3, 2)),
    ],
)
def test_the_first_axis_is_never_taken_for_channels(layer, shape):
    module = nn.Sequential(layer(0.5)).eval()
    for mask in dropout_passes(module, torch.ones(4, *shape), 5, SEED):
        channels = mask.reshape(4, 6, -1)
        assert torch.equal(channels, channels[:1, :, :1].expand_as(channels))
        assert set(mask.unique().tolist()) == {0.0, 2.0}


def test_layers_that_drop_nothing_are_no_dropout_layers():
    module = nn.Sequential(nn.Dropout(0), nn.Dropout(0.1), nn.Linear(2, 2), nn.AlphaDropout(0.2))
    assert dropout_layers(module) == [module[1], module[3]]


def test_keep_rate_and_mean_of_the_masks():
    module = nn.Sequential(nn.Dropout(0.2)).eval()
    masks = torch.cat(list(dropout_passes(module, torch.ones(1, 50), 1000, SEED)))
    assert masks.count_nonzero() / masks.numel() == pytest.approx(0.8, abs=0.01)
    between = np.corrcoef(masks.numpy().T)[np.triu_indices(50, 1)]
    assert np.abs(between).max() < 0.2
    successive = np.corrcoef(masks[:-1].flatten(), masks[1:].flatten())[0, 1]
    assert abs(successive) < 0.02


def test_a_linear_head_is_unbiased():
    module, x = _build(_mlp), _rows(4)
    passes = torch.stack(list(dropout_passes(module, x, 4000, SEED)))
    error = passes.std(dim=0) / 4000**0.5
    assert ((passes.mean(dim=0) - module(x)).abs() < 4 * error).all()


def test_the_mask_is_new_in_every_call_of_a_layer():
    drop = nn.Dropout()
    module = nn.Sequential(drop, nn.Identity(), drop).eval()
    values = set(
        torch.cat(list(dropout_passes(module, torch.ones(1, 50), 5, SEED))).unique().tolist()
    )
    assert values == {0.0, 4.0}
    kept = sum((p > 0).float().mean() for p in dropout_passes(module, torch.ones(1, 400), 5, SEED))
    assert kept / 5 == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("name", ["mlp", "cnn", "functional", "recurrent", "containers"])
def test_neither_batches_nor_order_matter(name):
    network, shape = NETWORKS[name]
    module, x = _build(network, dtype=torch.float64), _rows(*shape, dtype=torch.float64)
    whole = list(dropout_passes(module, x, N_PASSES, SEED))
    order = torch.tensor([3, 1, 4, 0, 2])
    for logits, part in zip(
        whole, dropout_passes(module, x[order][:2], N_PASSES, SEED), strict=True
    ):
        torch.testing.assert_close(part, logits[order][:2], rtol=1e-10, atol=1e-10)


def test_the_seed_fixes_the_passes():
    module, x = _build(_mlp), _rows(4)
    first = list(dropout_passes(module, x, 3, 0))
    _same(list(dropout_passes(module, x, 5, 0))[:3], first, 0)
    assert not torch.equal(next(dropout_passes(module, x, 3, 1)), first[0])


# Transformers


def _transformer():
    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True)
            self.body, self.last = nn.TransformerEncoder(layer, 2), nn.Linear(8, 3)

        def forward(self, x):
            mask = x["mask"] if isinstance(x, dict) else None
            x = x["x"] if isinstance(x, dict) else x
            return self.last(self.body(x, src_key_padding_mask=mask)[:, 0])

    return Transformer()


@pytest.mark.parametrize("padding", [False, True])
def test_transformers_have_a_fast_path_without_dropout(padding):
    module, x = _build(_transformer), _rows(4, 8)
    if padding:
        mask = torch.zeros(N_ROWS, 4, dtype=torch.bool)
        mask[1, 2:] = mask[3, 3:] = True
        x = {"x": x, "mask": mask}
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    passes = list(dropout_passes(module, x, N_PASSES, SEED))
    assert torch.backends.mha.get_fastpath_enabled() is was_enabled
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        _same(passes, _reference(module, x))
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)


# Means


def test_mean_predictions():
    module, x = _build(_cnn, dtype=torch.float64), _rows(1, 8, 8, dtype=torch.float64)
    p = torch.stack(_reference(module, x)).softmax(dim=2)
    mean, entropy = mean_predictions(module, x, N_PASSES, SEED)
    _same([mean, entropy], [p.mean(0), -(p * p.log()).sum(2).mean(0)], 1e-10)
    mean_alone, no_entropy = mean_predictions(module, x, N_PASSES, SEED, entropy=False)
    _same([mean_alone], [mean], 1e-12)
    assert no_entropy.isnan().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_means_of_low_precision_are_sums_in_double(dtype):
    module, x = _build(_mlp, dtype=dtype), _rows(4, dtype=dtype)
    passes = list(dropout_passes(module, x, N_PASSES, SEED))
    p = torch.stack(passes).double().softmax(dim=2)
    mean, entropy = mean_predictions(module, x, N_PASSES, SEED)
    assert mean.dtype == entropy.dtype == torch.float64
    _same([mean, entropy], [p.mean(0), -(p * p.log()).sum(2).mean(0)], 1e-6)


@pytest.mark.parametrize("far", [1e4, torch.inf])
def test_certain_predictions_have_entropy_zero(far):
    class Certain(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout()

        def forward(self, x):
            return self.drop(x) * 0 + torch.tensor([0.0, -far, -far])

    mean, entropy = mean_predictions(Certain().eval(), torch.ones(2, 3), 3, SEED)
    assert torch.equal(mean, torch.tensor([[1.0, 0, 0]] * 2, dtype=torch.float64))
    assert torch.equal(entropy, torch.zeros(2, dtype=torch.float64))


# Everything is left as it was


def _state(module):
    return (
        [dict(vars(m)) for m in module.modules()],
        [dict(m._forward_hooks) for m in module.modules()],
        [m.training for m in module.modules()],
        [p.requires_grad for p in module.parameters()],
        {name: values.clone() for name, values in module.state_dict().items()},
    )


def _unchanged(module, before):
    *now, weights = _state(module)
    assert now == list(before[:-1])
    assert all(torch.equal(weights[name], values) for name, values in before[-1].items())


@pytest.mark.parametrize("n_taken", [0, 1, 2, N_PASSES])
def test_modules_and_random_state_are_as_found(n_taken):
    module, x = _build(_cnn), _rows(1, 8, 8)
    before, state = _state(module), torch.get_rng_state()
    passes = dropout_passes(module, x, N_PASSES, SEED)
    for _ in range(n_taken):
        next(passes)
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    passes.close()
    _unchanged(module, before)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("when", [0, 1, 3])
def test_errors_of_the_module_are_passed_on(when):
    class Failing(nn.Module):
        def forward(self, x):
            if self.fails:
                raise ZeroDivisionError("mine")
            return x

    module = _build(_mlp).append(Failing())
    module[-1].fails = False
    before, state = _state(module), torch.get_rng_state()
    passes = dropout_passes(module, _rows(4), N_PASSES, SEED)
    for _ in range(when):
        next(passes)
    module[-1].fails = True
    with pytest.raises(ZeroDivisionError, match="mine"):
        next(passes)
    module[-1].fails = False
    _unchanged(module, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()


def test_hooks_of_others_see_what_the_module_sees():
    module, seen = _build(_mlp), []
    module[2].register_forward_hook(lambda layer, args, output: seen.append(output.clone()))
    passes = list(dropout_passes(module, _rows(4), N_PASSES, SEED))
    _same([module[3](h.clone()) for h in seen], passes)


def test_modules_can_be_trained_afterwards():
    module, x = _build(_Cached), _rows(4)
    module.cache = torch.ones(6)
    list(dropout_passes(module, x, 3, SEED))
    module.train()(x).sum().backward()
    assert module.first.weight.grad is not None


@pytest.fixture
def live_bytes():
    """Counts the memory of the tensors that are made within the test, garbage included."""

    def count():
        storages = {}
        for tensor in gc.get_objects():
            if type(tensor) in (torch.Tensor, nn.Parameter):
                storage = tensor.untyped_storage()
                storages[storage.data_ptr()] = storage.nbytes()
        return sum(storages.values())

    gc.collect()
    gc.freeze()
    gc.disable()
    yield count
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("name", NETWORKS)
def test_memory_does_not_grow_with_the_passes(name, live_bytes):
    network, shape = NETWORKS[name]
    sizes = [live_bytes() for _ in dropout_passes(_build(network), _rows(*shape), 30, SEED)]
    assert max(sizes[3:]) <= max(sizes[:3])


# Errors


def test_errors():
    x = _rows(4)
    with pytest.raises(ValueError, match="n_passes=0 has to be at least 1"):
        dropout_passes(_build(_mlp), x, 0, SEED)
    with pytest.raises(ValueError, match=r"Linear has no active dropout layer; add nn\.Dropout"):
        dropout_passes(nn.Linear(4, 2).eval(), x, 1, SEED)
    with pytest.raises(ValueError, match="Sequential has no active dropout layer"):
        mean_predictions(_build(_mlp, 0), x, 1, SEED)


@pytest.mark.parametrize("n_passes", [1, 3])
def test_dropout_that_is_never_called(n_passes):
    module = _build(_OnlyInPlace)
    module.forward = lambda x: module.first(x)
    with pytest.raises(ValueError, match="_OnlyInPlace has dropout layers, but its forward calls"):
        next(dropout_passes(module, _rows(4), n_passes, SEED))


@pytest.mark.cuda
@pytest.mark.parametrize("name", [*NETWORKS, "transformer"])
def test_cuda_has_the_masks_of_the_cpu(name):
    if name == "other library":
        pytest.skip("needs its tensors on the CPU")
    network, shape = NETWORKS.get(name, (_transformer, (4, 8)))
    module, x = _build(network, dtype=torch.float64), _rows(*shape, dtype=torch.float64)
    expected = list(dropout_passes(module, x, N_PASSES, SEED))
    if name in ("cached", "counting"):
        module = _build(network, dtype=torch.float64)
    state = torch.cuda.get_rng_state()
    passes = list(dropout_passes(module.cuda(), x.cuda(), N_PASSES, SEED))
    assert all(logits.is_cuda for logits in passes)
    _same([logits.cpu() for logits in passes], expected, 1e-8)
    assert torch.equal(torch.cuda.get_rng_state(), state)


def test_rows_that_are_not_the_first_axis():
    module = nn.TransformerEncoderLayer(4, 1, 8).eval()
    with pytest.raises(ValueError, match="batch_first=True"):
        next(dropout_passes(Flipped(module), torch.rand(5, 3, 4), 2, 0))


class Flipped(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.transpose(0, 1)).mean(dim=0)
