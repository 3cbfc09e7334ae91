from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from skdal.neural import gradient_norms, gradients
from skdal.neural.gradients import expected_gradient_length
from skdal.neural.modules import LeNet


class Apply(nn.Module):
    """Layers, and what is to be computed with them."""

    def __init__(self, forward: Callable[..., Tensor], **layers: Any) -> None:
        super().__init__()
        self.function = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


class Double(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def tied(*, used_by: int) -> nn.Module:
    """Two layers own a weight; ``used_by`` of them are called."""
    first, second = nn.Linear(6, 6), nn.Linear(6, 6)
    second.weight = first.weight
    layers = [first, nn.Tanh(), second][: 1 + used_by]
    module = nn.Sequential(*layers, nn.Linear(6, 3))
    module.spare = second  # type: ignore[assignment]
    module.forward = lambda x: module[:-1](x)  # type: ignore[method-assign]
    return module


def lenet(*, inplace: bool = False) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(inplace),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3),
        nn.ReLU(inplace),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 2 * 2, 8),
        nn.ReLU(inplace),
        nn.Dropout(0.5),
        nn.Linear(8, 5),
    )


def convolution(layer: nn.Module, n_outputs: int) -> nn.Module:
    return nn.Sequential(layer, nn.Tanh(), nn.Flatten(), nn.Linear(n_outputs, 3))


def frozen(module: nn.Module, *names: str) -> nn.Module:
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name not in names)
    return module


def hooked() -> nn.Module:
    module = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3))
    module[0].register_forward_hook(lambda layer, args, output: output.sin())
    return module


