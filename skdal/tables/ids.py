"""The ids of a pool: one a row, each once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import numpy as np


class Ids:
    """The ids of the rows of a pool, for look-ups both ways.

    They are kept as bytes, one after the other, with a hash of each: next to a pool of any size,
    that is little. (numpy's arrays of strings would do, but up to numpy 2.4 they are searched
    wrongly.)

    Parameters
    ----------
    values : iterable of str
        One for each row. More can come by :meth:`add`, until :meth:`close` is called.

    source : str
        Where they come from, for messages.

    Examples
    --------
    >>> from skdal.tables.ids import Ids
    >>> ids = Ids(["a", "b", "c"], "ids.txt").close()
    >>> ids[1], ids.find(["c", "d"]).tolist()
    ('b', [2, -1])
    """

    def __init__(self, values: Iterable[str], source: str) -> None:
        self._source = source
        self._text = bytearray()
        self._ends = array("q", [0])
        self._hashes = array("q")
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Take the ids of the rows that follow.

        Parameters
        ----------
        values : iterable of str
            One for each row. Blanks around them are cut off.
        """
        for value in map(str.strip, values):
            self._text += value.encode()
            self._ends.append(len(self._text))
            self._hashes.append(hash(value))

    def close(self) -> Self:
        """Check that each row has an id of its own, and get ready for look-ups.

        Returns
        -------
        self
            For chaining.

        Raises
        ------
        ValueError
            If one is empty, or there twice.
        """
        empty = np.flatnonzero(np.diff(self._ends) == 0)
        if len(empty):
            raise ValueError(f"Row {empty[0]} has no id in {self._source}; give each row one.")
        hashes = np.array(self._hashes)
        self._order = np.argsort(hashes, kind="stable")
        self._sorted = hashes[self._order]
        alike = self._order[1:][self._sorted[1:] == self._sorted[:-1]]
        for row in np.sort(alike).tolist():
            first = int(self.find([self[row]])[0])
            if first != row:
                raise ValueError(
                    f"The id {self[row]!r} is there twice in {self._source}, for the rows {first} "
                    f"and {row}; give each row an id of its own. Blanks around ids do not count."
                )
        return self

    def __len__(self) -> int:
        return len(self._hashes)

    def __getitem__(self, row: int) -> str:
        return self._text[self._ends[row] : self._ends[row + 1]].decode()

    def find(self, ids: Sequence[str]) -> np.ndarray:
        """Return the rows that have some ids.

        Parameters
        ----------
        ids : sequence of str
            What to look for. Blanks around them do not count.

        Returns
        -------
        ndarray of int of shape (len(ids),)
            Row numbers; -1 for an id that no row has.
        """
        ids = [id.strip() for id in ids]
        hashes = np.array([hash(id) for id in ids], dtype=np.int64)
        begins, ends = (np.searchsorted(self._sorted, hashes, side) for side in ("left", "right"))
        rows = np.full(len(ids), -1)
        for number, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
            # More than one only where hashes happen to be the same.
            candidates = self._order[begin:end].tolist()
            rows[number] = next((row for row in candidates if self[row] == ids[number]), -1)
        return rows


def ids_of(rows: np.ndarray, ids: Ids | None) -> list[str]:
    """Return the ids of rows.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        Row numbers.

    ids : Ids or None
        Those of the pool. None: the id of a row is its number.

    Examples
    --------
    >>> from skdal.tables.ids import ids_of
    >>> ids_of(np.array([7, 1]), None)
    ['7', '1']
    """
    return [str(row) if ids is None else ids[row] for row in rows.tolist()]


def read_ids(path: Path, n_rows: int) -> Ids:
    """Read ids from a text file, one a line.

    Parameters
    ----------
    path : pathlib.Path
        The file, in UTF-8.

    n_rows : int
        How many there must be.

    Returns
    -------
    Ids
        One for each row.

    Raises
    ------
    ValueError
        If there are more or fewer, a line is empty, or an id is there twice.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            ids = Ids(file, str(path))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8; save it as such, one id a line.") from error
    if len(ids) != n_rows:
        raise ValueError(
            f"{path} has {len(ids)} lines, but the pool has {n_rows} rows; write one id a line, "
            "in the order of the rows, and no header."
        )
    return ids.close()
