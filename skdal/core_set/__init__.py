"""Core-set on arrays: greedy k-center, the robust integer program, and two rounds over parts.

The public names are loaded when they are first asked for, so that greedy needs no PuLP.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skdal.core_set.greedy import covering_radius, greedy_k_center
    from skdal.core_set.robust import robust_k_center
    from skdal.core_set.two_rounds import first_round, second_round

_HOME = {
    "covering_radius": "skdal.core_set.greedy",
    "first_round": "skdal.core_set.two_rounds",
    "greedy_k_center": "skdal.core_set.greedy",
    "robust_k_center": "skdal.core_set.robust",
    "second_round": "skdal.core_set.two_rounds",
}

__all__ = ["covering_radius", "first_round", "greedy_k_center", "robust_k_center", "second_round"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'skdal.core_set' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