def shaped(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(4, *shape)


def tokens() -> Tensor:
    return torch.randint(0, 5, (4, 7))


# Name: a module, its input, and whether nothing of it has to be differentiated row by row.
CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor], bool]] = {
    "linear": (lambda: nn.Linear(6, 3), shaped(6), True),
    "two classes": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2)),
        shaped(6),
        True,
    ),
    "no bias": (
        lambda: nn.Sequential(nn.Linear(6, 4, bias=False), nn.Tanh(), nn.Linear(4, 3)),
        shaped(6),
        True,
    ),
    "lenet": (lenet, shaped(1, 14, 14), True),
    "in-place": (lambda: lenet(inplace=True), shaped(1, 14, 14), True),
    "stride": (
        lambda: convolution(
            nn.Conv2d(2, 4, (3, 2), stride=(2, 3), padding=(1, 2), dilation=(2, 1)), 4 * 4 * 4
        ),
        shaped(2, 9, 8),
        True,
    ),
    "groups": (
        lambda: convolution(nn.Conv2d(4, 6, 3, groups=2, padding="same", dilation=3), 6 * 5 * 5),
        shaped(4, 5, 5),
        True,
    ),
    "even same": (
        lambda: convolution(nn.Conv2d(4, 6, 4, padding="same"), 6 * 5 * 5),
        shaped(4, 5, 5),
        True,
    ),
    "depthwise": (
        lambda: convolution(nn.Conv2d(4, 4, 3, groups=4, bias=False), 4 * 3 * 3),
        shaped(4, 5, 5),
        True,
    ),
    "circular": (
        lambda: convolution(nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular"), 4 * 5 * 5),
        shaped(2, 5, 5),
        True,
    ),
    "one place": (lambda: convolution(nn.Conv2d(4, 6, 3, groups=2), 6), shaped(4, 3, 3), True),
    "Conv1d": (
        lambda: convolution(nn.Conv1d(2, 4, 3, padding=1, padding_mode="reflect"), 4 * 9),
        shaped(2, 9),
        True,
    ),
    "Conv3d": (lambda: convolution(nn.Conv3d(2, 4, 2, stride=2), 4 * 8), shaped(2, 4, 4, 4), True),
    "transposed": (lambda: convolution(nn.ConvTranspose1d(2, 4, 3), 4 * 11), shaped(2, 9), False),
    "BatchNorm1d": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)),
        shaped(6),
        True,
    ),
    "BatchNorm2d": (
        lambda: convolution(nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)), 4 * 9),
        shaped(2, 5, 5),
        True,
    ),
    "GroupNorm": (lambda: convolution(nn.GroupNorm(2, 4), 4 * 9), shaped(4, 3, 3), True),
    "InstanceNorm": (
        lambda: convolution(nn.InstanceNorm2d(4, affine=True), 4 * 9),
        shaped(4, 3, 3),
        False,
    ),
    "LayerNorm": (lambda: convolution(nn.LayerNorm((3, 5)), 4 * 15), shaped(4, 3, 5), True),
    "RMSNorm": (lambda: convolution(nn.RMSNorm(6), 18), shaped(3, 6), False),
    "sequence": (
        lambda: nn.Sequential(
            nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5), nn.Flatten(), nn.Linear(35, 3)
        ),
        shaped(7, 6),
        True,
    ),
    "rows folded": (
        lambda: Apply(
            lambda m, x: m.b(m.a(x.flatten(0, 1)).tanh().unflatten(0, x.shape[:2]).flatten(1)),
            a=nn.Linear(6, 2),
            b=nn.Linear(8, 3),
        ),
        shaped(4, 6),
        False,
    ),
    "rows second": (
        lambda: Apply(
            lambda m, x: m.b(m.a(x.transpose(0, 1)).tanh().sum(0)),
            a=nn.Linear(6, 2),
            b=nn.Linear(2, 3),
        ),
        shaped(4, 6),
        False,
    ),
    "Embedding": (
        lambda: nn.Sequential(
            nn.Embedding(5, 6, padding_idx=2), nn.Tanh(), nn.Flatten(), nn.Linear(42, 3)
        ),
        tokens,
        True,
    ),
    "sparse": (
        lambda: Apply(
            lambda m, x: m.b(m.a(x).tanh().sum(1) + m.a(x + 0).sum(1)),
            a=nn.Embedding(5, 6, sparse=True),
            b=nn.Linear(6, 3),
        ),
        tokens,
        False,
    ),
    "frequencies": (
        lambda: nn.Sequential(
            nn.Embedding(5, 6, scale_grad_by_freq=True), nn.Flatten(), nn.Linear(42, 3)
        ),
        tokens,
        False,
    ),
    "LSTM": (
        lambda: Apply(
            lambda m, x: m.c(m.b(m.a(x))[0][:, -1]),
            a=nn.Embedding(5, 4),
            b=nn.LSTM(4, 3, batch_first=True),
            c=nn.Linear(3, 3),
        ),
        tokens,
        False,
    ),
    "attention": (
        lambda: Apply(
            lambda m, x: m.b(m.a(x).mean(1)),
            a=nn.TransformerEncoderLayer(6, 2, 8, batch_first=True),
            b=nn.Linear(6, 3),
        ),
        shaped(4, 6),
        False,
    ),
    "parameter": (
        lambda: Apply(
            lambda m, x: m.a(x) * m.scale.exp() + m.scale,
            a=nn.Linear(6, 3),
            scale=nn.Parameter(torch.tensor([0.3, -0.2, 0.1])),
        ),
        shaped(6),
        False,
    ),
    "subclass": (lambda: nn.Sequential(Double(6, 4), nn.Tanh(), nn.Linear(4, 3)), shaped(6), False),
    "hook": (hooked, shaped(6), False),
    "weight_norm": (
        lambda: nn.Sequential(
            nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)), nn.Linear(4, 3)
        ),
        shaped(6),
        False,
    ),
    "tied by function": (
        lambda: Apply(lambda m, x: m.a(x).tanh().sum(1) @ m.a.weight.T, a=nn.Embedding(5, 6)),
        tokens,
        False,
    ),
    "owned twice": (lambda: tied(used_by=2), shaped(6), False),
    "owned twice, called once": (lambda: tied(used_by=1), shaped(6), True),
    "called twice": (
        lambda: Apply(lambda m, x: m.b(m.a(m.a(x).tanh())), a=nn.Linear(6, 6), b=nn.Linear(6, 3)),
        shaped(6),
        False,
    ),
    "second call unused": (
        lambda: Apply(
            lambda m, x: (m.b(m.a(x)), m.a(x + 1))[0], a=nn.Linear(6, 6), b=nn.Linear(6, 3)
        ),
        shaped(6),
        True,
    ),
    "called by keyword": (
        lambda: Apply(lambda m, x: m.a(input=x), a=nn.Linear(6, 3)),
        shaped(6),
        True,
    ),
    "skip": (
        lambda: Apply(lambda m, x: m.b(x + m.a(x).relu_()), a=nn.Linear(6, 6), b=nn.Linear(6, 3)),
        shaped(6),
        True,
    ),
    "log-softmax": (lambda: nn.Sequential(nn.Linear(6, 3), nn.LogSoftmax(1)), shaped(6), True),
    "scaled in place": (
        lambda: Apply(lambda m, x: m.a(x).mul_(3), a=nn.Linear(6, 3)),
        shaped(6),
        True,
    ),
    "frozen first": (lambda: frozen(lenet(), "0.weight", "0.bias"), shaped(1, 14, 14), True),
    "frozen parts": (
        lambda: frozen(lenet(), "0.bias", "3.weight", "7.weight", "10.bias"),
        shaped(1, 14, 14),
        True,
    ),
    "frozen last": (lambda: frozen(lenet(), "10.weight", "10.bias"), shaped(1, 14, 14), True),
    "detached": (
        lambda: Apply(lambda m, x: m.b(m.a(x).detach()), a=nn.Linear(6, 4), b=nn.Linear(4, 3)),
        shaped(6),
        True,
    ),
}


