"""Locks between processes, where the system and the disk have them."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

_LOCK = ".settings.lock"
# What a disk says that has no locks, such as Lustre without -o flock and some of NFS.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


def lock(file: IO[bytes], path: Path, *, waits: str | None = None) -> None:
    """Lock an open file against other processes, until it is closed.

    Parameters
    ----------
    file : file
        Open.

    path : pathlib.Path
        Its name, for messages.

    waits : str or None, default=None
        What to warn of where another process has the lock and this one waits.

    Warns
    -----
    UserWarning
        If this waits, or the disk has no locks. Then it goes on without one.
    """
    if sys.platform == "win32":
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waits is not None:
                warnings.warn(waits, UserWarning, stacklevel=3)
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warnings.warn(
            f"{path} cannot be locked: {error.strerror}. See to it that no two processes play the "
            "same comparison in this folder at once.",
            UserWarning,
            stacklevel=3,
        )


def is_locked(path: Path) -> bool:
    """Return whether another process, or another open file of this one, has a file locked.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """
    if sys.platform == "win32":
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
    return False


@contextmanager
def folder_locked(directory: Path) -> Iterator[None]:
    """Keep other processes that ask for the same out, for as long as the ``with`` block lasts.

    Parameters
    ----------
    directory : pathlib.Path
        A folder that is there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdal.experiments.lock import folder_locked
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with folder_locked(Path(directory)):
    ...         print(len(os.listdir(directory)))
    ...     print(len(os.listdir(directory)))
    1
    0
    """
    if sys.platform == "win32":
        yield
        return
    path = directory / _LOCK
    while True:
        with path.open("a+b") as file:
            lock(file, path)
            if not _is_at(file, path):
                # Who had the lock before has removed it.
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
