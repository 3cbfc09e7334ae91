"""Checksums of objects that text does not tell apart, the same in every process."""

from __future__ import annotations

import pickle
import sys
from typing import Any

from joblib.hashing import NumpyHasher

from skdal._torch import is_network, is_skorch


def fingerprint(value: Any) -> str:
    """Return a checksum of an object: of its arrays, weights and all else that it holds.

    What a network was trained with, such as the seconds of its epochs, does not count: it is told
    by its weights.

    Parameters
    ----------
    value : object
        Such as a fitted estimator, a tensor, a RandomState.

    Returns
    -------
    str
        Hexadecimal.

    Raises
    ------
    ValueError
        If it cannot be pickled, so that it has no checksum.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.experiments.fingerprint import fingerprint
    >>> first, again, other = (np.random.RandomState(seed) for seed in (0, 0, 1))
    >>> fingerprint(first) == fingerprint(again), fingerprint(first) == fingerprint(other)
    (True, False)
    """
    try:
        return str(_Hasher().hash(value))
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise ValueError(
            f"{value!r} cannot be told from others of its kind, for it cannot be pickled: {error}. "
            "Without a directory to resume from it can be compared."
        ) from error


class _Hasher(NumpyHasher):
    """joblib's, with the weights of networks in place of what torch pickles, which varies."""

    def __init__(self) -> None:
        super().__init__("md5", coerce_mmap=True)

    def save(self, obj: Any) -> None:
        super().save(_without_torch(obj))


def _without_torch(value: Any) -> Any:
    torch = sys.modules.get("torch")
    if torch is None:
        return value
    if is_skorch(value):
        fitted = value.initialized_
        return type(value).__qualname__, dict(value.module_.state_dict()) if fitted else None
    if is_network(value):
        fitted = {name: getattr(value, name) for name in value._fitted() if name != "net_"}
        weights = dict(value.net_.module_.state_dict()) if "net_" in vars(value) else None
        return type(value).__qualname__, fitted, weights
    if isinstance(value, torch.nn.Module):
        return type(value).__qualname__, repr(value), dict(value.state_dict())
    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu()
        # numpy has no bfloat16; every value of it is one of float32.
        return (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
    return value
