"""The status of a pool, as ``skdal query --status`` shows it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table
    from sklearn.utils import Bunch

    from skdal.tables import Labels

_MOST_CLASSES = 20
_NO_BREAK = "\u00a0"
# Of the second column, so that the table fits 80.
_WIDTH = 58
# Above that, what is seen may be chance.
_LEVEL = 0.05


def status_table(pool: Bunch, labels: Labels, status: Bunch) -> Table:
    """Return the status of a pool as a table.

    Parameters
    ----------
    pool : Bunch
        Of :func:`~skdal.tables.open_pool`.

    labels : Labels
        What is known.

    status : Bunch
        Of :func:`~skdal.tables.pool_status`.

    Returns
    -------
    Table
        Counts; and each figure with what it means, and what to do about it.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_header=False, show_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(pool, labels, status):
        # As Text, since rich takes brackets for markup.
        table.add_row(Text(name), Text(value))
    return table


def _lines(pool: Bunch, labels: Labels, status: Bunch) -> Iterator[tuple[str, str]]:
    X, n_labels = pool.X, len(labels.rows)
    yield "Pool", str(pool.path)
    yield "Rows", f"{len(X):,} of {' x '.join(map(str, X.shape[1:]))} {X.dtype}"
    yield "Labeled", f"{n_labels:,}, {_percent(n_labels, len(X))} of the rows"
    yield "Cannot be labeled", f"{len(labels.skipped):,}"
    yield "Unlabeled", f"{status.n_unlabeled:,}"
    if labels.classes is None and n_labels:
        values = labels.values
        yield (
            "Labels",
            f"from {values.min():.4g} to {values.max():.4g}, mean {values.mean():.4g}",
        )
    if labels.classes:
        yield "Classes", _classes(labels)
    yield "H-divergence", "\n".join(_divergence(status))
    yield "Covering radius", "\n".join(_radius(len(X) - len(labels.skipped), status))


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return "less than 0.1 %" if 0 < share < 0.1 else f"{share:.1f} %"


def _classes(labels: Labels) -> str:
    counts = sorted(labels.counts().items(), key=lambda pair: -pair[1])
    shown = [f"{name}: {number:,}" for name, number in counts[:_MOST_CLASSES]]
    if len(counts) > _MOST_CLASSES:
        shown.append(f"and {len(counts) - _MOST_CLASSES} with no more")
    # A line must not end within a name, or between it and its number.
    text = ", ".join(part.replace(" ", _NO_BREAK) for part in shown)
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_NO_BREAK, " ")


def _divergence(status: Bunch) -> Iterator[str]:
    if status.test is None:
        yield "not measured: takes 5 labeled and 5 other rows, not equal"
        return
    test, n_rows = status.test, status.n_compared
    yield (
        f"{_number(test.divergence)} (95 %: up to {_number(test.limit)}), p = {test.p_value:.2f}, "
        f"{n_rows:,} rows against {n_rows:,}"
    )
    yield "Labeled rows and others: 0 or less, alike; 2, far apart."
    if test.p_value <= _LEVEL:
        yield "They differ, as p is small: label more."
    else:
        yield "No difference is seen: a test set tells when to stop."


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # without it, there would be -0.00


def _radius(n_rows: int, status: Bunch) -> Iterator[str]:
    if status.radius is None:
        yield "not measured: no row is labeled"
        return
    if status.n_covered < n_rows:
        yield f"{status.radius:.4g} or more, by {status.n_covered:,} rows drawn at random"
    else:
        yield f"{status.radius:.4g}"
    yield "The farthest that a row is from the nearest labeled one."
    yield "If it stays high, label what --sampler core-set chooses."
