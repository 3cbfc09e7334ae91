"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import Literal

# Of a name, so that the temporary one is no longer than file systems allow.
_MOST_BYTES = 150
# What file systems say that know no second name for a file.
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)


@contextmanager
def written_whole(
    path: str | os.PathLike[str], *, existing: Literal["replace", "update", "refuse"] = "replace"
) -> Iterator[Path]:
    """Write a file under another name, and give it its own once it is complete.

    Parameters
    ----------
    path : str or path-like
        The file. One that exists is replaced, but only at the end of the ``with`` block; an
        error or Ctrl-C within it leaves that one as it was.

    existing : {"replace", "update", "refuse"}, default="replace"
        What becomes of a file that exists at the end. "update" keeps its permissions, and
        where the path is a symbolic link replaces what that leads to. "refuse" never replaces
        anything, not even what came into being in the meantime.

    Yields
    ------
    pathlib.Path
        Where to write, in the same directory.

    Raises
    ------
    FileExistsError
        If the file exists at the end, and is not to be replaced.

    Examples
    --------
    >>> import tempfile
    >>> from skdal._files import written_whole
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "a.txt")
    ...     with written_whole(path) as temporary:
    ...         _ = temporary.write_text("whole")
    ...     path.read_text()
    'whole'
    """
    path = Path(os.path.realpath(path)) if existing == "update" else Path(path)
    name = os.fsencode(path.name)[:_MOST_BYTES].decode(errors="ignore")
    # In the same directory, since a file is moved in one step only within a file system.
    temporary = path.with_name(f".{name}-{os.getpid()}-{get_ident()}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if existing == "refuse":
            _put_where_nothing_is(temporary, path)
        else:
            if existing == "update" and path.exists():
                shutil.copymode(path, temporary)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _put_where_nothing_is(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with path.open("xb"):  # the name is taken, by nobody else
            pass
        os.replace(temporary, path)
