"""Values as JSON and arrays, and back: nothing that would have to be run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skdal.neural.rows import SeenRows


class Encoder:
    """Turns values into what JSON can say, and puts arrays of numbers aside.

    Attributes
    ----------
    tensors : dict of str to ndarray
        What was put aside, by the name that the JSON has for it.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}

    def encode(self, value: Any, key: str, what: str, cure: str) -> Any:
        """Return the JSON for a value.

        Parameters
        ----------
        value : object
            Numbers, text, arrays of them, and lists, tuples and dicts of all these.

        key : str
            A name of its own for the value.

        what : str
            What the value is, for the error.

        cure : str
            What to do about it, for the error.

        Returns
        -------
        object
            None, a bool, int, float or str as it is; for anything else a dict whose first key
            is its kind.

        Raises
        ------
        ValueError
            If a value is of another type.
        """
        if isinstance(value, np.generic) and value.dtype.kind in "biufU":
            value = value.item()
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            self.tensors[key] = value
            return {"tensor": key}
        if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
            items = self._items(value.ravel().tolist(), key, what, cure)
            return {"array": items, "shape": value.shape, "dtype": value.dtype.str}
        if type(value) in (list, tuple):  # no others: their kind would be lost
            return {type(value).__name__: self._items(value, key, what, cure)}
        if isinstance(value, Mapping):
            return {
                "dict": self._items(value, f"{key}.keys", what, cure),
                "values": self._items(value.values(), f"{key}.values", what, cure),
            }
        if isinstance(value, SeenRows):
            return {"SeenRows": self.encode(vars(value), key, what, cure)}
        raise ValueError(
            f"{what} cannot be saved, since {type(value).__name__} is neither number nor text; "
            f"{cure}."
        )

    def _items(self, values: Any, key: str, what: str, cure: str) -> list[Any]:
        return [self.encode(item, f"{key}.{i}", what, cure) for i, item in enumerate(values)]


def decode(value: Any, tensors: Mapping[str, np.ndarray]) -> Any:
    """Return the value that was encoded.

    Parameters
    ----------
    value : object
        What :meth:`Encoder.encode` returned.

    tensors : dict of str to ndarray
        What it put aside.

    Returns
    -------
    object
        The value; NumPy's numbers have become Python's.
    """
    if not isinstance(value, dict):
        return value
    kind, content = next(iter(value.items()))
    if kind == "tensor":
        return tensors[content]
    if kind == "SeenRows":
        return SeenRows(**decode(content, tensors))
    items = [decode(item, tensors) for item in content]
    if kind == "array":
        result = np.empty(len(items), dtype=np.dtype(value["dtype"]))
        result[:] = items
        return result.reshape(value["shape"])
    if kind == "dict":
        values = [decode(item, tensors) for item in value["values"]]
        return dict(zip(items, values, strict=True))
    return {"list": list, "tuple": tuple}[kind](items)
