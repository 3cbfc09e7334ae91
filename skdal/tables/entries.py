"""The lines of label files in CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from skdal.tables.delimiters import delimiter_of


class Entry(NamedTuple):
    """What a file says of a row.

    Parameters
    ----------
    where : str
        File and line, for messages.

    id, row : str or None
        Which row; one of them at least is there.

    label : str or None
        Empty or None: the row cannot be labeled.

    may_be_cut : bool
        Whether the file ends in the label, without a line break.

    Examples
    --------
    >>> from skdal.tables.entries import Entry
    >>> Entry("Line 2 of labels.csv", None, "17", "cat").label
    'cat'
    """

    where: str
    id: str | None
    row: str | None
    label: str | None
    may_be_cut: bool = False


def read_csv(
    path: Path, id_column: str | None, label_column: str | None, *, regression: bool
) -> Iterator[Entry]:
    """Read what a CSV file says of rows.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    id_column, label_column : str or None
        Names of columns; None are ``id`` and ``label``. Case and blanks around them do not count.
        Where there are ``skdal_id`` and ``skdal_row``, as Label Studio has them, they go before.

    regression : bool
        Whether labels are numbers.

    Yields
    ------
    Entry
        Line by line.

    Raises
    ------
    ValueError
        If it is no CSV file with such columns, or a line is incomplete.
    """
    text = _read_text(path)
    if not text.strip():
        raise ValueError(f"{path} is empty; its first line must be a header, as in: row,label")
    delimiter = delimiter_of(text.splitlines()[0])
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: dict[str, int] = {}
    id_name, label_name = (
        (name or default).strip().lower()
        for name, default in ((id_column, "id"), (label_column, "label"))
    )
    n_lines = sum(1 for _ in StringIO(text, newline=""))
    is_whole = text.endswith(("\n", "\r"))
    n_fields, line, known = 0, 1, set[str]()
    try:
        for fields in reader:
            where, line = f"Line {line} of {path}", reader.line_num + 1
            if not columns:
                names = [name.strip().lower() for name in fields]
                n_fields = len(names)
                id_name, row_name = _names_of_rows(names, id_name, where)
                columns = _columns(names, (id_name, row_name, label_name), where)
                continue
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != n_fields:
                raise ValueError(
                    f"{where} has {len(fields)} values, but the header {n_fields}; it may be cut "
                    "off, or lack quotes: complete it, or take it out."
                )
            values = {name: fields[place].strip() for name, place in columns.items()}
            label = values[label_name]
            may_be_cut = (
                reader.line_num == n_lines
                and not is_whole
                and max(columns.values()) == n_fields - 1
            )
            if may_be_cut:
                # Some programs leave out the last line break. A class that others have is whole.
                is_label = columns[label_name] == n_fields - 1
                if regression or not (is_label and label in known - {""}):
                    raise ValueError(
                        f"{where}, the last one, ends in {fields[-1]!r} without a line break, so "
                        "that it may be cut off; complete it, and add the line break."
                    )
            known.add(label)
            id, row = (values.get(name) or None for name in (id_name, row_name))
            entry = Entry(where, id, row, label, may_be_cut)
            if entry.id is None and entry.row is None:
                raise ValueError(f"{where} names no row; fill in its row or id, or take it out.")
            yield entry
    except csv.Error as error:
        raise ValueError(
            f"Line {line} of {path} cannot be read: {error}. It may be cut off, or a quote in it "
            "is not closed; complete it, or take it out."
        ) from error


def _read_text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8; save it as CSV in UTF-8.") from error
    if "\0" in text:
        raise ValueError(
            f"{path} holds bytes of zero, so it is no text or is damaged; copy it again."
        )
    return text


def _names_of_rows(names: list[str], id_name: str, where: str) -> tuple[str, str]:
    """Return what the columns of ids and rows are called."""
    if "skdal_id" in names or "skdal_row" in names:
        return "skdal_id", "skdal_row"
    if "annotation_id" in names and ("annotator" in names or "lead_time" in names):
        raise ValueError(
            f"{where} is the header of an export of Label Studio, whose id is the number of the "
            "task; it must have skdal_id or skdal_row, as the tasks that were written for Label "
            "Studio have. Export those, as JSON."
        )
    return id_name, "row"


def _columns(names: list[str], wanted: tuple[str, str, str], where: str) -> dict[str, int]:
    """Return the places of the columns of ids, rows and labels."""
    twice = next((name for name in wanted if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{where} has the column {twice!r} twice; rename one.")
    columns = {name: names.index(name) for name in wanted if name in names}
    id_name, row_name, label_name = wanted
    if label_name not in columns or len(columns) == 1:
        raise ValueError(
            f"{where} is {', '.join(names)}; it must be a header with the column {label_name!r}, "
            f"and {row_name!r} or {id_name!r}, as in: row,label"
        )
    return columns
