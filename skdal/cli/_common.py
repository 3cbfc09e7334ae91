"""What the commands share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile

# What a shell expects after Ctrl-C.
CANCELLED = 130


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
