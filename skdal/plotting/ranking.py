"""The picture of how samplers rank a pool: rank against rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from skdal.metrics import spearman
from skdal.plotting._style import break_name, check_matplotlib

_MOST_COLUMNS = 4
_SIDE = 2.3  # of a panel, in inches


class RankingDisplay:
    """Do samplers rank a pool alike? The rank by one over the rank by another, as a density.

    Make it by :meth:`from_scores`. All parameters are stored as attributes.

    Every panel is a two-dimensional histogram of the rows of the pool. Its shades are the rows of
    a cell over those that independent rankings would have there. A dark diagonal means that both
    samplers rank alike, an even gray that the one says nothing about the other (section 5.5 of
    [1]_).

    Parameters
    ----------
    ranks : dict of str to ndarray of shape (n_rows,)
        By sampler, the ranks of the rows: 1 is the row to label first. Equal scores share
        their mean rank.

    correlations : dict of (str, str) to float
        By pair of samplers, Spearman's coefficient. These pairs are drawn, the first of a
        pair along the horizontal axis.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes of shape (n_pairs,)
        The panels, in the order of ``correlations``.

    figure_ : matplotlib Figure
        The figure of ``ax_``.

    images_ : dict of (str, str) to matplotlib AxesImage
        By pair, its histogram: how many times the rows that independent rankings would have
        there.

    colorbar_ : matplotlib Colorbar
        What the shades mean, the same in all panels.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from skdal.plotting import RankingDisplay
    >>> a, b = np.random.RandomState(0).rand(2, 1000)
    >>> display = RankingDisplay.from_scores(
    ...     {"a": a, "a plus noise": a + 0.1 * b, "b": b}, ax=Figure().subplots()
    ... )
    >>> [panel.get_title() for panel in display.ax_]
    ['Spearman 0.99', 'Spearman 0.00', 'Spearman 0.11']
    """

    def __init__(
        self,
        *,
        ranks: Mapping[str, np.ndarray],
        correlations: Mapping[tuple[str, str], float],
    ) -> None:
        self.ranks = ranks
        self.correlations = correlations

    @classmethod
    def from_scores(
        cls,
        scores: Mapping[str, ArrayLike],
        *,
        reference: str | None = None,
        ax: Any = None,
        n_bins: int | None = None,
        image_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the rankings that scores make.

        Parameters
        ----------
        scores : mapping of str to array-like of float of shape (n_rows,)
            By sampler, the scores of the same rows, higher for those to label sooner. At
            least two samplers.

        reference : str, default=None
            The sampler that the others are held against, each in a panel. None draws every
            pair, in a triangle.

        ax : matplotlib Axes or array of Axes of shape (n_pairs,), default=None
            Where to draw: one for every panel, or one whose place they share. None makes a
            new figure.

        n_bins : int, default=None
            Bins of either axis. None is as many as leave ten rows a cell, between 5 and 40.

        image_kw : dict, default=None
            Passed to every ``imshow``, where it takes precedence.

        Returns
        -------
        RankingDisplay
            Drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are fewer than two samplers, their scores are of different length or not
            finite, or ``reference`` is none of them.
        """
        correlations = spearman(scores)
        if reference is not None:
            if reference not in scores:
                raise ValueError(
                    f"reference={reference!r} is none of the samplers {', '.join(scores)}."
                )
            correlations = {
                (a if b == reference else b, reference): value
                for (a, b), value in correlations.items()
                if reference in (a, b)
            }
        # The largest score is to be labeled first.
        ranks = {name: rankdata(-np.asarray(values)) for name, values in scores.items()}
        display = cls(ranks=ranks, correlations=correlations)
        return display.plot(ax, n_bins=n_bins, image_kw=image_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        n_bins: int | None = None,
        image_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the rankings.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes of shape (n_pairs,), default=None
            Where to draw: one for every panel, or one whose place they share. None makes a
            new figure.

        n_bins : int, default=None
            Bins of either axis. None is as many as leave ten rows a cell, between 5 and 40.

        image_kw : dict, default=None
            Passed to every ``imshow``, where it takes precedence.

        Returns
        -------
        RankingDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are more or fewer axes than pairs, or one axes that was drawn on before, or
            has no place in a grid.
        """
        check_matplotlib()
        from matplotlib.colors import PowerNorm

        pairs = list(self.correlations)
        places = _places(pairs, list(self.ranks))
        panels, places = _panels(ax, places)
        n_rows = len(next(iter(self.ranks.values())))
        if n_bins is None:
            n_bins = int(np.clip(np.sqrt(n_rows / 10), 5, 40))
        ends = 0.5, n_rows + 0.5
        densities = [
            np.histogram2d(self.ranks[a], self.ranks[b], bins=n_bins, range=(ends, ends))[0]
            * (n_bins**2 / n_rows)
            for a, b in pairs
        ]
        # The root shows an even density beside a diagonal that is many times as dense.
        norm = PowerNorm(0.5, vmin=0, vmax=max(density.max() for density in densities))
        own = dict(image_kw or {})
        if "norm" not in own:
            # The ends of a scale are those of its norm.
            norm.vmin, norm.vmax = own.pop("vmin", norm.vmin), own.pop("vmax", norm.vmax)
        style = {"cmap": "Blues", "norm": norm, "origin": "lower", "extent": ends * 2} | own
        drawn = dict(zip(places, pairs, strict=True))
        before = vars(self)
        if set(panels) == set(before.get("ax_", ())):
            # Drawn anew, not on top.
            for artist in (before["colorbar_"], *before["images_"].values()):
                artist.remove()
        self.images_: dict[tuple[str, str], Any] = {}
        for panel, (row, column), density in zip(panels, places, densities, strict=True):
            a, b = drawn[row, column]
            # An image has its rows along the vertical axis.
            self.images_[a, b] = panel.imshow(density.T, **style)
            panel.set_title(f"Spearman {self.correlations[a, b]:.2f}", fontsize="medium")
            panel.set(xticks=[], yticks=[])
            # What the panel below or to the left says already is not said again.
            if drawn.get((row + 1, column), ("", ""))[0] != a:
                panel.set_xticks([1, n_rows], ["1", f"{n_rows:,}"])
                panel.set_xlabel(f"Rank by {break_name(a)}")
            if drawn.get((row, column - 1), ("", ""))[1] != b:
                panel.set_yticks([1, n_rows], ["1", f"{n_rows:,}"])
                panel.set_ylabel(f"Rank by {break_name(b)}")
        self.ax_, self.figure_ = panels, panels[0].figure
        self.colorbar_ = self.figure_.colorbar(
            self.images_[pairs[0]],
            ax=list(panels),
            aspect=30,
            label="Rows of a cell, relative to\nindependent rankings (= 1)",
        )
        return self


def figure_size(n_samplers: int, has_reference: bool) -> tuple[float, float]:
    """Return width and height in inches of a figure that holds the rankings of some samplers.

    Parameters
    ----------
    n_samplers : int
        Two or more.

    has_reference : bool
        Whether they are held against one of them, not in pairs.

    Examples
    --------
    >>> from skdal.plotting.ranking import figure_size
    >>> figure_size(3, has_reference=False)
    (5.6, 5.1)
    """
    n = n_samplers - 1
    shape = (-(-n // _MOST_COLUMNS), min(n, _MOST_COLUMNS)) if has_reference else (n, n)
    return _size(shape)


def _size(shape: tuple[int, ...]) -> tuple[float, float]:
    return _SIDE * shape[1] + 1, _SIDE * shape[0] + 0.5


def _places(pairs: list[tuple[str, str]], names: list[str]) -> list[tuple[int, int]]:
    """Return row and column of every panel: a triangle, or lines where there is one reference."""
    if len({b for _, b in pairs}) == 1:
        return [divmod(number, _MOST_COLUMNS) for number in range(len(pairs))]
    rows = sorted({names.index(b) for _, b in pairs})
    columns = sorted({names.index(a) for a, _ in pairs})
    return [(rows.index(names.index(b)), columns.index(names.index(a))) for a, b in pairs]


def _panels(ax: Any, places: list[tuple[int, int]]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return the axes of the panels, and where they lie."""
    if isinstance(ax, Sequence | np.ndarray):
        given = np.array(ax, dtype=object).ravel()
        if len(given) != len(places):
            raise ValueError(
                f"ax holds {len(given)} axes, but there are {len(places)} pairs of samplers; pass "
                "one for each, or a single one whose place they share."
            )
        # Whoever places them himself may have placed them anywhere: none next to another.
        return given, [(2 * number, 0) for number in range(len(given))]
    if ax is not None and len(places) == 1:
        return np.array([ax]), places
    shape = tuple(np.max(places, axis=0) + 1)
    if ax is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=_size(shape), layout="constrained")
        grid = figure.add_gridspec(*shape)
    else:
        spec = ax.get_subplotspec()
        if spec is None:
            raise ValueError(
                "ax has no place in a grid that the panels could share; make it by "
                "figure.subplots(), or pass one axes for each panel."
            )
        if not ax.axison:
            raise ValueError(
                "ax was drawn on before, and its place is taken; pass another one, or "
                "display.ax_, the panels that are there."
            )
        ax.set_axis_off()
        figure, grid = ax.figure, spec.subgridspec(*shape)
    return np.array([figure.add_subplot(grid[place]) for place in places]), places
