"""The picture of a comparison: learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any, Self

import numpy as np

from skdal.experiments.results import curves
from skdal.plotting._style import COLORS, LINES, MARKERS, break_name, new_axes

# More than these hide one another, and the curves too.
MOST_BANDS = 3


class LearningCurveDisplay:
    """Learning curves of samplers: the score over the number of labels.

    Make it by :meth:`from_results`. All parameters are stored as attributes.

    Up to three curves have a band of one standard deviation to either side. Where there are
    more, it is drawn as bars, at some points of each curve and at others of the next, and the
    legend stands beside the axes, best curve first, if the layout of the figure makes room for it.

    Parameters
    ----------
    n_labels : dict of str to ndarray of shape (n_points,)
        By sampler, the labels that were used.

    scores : dict of str to ndarray of shape (n_repeats, n_points)
        By sampler, the scores of all its runs.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.

    figure_ : matplotlib Figure
        The figure of ``ax_``.

    lines_ : dict of str to matplotlib Line2D
        The mean curve of every sampler.

    bands_ : dict of str to matplotlib collection or ErrorbarContainer
        One standard deviation to either side of it, as a band or as bars.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import RandomSampler
    >>> from skdal.datasets import load
    >>> from skdal.experiments import compare
    >>> from skdal.plotting import LearningCurveDisplay
    >>> results = compare(
    ...     {"random": RandomSampler()}, LogisticRegression(), **load("digits"), n_repeats=2
    ... )
    >>> display = LearningCurveDisplay.from_results(results, ax=Figure().subplots())
    >>> display.lines_["random"].get_xdata()[[0, -1]].tolist()
    [20, 200]
    """

    def __init__(self, *, n_labels: dict[str, np.ndarray], scores: dict[str, np.ndarray]) -> None:
        self.n_labels = n_labels
        self.scores = scores

    @classmethod
    def from_results(
        cls,
        results: Sequence[dict[str, Any]],
        *,
        ax: Any = None,
        score_name: str = "Score",
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the learning curves of a comparison.

        Parameters
        ----------
        results : sequence of dict
            What :func:`~skdal.experiments.compare` returns.

        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        score_name : str, default="Score"
            Label of the vertical axis.

        line_kw : dict, default=None
            Passed to every ``plot``, where it takes precedence.

        Returns
        -------
        LearningCurveDisplay
            Drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the runs of a sampler differ in ``n_labels``, or there is none.
        """
        by_sampler = curves(results)
        if not by_sampler:
            raise ValueError("results is empty, so there is no curve to draw.")
        n_labels, scores = {}, {}
        for name, runs in by_sampler.items():
            n_labels[name] = next(iter(runs.values()))[0]
            if any(not np.array_equal(points, n_labels[name]) for points, _ in runs.values()):
                raise ValueError(
                    f"The runs of sampler {name!r} differ in n_labels, so they have no mean "
                    "curve; draw the results of one comparison at a time."
                )
            scores[name] = np.array([scores for _, scores in runs.values()])
        display = cls(n_labels=n_labels, scores=scores)
        return display.plot(ax, score_name=score_name, line_kw=line_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        score_name: str = "Score",
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the learning curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        score_name : str, default="Score"
            Label of the vertical axis.

        line_kw : dict, default=None
            Passed to every ``plot``, where it takes precedence.

        Returns
        -------
        LearningCurveDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = new_axes(ax)
        self.lines_, self.bands_ = {}, {}
        many = len(self.scores) > MOST_BANDS
        styles = zip(cycle(COLORS), cycle(LINES), cycle(MARKERS), strict=False)
        for number, (name, scores) in enumerate(self.scores.items()):
            color, line, marker = next(styles)
            x, mean = self.n_labels[name], scores.mean(axis=0)
            deviation = scores.std(axis=0, ddof=min(1, len(scores) - 1))
            style = {"color": color, "linestyle": line, "marker": marker, "markersize": 5}
            if many:
                # Where curves lie close, the edge parts their markers.
                style |= {"linewidth": 1.2, "markersize": 7}
                style |= {"markeredgecolor": "white", "markeredgewidth": 0.6}
            label = break_name(name)
            (self.lines_[name],) = ax.plot(x, mean, **style | {"label": label} | (line_kw or {}))
            if many:
                every = _bars_every(number, len(self.scores), len(x))
                self.bands_[name] = ax.errorbar(
                    x, mean, deviation, fmt="none", ecolor=color, elinewidth=1, errorevery=every,
                    capsize=2.5 if len(scores) > 1 else 0,
                )  # fmt: skip
            else:
                self.bands_[name] = ax.fill_between(
                    x, mean - deviation, mean + deviation, color=color, alpha=0.15, linewidth=0
                )
        n_repeats = max(len(scores) for scores in self.scores.values())
        ax.set_xlabel("Labels")
        ax.set_ylabel(
            score_name if n_repeats == 1 else f"{score_name} (mean ± SD of {n_repeats} runs)"
        )
        ax.grid(alpha=0.3)
        if many and ax.figure.get_layout_engine() is not None:
            best_first = sorted(
                self.lines_, key=lambda name: self.scores[name][:, -1].mean(), reverse=True
            )
            handles = [self.lines_[name] for name in best_first]
            ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1))
        else:
            ax.legend(loc="lower right")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _bars_every(number: int, n_curves: int, n_points: int) -> tuple[int, int]:
    """Return the first point of a curve that has a bar, and the step to the next one.

    There are about two bars over each number of labels, but two a curve at least.
    """
    step = max(1, min(n_curves // 2, n_points // 2))
    return number % step, step