def reference(module: nn.Module, x: Tensor, parameters: list[nn.Parameter] | None = None) -> Tensor:
    """The definition: a row and a class at a time."""
    if parameters is None:
        parameters = [p for p in module.parameters() if p.requires_grad]
    lengths = []
    for i in range(len(x)):
        logits = module(x[i : i + 1])
        length = 0.0
        for c, p in enumerate(logits.softmax(1)[0].tolist()):
            loss = nn.functional.cross_entropy(logits, torch.tensor([c], device=x.device))
            found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
            squares = [g.to_dense().square().sum().item() for g in found if g is not None]
            length += p * sum(squares) ** 0.5
        lengths.append(length)
    return torch.tensor(lengths, dtype=torch.float64)


def build(name: str, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    make_module, make_x, _ = CASES[name]
    module, x = make_module(), make_x()
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None:
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm):
            nn.init.uniform_(layer.weight, 0.5, 2)
    return module.to(dtype).eval(), x.to(dtype) if x.is_floating_point() else x


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", CASES)
def test_equals_the_definition(name, monkeypatch):
    by_row = []
    whole = gradients._whole
    monkeypatch.setattr(gradients, "_whole", lambda g: by_row.append(g) or whole(g))
    module, x = build(name)
    lengths = expected_gradient_length(module, x)
    assert lengths.dtype == torch.float64
    np.testing.assert_allclose(lengths, reference(module, x), rtol=1e-9)
    assert (not by_row) == CASES[name][2]
    # One row alone, where a dimension of size 1 is easily taken for the rows.
    np.testing.assert_allclose(expected_gradient_length(module, x[2:3]), lengths[2:3], rtol=1e-9)


@pytest.mark.parametrize("name", ["lenet", "groups", "BatchNorm2d", "sequence", "LSTM", "linear"])
def test_float32(name):
    module, x = build(name, torch.float32)
    lengths = expected_gradient_length(module, x)
    assert lengths.dtype == torch.float32
    double = build(name)[0]
    x = x.double() if x.is_floating_point() else x
    np.testing.assert_allclose(lengths, reference(double, x), rtol=1e-4)


