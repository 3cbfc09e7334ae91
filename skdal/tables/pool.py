"""A pool of any size in a file, for reading a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from sklearn.utils import Bunch

from skdal.tables.arrays import open_npy, open_npz
from skdal.tables.checks import stamp_of
from skdal.tables.columns import open_csv, open_parquet
from skdal.tables.copies import Copy
from skdal.tables.ids import read_ids

SUFFIXES = (".npy", ".npz", ".parquet", ".csv", ".tsv")


@contextmanager
def open_pool(
    path: str | Path,
    *,
    key: str | None = None,
    id_column: str | None = None,
    ids: str | Path | None = None,
    columns: list[str] | None = None,
) -> Iterator[Bunch]:
    """Open a pool, within the memory that a few of its rows take.

    A ``.npy`` file, and an array of an ``.npz`` file that is not compressed, are mapped into
    memory, and not read. Everything else is copied, a batch of rows at a time, into a temporary
    file that is; it is gone when the ``with`` block is left. Never is anything unpickled.

    Parameters
    ----------
    path : str or pathlib.Path
        A file that ends in ``.npy``, ``.npz``, ``.parquet``, ``.csv`` or ``.tsv``.

    key : str or None, default=None
        For ``.npz``, the name of the array. None is ``X``, ``x_train``, or the only one with two
        dimensions.

    id_column : str or None, default=None
        For Parquet and CSV, the column of the ids. None is ``id``, if there is one.

    ids : str, pathlib.Path or None, default=None
        A text file of ids, one a line, in the order of the rows.

    columns : list of str or None, default=None
        For Parquet and CSV, the columns to use. None is the one column of lists of numbers, or
        all columns of numbers.

    Yields
    ------
    Bunch
        ``X``, memmap of shape (n_rows, ...); ``ids``, the ids of the rows, or None where a row is
        known by its number alone; ``path``; ``notes``, list of str, what there is to know of how
        it was read; and ``stamp``, size and time of the file, by which ``skdal query`` sees
        whether it has changed since.

    Raises
    ------
    ValueError
        If the file is damaged, of another kind, or holds what no pool can; an id is there twice;
        or an option is not for this kind of file. Whether the numbers of a file that is mapped
        are finite is not looked at, since that takes reading it all.
    ModuleNotFoundError
        If the file takes pyarrow, and that is not installed.
    OSError
        If it cannot be read, or there is no room for the temporary file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skdal.tables import open_pool
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "pool.npy")
    ...     np.save(path, np.eye(3))
    ...     with open_pool(path) as pool:
    ...         pool.X.shape, pool.ids
    ((3, 3), None)
    """
    path = Path(path)
    is_mapped = path.suffix.lower() == ".npy"
    with (
        nullcontext("")
        if is_mapped
        else TemporaryDirectory(prefix="skdal-", ignore_cleanup_errors=True)
    ) as directory:
        yield _open(path, key, id_column, ids, columns, Copy(directory))


def _open(
    path: Path,
    key: str | None,
    id_column: str | None,
    ids: str | Path | None,
    columns: list[str] | None,
    copy: Copy,
) -> Bunch:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path} must end in one of {', '.join(SUFFIXES)}; rename or convert it.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if not path.is_file():
        raise ValueError(f"{path} is no file, but a folder or a device.")
    has_columns = suffix not in (".npy", ".npz")
    _refuse_option("the key of an array", key, path, suffix == ".npz")
    _refuse_option("a column of ids", id_column, path, has_columns)
    _refuse_option("columns", columns, path, has_columns)
    if ids is not None and id_column is not None:
        raise ValueError(
            f"There are ids in {ids} and in column {id_column!r} of {path}; leave out one of them."
        )
    pool = Bunch(path=path, ids=None, notes=[], stamp=stamp_of(path))
    if suffix == ".npy":
        pool.X = open_npy(path)
    elif suffix == ".npz":
        pool.X = open_npz(path, key, copy)
    else:
        read = open_parquet if suffix == ".parquet" else open_csv
        table = read(path, id_column, columns, copy)
        pool.X, pool.ids = table.X, table.ids
        if table.features.left_out:
            pool.notes.append(f"Columns that are not used: {', '.join(table.features.left_out)}.")
    if not pool.X.flags.c_contiguous:
        pool.notes.append(
            f"{path} is stored column by column, which makes reading rows slow; save "
            "np.ascontiguousarray(X)."
        )
    if ids is not None:
        pool.ids = read_ids(Path(ids), len(pool.X))
    return pool


def _refuse_option(what: str, value: object, path: Path, is_for_it: bool) -> None:
    if value is not None and not is_for_it:
        raise ValueError(f"{path} has no names to find {what} by: {value!r}; leave that out.")
