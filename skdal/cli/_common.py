"""What the commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

# What a shell expects after Ctrl-C.
CANCELLED = 130

# Narrower tables would lose columns, and digits of numbers.
_LEAST_WIDTH = 80


def fraction_or_rows(text: str) -> float:
    """Return the size of a test part: an int if it is a number of rows.

    Parameters
    ----------
    text : str
        As typed.

    Raises
    ------
    typer.BadParameter
        If it is neither a fraction nor a number of rows.

    Examples
    --------
    >>> from skdal.cli._common import fraction_or_rows
    >>> fraction_or_rows("0.2"), fraction_or_rows("200")
    (0.2, 200)
    """
    import typer

    from skdal._data_file import check_test_size

    try:
        size = int(text) if text.strip().isdecimal() else float(text)
        check_test_size(size)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} must be a fraction such as 0.2, or a number of rows such as 200."
        ) from error
    return size


def split_names(text: str) -> list[str]:
    """Split names at the commas between them, not at those in brackets.

    Parameters
    ----------
    text : str
        As typed.

    Examples
    --------
    >>> from skdal.cli._common import split_names
    >>> split_names("random, deepfool:clip=(0,1), egl:a={0:1,1:2}")
    ['random', 'deepfool:clip=(0,1)', 'egl:a={0:1,1:2}']
    """
    return [name.strip() for name in re.split(r",(?![^()\[\]{}]*[)\]}])", text)]


def errors_in_words(rescue: Callable[[], str] | None = None) -> AbstractContextManager[None]:
    """Print what goes wrong in a line, without a traceback, and exit with 1.

    An error that is not of data, settings or files, such as a network that diverges or memory
    that does not suffice, keeps its traceback, and is passed on.

    Parameters
    ----------
    rescue : callable or None, default=None
        Called after an error, of whatever kind: returns the way to go on, which is printed too.

    Returns
    -------
    context manager
        On leaving it raises ``typer.Exit`` for an error of data, settings, or files.
    """
    return _ErrorsInWords(rescue)


class _ErrorsInWords(AbstractContextManager[None]):
    def __init__(self, rescue: Callable[[], str] | None) -> None:
        self.rescue = rescue

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        import typer

        # What typer prints itself, and Ctrl-C.
        told = (typer.Abort, typer.BadParameter, typer.Exit)
        if not isinstance(error, Exception) or isinstance(error, told):
            return
        # Such as a sampler that asks more of the task model than it has.
        in_words = isinstance(error, OSError | ValueError)
        lines = [f"Error: {error}"] if in_words else []
        lines += [] if self.rescue is None else [self.rescue()]
        if any(lines):
            typer.echo("\n".join(line for line in lines if line), err=True)
        if in_words:
            raise typer.Exit(1) from error


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, but never so narrow that something is cut.

    Parameters
    ----------
    table : rich.table.Table
        It must fit 80 columns.
    """
    from rich.console import Console

    console = Console()
    console.width = max(console.width, _LEAST_WIDTH)
    console.print(table)


def prepare(output: Path, files: Iterable[str], force: bool) -> None:
    """Make a folder, and find out before the work whether its files may be written.

    Parameters
    ----------
    output : pathlib.Path
        The folder.

    files : iterable of str
        Names of the files that will be written in it.

    force : bool
        Whether files that are there may be replaced.

    Raises
    ------
    typer.BadParameter
        If they may not, or cannot.
    """
    import typer

    for path in [output / name for name in files]:
        if path.is_dir():
            raise typer.BadParameter(
                f"{path} is a folder; choose another place.", param_hint="--output"
            )
        if path.exists() and not force:
            raise typer.BadParameter(
                f"{path} exists; choose another folder, or replace it by --force.",
                param_hint="--output",
            )
    try:
        output.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise typer.BadParameter(
            f"{output} cannot be made or written to: {error.strerror}.", param_hint="--output"
        ) from error


def count(number: int, noun: str) -> str:
    """Return a number with its noun, as in "1 run" and "2 runs".

    Parameters
    ----------
    number : int
        How many.

    noun : str
        Of what, in the singular.

    Examples
    --------
    >>> from skdal.cli._common import count
    >>> count(1, "run"), count(2, "run")
    ('1 run', '2 runs')
    """
    return f"{number} {noun}{'s' * (number != 1)}"