# Networks in which max-pooling follows a convolution, and their inputs.
POOLED: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "lenet": (lenet, shaped(1, 14, 14)),
    "in-place": (lambda: lenet(inplace=True), shaped(1, 14, 14)),
    "frozen parts": (CASES["frozen parts"][0], shaped(1, 14, 14)),
    "skdal's LeNet": (lambda: LeNet((14, 14), 5), shaped(14, 14)),
    "no ReLU": (
        lambda: convolution(nn.Sequential(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2)), 4 * 9),
        shaped(2, 8, 8),
    ),
    "two ReLUs": (
        lambda: convolution(
            nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()), 4 * 9
        ),
        shaped(2, 8, 8),
    ),
    "overlapping": (
        lambda: convolution(
            nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.MaxPool2d(3, 1, 1), nn.ReLU()), 4 * 36
        ),
        shaped(2, 8, 8),
    ),
    "gaps": (
        lambda: convolution(
            nn.Sequential(
                nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), groups=2),
                nn.MaxPool2d(2, 3, ceil_mode=True),
            ),
            6 * 2 * 4,
        ),
        shaped(4, 8, 8),
    ),
    "groups": (
        lambda: convolution(
            nn.Sequential(nn.Conv2d(4, 6, 3, dilation=2, groups=2), nn.ReLU(), nn.MaxPool2d(2)), 24
        ),
        shaped(4, 8, 9),
    ),
    "Conv3d": (
        lambda: convolution(nn.Sequential(nn.Conv3d(2, 4, 2), nn.MaxPool3d(2)), 4 * 8),
        shaped(2, 5, 5, 5),
    ),
    "ties": (
        lambda: convolution(nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2)), 4 * 9),
        lambda: torch.ones(4, 1, 8, 8),
    ),
    "nothing is alive": (
        lambda: dead(
            nn.Sequential(
                *[nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(4, 4, 2), nn.ReLU()],
                *[nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 3)],
            )
        ),
        shaped(1, 8, 8),
    ),
}


def dead(module: nn.Sequential) -> nn.Module:
    """No unit of the last convolution is positive, so nothing before the linear layer counts."""
    with torch.no_grad():
        module[3].bias.fill_(-1e3)
    return module


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("gram", [True, False])
@pytest.mark.parametrize("name", POOLED)
def test_all_forms_give_the_same_after_pooling(name, gram, pooled, monkeypatch):
    asked = []

    def cheapest(*sizes):
        asked.append(sizes)
        return gram, pooled and sizes[-1] is not None

    monkeypatch.setattr(gradient_norms, "_cheapest", cheapest)
    torch.manual_seed(0)
    module, x = POOLED[name][0]().double().eval(), POOLED[name][1]().double()
    lengths = expected_gradient_length(module, x)
    assert any(n_maxima is not None for *_, n_maxima in asked)
    np.testing.assert_allclose(lengths, reference(module, x), rtol=1e-9)
    module, x = (
        module.to(memory_format=torch.channels_last_3d if x.ndim == 5 else torch.channels_last),
        x[2:3],
    )
    np.testing.assert_allclose(expected_gradient_length(module, x), lengths[2:3], rtol=1e-9)


@pytest.mark.parametrize("gram", [True, False])
@pytest.mark.parametrize("name", ["stride", "groups", "depthwise", "Conv1d", "Conv3d", "sequence"])
def test_all_forms_give_the_same(name, gram, monkeypatch):
    monkeypatch.setattr(gradient_norms, "_cheapest", lambda *sizes: (gram, False))
    module, x = build(name)
    np.testing.assert_allclose(expected_gradient_length(module, x), reference(module, x), rtol=1e-9)


def test_more_classes_than_are_stacked(monkeypatch):
    monkeypatch.setattr(gradient_norms, "_cheapest", lambda *sizes: (True, sizes[-1] is not None))
    for at_once in (1, 2, 3, 4, 5, 6):
        monkeypatch.setattr(gradient_norms, "_AT_ONCE", at_once)
        module, x = build("lenet")
        lengths = expected_gradient_length(module, x)
        np.testing.assert_allclose(lengths, reference(module, x), rtol=1e-9)


@pytest.mark.parametrize("use", ["output", "sum"])
def test_pooling_that_is_not_the_only_use(use):
    """What skips the pooling has a gradient at places that are no maxima."""

    def forward(m: Any, x: Tensor) -> Tensor:
        maps = m.a(x)
        skip = maps if use == "output" else maps.relu()
        return m.b(torch.cat([nn.functional.max_pool2d(maps, 2).flatten(1), skip.flatten(1)], 1))

    torch.manual_seed(0)
    module = Apply(forward, a=nn.Conv2d(1, 2, 3), b=nn.Linear(2 * 9 + 2 * 36, 3)).double()
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    np.testing.assert_allclose(expected_gradient_length(module, x), reference(module, x), rtol=1e-9)


