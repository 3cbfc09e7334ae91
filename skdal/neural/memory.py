"""The memory of a network: what need not be computed again in its next pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only


@dataclass
class _Call:
    """A call of a module before the first dropout, in the first pass."""

    layer: nn.Module
    # What it returned, the tensors in it and how often they had been overwritten by then; None
    # while it runs, and where something makes it of no use.
    output: Any = None
    tensors: list[Tensor] | None = None
    versions: list[int] | None = None
    # Number of the first call after it and all that it calls.
    end: int = 0
    is_overwritten: bool = False

    def keep(self, output: Any, end: int) -> None:
        self.output, self.end = output, end
        self.tensors = tensors_in(output)
        self.versions = [tensor._version for tensor in self.tensors]

    def forget(self) -> None:
        self.output = self.tensors = self.versions = None

    @property
    def can_answer(self) -> bool:
        if self.tensors is None:
            return False
        # An operation in place after the call has left another output than it had returned.
        return self.versions == [tensor._version for tensor in self.tensors]

    def answer(self) -> Any:
        if self.is_overwritten:
            return tree_map_only(Tensor, Tensor.clone, self.output)
        return self.output


class Memory:
    """What the modules that end before the first dropout have returned in the first pass.

    Parameters
    ----------
    dropouts : set of torch.nn.Module
        The active dropout layers. They are never answered for.

    Attributes
    ----------
    is_over : bool
        Whether the pass under way has come to its first dropout, or has done something that
        the first pass did not: from there on all is computed.
    """

    def __init__(self, dropouts: set[nn.Module]) -> None:
        self._dropouts = dropouts
        self._calls: list[_Call] = []
        self._is_first = True

    def begin_pass(self) -> None:
        """Begin a pass: calls are counted from here."""
        self.is_over = False
        self._next = 0

    def end_pass(self) -> None:
        """End a pass: with the first one, the memory is filled."""
        self._is_first = False

    @contextmanager
    def answering(self, module: nn.Module) -> Iterator[None]:
        """Have the modules within one ask the memory first."""
        with ExitStack() as stack:
            for layer in module.modules():
                if layer not in self._dropouts and not isinstance(layer, torch.jit.ScriptModule):
                    stack.enter_context(self._asked_by(layer))
            yield

    @contextmanager
    def _asked_by(self, layer: nn.Module) -> Iterator[None]:
        own = vars(layer)
        before = own.get("forward")
        forward = layer.forward

        def ask(*args: Any, **kwargs: Any) -> Any:
            if not self.is_over and not self._is_first:
                return self._answer(layer, forward, args, kwargs)
            if getattr(layer, "inplace", False):
                self.will_overwrite(args)
            return (
                forward(*args, **kwargs)
                if self.is_over
                else self._record(layer, forward, args, kwargs)
            )

        own["forward"] = ask
        try:
            yield
        finally:
            if before is None:
                del own["forward"]
            else:
                own["forward"] = before

    def _record(self, layer: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        call = _Call(layer)
        self._calls.append(call)
        first_within = len(self._calls)
        output = forward(*args, **kwargs)
        if not self.is_over:
            call.keep(output, len(self._calls))
            # Where the whole answers, its parts are not asked.
            for part in self._calls[first_within:]:
                part.forget()
        return output

    def _answer(self, layer: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        call = self._calls[self._next] if self._next < len(self._calls) else None
        if call is None or call.layer is not layer:
            self.is_over = True
        elif call.can_answer:
            self._next = call.end
            return call.answer()
        self._next += 1
        return forward(*args, **kwargs)

    def will_overwrite(self, args: Any) -> None:
        """Save what was returned in the first pass before a layer works on it in place."""
        if not self._is_first:
            return
        given = {id(tensor) for tensor in tensors_in(args)}
        for call in self._calls:
            if any(id(tensor) in given for tensor in call.tensors or []):
                call.is_overwritten = True
                call.keep(call.answer(), call.end)


def tensors_in(values: Any) -> list[Tensor]:
    """Return the tensors in whatever a layer takes or returns.

    Parameters
    ----------
    values : tensor, or nest of tuples, lists and dicts
        Any.
    """
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
