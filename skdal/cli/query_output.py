"""What ``skdal query`` says on the way, and how it writes the rows that were chosen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from skdal.cli._common import count

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from skdal.tables import Labels

# What programs write where there is nothing. That is not taken for nothing, as it may be a name.
_NOTHING = ("<na>", "n/a", "na", "nan", "none", "null")


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
        said = f"{form!r} is no format" if form else f"the name {target} does not tell the format"
        raise typer.BadParameter(
            f"{said}; choose among {', '.join(FORMATS)}, or let --output end in .csv or .json.",
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


def note(text: str) -> None:
    """Tell of something that is no error, but may not be what was meant.

    Parameters
    ----------
    text : str
        A sentence.
    """
    import typer

    typer.echo(f"Note: {text}", err=True)


def note_labels(labels: Labels) -> None:
    """Tell what of the labels may not be what was meant.

    Parameters
    ----------
    labels : Labels
        What is known.
    """
    if len(labels.skipped):
        note(
            "Rows that the label files leave without a label, and that are not asked for again: "
            f"{len(labels.skipped):,}."
        )
    for name, number in labels.counts().items():
        if name.lower() in _NOTHING:
            note(
                f"{name!r} is taken for the name of a class, of {count(number, 'row')}; where it "
                "says that there is no label, leave the label empty."
            )


def note_chosen(chosen: Bunch, sampler: str, estimator: str | None) -> None:
    """Tell where the rows were not chosen as was asked.

    Parameters
    ----------
    chosen : Bunch
        Of :func:`~skdal.tables.choose_rows`.

    sampler, estimator : str
        Their names, as typed.
    """
    if chosen.fallback:
        note(
            f"{chosen.fallback}, so core-set chooses, among rows drawn at random, and not "
            f"{sampler}."
        )
    elif estimator is not None and not chosen.uses_estimator:
        note(f"{sampler} has no use for the task model {estimator}, which is not trained.")


def write(records: list[dict[str, Any]], target: Path | None, form: str, *, force: bool) -> str:
    """Write the rows that were chosen, and return what to print.

    Parameters
    ----------
    records : list of dict
        Of :func:`~skdal.tables.batch_records`.

    target : pathlib.Path or None
        The file; None is standard output.

    form : str
        Its format.

    force : bool
        Whether a file that exists may be replaced.

    Returns
    -------
    str
        The rows, if they are to be printed, or where they are.
    """
    from skdal.tables import write_batch
    from skdal.tables.batch import batch_text

    if target is None:
        return batch_text(records, form)
    Path(os.path.realpath(target)).parent.mkdir(parents=True, exist_ok=True)
    write_batch(target, records, form, replace=force)
    return f"Wrote {count(len(records), 'row')} to label in {target}\n"