@pytest.mark.parametrize(
    ("sizes", "form"),
    [
        # Places, inputs, units, classes, cost of the Gram matrix, maxima.
        ((121, 289, 64, 10, 121**2 * 289), (True, False)),
        ((676, 10, 32, 10, 676**2 * 10), (False, False)),
        ((121, 289, 64, 10, 121**2 * 289, 25), (True, True)),
        ((676, 10, 32, 10, 676**2 * 10, 169), (False, True)),
        ((36, 20, 8, 10, 36**2 * 20, 400), (False, False)),
    ],
)
def test_the_cheapest_form_is_taken(sizes, form):
    assert gradient_norms._cheapest(*sizes) == form


@pytest.mark.parametrize("name", ["linear", "two classes", "lenet", "in-place", "frozen first"])
def test_last_layer_without_a_backward_pass(name, monkeypatch):
    module, x = build(name)
    last = [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1]
    expected = reference(module, x, list(last.parameters()))
    monkeypatch.setattr(torch.autograd, "grad", None)
    lengths = expected_gradient_length(module, x, "last")
    np.testing.assert_allclose(lengths, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("log-softmax", "0"),
        ("scaled in place", "a"),
        ("called twice", "b"),
        ("skip", "b"),
        ("sequence", "2"),
        ("LSTM", "c"),
        ("subclass", "2"),
        ("tied by function", None),
    ],
)
def test_last_layer(name, last):
    module, x = build(name)
    if name == "sequence":
        module = module[:-2]  # Ends with an average, not with a linear layer.
        module.append(Apply(lambda m, x: x.mean(1)))
    if last is None:
        with pytest.raises(ValueError, match="parameters='last' needs"):
            expected_gradient_length(module, x, "last")
        return
    expected = reference(module, x, list(module.get_submodule(last).parameters()))
    lengths = expected_gradient_length(module, x, parameters="last")
    np.testing.assert_allclose(lengths, expected, rtol=1e-9)


def test_last_layer_that_is_also_called_before():
    torch.manual_seed(0)
    module = Apply(lambda m, x: m.a(m.a(x).tanh()), a=nn.Linear(3, 3)).double()
    x = torch.randn(4, 3, dtype=torch.float64)
    lengths = expected_gradient_length(module, x, "last")
    np.testing.assert_allclose(lengths, reference(module, x), rtol=1e-9)


def test_bad_parameters():
    module, x = build("linear")
    with pytest.raises(ValueError, match="parameters='first' is unknown; use 'all' or 'last'"):
        expected_gradient_length(module, x, "first")
    with pytest.raises(ValueError, match="parameters='all' stands for no parameter"):
        expected_gradient_length(module.requires_grad_(False), x)
    module, x = build("frozen last")
    with pytest.raises(ValueError, match="parameters='last' stands for no parameter"):
        expected_gradient_length(module, x, "last")


@pytest.mark.parametrize("margin", [10, 20, 40, 80])
def test_a_sure_prediction_keeps_its_digits(margin):
    # The most probable class is so by far; in float32 its 1 - p is 0.
    module = nn.Linear(2, 3)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.1], [0.0, 0.0]]))
        module.bias.zero_()
    x = torch.tensor([[float(margin), 1.0]])
    p = torch.tensor([[margin, 0.1, 0.0]], dtype=torch.float64).softmax(1)[0]
    v = p - torch.eye(3, dtype=torch.float64)
    v[0, 0] = -p[1:].sum()
    expected = (p * v.norm(dim=1)).sum() * (margin**2 + 2) ** 0.5
    scaled = nn.Sequential(module, nn.Identity())
    two_layers = nn.Sequential(frozen(nn.Linear(2, 2), "weight", "bias"), module)
    with torch.no_grad():
        two_layers[0].weight.copy_(torch.eye(2))
        two_layers[0].bias.zero_()
    for tested in (module, scaled, two_layers):
        for parameters in ("all", "last"):
            length = expected_gradient_length(tested, x, parameters).item()
            assert length == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("name", ["lenet", "LSTM", "in-place", "frozen parts", "detached"])
