"""The rows of a query as a file: CSV, JSON, or tasks for Label Studio."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from skdal._files import written_whole
from skdal.tables.ids import Ids
from skdal.tables.label_studio import tasks

FORMATS = ("csv", "json", "label-studio")

_COLUMNS = ("row", "id", "rank", "score")


def batch_records(
    rows: np.ndarray,
    scores: np.ndarray,
    ids: Ids | None = None,
    items: dict[str, dict[str, str]] | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of a query as records.

    Parameters
    ----------
    rows : ndarray of int of shape (n_instances,)
        In the order of choice.

    scores : ndarray of float of shape (n_instances,)
        NaN where there is none.

    ids : Ids or None, default=None
        Of the pool. None: the id of a row is its number.

    items : dict of dict or None, default=None
        What else to tell of each row, by its id.

    Returns
    -------
    list of dict
        ``row``, ``id``, ``rank`` from 1 on, ``score`` or None, and what ``items`` tells.

    Examples
    --------
    >>> from skdal.tables import batch_records
    >>> batch_records(np.array([7]), np.array([0.5]))
    [{'row': 7, 'id': '7', 'rank': 1, 'score': 0.5}]
    """
    records = []
    for rank, (row, score) in enumerate(zip(rows.tolist(), scores.tolist(), strict=True), 1):
        id = str(row) if ids is None else ids[row]
        known = None if math.isnan(score) else score
        more = {} if items is None else items[id]
        records.append({"row": row, "id": id, "rank": rank, "score": known, **more})
    return records


def read_items(
    path: str | Path, ids: Sequence[str], *, id_column: str | None = None
) -> dict[str, dict[str, str]]:
    """Read what there is to show of some rows, such as texts or the URLs of images.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file in UTF-8, with a header and a column of ids. It is read line by line.

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
    name = (id_column or "id").strip().lower()
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            columns = [column.strip() for column in next(reader, [])]
            names = [column.lower() for column in columns]
            if name not in names:
                raise ValueError(
                    f"{path} has the columns {', '.join(columns) or 'none'}; its header must have "
                    f"{name!r}, whose values are those of the pool (without ids, row numbers)."
                )
            place = names.index(name)
            others = [column for column in columns if column != columns[place]]
            taken = [column for column in others if column.lower() in (*_COLUMNS, "label")]
            if taken or len(set(columns)) < len(columns):
                raise ValueError(
                    f"{path} has the columns {', '.join(columns)}; rename those that are there "
                    f"twice, or are called {', '.join(_COLUMNS)} or label and are not the ids."
                )
            for fields in reader:
                if len(fields) != len(columns) and any(fields):
                    raise ValueError(
                        f"Line {reader.line_num} of {path} has {len(fields)} values, but the "
                        f"header {len(columns)}; complete it."
                    )
                id = fields[place].strip() if fields else None
                if id in found:
                    raise ValueError(
                        f"Line {reader.line_num} of {path} has the id {id!r}, which a line before "
                        "it has; take one of them out."
                    )
                if id in wanted:
                    record = dict(zip(columns, fields, strict=True))
                    found[id] = {column: record[column] for column in others}
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no CSV in UTF-8, or is damaged: {error}.") from error
    missing = next((id for id in ids if id not in found), None)
    if missing is not None:
        raise ValueError(f"{path} has no line with the id {missing!r}, which was chosen; add it.")
    return found


def batch_text(records: Sequence[dict[str, Any]], form: str) -> str:
    """Return a batch as the content of a file.

    Parameters
    ----------
    records : sequence of dict
        Of :func:`batch_records`.

    form : {"csv", "json", "label-studio"}
        What kind of file.

    Examples
    --------
    >>> from skdal.tables.batch import batch_text
    >>> print(batch_text([{"row": 7, "id": "7", "rank": 1, "score": None}], "csv"), end="")
    row,id,rank,score
    7,7,1,
    """
    if form == "csv":
        text = StringIO()
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return text.getvalue()
    content = tasks(records) if form == "label-studio" else list(records)
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def write_batch(path: str | Path, records: Sequence[dict[str, Any]], form: str) -> None:
    """Write a batch, whole or not at all.

    Parameters
    ----------
    path : str or pathlib.Path
        The file. One that exists is replaced.

    records : sequence of dict
        Of :func:`batch_records`.

    form : {"csv", "json", "label-studio"}
        What kind of file.

    Raises
    ------
    OSError
        If it cannot be written. Then nothing has changed.

    Examples
    --------
    >>> import tempfile
    >>> from skdal.tables import write_batch
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "batch.json")
    ...     write_batch(path, [{"row": 7, "id": "7", "rank": 1, "score": None}], "json")
    ...     json.loads(path.read_text())
    [{'row': 7, 'id': '7', 'rank': 1, 'score': None}]
    """
    # Newlines in the fields stay what they are.
    with written_whole(path) as temporary:
        temporary.write_text(batch_text(records, form), encoding="utf-8", newline="")
