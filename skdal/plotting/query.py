"""The picture of a query: labeled rows, the pool, and what is to be labeled next."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _num_samples, check_is_fitted

from skdal._pool import as_matrix
from skdal.plotting._style import COLORS, new_axes, styled


class QueryDisplay:
    """Where a query lies among the labeled rows and the pool, in two dimensions.

    Make it by :meth:`from_sampler` or :meth:`from_arrays`. All parameters are stored as
    attributes.

    Parameters
    ----------
    X : ndarray of shape (n_rows, 2)
        Where every row is drawn.

    labeled_rows : ndarray of int of shape (n_labeled,)
        Rows that are labeled.

    query_rows : ndarray of int of shape (n_instances,)
        Rows that were chosen to be labeled next.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.

    figure_ : matplotlib Figure
        The figure of ``ax_``.

    points_ : dict of str to matplotlib PathCollection
        The points: ``"pool"``, ``"labeled"`` and ``"query"``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import make_moons
    >>> from skdal import CoreSetSampler
    >>> from skdal.plotting import QueryDisplay
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> y[10:] = -1  # only the first 10 rows are labeled
    >>> sampler = CoreSetSampler().fit(X, y)
    >>> display = QueryDisplay.from_sampler(sampler, X, 8, ax=Figure().subplots())
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['Pool (182)', 'Labeled (10)', 'Query (8)']
    """

    def __init__(self, *, X: np.ndarray, labeled_rows: np.ndarray, query_rows: np.ndarray) -> None:
        self.X = X
        self.labeled_rows = labeled_rows
        self.query_rows = query_rows

    @classmethod
    def from_sampler(
        cls, sampler: Any, X: Any, n_instances: int = 1, *, ax: Any = None, **scatter_kw: Any
    ) -> Self:
        """Ask a fitted sampler, and draw what it chooses out of the pool of ``fit``.

        Parameters
        ----------
        sampler : fitted sampler, or Pipeline that ends in one
            It is not changed.

        X : array-like or sparse matrix of shape (n_rows, ...)
            The rows of ``fit``, all of them, in the same order: as they were, or where to draw
            them. Where they have more than two features, the two principal components are
            drawn.

        n_instances : int, default=1
            How many rows to choose.

        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        **scatter_kw : dict
            Passed to every ``scatter``, where it takes precedence.

        Returns
        -------
        QueryDisplay
            Drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``X`` has more or fewer rows than that of ``fit``, or fewer than two features, or
            the pool holds fewer than ``n_instances``.
        """
        last = sampler[-1] if isinstance(sampler, Pipeline) else sampler
        check_is_fitted(last)
        n_rows = len(last.labeled_rows_) + len(last.pool_rows_)
        found = _num_samples(X)
        if found != n_rows:
            raise ValueError(
                f"X has {found} rows, but that of fit had {n_rows}; pass a place for every row of "
                "fit, labeled or not."
            )
        query_rows = last.query(n_instances=n_instances)
        return cls.from_arrays(X, last.labeled_rows_, query_rows, ax=ax, **scatter_kw)

    @classmethod
    def from_arrays(
        cls,
        X: Any,
        labeled_rows: ArrayLike,
        query_rows: ArrayLike,
        *,
        ax: Any = None,
        **scatter_kw: Any,
    ) -> Self:
        """Draw a query that was made.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_rows, ...)
            All rows. Where they have more than two features, the two principal components are
            drawn.

        labeled_rows : array-like of int of shape (n_labeled,)
            Rows that are labeled; there may be none.

        query_rows : array-like of int of shape (n_instances,)
            Rows that were chosen. All others are the pool.

        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        **scatter_kw : dict
            Passed to every ``scatter``, where it takes precedence.

        Returns
        -------
        QueryDisplay
            Drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``X`` has fewer than two features, there are no such rows in it, or a row is named
            twice.
        """
        places = _in_two_dimensions(X)
        labeled = _checked("labeled_rows", labeled_rows, len(places))
        query = _checked("query_rows", query_rows, len(places))
        if len(both := np.intersect1d(labeled, query)):
            raise ValueError(
                f"Row {both[0]} is in labeled_rows and in query_rows; pass the labels as they were "
                "when the query was made."
            )
        display = cls(X=places, labeled_rows=labeled, query_rows=query)
        return display.plot(ax, **scatter_kw)

    def plot(self, ax: Any = None, **scatter_kw: Any) -> Self:
        """Draw the query.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        **scatter_kw : dict
            Passed to every ``scatter``, where it takes precedence.

        Returns
        -------
        QueryDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = new_axes(ax)
        rest = np.ones(len(self.X), dtype=bool)
        rest[self.labeled_rows] = rest[self.query_rows] = False
        # Told apart in greyscale: by shape, size and lightness, and the query has an edge.
        styles = {
            "pool": (np.flatnonzero(rest), {"marker": "o", "s": 8, "color": "#BBBBBB"}),
            "labeled": (self.labeled_rows, {"marker": "s", "s": 28, "color": COLORS[0]}),
            "query": (
                self.query_rows,
                {"marker": "^", "s": 60, "color": "#F0E442", "edgecolor": "black"},
            ),
        }
        self.points_ = {}
        for order, (name, (rows, style)) in enumerate(styles.items()):
            # In vector graphics a large pool would be a large file.
            common = {"linewidth": 0.8, "zorder": 2 + order, "rasterized": name == "pool"}
            label = f"{name.capitalize()} ({len(rows):,})"
            own = styled(style | common | {"label": label}, scatter_kw, "points")
            self.points_[name] = ax.scatter(*self.X[rows].T, **own)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _in_two_dimensions(X: Any) -> np.ndarray:
    rows = as_matrix(X)
    if rows.shape[1] < 2:
        raise ValueError(
            f"X has the shape {rows.shape}, but a place in the plane is two numbers; add a column, "
            "such as np.zeros(len(X))."
        )
    if rows.shape[1] > 2:
        return np.asarray(PCA(2, random_state=0).fit_transform(rows))
    return np.asarray(rows.toarray() if sp.issparse(rows) else rows)


def _checked(name: str, rows: ArrayLike, n_rows: int) -> np.ndarray:
    array = np.asarray(rows)
    if not array.size:
        return np.empty(0, dtype=int)
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= n_rows:
        raise ValueError(
            f"{name} must be row numbers of X, from 0 to {n_rows - 1}, in one dimension; turn a "
            "mask into numbers by np.flatnonzero(mask)."
        )
    if len(np.unique(array)) < len(array):
        raise ValueError(f"{name} names a row twice; pass np.unique({name}).")
    return array
