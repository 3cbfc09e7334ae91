"""How ``skdal query`` ends when something goes wrong: in a line, and with nothing left behind."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from skdal.tables import Labels

# What samplers and models say of numbers that they cannot take.
_NOT_FINITE = re.compile(r"\b(nan|inf|infinity|infinite|non-finite|overflow\w*)\b", re.IGNORECASE)


@contextmanager
def ends_in_a_line() -> Iterator[None]:
    """Print what goes wrong in a single line, without a traceback, and exit with 1.

    Raises
    ------
    typer.Exit
        If files, data or settings are at fault, a package is missing, or memory does not suffice.
    """
    try:
        yield
    except MemoryError as error:
        text = (
            f"The memory does not suffice{f': {error}' if str(error) else ''}. Ask for fewer rows, "
            "or choose another sampler or task model."
        )
        raise _exit(text) from error
    except (ImportError, OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise  # whoever reads the output has read enough
        raise _exit(str(error)) from error


def _exit(text: str) -> Exception:
    import typer

    typer.echo(f"Error: {' '.join(line.strip() for line in text.splitlines())}", err=True)
    return typer.Exit(1)


@contextmanager
def explained(pool: Bunch, labels: Labels) -> Iterator[None]:
    """Look for the row that is at fault, where numbers are said not to be finite.

    Of a file that is mapped into memory, nobody has looked at all numbers yet. Other errors are
    not those of a row, and reading a large pool takes long.

    Parameters
    ----------
    pool : Bunch
        Of :func:`~skdal.tables.open_pool`.

    labels : Labels
        What is known. Rows that cannot be labeled may hold anything.

    Raises
    ------
    ValueError
        It names the row, if there is one.
    """
    from skdal.tables.checks import check_all_finite

    try:
        yield
    except ValueError as error:
        if _NOT_FINITE.search(str(error)):
            check_all_finite(pool, labels.skipped)
        raise


@contextmanager
def ends_tidily() -> Iterator[None]:
    """Take back what is temporary also when the process is told to end, as by ``kill``.

    Raises
    ------
    SystemExit
        At SIGTERM and SIGHUP: 128 and the number of the signal, as shells have it.
    """

    def end(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # A handler of somebody else, or that of nohup, stays; and threads may not set any.
    is_main = threading.current_thread() is threading.main_thread()
    ours = [kind for kind in signals if is_main and signal.getsignal(kind) == signal.SIG_DFL]
    for kind in ours:
        signal.signal(kind, end)
    try:
        yield
    finally:
        for kind in ours:
            signal.signal(kind, signal.SIG_DFL)
