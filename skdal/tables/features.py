"""The columns of a table that are the features of its rows, and how to read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Features:
    """The columns of a table that make its rows.

    Parameters
    ----------
    names : list of str
        The columns: one of lists of numbers, or any number of numbers.

    is_list : bool
        Whether it is one of lists.

    dtype : dtype
        Of the numbers as they are kept.

    id_column : str or None
        The column of the ids.

    left_out : list of str
        The other columns that have a name.

    Examples
    --------
    >>> import numpy as np
    >>> from skdal.tables.features import Features
    >>> Features(["a", "b"], False, np.dtype(float), "id", ["text"]).to_read()
    ['a', 'b', 'id']
    """

    names: list[str]
    is_list: bool
    dtype: np.dtype
    id_column: str | None
    left_out: list[str]

    def to_read(self) -> list[str]:
        """Return the columns to read."""
        return [*self.names, *([] if self.id_column is None else [self.id_column])]

    def width(self, batch: Any) -> int:
        """Return how many numbers the first list of a batch has.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            One row at least.
        """
        return len(batch.column(self.names[0])[0].as_py() or [])

    def block(self, batch: Any, first_row: int, path: Path, width: int | None) -> np.ndarray:
        """Return the numbers of a batch.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            Some rows.

        first_row : int
            The number of the first of them, for messages.

        path : pathlib.Path
            The file, likewise.

        width : int or None
            How many numbers the rows before have, if there are any.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            Finite, and contiguous.

        Raises
        ------
        ValueError
            If a value is null, NaN or infinite, or lists differ in length.
        """
        if self.is_list:
            block = self._of_lists(batch.column(self.names[0]), first_row, path, width)
        else:
            block = np.empty((batch.num_rows, len(self.names)), self.dtype)
            for number, name in enumerate(self.names):
                column = batch.column(name)
                _refuse_nulls(column, name, first_row, path)
                block[:, number] = column.to_numpy(zero_copy_only=False)
        finite = np.isfinite(block)
        if not finite.all():
            row, number = np.argwhere(~finite)[0]
            name = self.names[0 if self.is_list else number]
            raise ValueError(
                f"Row {first_row + row} of {path} holds {block[row, number]} in column {name!r}; "
                "impute it, or leave the row out."
            )
        return block

    def _of_lists(self, column: Any, first_row: int, path: Path, width: int | None) -> np.ndarray:
        from pyarrow import compute

        name = self.names[0]
        _refuse_nulls(column, name, first_row, path)
        lengths = compute.list_value_length(column).to_numpy(zero_copy_only=False)
        width = lengths[0] if width is None else width
        odd = np.flatnonzero(lengths != width)
        if len(odd):
            raise ValueError(
                f"Row {first_row + odd[0]} of {path} has {lengths[odd[0]]} numbers in column "
                f"{name!r}, but row 0 has {width}; give all rows as many."
            )
        values = column.flatten()
        if values.null_count:
            place = int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])
            raise ValueError(
                f"Row {first_row + place // width} of {path} has a null in the list of column "
                f"{name!r}; impute it, or leave the row out."
            )
        numbers = values.to_numpy(zero_copy_only=False).astype(self.dtype, copy=False)
        return np.ascontiguousarray(numbers).reshape(len(lengths), -1)

    def ids(self, batch: Any, first_row: int, path: Path) -> list[str]:
        """Return the ids of a batch.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            Some rows.

        first_row : int
            The number of the first of them, for messages.

        path : pathlib.Path
            The file, likewise.

        Raises
        ------
        ValueError
            If one is null, or no text.
        """
        column = batch.column(self.id_column)
        _refuse_nulls(column, str(self.id_column), first_row, path)
        try:
            return [str(value) for value in column.to_pylist()]
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Column {self.id_column!r} of {path} holds {error.object!r}, at row {first_row} "
                "or after it, which is no text in UTF-8; write the ids in UTF-8."
            ) from error


def _refuse_nulls(column: Any, name: str, first_row: int, path: Path) -> None:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise ValueError(
            f"Row {first_row + row} of {path} has no value in column {name!r}; fill it in, or "
            "leave the row out."
        )
