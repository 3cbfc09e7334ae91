"""Squared lengths of a layer's gradients, row by row, from what goes in and what comes back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

# A subclass may compute something else, so it is none of these.
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CHANNELS_LAST = (nn.Linear, nn.Embedding, nn.LayerNorm)
_NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)

# Deltas of which the rule that gathers from a Gram matrix makes use together: it gathers once for
# all of them, but they are stored until then.
_AT_ONCE = 16

# What an operation costs in multiplications of a large matrix product (CPU, float32): to move a
# number, and a multiplication or addition of short rows.
_MOVE = 30
_SHORT = 4


class Pooling(NamedTuple):
    """What max-pooling lets through of a layer's output.

    ``places`` are (n_rows, channels, ...) and number the places of a channel that are maxima;
    ``alive``, of the same shape, tells where a ReLU lets the gradient through, None without one.
    """

    places: Tensor
    alive: Tensor | None


class Rule(NamedTuple):
    """Makes squared lengths of gradients with respect to parameters of a layer.

    ``squares`` is called with up to ``at_once`` deltas, a class each: gradients with respect to
    the output of the layer, or to what pooling makes of it if ``pooled``. It returns the
    squared lengths, (n_rows, n_deltas).
    """

    squares: partial[Tensor]
    at_once: int = 1
    pooled: bool = False

    @property
    def n_bytes(self) -> int:
        """Bytes that it stores of the layer's input."""
        return sum(factor.nbytes for factor in self.squares.args)


def rule_for(
    layer: nn.Module, a: Tensor, n_classes: int, counted: set[Any], pooling: Pooling | None
) -> Rule | None:
    """Return the rule for a layer, None if there is none.

    Parameters
    ----------
    layer : torch.nn.Module
        The layer.

    a : Tensor of shape (n_rows, ...)
        What goes into it.

    n_classes : int
        The deltas that are going to come.

    counted : set
        The parameters that count, those of other layers among them.

    pooling : Pooling or None
        The max-pooling that follows, if nothing else uses the output of the layer.

    Returns
    -------
    Rule or None
        None for a layer of another kind.
    """
    if type(layer) not in {*_CONVOLUTIONS, *_CHANNELS_LAST, *_NORMALIZATIONS}:
        return None
    weight, bias = (getattr(layer, name, None) in counted for name in ("weight", "bias"))
    if isinstance(layer, nn.Linear):
        return _linear(layer, a, weight, bias, n_classes)
    if isinstance(layer, _CONVOLUTIONS):
        return _convolution(layer, a, weight, bias, n_classes, pooling)
    if isinstance(layer, nn.Embedding):
        if layer.scale_grad_by_freq:
            return None
        # An embedding is a linear layer on one-hot vectors; their products tell equal ones.
        tokens = a.reshape(len(a), 1, -1, 1)
        padding = -1 if layer.padding_idx is None else layer.padding_idx
        same = (tokens == tokens.mT) & (tokens != padding)
        return Rule(partial(_gram, same.to(layer.weight.dtype), layer=layer))
    neutral = {name: torch.full_like(p, name == "weight") for name, p in layer.named_parameters()}
    normalized = _columns(layer, functional_call(layer, neutral, a).detach())
    return Rule(partial(_scaling, normalized, layer=layer, weight=weight, bias=bias))


# The weight gradient of a linear layer or a convolution is ``delta @ columns.T``: as columns, what
# goes into the layer at each place, (n_rows, groups, inputs, places). The bias is the weight of
# one more input, which is always 1. The Gram matrix is ``columns.T @ columns``.


def _linear(layer: nn.Linear, a: Tensor, weight: bool, bias: bool, n_classes: int) -> Rule:
    a = a.reshape(len(a), 1, -1, layer.in_features)
    n_places, n_inputs = a.shape[2:]
    if n_places == 1:
        return _of_one_place(layer, a, weight, bias)
    gram_cost = n_places**2 * n_inputs
    if _cheapest(n_places, n_inputs, layer.out_features, n_classes, gram_cost)[0]:
        return Rule(partial(_gram, a @ a.mT * weight + bias, layer=layer))
    return Rule(partial(_product, _extended(a.mT, weight, bias), layer=layer))


