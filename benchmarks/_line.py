"""A line of the table of ratios, and how its figures are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Results = dict[str, Any]


class NotMeasuredError(Exception):
    """There are results, but this was not asked for."""


@dataclass(frozen=True)
class Line:
    """One line of the table; `name` is the file of benchmarks/results/bench it is read from."""

    what: str
    name: str
    value: Callable[[Results], float]
    measured: Callable[[Results], str]
    how: str
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "x"

    def told(self, value: float) -> str:
        """Write a value in its unit."""
        if self.unit == "%":
            return f"{100 * value:.3g} %"
        number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        return f"{number} {self.unit}".strip()

    @property
    def goal(self) -> str:
        if self.at_least is not None:
            return f"at least {self.told(self.at_least)}"
        return "" if self.at_most is None else f"at most {self.told(self.at_most)}"

    def missed(self, value: float) -> bool:
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        return not low <= value <= high


def beside(ours: float, theirs: float, unit: str = "s") -> str:
    return f"{ours:.3g} {unit} beside {theirs:.3g} {unit}"


def timed(r: Results, ours: str = "ours_seconds", theirs: str = "peer_seconds") -> str:
    return beside(r[ours], r[theirs])


def span(values: Any, form: str = "{:.3g}") -> str:
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low} to {high}"
