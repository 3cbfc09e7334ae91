"""Pools in numpy's files, mapped into memory: what is not asked for is not read."""

from __future__ import annotations

import errno
import math
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np
from numpy.lib import format as npy

from skdal._data_file import BROKEN, NO_HEADER
from skdal.tables.copies import Copy

_CHUNK = 2**20  # bytes
_KEYS = ("X", "x_train")
_VERSIONS = ((1, 0), (2, 0), (3, 0))
# Of an array of numbers it has some hundred bytes.
_LONGEST_HEADER = 10_000
_MOST_DIMENSIONS = 32


class _Header(NamedTuple):
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype
    start: int  # byte at which the numbers begin

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def mapped(self, path: Path, offset: int) -> np.memmap:
        order: Literal["F", "C"] = "F" if self.is_fortran else "C"
        return np.memmap(
            path, self.dtype, "r", offset=offset + self.start, shape=self.shape, order=order
        )


def open_npy(path: Path) -> np.memmap:
    """Map an array file into memory.

    Parameters
    ----------
    path : pathlib.Path
        A ``.npy`` file.

    Returns
    -------
    memmap of shape (n_rows, ...)
        Nothing of it is read yet.

    Raises
    ------
    ValueError
        If it is no such file, is cut off, or holds anything but rows of real numbers. Never
        is anything unpickled.
    """
    with path.open("rb") as file:
        header = _read_header(file, str(path))
        size = os.fstat(file.fileno()).st_size
    _check(header, str(path))
    if size < header.start + header.n_bytes:
        raise ValueError(
            f"{path} is cut off: of {header.n_bytes:,} bytes of numbers it holds "
            f"{max(0, size - header.start):,}; copy or write it again."
        )
    return header.mapped(path, 0)


