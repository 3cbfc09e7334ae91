"""Pools in Parquet and CSV files, streamed into a copy that can be mapped into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skdal.tables.copies import Copy
from skdal.tables.delimiters import delimiter_of
from skdal.tables.features import Features
from skdal.tables.ids import Ids
from skdal.tables.schema import choose_features

# A batch of rows is about so many bytes.
_BATCH = 2**23
_MOST_ROWS = 2**16
# Of a CSV file; a line must fit into it.
_BLOCK = 2**22


class Columns(NamedTuple):
    """A pool that was read from columns.

    Parameters
    ----------
    X : memmap of shape (n_rows, n_features)
        Float32 or float64.

    ids : Ids or None
        None if there is no column of ids.

    features : Features
        What columns it was made of, and what not.
    """

    X: np.memmap
    ids: Ids | None
    features: Features


class _Source(NamedTuple):
    features: Features
    batches: Iterator[Any]
    n_rows: int | None


def open_parquet(path: Path, id_column: str | None, names: list[str] | None, copy: Copy) -> Columns:
    """Copy the numbers of a Parquet file, and map the copy into memory.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    id_column : str or None
        The column of the ids. None is ``id``, if there is one.

    names : list of str or None
        Columns to use. None is the only column of lists of numbers; without any, all columns of
        numbers but those called ``id``, ``row`` and ``label``.

    copy : Copy
        Where.

    Returns
    -------
    Columns
        Its dtype is float32 where that holds every number, else float64.

    Raises
    ------
    ValueError
        If the file is damaged or none of this kind, there are no such columns, lists differ in
        length, or a value is null, NaN or infinite.
    ModuleNotFoundError
        If pyarrow is not installed.
    OSError
        If there is no room for the copy.
    """
    _pyarrow(path)
    from pyarrow import parquet

    with _errors_named(path, "Parquet"):
        # Buffered, else a column of a whole row group would be read at once.
        file = parquet.ParquetFile(path, buffer_size=2**20, pre_buffer=False)
        schema, meta = file.schema_arrow, file.metadata
    with file:
        features = choose_features(path, schema, id_column, names)
        n_values = len(features.names)
        if features.is_list:
            # Not by the bytes of the file: numbers that come often take next to none there.
            first = _named(file.iter_batches(batch_size=1, columns=features.names), path, "Parquet")
            n_values = max((features.width(batch) for batch in islice(first, 1)), default=1)
        size = min(_MOST_ROWS, max(1, _BATCH // (8 * max(1, n_values))))
        batches = _named(
            file.iter_batches(batch_size=size, columns=features.to_read()), path, "Parquet"
        )
        return _copied(path, _Source(features, batches, meta.num_rows), copy)


def open_csv(path: Path, id_column: str | None, names: list[str] | None, copy: Copy) -> Columns:
    """Copy the numbers of a CSV file, and map the copy into memory.

    Parameters
    ----------
    path : pathlib.Path
        The file, in UTF-8, with a header. Values are parted by commas, semicolons or tabs.

    id_column : str or None
        The column of the ids. None is ``id``, if there is one.

    names : list of str or None
        Columns to use. None is all columns of numbers but those called ``id``, ``row`` and
        ``label``, or without a name.

    copy : Copy
        Where.

    Returns
    -------
    Columns
        In float64.

    Raises
    ------
    ValueError
        If the file is none of this kind, there are no such columns, or a value is missing, no
        number, NaN or infinite.
    ModuleNotFoundError
        If pyarrow is not installed.
    OSError
        If there is no room for the copy.
    """
    pa = _pyarrow(path)
    from pyarrow import csv

    read = csv.ReadOptions(block_size=_BLOCK, use_threads=False)
    with path.open("rb") as file:
        delimiter = delimiter_of(file.readline(_BLOCK).decode(errors="replace"))
    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with _errors_named(path, "CSV"), csv.open_csv(path, read, parse) as first:
        schema = first.schema
    # Where there is one column alone, an empty line is a value that is missing.
    parse.ignore_empty_lines = len(schema.names) > 1
    features = choose_features(path, schema, id_column, names)
    # What looks like integers in the first block may be floats later, and 007 is no 7.
    types = dict.fromkeys(features.names, pa.float64())
    if features.id_column is not None:
        types[features.id_column] = pa.string()
    convert = csv.ConvertOptions(column_types=types, include_columns=features.to_read())
    with _errors_named(path, "CSV"):
        batches = csv.open_csv(path, read, parse, convert)
    with batches:
        return _copied(path, _Source(features, _named(batches, path, "CSV"), None), copy)


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} takes pyarrow, which is not installed. Install it by: pip install "
            '".[query]" in a clone of skdal; or save the pool by np.save, as .npy.'
        ) from error
    return pyarrow


def _copied(path: Path, source: _Source, copy: Copy) -> Columns:
    features = source.features
    ids = None if features.id_column is None else Ids([], str(path))
    n_rows, n_columns, dtype = 0, None, np.dtype(np.float64)
    with copy.opened() as file:
        for batch in source.batches:
            block = features.block(batch, n_rows, path, n_columns)
            if n_columns is None:
                n_columns, dtype = block.shape[1], block.dtype
                if source.n_rows is not None:
                    copy.check_room(source.n_rows * block.shape[1] * dtype.itemsize)
            file.write(block.data)
            if ids is not None:
                ids.add(features.ids(batch, n_rows, path))
            n_rows += len(block)
    if not n_rows or not n_columns:
        raise ValueError(f"{path} has {n_rows} rows of {n_columns or 0} numbers; give it some.")
    return Columns(
        copy.mapped(dtype, (n_rows, n_columns)),
        None if ids is None else ids.close(),
        features,
    )


@contextmanager
def _errors_named(path: Path, kind: str) -> Iterator[None]:
    """Name the file in what pyarrow finds wrong with it."""
    from pyarrow.lib import ArrowCancelled, ArrowException

    try:
        yield
    except ArrowCancelled as error:
        raise KeyboardInterrupt from error
    except (ArrowException, OSError) as error:
        # Those of the system have a number, and name the file.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(
            f"{path} cannot be read as {kind}: {str(error).rstrip('.')}. It is damaged, cut off, "
            "or of another kind; write or copy it again."
        ) from error


def _named(batches: Any, path: Path, kind: str) -> Iterator[Any]:
    iterator = iter(batches)
    while True:
        with _errors_named(path, kind):
            batch = next(iterator, None)
        if batch is None:
            return
        yield batch