@pytest.mark.parametrize("parameters", ["all", "last"])
@pytest.mark.parametrize("grad_mode", [torch.no_grad, torch.enable_grad])
def test_leaves_no_trace(name, parameters, grad_mode):
    module, x = build(name)
    first = next(module.parameters())
    first.grad = torch.full_like(first, 7)
    x_before, x.requires_grad = x.clone(), x.is_floating_point()
    needs = [p.requires_grad for p in module.parameters()]
    values = [v.clone() for v in module.state_dict().values()]
    random_state = torch.get_rng_state()
    with grad_mode():
        lengths = expected_gradient_length(module, x, parameters)
        assert torch.is_grad_enabled() == (grad_mode is torch.enable_grad)
    assert not lengths.requires_grad
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.equal(x, x_before)
    assert x.grad is None
    assert first.grad.unique().tolist() == [7]
    assert all(p.grad is None for p in list(module.parameters())[1:])
    assert [p.requires_grad for p in module.parameters()] == needs
    assert all(map(torch.equal, module.state_dict().values(), values))
    assert not any(layer._forward_hooks for layer in module.modules())


def test_hooks_are_removed_after_an_error():
    module, x = build("lenet")
    with pytest.raises(RuntimeError):
        expected_gradient_length(module, x[:, :, :5])
    assert not any(layer._forward_hooks for layer in module.modules())


@pytest.mark.parametrize("name", ["lenet", "LSTM", "rows second", "BatchNorm2d"])
def test_the_batch_does_not_matter(name, monkeypatch):
    module, _ = build(name)
    x = torch.cat([build(name)[1]] * 3)
    sizes = []
    forward = gradients._lengths

    def noting(module, x, *others):
        sizes.append(len(x))
        return forward(module, x, *others)

    monkeypatch.setattr(gradients, "_lengths", noting)
    whole = expected_gradient_length(module, x)
    assert sizes == [12]
    n_bytes = gradients._survey(module, x[:1], "all")[2]
    monkeypatch.setattr(gradients, "_CPU_BYTES", 5 * n_bytes)
    np.testing.assert_allclose(expected_gradient_length(module, x), whole, rtol=1e-12)
    assert sizes[1:] == [5, 5, 2]
    order = torch.randperm(len(x))
    np.testing.assert_allclose(expected_gradient_length(module, x[order]), whole[order], rtol=1e-12)


class LargestTensor(TorchDispatchMode):
    n = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.empty.memory_format:  # What is written there counts, not this.
            return out
        for value in out if isinstance(out, tuple | list) else [out]:
            if isinstance(value, Tensor):
                self.n = max(self.n, value.numel())
        return out


def test_no_weight_gradient_is_formed():
    module = nn.Sequential(nn.Linear(50, 60), nn.ReLU(), nn.Linear(60, 3)).eval()
    x = torch.randn(40, 50)
    with LargestTensor() as largest:
        expected_gradient_length(module, x)
    # The weights themselves have 3,000 numbers, activations 2,400; gradients would have 120,000.
    assert largest.n <= 3000


def test_what_is_stored_is_bounded(monkeypatch):
    monkeypatch.setattr(gradients, "_CPU_BYTES", 2**20)
    module = lenet().eval()
    with LargestTensor() as largest:
        expected_gradient_length(module, torch.randn(500, 1, 14, 14))
    assert largest.n * 4 < 2**20


@pytest.mark.cuda
@pytest.mark.parametrize("name", ["lenet", "LSTM", "BatchNorm2d", "sequence", "Embedding"])
@pytest.mark.parametrize("parameters", ["all", "last"])
def test_cuda_equals_cpu(name, parameters):
    module, x = build(name)
    expected = expected_gradient_length(module, x, parameters)
    found = expected_gradient_length(module.cuda(), x.cuda(), parameters)
    np.testing.assert_allclose(found.cpu(), expected, rtol=1e-8)


def test_logits_that_no_parameter_reaches():
    module = Apply(lambda m, x: m.a(x).detach(), a=nn.Linear(3, 3))
    assert expected_gradient_length(module, torch.randn(2, 3)).tolist() == [0, 0]
