"""Monte-Carlo dropout: the network under many draws of its dropout masks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.utils._pytree import tree_map_only

from skdal.neural.memory import Memory, tensors_in
from skdal.neural.net import torch_seed

__all__ = ["dropout_passes", "mean_predictions"]

_CHANNEL_DROPOUTS = nn.Dropout1d | nn.Dropout2d | nn.Dropout3d


def dropout_layers(module: nn.Module) -> list[nn.Module]:
    """Return the dropout layers of a network that have something to drop.

    Parameters
    ----------
    module : torch.nn.Module
        The network.

    Returns
    -------
    list of torch.nn.Module
        Every ``Dropout``, ``Dropout1d`` to ``Dropout3d``, ``AlphaDropout`` and
        ``FeatureAlphaDropout`` with ``p`` above 0.
    """
    return [layer for layer in module.modules() if isinstance(layer, _DropoutNd) and layer.p > 0]


def dropout_passes(module: nn.Module, x: Any, n_passes: int, seed: int) -> Iterator[Tensor]:
    """Yield what a network in eval mode returns while its dropout layers sample [1]_.

    A pass is one draw of the network: its masks are the same for all rows, and those of every
    other call with this seed ("consistent" dropout [2]_). What a row is given depends neither
    on the rows beside it nor on the size of the batch.

    Modules that end before the first dropout layer is called are computed once: in later
    passes they answer from memory, as long as the forward calls the same modules in the same
    order. Up to there a forward must do the same in every pass. The first axis of what a dropout
    layer gets must be that of the rows.

    Parameters
    ----------
    module : torch.nn.Module
        In eval mode. Between passes it is as it was found.

    x : tensor of shape (n_rows, ...) or dict of tensors
        The batch, handed to ``module``.

    n_passes : int
        Number of passes, at least 1.

    seed : int
        Fixes the masks, with the number of the pass. Not negative.

    Returns
    -------
    iterator of tensor of shape (n_rows, n_classes)
        The output of every pass, without a graph.

    Raises
    ------
    ValueError
        If ``n_passes`` is less than 1, or no dropout layer with ``p`` above 0 is there and
        called.

    References
    ----------
    .. [1] Gal and Ghahramani, "Dropout as a Bayesian Approximation", ICML 2016,
       arXiv:1506.02142.
    .. [2] Kirsch, van Amersfoort and Gal, "BatchBALD", NeurIPS 2019, arXiv:1906.08158,
       section 4.1.

    Examples
    --------
    >>> import torch
    >>> from skdal.neural.dropout import dropout_passes
    >>> module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 2)).eval()
    >>> passes = dropout_passes(module, torch.ones(3, 4), n_passes=5, seed=0)
    >>> torch.stack(list(passes)).shape
    torch.Size([5, 3, 2])
    """
    if n_passes < 1:
        raise ValueError(f"n_passes={n_passes!r} has to be at least 1.")
    layers = dropout_layers(module)
    if not layers:
        raise ValueError(
            f"module={type(module).__name__} has no active dropout layer; add nn.Dropout(p) with "
            "p > 0 to the module. F.dropout within forward and the dropout parameter of "
            "nn.LSTM or nn.MultiheadAttention do not count: only layers are seen."
        )
    return _passes(module, layers, x, n_passes, seed)


def mean_predictions(
    module: nn.Module, x: Any, n_passes: int, seed: int, *, entropy: bool = True
) -> tuple[Tensor, Tensor]:
    """Return the class probabilities of a batch and their entropy, both averaged over passes.

    Parameters
    ----------
    module : torch.nn.Module
        In eval mode; it returns logits.

    x : tensor of shape (n_rows, ...) or dict of tensors
        The batch, handed to ``module``.

    n_passes : int
        Number of passes, at least 1.

    seed : int
        Fixes the masks, as in :func:`dropout_passes`.

    entropy : bool, default=True
        Whether to take the entropies, which costs about as much as the softmax.

    Returns
    -------
    mean : tensor of shape (n_rows, n_classes)
        Mean of the softmax over the passes, float64.

    mean_entropy : tensor of shape (n_rows,)
        Mean over the passes of the entropy of each, in nats, float64. The entropy of ``mean``
        less this is the mutual information of label and masks. NaN if ``entropy`` is False.

    Raises
    ------
    ValueError
        As :func:`dropout_passes` does.

    Examples
    --------
    >>> import torch
    >>> from skdal.neural.dropout import mean_predictions
    >>> module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(4, 2)).eval()
    >>> mean, mean_entropy = mean_predictions(module, torch.ones(3, 4), n_passes=5, seed=0)
    >>> mean.shape, mean_entropy.shape
    (torch.Size([3, 2]), torch.Size([3]))
    """
    total: Any = 0
    total_entropy: Any = 0
    for logits in dropout_passes(module, x, n_passes, seed):
        # For one pass single precision is enough and half is not; sums are taken in double.
        dtype = torch.promote_types(logits.dtype, torch.float32)
        if not entropy:
            p = torch.softmax(logits, dim=1, dtype=dtype)
        else:
            log_p = torch.log_softmax(logits, dim=1, dtype=dtype)
            p = log_p.exp()
            # Where p is 0 its logarithm may be -inf, and their product is to be 0.
            terms = log_p.clamp_(min=torch.finfo(dtype).min).mul_(p)
            total_entropy = total_entropy - terms.sum(dim=1, dtype=torch.float64)
        total = p.to(torch.float64).add_(total)
    if not entropy:
        total_entropy = torch.full_like(total[:, 0], torch.nan)
    return total / n_passes, total_entropy / n_passes


def _passes(
    module: nn.Module, layers: list[nn.Module], x: Any, n_passes: int, seed: int
) -> Iterator[Tensor]:
    memory = Memory(set(layers))
    sampler = _Sampler(seed, memory, len(tensors_in(x)[0]))
    with ExitStack() as stack:
        stack.enter_context(memory.answering(module))
        for layer in layers:
            # First in line: the hooks of others see the output that the module goes on with.
            handle = layer.register_forward_hook(sampler, prepend=True)
            stack.callback(handle.remove)
        given = None
        for index in range(n_passes):
            # Tensors of inference mode do not count how often they were overwritten.
            with torch.inference_mode(False), torch.no_grad(), _no_fused_transformers():
                # A forward that works in place on its input gets a new copy in every pass.
                if given is None or any(tensor._version for tensor in tensors_in(given)):
                    given = tree_map_only(Tensor, Tensor.clone, x)
                memory.begin_pass()
                sampler.begin_pass(index)
                output = module(given)
                memory.end_pass()
            if not sampler.n_calls:
                raise ValueError(
                    f"module={type(module).__name__} has dropout layers, but its forward calls "
                    "none of those with p > 0; call nn.Dropout(p) on the way from input to output."
                )
            yield output


@contextmanager
def _no_fused_transformers() -> Iterator[None]:
    # Fused, nn.TransformerEncoder would call neither its dropout layers nor anything else.
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)


class _Sampler:
    """The forward hook of dropout layers in eval mode."""

    def __init__(self, seed: int, memory: Memory, n_rows: int) -> None:
        self.seed = seed
        self.memory = memory
        self.n_rows = n_rows

    def begin_pass(self, index: int) -> None:
        self.index = index
        self.n_calls = 0

    def __call__(self, layer: Any, args: Any, output: Tensor) -> Tensor:
        self.memory.is_over = True
        if output.shape[0] % self.n_rows:
            raise ValueError(
                f"{layer} gets a tensor of shape {tuple(output.shape)} for {self.n_rows} rows; its "
                "first axis must be that of the rows: use batch_first=True."
            )
        if layer.inplace:
            self.memory.will_overwrite(args)
        # numpy mixes the numbers well; torch's generators start alike from seeds that are.
        seed = np.random.SeedSequence((self.seed, self.index, self.n_calls)).generate_state(1)[0]
        self.n_calls += 1
        # In eval mode a dropout layer returns its input.
        shift, scale = _draw(layer, output, int(seed))
        dropped = output * scale if shift is None else torch.addcmul(shift, output, scale)
        return output.copy_(dropped) if layer.inplace else dropped


def _draw(layer: Any, x: Tensor, seed: int) -> tuple[Tensor | None, Tensor]:
    """Return what one mask of a layer adds to each row of ``x``, and what it multiplies by."""
    # Drawn on the CPU, so that every device has the same masks.
    if isinstance(layer, nn.Dropout | _CHANNEL_DROPOUTS):
        # A layer for channels drops them whole; the first axis counts rows, even where the layer
        # itself would take it for channels because one axis is missing.
        whole = isinstance(layer, _CHANNEL_DROPOUTS)
        shape = [1, *x.shape[1:2], *([1] * (x.ndim - 2) if whole else x.shape[2:])]
        generator = torch.Generator().manual_seed(seed)
        kept = torch.empty(shape, dtype=x.dtype).bernoulli_(1 - layer.p, generator=generator)
        return None, (kept / (1 - layer.p) if layer.p < 1 else kept).to(x.device)
    layer = copy(layer)
    layer.training, layer.inplace = True, False

    def call(fill: float) -> Tensor:
        with torch_seed(seed):
            return layer.forward(torch.full((1, *x.shape[1:]), fill, dtype=x.dtype))

    # Given its mask, any dropout is affine in each element: 0 and 1 tell all about it.
    shift = call(0.0)
    return shift.to(x.device), (call(1.0) - shift).to(x.device)
