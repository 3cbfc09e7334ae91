"""The picture of a comparison: learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any, Self

import numpy as np

from skdal.experiments.results import curves
from skdal.plotting._style import COLORS, LINES, MARKERS, break_name, new_axes, styled

# More than these hide one another, and the curves too.
MOST_BANDS = 3


class LearningCurveDisplay:
    """Learning curves of samplers: the score over the number of labels.

    Make it by :meth:`from_results`. All parameters are stored as attributes.

    Up to three curves have a band of one standard deviation to either side. Where there are
    more, it is drawn as bars, at some points of each curve and at others of the next, and the
    legend stands beside the axes, best curve first, if the layout of the figure makes room for it.
    A single run has no deviation, and so no band. Where samplers differ in their number of runs,
    the legend tells it.

    Parameters
    ----------
    n_labels : dict of str to ndarray of shape (n_points,)
        By sampler, the labels that were used.

    scores : dict of str to ndarray of shape (n_repeats, n_points)
        By sampler, the scores of all its runs.

    score_name : str, default="Score"
        Label of the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.

    figure_ : matplotlib Figure
        The figure of ``ax_``.

    lines_ : dict of str to matplotlib Line2D
        The mean curve of every sampler.

    bands_ : dict of str to matplotlib collection or ErrorbarContainer
        One standard deviation to either side of it, as a band or as bars. None of a sampler with
        a single run.

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

    def __init__(
        self,
        *,
        n_labels: dict[str, np.ndarray],
        scores: dict[str, np.ndarray],
        score_name: str = "Score",
    ) -> None:
        self.n_labels = n_labels
        self.scores = scores
        self.score_name = score_name

    @classmethod
    def from_results(
        cls,
        results: Sequence[dict[str, Any]],
        *,
        ax: Any = None,
        score_name: str = "Score",
        line_kw: dict[str, Any] | None = None,
        fill_between_kw: dict[str, Any] | None = None,
        errorbar_kw: dict[str, Any] | None = None,
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

        fill_between_kw : dict, default=None
            Passed to every ``fill_between`` of a band, where it takes precedence.

        errorbar_kw : dict, default=None
            Passed to every ``errorbar``, where it takes precedence.

        Returns
        -------
        LearningCurveDisplay
            Drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the runs of a sampler differ in ``n_labels``, a score is missing in the middle of
            one, or there is none.
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
        display = cls(n_labels=n_labels, scores=scores, score_name=score_name)
        return display.plot(
            ax, line_kw=line_kw, fill_between_kw=fill_between_kw, errorbar_kw=errorbar_kw
        )

    def plot(
        self,
        ax: Any = None,
        *,
        score_name: str | None = None,
        line_kw: dict[str, Any] | None = None,
        fill_between_kw: dict[str, Any] | None = None,
        errorbar_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the learning curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        score_name : str or None, default=None
            Label of the vertical axis. None is that of the display.

        line_kw : dict, default=None
            Passed to every ``plot``, where it takes precedence.

        fill_between_kw : dict, default=None
            Passed to every ``fill_between`` of a band, where it takes precedence.

        errorbar_kw : dict, default=None
            Passed to every ``errorbar``, where it takes precedence.

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
        least, most = (choose(map(len, self.scores.values())) for choose in (min, max))
        styles = zip(cycle(COLORS), cycle(LINES), cycle(MARKERS), strict=False)
        for number, (name, scores) in enumerate(self.scores.items()):
            color, line, marker = next(styles)
            x, mean = self.n_labels[name], scores.mean(axis=0)
            style = {"color": color, "linestyle": line, "marker": marker, "markersize": 5}
            if many:
                # Where curves lie close, the edge parts their markers.
                style |= {"linewidth": 1.2, "markersize": 7}
                style |= {"markeredgecolor": "white", "markeredgewidth": 0.6}
            runs = f" ({len(scores)} run{'s' * (len(scores) > 1)})" if least < most else ""
            style["label"] = break_name(name) + runs
            (self.lines_[name],) = ax.plot(x, mean, **styled(style, line_kw, "line"))
            # Of the color that the line has in the end.
            color = self.lines_[name].get_color()
            if len(scores) == 1:
                continue
            deviation = scores.std(axis=0, ddof=1)
            if many:
                every = _bars_every(number, len(self.scores), len(x))
                bars = {"fmt": "none", "ecolor": color, "elinewidth": 1, "capsize": 2.5}
                bars |= {"errorevery": every} | (errorbar_kw or {})
                self.bands_[name] = ax.errorbar(x, mean, deviation, **bars)
            else:
                area = {"color": color, "alpha": 0.15, "linewidth": 0}
                self.bands_[name] = ax.fill_between(
                    x, mean - deviation, mean + deviation, **styled(area, fill_between_kw, "area")
                )
        ax.set_xlabel("Labels")
        score_name = self.score_name if score_name is None else score_name
        range_ = f"{least} to {most}" if least < most else str(most)
        ax.set_ylabel(score_name if most == 1 else f"{score_name} (mean ± SD of {range_} runs)")
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
