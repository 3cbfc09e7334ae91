"""What there is to show of rows, such as texts or the URLs of images."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skdal.tables.batch import COLUMNS
from skdal.tables.delimiters import delimiter_of
from skdal.tables.label_studio import is_taken


def check_items(
    path: str | Path,
    *,
    id_column: str | None = None,
    for_label_studio: bool = False,
    label_column: str | None = None,
) -> None:
    """Look at the header of a file of items.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file in UTF-8, with a header and a column of ids. Values are parted by commas,
        semicolons or tabs.

    id_column : str or None, default=None
        Name of the column of ids. None is ``id``.

    for_label_studio : bool, default=False
        Whether the items are to be data of tasks for Label Studio.

    label_column : str or None, default=None
        Name of the control tag of these, if it is known.

    Raises
    ------
    ValueError
        If there is no such header, or a column has the name of one of those of a batch, or one
        that an export of Label Studio would put something else under.
    OSError
        If it cannot be read.
    """
    with _read(Path(path), id_column) as (_, columns, place):
        if not for_label_studio:
            return
        others = [name for number, name in enumerate(columns) if number != place]
        taken = [name for name in others if is_taken(name, label_column)]
        if taken:
            raise ValueError(
                f"{path} has the columns {', '.join(taken)}, in whose place an export of Label "
                "Studio may have something else; rename them."
            )


def read_items(
    path: str | Path, ids: Sequence[str], *, id_column: str | None = None
) -> dict[str, dict[str, str]]:
    """Read what there is to show of some rows.

    Parameters
    ----------
    path : str or pathlib.Path
        The same. It is read line by line.

    ids : sequence of str
        The rows that are wanted.

    id_column : str or None, default=None
        Name of the column of ids. None is ``id``.

    Returns
    -------
    dict of dict
        By id, the other columns.

    Raises
    ------
    ValueError
        If it is no such file, an id that is wanted is missing or there twice, or a column has the
        name of one of those of a batch.
    """
    wanted, found = set(ids), {}
    with _read(Path(path), id_column) as (reader, columns, place):
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(columns):
                raise ValueError(
                    f"Line {reader.line_num} of {path} has {len(fields)} values, but the header "
                    f"{len(columns)}; complete it."
                )
            id = fields[place].strip()
            if id in found:
                raise ValueError(
                    f"Line {reader.line_num} of {path} has the id {id!r}, which a line before it "
                    "has; take one of them out."
                )
            if id in wanted:
                found[id] = dict(zip(columns, fields, strict=True))
                del found[id][columns[place]]
    missing = next((id for id in ids if id not in found), None)
    if missing is not None:
        raise ValueError(f"{path} has no line with the id {missing!r}, which was chosen; add it.")
    return found


@contextmanager
def _read(path: Path, id_column: str | None) -> Iterator[tuple[Any, list[str], int]]:
    """Open a file: yield what reads its lines, its columns, and which of them has the ids."""
    name = (id_column or "id").strip().lower()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = delimiter_of(file.readline())
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            columns = [column.strip() for column in next(reader, [])]
            names = [column.lower() for column in columns]
            if name not in names:
                raise ValueError(
                    f"{path} has the columns {', '.join(columns) or 'none'}; its header must have "
                    f"{name!r}, whose values are those of the pool (without ids, row numbers)."
                )
            place = names.index(name)
            taken = [column for column in names if column != name and column in (*COLUMNS, "label")]
            if taken or len(set(columns)) < len(columns):
                raise ValueError(
                    f"{path} has the columns {', '.join(columns)}; rename those that are there "
                    f"twice, or are called {', '.join(COLUMNS)} or label and are not the ids."
                )
            yield reader, columns, place
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no CSV in UTF-8, or is damaged: {error}.") from error
