"""What the numbers of a comparison depend on, as text that can be compared."""

from __future__ import annotations

import functools
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from inspect import Parameter, signature
from numbers import Number
from types import CodeType, FunctionType
from typing import Any

import joblib
import numpy as np
import scipy.sparse as sp
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import _num_samples

import skdal
from skdal.experiments.fingerprint import fingerprint

_PACKAGES = ("numpy", "scipy", "scikit-learn", "skorch", "torch")
# That of strategies which are samplers, and the sign of one in a text.
_STRATEGIES = ("scikit-activeml", "SkactivemlSampler(")

# What repr tells apart.
_PLAIN = (
    *(Enum, Number, bytes, os.PathLike, range, slice, str),
    *(np.dtype, np.generic, type(None), type(...)),
)


def described(value: Any, before: str | None = None) -> str:
    """Return a parameter as text that is the same in every process, nested ones too.

    What text cannot tell apart has a checksum in it: arrays, random states, weights of a frozen
    model, the code of a lambda.

    Parameters
    ----------
    value : object
        An estimator, or a parameter of one.

    before : str or None, default=None
        A text from before. A parameter that it does not know is left out where it has its
        default, with which an estimator does what it did without it.

    Raises
    ------
    ValueError
        If it is something that has no checksum, since it cannot be pickled.

    Examples
    --------
    >>> from skdal import RandomSampler
    >>> from skdal.experiments.settings import described
    >>> described(RandomSampler())
    'RandomSampler(random_state=None)'
    """
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, FunctionType) and "<" in value.__qualname__:
        # A name that others have too: <lambda>, or something within a function.
        return f"{value.__module__}.{value.__qualname__}({_code(value)})"
    if hasattr(value, "__qualname__") and hasattr(value, "__module__"):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, functools.partial):
        parts = described((value.func, value.args, value.keywords))
        return f"functools.partial({parts[1:-1]})"
    if hasattr(value, "get_params"):
        params = sorted(value.get_params(deep=False).items())
        texts = [f"{k}={described(v, before)}" for k, v in params]
        if before is not None:
            defaults = [f"{k}={described(v)}" for k, v in _defaults(type(value)).items()]
            texts = [t for t in texts if t not in defaults or t.split("=")[0] + "=" in before]
        if isinstance(value, FrozenEstimator):
            texts.append(f"checksum={fingerprint(value.estimator)}")
        return f"{type(value).__name__}({', '.join(texts)})"
    if isinstance(value, np.ndarray):
        return f"array(shape={value.shape}, dtype={value.dtype}, checksum={fingerprint(value)})"
    if sp.issparse(value):
        parts = f"shape={value.shape}, dtype={value.dtype}, checksum={fingerprint(value.tocoo())}"
        return f"{type(value).__name__}({parts})"
    if isinstance(value, Mapping):
        items = [f"{described(k)}: {described(v, before)}" for k, v in value.items()]
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(described(part, before) for part in value)}]"
    if isinstance(value, set | frozenset):
        # Their order is another one in every process.
        return f"{type(value).__name__}({', '.join(sorted(map(described, value)))})"
    if isinstance(value, _PLAIN):
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    return f"{type(value).__name__}(checksum={fingerprint(value)})"


def _defaults(kind: type) -> dict[str, Any]:
    params = signature(kind).parameters
    return {name: p.default for name, p in params.items() if p.default is not Parameter.empty}


def _code(function: FunctionType) -> str:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    # Not more of a function in a cell, which may be this one.
    around = [_instructions(c.__code__) if isinstance(c, FunctionType) else c for c in cells]
    parts = [_instructions(function.__code__), function.__defaults__, function.__kwdefaults__]
    return f"checksum={joblib.hash([described(part) for part in (*parts, *around)])}"


def _instructions(code: CodeType) -> list[Any]:
    constants = [
        _instructions(part) if isinstance(part, CodeType) else part for part in code.co_consts
    ]
    return [code.co_code, code.co_names, constants]


def experiment_of(
    estimator: Any,
    data: Mapping[str, Any],
    sizes: Mapping[str, int],
    *,
    divergence: bool = False,
    random_state: int = 0,
) -> dict[str, Any]:
    """Return what may not change in a comparison that is resumed.

    Parameters
    ----------
    estimator : estimator
        The task model.

    data : mapping of str to array-like
        ``X``, ``y``, ``X_test`` and ``y_test``.

    sizes : mapping of str to int
        ``n_initial``, ``n_instances`` and ``n_queries``.

    divergence : bool, default=False
        Whether it is measured.

    random_state : int, default=0
        The seed.

    Returns
    -------
    dict of JSON values, and ``estimator``
        Data are told by their checksums: the one of all, which folders have from the beginning,
        and those of each.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal.datasets import load
    >>> from skdal.experiments.settings import experiment_of
    >>> sizes = {"n_initial": 20, "n_instances": 30, "n_queries": 6}
    >>> experiment_of(LogisticRegression(), load("digits"), sizes)["n_rows"]
    1198
    """
    arrays = {name: _as_hashed(data[name]) for name in ("X", "y", "X_test", "y_test")}
    return {
        "estimator": estimator,
        **{name: int(size) for name, size in sizes.items()},
        "divergence": bool(divergence),
        "random_state": int(random_state),
        "n_rows": _num_samples(data["X"]),
        "n_test_rows": _num_samples(data["X_test"]),
        "checksum": joblib.hash(tuple(arrays.values())),
        "checksums": {name: joblib.hash(array) for name, array in arrays.items()},
    }


def _as_hashed(data: Any) -> Any:
    # Numbers are the same in a file, in memory, by rows and by columns.
    return np.ascontiguousarray(data) if isinstance(data, np.ndarray) else data


def environment(texts: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the numbers may depend on besides the settings: versions and machine.

    Parameters
    ----------
    texts : sequence of str
        What is compared, by :func:`described`. The version of scikit-activeml counts where a
        strategy of it is among them.

    Examples
    --------
    >>> from skdal.experiments.settings import environment
    >>> list(environment())[:2]
    ['python', 'skdal']
    """
    import torch

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
    packages = {package: version(package) for package in _PACKAGES}
    package, sign = _STRATEGIES
    if any(sign in text for text in texts):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            packages[package] = "unknown"
    return {
        "python": platform.python_version(),
        "skdal": skdal.__version__,
        **packages,
        "platform": f"{sys.platform} {platform.machine()}",
        "cores": joblib.cpu_count(),
        "device": device,
    }