def _convolution(
    layer: nn.Conv1d | nn.Conv2d | nn.Conv3d,
    a: Tensor,
    weight: bool,
    bias: bool,
    n_classes: int,
    pooling: Pooling | None,
) -> Rule:
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    a = nn.functional.pad(a, layer._reversed_padding_repeated_twice, mode)
    a = a.unflatten(1, (layer.groups, -1))
    windows = a
    n_dims = len(layer.kernel_size)
    sizes = zip(layer.kernel_size, layer.stride, layer.dilation, strict=True)
    for dim, (size, stride, dilation) in enumerate(sizes, start=3):
        windows = windows.unfold(dim, dilation * (size - 1) + 1, stride)[..., ::dilation]
    windows = windows.movedim(tuple(range(3, 3 + n_dims)), tuple(range(-n_dims, 0)))

    n_inputs = layer.weight[0].numel()
    n_places = math.prod(windows.shape[-n_dims:])
    if n_places == 1:
        return _of_one_place(layer, windows.flatten(2)[..., None], weight, bias)
    dense = all(stride == 1 for stride in layer.stride)
    n_pixels = math.prod(a.shape[3:])
    gram_cost = n_places**2 * n_inputs
    if dense:
        gram_cost = n_pixels**2 * (a.shape[2] + _SHORT * sum(layer.kernel_size))
    n_units = layer.out_channels // layer.groups
    n_maxima = None if pooling is None else math.prod(pooling.places.shape[2:])
    gram, pooled = _cheapest(n_places, n_inputs, n_units, n_classes, gram_cost, n_maxima)

    if gram and dense:
        factor = _gram_of_windows(layer, a) * weight + bias
    else:
        columns = windows.reshape(len(a), layer.groups, n_inputs, n_places)
        factor = columns.mT @ columns * weight + bias if gram else _extended(columns, weight, bias)
    if pooling is None or not pooled:
        return Rule(partial(_gram if gram else _product, factor, layer=layer))
    if gram:
        return Rule(partial(_pooled_gram, factor, pooling=pooling), _AT_ONCE, pooled=True)
    return Rule(_pooled_product(factor, pooling), pooled=True)


def _gram_of_windows(layer: nn.Conv1d | nn.Conv2d | nn.Conv3d, a: Tensor) -> Tensor:
    """Return the Gram matrix of overlapping windows: sums along diagonals of that of the pixels."""
    pixels = a.flatten(3)
    gram = (pixels.mT @ pixels).view(*a.shape[:2], *a.shape[3:], *a.shape[3:])
    for dim, (size, dilation) in enumerate(zip(layer.kernel_size, layer.dilation, strict=True), 2):
        other = dim + len(layer.kernel_size)
        length = gram.shape[dim] - dilation * (size - 1)
        starts = range(0, dilation * size, dilation)
        shifted = [gram.narrow(dim, i, length).narrow(other, i, length) for i in starts]
        gram = reduce(torch.add, shifted)
    n_places = math.prod(gram.shape[2 : 2 + len(layer.kernel_size)])
    return gram.reshape(*a.shape[:2], n_places, n_places)


def _cheapest(
    n_places: int,
    n_inputs: int,
    n_units: int,
    n_classes: int,
    gram_cost: int,
    n_maxima: int | None = None,
) -> tuple[bool, bool]:
    """Return whether to multiply with the Gram matrix, and whether only what was pooled."""
    n_deltas = n_classes * n_units
    costs = {
        (False, False): n_deltas * n_places * (n_inputs + _MOVE),
        (True, False): n_deltas * n_places * (n_places + _MOVE) + gram_cost,
    }
    if n_maxima is not None:
        costs[False, True] = n_deltas * n_maxima * (_SHORT * n_inputs + _MOVE)
        gathered = n_units * n_maxima**2 * _MOVE
        costs[True, True] = n_deltas * n_maxima * (_SHORT * n_maxima + _MOVE) + gathered + gram_cost
    return min(costs, key=costs.__getitem__)


def _extended(columns: Tensor, weight: bool, bias: bool) -> Tensor:
    columns = columns if weight else columns[:, :, :0]
    return nn.functional.pad(columns, (0, 0, 0, 1), value=1.0) if bias else columns


