"""Lengths of the gradients that labels would cause, row by row and without the gradients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge, saved_tensors_hooks

from skdal.neural.gradient_norms import Pooling, Rule, one_place, rule_for

__all__ = ["expected_gradient_length"]

# What is stored for the rows in work at a time. More would not stay in a CPU's cache.
_CPU_BYTES = 2**25
_CUDA_BYTES = 2**30

_MAX_POOLING = ("MaxPool2DWithIndicesBackward0", "MaxPool3DWithIndicesBackward0")


class _Call(NamedTuple):
    layer: nn.Module
    input: Tensor
    edge: GradientEdge | None  # None where the output does not require a gradient.


class _Place(NamedTuple):
    """Where the gradient tells that of a layer's parameters, and how."""

    layer: nn.Module
    edge: GradientEdge
    rule: Rule


def expected_gradient_length(module: nn.Module, x: Tensor, parameters: str = "all") -> Tensor:
    """Return how long a gradient of the loss to expect if a row were labeled.

    That is the sum over the classes of ``p[c]`` times the Euclidean length of the gradient of
    the cross-entropy of the row with class ``c``, where ``p`` are the predicted probabilities
    (section 3.3 of [1]_; [2]_ for deep networks).

    Parameters
    ----------
    module : torch.nn.Module
        Maps rows to logits of shape (n_rows, n_classes), with two classes or more. In
        evaluation mode: no row may influence the logits of another.

    x : Tensor of shape (n_rows, ...)
        The rows, on the device of the module.

    parameters : {"all", "last"}, default="all"
        Whether the gradient is that of all parameters, or of weight and bias of the linear
        layer that the module calls last. Parameters that do not require a gradient never count.

    Returns
    -------
    Tensor of shape (n_rows,)
        Nonnegative, in the floating-point type of the logits.

    Raises
    ------
    ValueError
        If ``parameters`` is unknown, is ``"last"`` and the module calls no linear layer, or
        stands for no parameter that requires a gradient.

    Notes
    -----
    The lengths are exact. Those of linear, convolution and embedding layers, and of batch, group
    and layer normalization, follow from what goes into the layer and the gradient of what comes
    out. Everything else is differentiated row by row, which is slow: other layers with parameters,
    parameters used twice, layers with hooks, and those whose input does not have the rows as its
    first dimension. An input that does must have them in the order of ``x``.

    Where max-pooling follows a convolution, only the gradient at the maxima is looked at.

    References
    ----------
    .. [1] Settles and Craven, "An Analysis of Active Learning Strategies for Sequence Labeling
       Tasks", EMNLP 2008.
    .. [2] Huang et al., "Active Learning for Speech Recognition: the Power of Gradients", 2016,
       arXiv:1612.03226.

    Examples
    --------
    >>> import torch
    >>> from skdal.neural.gradients import expected_gradient_length
    >>> module = torch.nn.Linear(2, 2)
    >>> _ = torch.nn.init.zeros_(module.weight), torch.nn.init.zeros_(module.bias)
    >>> expected_gradient_length(module, torch.tensor([[0.0, 0.0], [0.0, 7.0]]))
    tensor([0.7071, 5.0000])
    """
    if parameters not in ("all", "last"):
        raise ValueError(f"parameters={parameters!r} is unknown; use 'all' or 'last'.")
    x = x.detach()
    # In evaluation mode cuDNN's recurrent layers have no backward pass.
    recurrent = x.is_cuda and any(isinstance(layer, nn.RNNBase) for layer in module.modules())
    without = torch.backends.cudnn.flags(enabled=False) if recurrent else nullcontext()
    with torch.enable_grad(), without:
        layers, counted, n_bytes = _survey(module, x[:1], parameters)
        n_rows = max(1, (_CUDA_BYTES if x.is_cuda else _CPU_BYTES) // n_bytes)
        return torch.cat([_lengths(module, rows, layers, counted) for rows in x.split(n_rows)])


def _survey(
    module: nn.Module, row: Tensor, parameters: str
) -> tuple[list[nn.Module], set[Any], int]:
    """Return the layers that have a rule, the parameters that count, and the bytes of a row."""
    counted: set[Any] = {p for p in module.parameters() if p.requires_grad}
    weights = {p.untyped_storage().data_ptr() for p in module.parameters()}
    n_bytes = 1

    def note_size(tensor: Tensor) -> Tensor:
        nonlocal n_bytes
        if tensor.untyped_storage().data_ptr() not in weights:
            n_bytes += 2 * tensor.nbytes  # Itself and its gradient.
        return tensor.detach()

    with saved_tensors_hooks(note_size, lambda tensor: tensor):
        logits, calls = _forward(module, row, module.modules())
    if parameters == "last":
        linear = [call.layer for call in calls if isinstance(call.layer, nn.Linear)]
        if not linear:
            raise ValueError(
                "parameters='last' needs a module that calls a torch.nn.Linear; use 'all'."
            )
        counted &= set(linear[-1].parameters(recurse=False))
    if not counted:
        raise ValueError(
            f"parameters={parameters!r} stands for no parameter that requires a gradient; call "
            "requires_grad_() on those that are to count."
        )
    # A hook may do anything, such as computing the weight anew or replacing the output.
    calls = [c for c in calls if not (c.layer._forward_pre_hooks or c.layer._forward_hooks)]
    places = _places(calls, logits, counted)[0]
    n_bytes += sum(place.rule.n_bytes for place in places)
    return [place.layer for place in places], counted, n_bytes


def _forward(
    module: nn.Module, x: Tensor, layers: Iterable[nn.Module]
) -> tuple[Tensor, list[_Call]]:
    """Return the logits, and the calls of ``layers`` in their order."""
    calls: list[_Call] = []

    def note_call(layer: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        values = args[0] if args else next(iter(kwargs.values()), None)
        if isinstance(values, Tensor) and isinstance(output, Tensor):
            # The edge is still that of this output after a later layer overwrote it in place.
            edge = get_gradient_edge(output) if output.requires_grad else None
            calls.append(_Call(layer, values.detach(), edge))

    with ExitStack() as stack:
        for layer in layers:
            hook = layer.register_forward_hook(note_call, with_kwargs=True)
            stack.callback(hook.remove)
        return module(x), calls


def _places(calls: list[_Call], logits: Tensor, counted: set[Any]) -> tuple[list[_Place], set[Any]]:
    """Return the places, and the parameters behind the logits that none of them tells of."""
    users = _users(logits)
    uses = {getattr(node, "variable", None): len(found) for node, found in users.items()}
    others = counted.intersection(uses)
    places: list[_Place] = []
    for layer, a, edge in calls:
        own = counted.intersection(layer.parameters(recurse=False))
        if not own or edge is None or edge.node not in users:
            continue
        # As this call leads to the logits, a parameter with a single use has it here.
        if len(a) == len(logits) and all(uses.get(p) == 1 for p in own):
            pooled, pooling = _pooling(edge, users)
            rule = rule_for(layer, a, logits.shape[1], counted, pooling)
            if rule is not None:
                places.append(_Place(layer, pooled if rule.pooled else edge, rule))
                others -= own
    return places, others


def _users(logits: Tensor) -> dict[Node, list[Node]]:
    """Return the nodes that lead to the logits, each with those that use what it computes."""
    users: dict[Node, list[Node]] = {} if logits.grad_fn is None else {logits.grad_fn: []}
    stack = list(users)
    while stack:
        node = stack.pop()
        for source, _ in node.next_functions:
            if source is not None:
                if source not in users:
                    users[source] = []
                    stack.append(source)
                users[source].append(node)
    return users


def _pooling(
    edge: GradientEdge, users: dict[Node, list[Node]]
) -> tuple[GradientEdge, Pooling | None]:
    """Return the max-pooling that alone uses an output, and its end; a ReLU may be part of it."""

    def only_user(node: Node, *names: str) -> Any:
        found = users[node]
        return found[0] if len(found) == 1 and found[0].name() in names else None

    before = only_user(edge.node, "ReluBackward0")
    pool = only_user(before or edge.node, *_MAX_POOLING)
    if pool is None:
        return edge, None
    places, alive = pool._saved_result1, None
    after = None if before else only_user(pool, "ReluBackward0")
    if before:
        alive = before._saved_result.flatten(2).gather(2, places.flatten(2)).view_as(places) > 0
    elif after:
        alive = after._saved_result > 0
    return GradientEdge(after or pool, 0), Pooling(places, alive)


def _lengths(module: nn.Module, x: Tensor, layers: list[nn.Module], counted: set[Any]) -> Tensor:
    """Return the expected lengths of a few rows."""
    logits, calls = _forward(module, x, layers)
    places, others = _places(calls, logits, counted)
    classes = _Classes(logits.detach())
    edges, rules = [place.edge for place in places], [place.rule for place in places]
    at_logits = len(edges) == 1 and edges[0] == get_gradient_edge(logits)
    if at_logits and not others and rules[0].squares.func is one_place:
        # What the loss does to the logits takes no backward pass, however many classes.
        of_unit = rules[0].squares([torch.ones_like(logits[:, :1])])
        return classes.expectation(classes.at_logits() * of_unit)
    squares = classes.squares(logits, edges, rules)
    if others:
        whole = [Rule(partial(_whole))] * len(others)
        for i in range(len(x)):
            of_row = _Classes(logits[i : i + 1].detach())
            squares[i] += of_row.squares(module(x[i : i + 1]), list(others), whole)[0]
    return classes.expectation(squares)


class _Classes:
    """The classes of a few rows, the most probable one of every row last.

    Weighted with the probabilities, the gradients of the classes add up to zero. That of the most
    probable class follows from the others, which saves a backward pass; and without the largest
    probability nothing cancels out where that is almost 1.
    """

    def __init__(self, logits: Tensor) -> None:
        self._p = logits.softmax(1)
        top = self._p.argmax(1, keepdim=True)
        labels = torch.arange(logits.shape[1] - 1, device=logits.device)
        self._labels = labels + (top <= labels)
        unlikely = self._p.gather(1, self._labels)
        doubt = unlikely.sum(1, keepdim=True)
        # In place of the last gradient stands this mean of the others, weighted with the doubt.
        self._shares = unlikely / doubt.clamp_min(torch.finfo(doubt.dtype).tiny)
        self._weights = torch.cat([unlikely, doubt], 1)

    def expectation(self, squares: Tensor) -> Tensor:
        """Return the expected length from the squared ones, (n_rows, n_classes)."""
        return (self._weights * squares.clamp_min(0).sqrt()).sum(1)

    def at_logits(self) -> Tensor:
        """Return the squared lengths of the gradients with respect to the logits."""
        unlikely = self._p.square().sum(1, keepdim=True) - 2 * self._weights[:, :-1] + 1
        last = 1 + self._shares.square().sum(1, keepdim=True)
        return torch.cat([unlikely, self._p.amax(1, keepdim=True).square() * last], 1)

    def squares(self, logits: Tensor, places: Sequence[Any], rules: Sequence[Rule]) -> Tensor:
        """Return the squared lengths that the rules make of the gradients at the places."""
        squares = torch.zeros_like(self._p)
        means: list[Tensor | None] = [None] * len(places)
        waiting: list[dict[int, Tensor]] = [{} for _ in places]
        for k in range(self._labels.shape[1] if places else 0):
            label = self._labels[:, k : k + 1]
            change = self._p - torch.zeros_like(self._p).scatter_(1, label, 1)
            gradients = torch.autograd.grad(
                logits, places, change, retain_graph=True, allow_unused=True
            )
            for i, gradient in enumerate(gradients):
                if gradient is not None:
                    gradient = gradient.to_dense()
                    share = self._shares[:, k].view(-1, *[1] * (gradient.ndim - 1))
                    mean = means[i]
                    means[i] = gradient * share if mean is None else mean.addcmul_(gradient, share)
                    waiting[i][k] = gradient
                    if len(waiting[i]) == rules[i].at_once:
                        squares[:, list(waiting[i])] += rules[i].squares(list(waiting[i].values()))
                        waiting[i] = {}
        for mean, wait, rule in zip(means, waiting, rules, strict=True):
            if mean is not None:
                wait[-1] = mean
                squares[:, list(wait)] += rule.squares(list(wait.values()))
        return squares


def _whole(deltas: Sequence[Tensor]) -> Tensor:
    return deltas[0].square().sum()
