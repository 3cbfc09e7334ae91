"""The rows of a query as a file: CSV, JSON, or tasks for Label Studio."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skdal._files import written_whole
from skdal.tables.ids import Ids, ids_of
from skdal.tables.label_studio import tasks

FORMATS = ("csv", "json", "label-studio")

COLUMNS = ("row", "id", "rank", "score")


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
    chosen = zip(rows.tolist(), ids_of(rows, ids), scores.tolist(), strict=True)
    for rank, (row, id, score) in enumerate(chosen, start=1):
        known = None if math.isnan(score) else score
        more = {} if items is None else items[id]
        records.append({"row": row, "id": id, "rank": rank, "score": known, **more})
    return records


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
        lines = [list(records[0]), *(record.values() for record in records)]
        return "".join(",".join(map(_field, line)) + "\n" for line in lines)
    content = tasks(records) if form == "label-studio" else list(records)
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _field(value: Any) -> str:
    text = "" if value is None else str(value)
    # The module csv leaves a carriage return without quotes, depending on the version.
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\r\n]', text) else text


def write_batch(
    path: str | Path, records: Sequence[dict[str, Any]], form: str, *, replace: bool = True
) -> None:
    """Write a batch, whole or not at all.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    records : sequence of dict
        Of :func:`batch_records`.

    form : {"csv", "json", "label-studio"}
        What kind of file.

    replace : bool, default=True
        Whether a file that exists is replaced, by one with the same permissions; where it is a
        symbolic link, what that leads to is. False: it is an error, even if it came into being
        only a moment ago.

    Raises
    ------
    OSError
        If it cannot be written, or exists and may not be replaced. Then nothing has changed.

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
    text = batch_text(records, form)
    try:
        with written_whole(path, existing="update" if replace else "refuse") as temporary:
            # Newlines in the fields stay what they are.
            temporary.write_text(text, encoding="utf-8", newline="")
    except FileExistsError as error:
        raise FileExistsError(
            f"{path} came into being in the meantime, and is left as it is; choose another name, "
            "or replace it."
        ) from error
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}.") from error
