"""Temporary copies of pools that cannot be mapped into memory as they are."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Copy:
    """A file of bare numbers, in a directory that somebody else removes.

    Parameters
    ----------
    directory : str
        Where.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skdal.tables.copies import Copy
    >>> with TemporaryDirectory() as directory:
    ...     copy = Copy(directory)
    ...     with copy.opened() as file:
    ...         _ = file.write(np.arange(4.0).tobytes())
    ...     copy.mapped(np.dtype(float), (2, 2)).tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """

    def __init__(self, directory: str) -> None:
        self.path = Path(directory, "pool")

    @contextmanager
    def opened(self, n_bytes: int = 0) -> Iterator[IO[bytes]]:
        """Open the file for writing.

        Parameters
        ----------
        n_bytes : int, default=0
            How much will be written, if that is known.

        Yields
        ------
        file
            To write to.

        Raises
        ------
        OSError
            If there is no room, before anything is written where ``n_bytes`` tells, or ``TMPDIR``
            is no folder to write in.
        """
        _check_folder()
        self.check_room(n_bytes)
        try:
            with self.path.open("wb") as file:
                yield file
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise OSError(
                f"A temporary copy of the pool cannot be written in {self.path.parent.parent}: "
                f"{error.strerror}. Make room, or set TMPDIR to a folder on another disk."
            ) from error

    def check_room(self, n_bytes: int) -> None:
        """Refuse what the disk has no room for.

        Parameters
        ----------
        n_bytes : int
            How much will be written.

        Raises
        ------
        OSError
            If that is more than is free.
        """
        folder = self.path.parent
        free = shutil.disk_usage(folder).free
        if n_bytes > free:
            raise OSError(
                f"A temporary copy of the pool takes {n_bytes:,} bytes, but {folder.parent} has "
                f"{free:,} left; make room, or set TMPDIR to a folder on another disk."
            )

    def mapped(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.memmap:
        """Map the file into memory.

        Parameters
        ----------
        dtype : dtype
            Of the numbers.

        shape : tuple of int
            Of all of them.
        """
        return np.memmap(self.path, dtype, "r", 0, shape)


def _check_folder() -> None:
    """Refuse a TMPDIR that Python passes over, so that the copy would be where memory may be."""
    wanted = os.environ.get("TMPDIR")
    if not wanted or os.path.abspath(wanted) == os.path.abspath(tempfile.gettempdir()):
        return
    try:
        with tempfile.TemporaryFile(dir=wanted) as file:
            file.write(b"x")
    except OSError as error:
        raise OSError(
            f"TMPDIR is {wanted}, where no temporary copy of the pool can be written: "
            f"{error.strerror}. Set it to a folder with room."
        ) from error
