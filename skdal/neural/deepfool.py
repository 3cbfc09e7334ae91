"""DeepFool: the smallest perturbation of a row that changes what a network predicts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["deepfool"]

# Rows that are perturbed together. On a CPU more rows gain nothing: from here on a row costs the
# same, and later more, as the activations no longer fit into the cache. Memory is that of the
# activations of so many rows, whatever the number of rows in all.
_MICRO_BATCH = 64
_MICRO_BATCH_CUDA = 256

# Roundings that a step is to exceed, see _smallest_step.
_ROUNDINGS = 8

# Up to this many input channels (gray, RGB), _ThinConvolutions is faster.
_THIN = 3


def deepfool(
    module: torch.nn.Module,
    x: Tensor,
    *,
    n_classes: int | None = None,
    max_iter: int = 50,
    overshoot: float = 0.02,
    clip: Sequence[float] | None = None,
) -> tuple[Tensor, Tensor]:
    """Measure how far each row may be moved until the network changes its prediction.

    DeepFool (algorithm 2 of [1]_) approximates the distance of a row to the decision boundary,
    which is what DFAL queries by [2]_: it takes the network for affine, steps to the nearest of
    its boundaries, and repeats from there until the prediction is another one.

    Parameters
    ----------
    module : torch.nn.Module
        Maps a batch of rows to logits of shape (n, n_outputs), each row for itself. It must be in
        evaluation mode; its parameters, their gradients and its hooks stay as they are.

    x : Tensor of shape (n_rows, ...)
        Floating point numbers, on the device of the module. They are not changed.

    n_classes : int or None, default=None
        Only boundaries to the classes that are most probable at ``x`` are candidates, so many
        classes with the predicted one; None: all. A change to any other class counts as well.

    max_iter : int, default=50
        Steps of a row at most.

    overshoot : float, default=0.02
        The sum of the steps is stretched by ``1 + overshoot``, to cross the boundary and not
        only reach it.

    clip : tuple of (float, float) or None, default=None
        Lowest and highest value of a feature; the perturbed rows are clipped to them.

    Returns
    -------
    norms : Tensor of shape (n_rows,)
        L2 norms of the perturbations as they were made, overshoot and clipping included.

    flipped : Tensor of shape (n_rows,), bool
        Whether the prediction has changed. Where it has not, after ``max_iter`` steps or because
        no gradient is left to follow (zero or not finite for every class), the norm is that of
        the perturbation tried in vain.

    Raises
    ------
    ValueError
        If ``x`` is not floating point or lies outside of ``clip``, if ``n_classes`` is under 2,
        or if the output of the module is not two or more finite logits a row that depend
        differentiably on ``x``.

    Notes
    -----
    A row on the boundary itself, with two equal top logits, would never leave it. A step is
    therefore at least a few roundings of the logits and of the row long, some 1e-6 of their size
    in single precision, where the released code of [1]_ adds 1e-4 to every step. Larger steps
    are exactly those of the paper.

    ``clip`` cuts a part of every step off, that of the features at their bounds. Such rows come
    closer to the boundary with every step but cross it only once they are within these few
    roundings: ``norms`` are right long before ``flipped`` is.

    References
    ----------
    .. [1] Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool: a simple and accurate method to fool
       deep neural networks", CVPR 2016, arXiv:1511.04599.
    .. [2] Ducoffe and Precioso, "Adversarial Active Learning for Deep Networks: a Margin Based
       Approach", 2018, arXiv:1802.09841.

    Examples
    --------
    >>> import torch
    >>> from skdal.neural.deepfool import deepfool
    >>> module = torch.nn.Linear(2, 2)
    >>> module.load_state_dict({"weight": torch.eye(2), "bias": torch.zeros(2)})
    <All keys matched successfully>
    >>> norms, flipped = deepfool(module, torch.tensor([[1.0, 0.0], [0.0, 3.0]]), overshoot=0.01)
    >>> norms / 1.01  # the distances to the diagonal
    tensor([0.7071, 2.1213])
    >>> flipped
    tensor([True, True])
    """
    _check(x, n_classes, clip)
    size = _MICRO_BATCH_CUDA if x.is_cuda else _MICRO_BATCH
    with torch.inference_mode(False), torch.enable_grad():
        norms = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        flipped = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        # The rows under way; those that end make room for new ones, so that the batch stays full.
        rows = n_steps = source = targets = torch.empty(0, dtype=torch.long, device=x.device)
        start = steps = x[:0].detach().clone()
        n_taken = 0
        while True:
            new = x[n_taken : n_taken + size - len(rows)].detach()
            rows = torch.cat([rows, torch.arange(n_taken, n_taken + len(new), device=x.device)])
            start, steps = torch.cat([start, new]), torch.cat([steps, torch.zeros_like(new)])
            n_steps = torch.cat([n_steps, n_steps.new_zeros(len(new))])
            n_taken += len(new)
            if not len(rows):
                return norms, flipped

            point = start + (1 + overshoot) * steps
            point = (point if clip is None else point.clamp(clip[0], clip[1])).requires_grad_()
            output = _forward(module, point, rows)
            logits = output.detach()
            prediction = logits.argmax(dim=1)
            entering = slice(len(source), None)
            source = torch.cat([source, prediction[entering]])
            targets = torch.cat(
                [targets, _most_probable(logits[entering], source[entering], n_classes)]
            )
            norms[rows] = _norm(point.detach() - start)
            flipped[rows] = prediction != source
            going_on = (prediction == source) & (n_steps < max_iter)

            # A graph runs backwards for all of its rows or for none. It takes a pass for each
            # target, so it is cheaper to run the rows that go on forwards once more, with new
            # ones in the place of those that ended, unless these are few.
            n_going_on = int(going_on.sum())
            if (len(rows) - n_going_on) * targets.shape[1] <= n_going_on:
                step, found = _smallest_step(output, point, source, targets)
                steps = steps + step
                n_steps = n_steps + 1
                going_on &= found
            rows, start, steps, n_steps, source, targets = (
                values[going_on] for values in (rows, start, steps, n_steps, source, targets)
            )


def _check(x: Tensor, n_classes: int | None, clip: Sequence[float] | None) -> None:
    if not x.is_floating_point():
        raise ValueError(
            f"DeepFool needs rows of floating point numbers, got {x.dtype}. Whole numbers that "
            "stand for numbers can be cast; token ids cannot be perturbed, only their embeddings."
        )
    if n_classes is not None and n_classes < 2:
        raise ValueError(
            f"n_classes={n_classes!r}, but the predicted class is one of them; use 2 or more."
        )
    if clip is not None and x.numel():
        low, high = (float(value) for value in x.detach().aminmax())
        # In the precision of x, that its own bounds are not outside by a rounding.
        lowest, highest = x.new_tensor(list(clip)).tolist()
        if not (lowest <= low and high <= highest):
            raise ValueError(
                f"clip={clip!r}, but x has values from {low:g} to {high:g}, and to clip them would "
                "count as a perturbation; widen clip, or scale x."
            )


def _forward(module: torch.nn.Module, point: Tensor, rows: Tensor) -> Tensor:
    # A copy, because a module that begins with an in-place operation would change a leaf.
    with nullcontext() if point.is_cuda else _ThinConvolutions():
        output: Tensor = module(point.clone())
    if output.ndim != 2 or len(output) != len(point) or output.shape[1] < 2:
        raise ValueError(
            f"The module maps rows of shape {tuple(point.shape)} to an output of shape "
            f"{tuple(output.shape)}; DeepFool needs logits of two or more classes, (n_rows, "
            "n_classes)."
        )
    finite = output.isfinite().all(dim=1)
    if not finite.all():
        raise ValueError(
            "The output of the module is not finite for the rows "
            f"{rows[~finite][:5].tolist()}{' and more' if (~finite).sum() > 5 else ''}; look for "
            "NaN and infinity in them, or for weights that have grown beyond measure."
        )
    if not output.requires_grad:
        raise _no_gradient()
    return output


def _no_gradient() -> ValueError:
    return ValueError(
        "The output of the module does not depend differentiably on x, and DeepFool follows that "
        "gradient; look for detach, argmax, rounding or a cast to integers in its forward pass."
    )


def _most_probable(logits: Tensor, source: Tensor, n_classes: int | None) -> Tensor:
    """Return the classes, without the predicted one, whose boundaries are candidates."""
    n_targets = min(n_classes or logits.shape[1], logits.shape[1]) - 1
    others = logits.scatter(1, source[:, None], -torch.inf)
    order = others.argsort(dim=1, descending=True, stable=True)
    return order[:, :n_targets]


def _smallest_step(
    output: Tensor, point: Tensor, source: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the step of each row to the nearest linearized boundary, and if there is one."""
    logits = output.detach().to(point.dtype)
    eps = torch.finfo(point.dtype).eps
    size = _norm(point.detach())
    nearest = torch.full_like(size, torch.inf)
    step = torch.zeros_like(point, requires_grad=False)
    top = logits.gather(1, source[:, None])[:, 0]
    last = targets.shape[1] - 1
    # A pass for each target, and what is not the nearest forgotten: to run all of them in one
    # (is_grads_batched) is no faster, and takes n_targets times the memory.
    for j, target in enumerate(targets.T):
        difference = torch.zeros_like(output)
        difference.scatter_(1, target[:, None], 1).scatter_(1, source[:, None], -1)
        # Only the gradient in the rows: that of the parameters is neither computed nor stored.
        (normal,) = torch.autograd.grad(
            output, point, difference, retain_graph=j < last, allow_unused=True
        )
        if normal is None:
            raise _no_gradient()
        slope = _norm(normal)
        value = logits.gather(1, target[:, None])[:, 0]
        rounding = _ROUNDINGS * eps * ((top.abs() + value.abs()) / slope + size)
        # The square is for a row of zeros with logits of zero, where nothing has a size.
        distance = torch.maximum((top - value).abs() / slope, rounding).clamp_min(eps**2)
        # False as well where a gradient is zero (infinitely far), infinite or NaN.
        nearer = (distance < nearest) & slope.isfinite()
        nearest = torch.where(nearer, distance, nearest)
        column = [-1] + [1] * (point.ndim - 1)
        step = torch.where(nearer.view(column), normal * (distance / slope).view(column), step)
    return step, nearest.isfinite()


