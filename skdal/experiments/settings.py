"""What the numbers of a comparison depend on, as text that can be compared."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import joblib
import numpy as np

import skdal

_PACKAGES = ("numpy", "scipy", "scikit-learn", "skorch", "torch")


def described(value: Any) -> str:
    """Return a parameter as text that is the same in every process, nested ones too.

    Parameters
    ----------
    value : object
        An estimator, or a parameter of one.

    Examples
    --------
    >>> from skdal import RandomSampler
    >>> from skdal.experiments.settings import described
    >>> described(RandomSampler())
    'RandomSampler(random_state=None)'
    """
    if isinstance(value, type) or (hasattr(value, "__qualname__") and hasattr(value, "__module__")):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "get_params"):
        params = sorted(value.get_params(deep=False).items())
        return f"{type(value).__name__}({', '.join(f'{k}={described(v)}' for k, v in params)})"
    if isinstance(value, np.ndarray):
        return f"array(shape={value.shape}, dtype={value.dtype}, checksum={joblib.hash(value)})"
    if isinstance(value, Mapping):
        items = [f"{described(k)}: {described(v)}" for k, v in value.items()]
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(described, value))}]"
    # An address is another one in every process.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def environment() -> dict[str, Any]:
    """Return what the numbers may depend on besides the settings: versions and machine.

    Examples
    --------
    >>> from skdal.experiments.settings import environment
    >>> list(environment())[:2]
    ['python', 'skdal']
    """
    import torch

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
    return {
        "python": platform.python_version(),
        "skdal": skdal.__version__,
        **{package: version(package) for package in _PACKAGES},
        "platform": f"{sys.platform} {platform.machine()}",
        "cores": joblib.cpu_count(),
        "device": device,
    }