def open_npz(path: Path, key: str | None, copy: Copy) -> np.memmap:
    """Map an array of an archive into memory.

    Parameters
    ----------
    path : pathlib.Path
        An ``.npz`` file.

    key : str or None
        Name of the array. None is ``X``, ``x_train``, or the only one with two dimensions.

    copy : Copy
        Where to uncompress it. An array that is not compressed is mapped where it is.

    Returns
    -------
    memmap of shape (n_rows, ...)
        Rows.

    Raises
    ------
    ValueError
        If it is no such file, is damaged, has no such array, or that holds anything but rows of
        real numbers. Never is anything unpickled.
    OSError
        If there is no room for the copy.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is no .npz file, or is cut off; copy it again, or write one by "
            "np.savez_compressed(path, X=X)."
        )
    with _damage_named(path), zipfile.ZipFile(path) as archive:
        name = _choose(archive, path, key)
        info = archive.getinfo(name)
        with archive.open(info) as member:
            label = f"{name.removesuffix('.npy')} of {path}"
            header = _read_header(member, label)
            _check(header, label)
            if info.file_size < header.start + header.n_bytes:
                raise ValueError(f"{label} is cut off; write the file again.")
            if info.compress_type == zipfile.ZIP_STORED:
                return header.mapped(path, _start_of(path, info))
            with copy.opened(header.n_bytes) as file:
                _copy_bytes(member, file, header.n_bytes, path)
    return header._replace(start=0).mapped(copy.path, 0)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise ValueError(f"{path} is damaged: {error}. Copy or write it again.") from error
    except OSError as error:
        # A place that cannot be in the file; bz2 tells of damage without a number.
        if error.errno != errno.EINVAL and not str(error).startswith("Invalid data"):
            raise
        raise ValueError(f"{path} is damaged: {error}. Copy or write it again.") from error


def _copy_bytes(source: IO[bytes], target: IO[bytes], n_bytes: int, path: Path) -> None:
    left = n_bytes
    while left:
        with _damage_named(path):
            chunk = source.read(min(_CHUNK, left))
        if not chunk:
            raise EOFError("It ends before its numbers do")
        target.write(chunk)
        left -= len(chunk)
    # Only at its end is the checksum of a member compared.
    while source.read(_CHUNK):
        pass


def _choose(archive: zipfile.ZipFile, path: Path, key: str | None) -> str:
    members = [info.filename for info in archive.infolist()]
    twice = next((name for name, number in Counter(members).items() if number > 1), None)
    if twice is not None:
        raise ValueError(f"{path} has two members {twice!r}; write it again, with one.")
    names = {name.removesuffix(".npy"): name for name in members if name.endswith(".npy")}
    if key is not None:
        if key not in names:
            raise ValueError(
                f"{path} has no array {key!r}; choose among {', '.join(names) or 'none'}."
            )
        return names[key]
    for common in _KEYS:
        if common in names:
            return names[common]
    tables = []
    for name, filename in names.items():
        with archive.open(filename) as member:
            if len(_read_header(member, f"{name} of {path}").shape) == 2:
                tables.append(filename)
    if len(tables) != 1:
        raise ValueError(
            f"{path} holds {', '.join(names) or 'no array'}, and {len(tables)} arrays with two "
            "dimensions; name one by its key, or save the pool as X."
        )
    return tables[0]


def _start_of(path: Path, info: zipfile.ZipInfo) -> int:
    """Return the byte at which a member begins, by the lengths in its own header."""
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        lengths = file.read(4)
    n_name, n_extra = np.frombuffer(lengths, dtype="<u2").tolist()
    return int(info.header_offset + 30 + n_name + n_extra)


def _read_header(file: IO[bytes], name: str) -> _Header:
    first = file.read(len(npy.MAGIC_PREFIX))
    if first != npy.MAGIC_PREFIX:
        if first.startswith(b"\x80"):
            raise ValueError(
                f"{name} is a pickle, which can run any code when it is read, and is not read; "
                "write the numbers by np.save(path, X, allow_pickle=False)."
            )
        raise ValueError(f"{name} is no .npy file; write one by np.save(path, X).")
    version = tuple(file.read(2))
    n_length = 2 if version == (1, 0) else 4
    size = int.from_bytes(file.read(n_length), "little")
    if len(version) == 2 and version not in _VERSIONS:
        raise ValueError(
            f"{name} has version {version[0]}.{version[1]} of the format, which is not known; "
            "write it by np.save(path, X)."
        )
    if size > _LONGEST_HEADER:
        raise ValueError(
            f"{name} has a header of {size:,} bytes, which that of an array of numbers never has; "
            "write it by np.save(path, X)."
        )
    file.seek(0)
    try:
        version = npy.read_magic(file)
        if version == (1, 0):
            shape, is_fortran, dtype = npy.read_array_header_1_0(file)
        else:
            shape, is_fortran, dtype = npy.read_array_header_2_0(file)
    except NO_HEADER as error:
        raise ValueError(f"{name} is cut off or damaged: {error}") from error
    return _Header(shape, is_fortran, dtype, file.tell())


def _check(header: _Header, name: str) -> None:
    if header.dtype.hasobject:
        raise ValueError(
            f"{name} holds Python objects as a pickle, which can run any code when it is read, "
            "and is not read; save numbers, as in np.save(path, X.astype(float))."
        )
    if header.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} has the dtype {header.dtype}; save real numbers, as in X.astype(float)."
        )
    is_shape = all(type(size) is int and size > 0 for size in header.shape)
    if not (is_shape and 2 <= len(header.shape) <= _MOST_DIMENSIONS):
        raise ValueError(
            f"{name} has the shape {header.shape}; it must have at least one row and one column, "
            f"and no more than {_MOST_DIMENSIONS} dimensions, as in X.reshape(n_rows, -1)."
        )
    if header.is_fortran and len(header.shape) > 2:
        raise ValueError(
            f"{name} is stored column by column, and its rows cannot be read one by one; save "
            "np.ascontiguousarray(X)."
        )
