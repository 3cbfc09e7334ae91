"""What ``skdal query`` writes: the rows that were chosen, and the status of a pool."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from skdal.cli._common import count

if TYPE_CHECKING:
    from rich.table import Table
    from sklearn.utils import Bunch

    from skdal.tables import Labels
    from skdal.tables.ids import Ids

_MOST_CLASSES = 20


def check_output(
    target: Path | None, form: str | None, force: bool, inputs: Iterable[Path | None]
) -> str:
    """Find out before the work whether the output may be written, and as what.

    Parameters
    ----------
    target : pathlib.Path or None
        The file; None is standard output.

    form : str or None
        Its format; None is that of its name, CSV for standard output.

    force : bool
        Whether it may be replaced.

    inputs : iterable of pathlib.Path or None
        Files that must not be replaced.

    Returns
    -------
    str
        The format.

    Raises
    ------
    typer.BadParameter
        If the format is unknown, or the file may not or cannot be written.
    """
    import typer

    from skdal.tables.batch import FORMATS

    def refuse(message: str) -> None:
        raise typer.BadParameter(message, param_hint="--output")

    suffix = "csv" if target is None else target.suffix.lower().removeprefix(".")
    form = form or suffix
    if form not in FORMATS:
        raise typer.BadParameter(
            f"{form!r} is no format; choose among {', '.join(FORMATS)}, or let --output end in "
            ".csv or .json.",
            param_hint="--format",
        )
    if target is None:
        return form
    try:
        # A link that leads nowhere exists, too.
        if os.path.lexists(target):
            existing = [path for path in inputs if path is not None and path.exists()]
            if target.exists() and any(path.samefile(target) for path in existing):
                refuse(f"{target} is one of the files to read; choose another name.")
            if target.exists() and not target.is_file():
                refuse(f"{target} is a folder or a device; name a file.")
            if not force:
                refuse(f"{target} exists; choose another name, or replace it by --force.")
        folder = Path(os.path.realpath(target)).parent
        # What is missing of it is made at the end, when there is something to put into it.
        while not _is_there(folder):
            folder = folder.parent
        with TemporaryFile(dir=folder):
            pass
        _is_there(folder / target.name)
    except OSError as error:
        refuse(f"{target} cannot be made or written to: {error.strerror}.")
    return form


def _is_there(path: Path) -> bool:
    """Return whether there is a file; a name that cannot be one, such as too long, raises."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def check_stdout() -> None:
    """Find out before the work whether anything can be printed.

    Raises
    ------
    typer.Exit
        If standard output is closed.
    """
    import typer

    if sys.stdout is None:
        typer.echo("Error: Standard output is closed; name a file by --output.", err=True)
        raise typer.Exit(1)


def print_text(text: str) -> None:
    """Print data in UTF-8, as in a file, whatever the terminal has.

    Parameters
    ----------
    text : str
        With line breaks.
    """
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(text)
    else:
        sys.stdout.flush()
        binary.write(text.encode())
    sys.stdout.flush()


def takes_images(estimator: str | None) -> bool:
    """Return whether a task model may want rows that are no vectors.

    Parameters
    ----------
    estimator : str or None
        Its name. Only one with a dotted path may, such as a network of :mod:`skdal.neural`.
    """
    return estimator is not None and "." in estimator.split(":")[0]


def write(
    chosen: Bunch,
    ids: Ids | None,
    target: Path | None,
    form: str,
    items: Path | None,
    id_column: str | None,
    force: bool,
) -> str:
    """Write the rows that were chosen, and return what to print.

    Parameters
    ----------
    chosen : Bunch
        Of :func:`~skdal.tables.choose_rows`.

    ids : Ids or None
        Of the pool.

    target : pathlib.Path or None
        The file; None is standard output.

    form : str
        Its format.

    items : pathlib.Path or None
        What to put beside each row.

    id_column : str or None
        The column of ids in that file.

    force : bool
        Whether a file that exists may be replaced.

    Returns
    -------
    str
        The rows, if they are to be printed, or where they are.
    """
    import typer

    from skdal.tables import batch_records, write_batch
    from skdal.tables.batch import batch_text
    from skdal.tables.items import read_items

    if chosen.fallback:
        typer.echo(
            f"Note: {chosen.fallback}, so the rows are a core-set of rows drawn at random.",
            err=True,
        )
    more = None
    if items is not None:
        wanted = [str(row) if ids is None else ids[row] for row in chosen.rows.tolist()]
        more = read_items(items, wanted, id_column=id_column)
    records = batch_records(chosen.rows, chosen.scores, ids, more)
    if target is None:
        return batch_text(records, form)
    Path(os.path.realpath(target)).parent.mkdir(parents=True, exist_ok=True)
    write_batch(target, records, form, replace=force)
    return f"Wrote {count(len(records), 'row')} to label in {target}\n"


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
    X = pool.X
    yield "Pool", str(pool.path)
    yield "Rows", f"{len(X):,} of {' x '.join(map(str, X.shape[1:]))} {X.dtype}"
    yield "Labeled", f"{len(labels.rows):,}"
    yield "Cannot be labeled", f"{len(labels.skipped):,}"
    yield "Unlabeled", f"{status.n_unlabeled:,}"
    if labels.classes is None and len(labels.rows):
        values = labels.values
        yield (
            "Labels",
            f"from {values.min():.4g} to {values.max():.4g}, mean {values.mean():.4g}",
        )
    if labels.classes:
        counts = sorted(labels.counts().items(), key=lambda pair: -pair[1])
        shown = [f"{name}: {number:,}" for name, number in counts[:_MOST_CLASSES]]
        if len(counts) > _MOST_CLASSES:
            shown.append(f"and {len(counts) - _MOST_CLASSES} with no more")
        yield "Classes", ", ".join(shown)
    yield "H-divergence", _divergence(status)
    yield "Covering radius", _radius(len(X) - len(labels.skipped), status)


def _divergence(status: Bunch) -> str:
    if status.test is None:
        return "not measured: it takes five labeled and five unlabeled rows that differ"
    test, n_rows = status.test, status.n_compared
    return (
        f"{test.divergence:.2f}, upper limit {test.limit:.2f} (95 %), p = {test.p_value:.2f}; "
        f"{n_rows:,} labeled rows against {n_rows:,} others. 0: they look alike; 2: they differ."
    )


def _radius(n_rows: int, status: Bunch) -> str:
    if status.radius is None:
        return "not measured: no row is labeled"
    if status.n_covered < n_rows:
        return f"{status.radius:.4g} or more: of {status.n_covered:,} rows drawn at random"
    return f"{status.radius:.4g}: so far at most is a row from the nearest labeled one"