def _columns(layer: nn.Module, values: Tensor) -> Tensor:
    """Return values of a layer's output as (n_rows, units or channels, places)."""
    if isinstance(layer, _CHANNELS_LAST):
        last = values.flatten(-len(getattr(layer, "normalized_shape", "1")))
        return last.reshape(len(last), -1, last.shape[-1]).mT
    return values.reshape(len(values), values.shape[1], -1)


def _of_one_place(layer: nn.Module, a: Tensor, weight: bool, bias: bool) -> Rule:
    factor = a.square().sum((2, 3)) * weight + bias
    return Rule(partial(one_place, factor, layer=layer))


def one_place(factor: Tensor, deltas: Sequence[Tensor], *, layer: nn.Module) -> Tensor:
    """Return the squared lengths for a layer whose weight gradient is an outer product."""
    delta = deltas[0].reshape(*factor.shape, -1)
    return (delta.square().sum(2) * factor).sum(1, keepdim=True)


def _gram(gram: Tensor, deltas: Sequence[Tensor], *, layer: nn.Module) -> Tensor:
    # The trace of delta @ (columns.T @ columns) @ delta.T, without the product of the two.
    delta = _columns(layer, deltas[0]).reshape(*gram.shape[:2], -1, gram.shape[3])
    return (delta @ gram).mul_(delta).sum((1, 2, 3))[:, None]


def _product(columns: Tensor, deltas: Sequence[Tensor], *, layer: nn.Module) -> Tensor:
    delta = _columns(layer, deltas[0]).reshape(*columns.shape[:2], -1, columns.shape[3])
    return (columns @ delta.mT).square_().sum((1, 2, 3))[:, None]


def _pooled_gram(gram: Tensor, deltas: Sequence[Tensor], *, pooling: Pooling) -> Tensor:
    delta = torch.stack([delta.flatten(2) for delta in deltas], 2)
    if pooling.alive is not None:
        delta *= pooling.alive.flatten(2)[:, :, None]
    delta = delta.flatten(0, 1)
    places = _places(pooling)
    pairs = (_numbered(places, gram) * gram.shape[3])[:, :, None] + places[:, None]
    of_channel = gram.view(-1).index_select(0, pairs.view(-1)).view(pairs.shape)
    product = (delta @ of_channel).mul_(delta)
    return product.view(len(gram), -1, *product.shape[1:]).sum((1, 3))


def _pooled_product(columns: Tensor, pooling: Pooling) -> partial[Tensor]:
    # A row for each place, and one of zeros for those that a ReLU blocks.
    table = columns.mT.reshape(-1, columns.shape[2])
    table = nn.functional.pad(table, (0, 0, 0, 1))
    index = _numbered(_places(pooling), columns.mT)
    if pooling.alive is not None:
        index[~pooling.alive.reshape(index.shape)] = len(table) - 1
    return partial(_weighted_rows, table, index)


def _places(pooling: Pooling) -> Tensor:
    # Indices of half the usual size are read in half the time.
    places = pooling.places.to(torch.int32, memory_format=torch.contiguous_format)
    return places.flatten(2).flatten(0, 1)


def _numbered(places: Tensor, table: Tensor) -> Tensor:
    """Return places (rows * channels, ...) as numbers throughout (rows, groups, places, ...)."""
    n_tables = table.shape[0] * table.shape[1]
    first = torch.arange(n_tables, dtype=torch.int32, device=places.device) * table.shape[2]
    return places + first.repeat_interleave(len(places) // n_tables)[:, None]


def _weighted_rows(table: Tensor, index: Tensor, deltas: Sequence[Tensor]) -> Tensor:
    weights = deltas[0].flatten(2).reshape(index.shape)
    sums = nn.functional.embedding_bag(index, table, per_sample_weights=weights, mode="sum")
    return sums.square_().view(len(deltas[0]), -1).sum(1, keepdim=True)


def _scaling(
    columns: Tensor, deltas: Sequence[Tensor], *, layer: nn.Module, weight: bool, bias: bool
) -> Tensor:
    delta = _columns(layer, deltas[0])
    of_weight = (delta * columns).sum(2).square().sum(1, keepdim=True) * weight
    return of_weight + delta.sum(2).square().sum(1, keepdim=True) * bias