def _norm(values: Tensor) -> Tensor:
    return torch.linalg.vector_norm(values.reshape(len(values), -1), dim=1)


class _ThinConvolutions(TorchFunctionMode):
    """Runs convolutions of images with few channels as matrix products, within the block.

    oneDNN pads the channels to 16, which makes the gradient in an image with one or three the
    most expensive part of a small network.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        # The one form in which torch.nn.Conv2d calls it; what others write stays what it is.
        if func is torch.conv2d and len(args) == 7 and not kwargs:
            x, weight, bias, stride, padding, dilation, groups = args
            thin = groups == 1 and weight.shape[1] <= _THIN and x.ndim == 4
            if thin and x.dtype == torch.float32 and isinstance(padding, tuple):
                kernel = weight.shape[2:]
                patches = torch.nn.functional.unfold(x, kernel, dilation, padding, stride)
                # Not matmul, which would fold the rows into one matrix and so copy them.
                maps = weight.flatten(1).expand(len(x), -1, -1).bmm(patches)
                maps = maps if bias is None else maps + bias[:, None]
                extent = dilation[0] * (kernel[0] - 1) + 1
                height = (x.shape[2] + 2 * padding[0] - extent) // stride[0] + 1
                # Pooling is faster with it, on the way back above all.
                maps = maps.unflatten(2, (height, -1))
                return maps.contiguous(memory_format=torch.channels_last)
        return func(*args, **(kwargs or {}))
