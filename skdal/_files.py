"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file under another name, and give it its own once it is complete.

    Parameters
    ----------
    path : str or path-like
        The file. One that exists is replaced, but only at the end of the ``with`` block; an
        error or Ctrl-C within it leaves that one as it was.

    Yields
    ------
    pathlib.Path
        Where to write, in the same directory.

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
    path = Path(path)
    # In the same directory, since a file is moved in one step only within a file system.
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{get_ident()}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
