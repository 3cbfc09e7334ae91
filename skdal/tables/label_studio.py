"""Tasks for Label Studio, and what it exports.

The formats are those of https://labelstud.io/guide/task_format and
https://labelstud.io/guide/export (JSON and JSON-MIN). In JSON-MIN the number of the task takes the
place of whatever else is called ``id`` in its data, and so do the results of control tags and who
gave them; therefore the names that begin with ``skdal_``, and those that data may not have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from skdal.tables.classes import class_of
from skdal.tables.entries import Entry

_PREFIX = "skdal_"
# Where the results of control tags have their value.
_VALUES = ("choices", "number", "rating", "text")
# What JSON-MIN adds to the data of a task.
_OF_EXPORTS = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time")


def tasks(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a batch as tasks to import into Label Studio.

    Parameters
    ----------
    records : sequence of mapping
        Of :func:`~skdal.tables.batch.batch_records`.

    Returns
    -------
    list of dict
        All is in ``data``, where a labeling interface finds it as ``$text`` or ``$image``, and
        the Data Manager can sort by it; ``row``, ``id``, ``rank`` and ``score`` under names that
        begin with ``skdal_``.

    Examples
    --------
    >>> from skdal.tables.label_studio import tasks
    >>> tasks([{"row": 7, "id": "a", "rank": 1, "score": None, "text": "Hello"}])
    [{'data': {'text': 'Hello', 'skdal_row': 7, 'skdal_id': 'a', 'skdal_rank': 1,
     'skdal_score': None}}]
    """
    own = ("row", "id", "rank", "score")
    return [
        {
            "data": {name: value for name, value in record.items() if name not in own}
            | {_PREFIX + name: record[name] for name in own}
        }
        for record in records
    ]


def is_taken(name: str, tag: str | None = None) -> bool:
    """Return whether data of a task may not have a name, since an export puts others there.

    Parameters
    ----------
    name : str
        Of a column of items.

    tag : str or None, default=None
        Name of the control tag that will have the label, if it is known.

    Examples
    --------
    >>> from skdal.tables.label_studio import is_taken
    >>> is_taken("annotator"), is_taken("text")
    (True, False)
    """
    return name in _OF_EXPORTS or name == tag or name.startswith(_PREFIX)


def read_export(path: Path, tag: str | None = None) -> Iterator[Entry]:
    """Read the labels that Label Studio exported, as JSON or JSON-MIN.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    tag : str or None, default=None
        Name of the control tag that has the label; None is the only one.

    Yields
    ------
    Entry
        For every task that somebody has labeled or skipped: the choice, number, rating or text.

    Raises
    ------
    ValueError
        If it is no such file, a task is none that :func:`tasks` made, an annotation has results
        but none of the tag, there are several labels for a row, or those of two annotators are
        not the same.
    """
    try:
        content = json.loads(path.read_bytes())
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path} is no JSON, or is cut off: {error}. Export it from Label Studio again, as "
            "JSON or JSON-MIN."
        ) from error
    except ValueError as error:  # of int()
        raise ValueError(
            f"{path} holds a number of thousands of digits, which no label and no row has; correct "
            "it, and export it again."
        ) from error
    found = content if isinstance(content, list) else [content]
    for number, task in enumerate(found, start=1):
        if not isinstance(task, dict):
            raise ValueError(
                f"Entry {number} of {path} is no task of Label Studio; export the labels as JSON "
                "or JSON-MIN."
            )
        where = f"Task {task.get('id', number)} of {path}"
        if "data" in task:
            yield from _of_task(task, tag, where)
        elif task.get("annotation_id", number) is not None:  # else nobody has come to it yet
            row, id = _row(task, where)
            yield Entry(where, id, row, _of_short_task(task, tag, where))


def _of_task(task: dict[str, Any], tag: str | None, where: str) -> Iterator[Entry]:
    data = task["data"]
    # Older versions call them completions.
    annotations = task.get("annotations", task.get("completions"))
    if annotations is None:
        raise ValueError(
            f"{where} is a task that has not been through Label Studio; import the file there, and "
            "export the labels as JSON."
        )
    if not isinstance(data, dict) or not _is_list_of_dicts(annotations):
        raise ValueError(f"{where} is not as Label Studio writes it; export the labels again.")
    row, id = _row(data, where)
    if not annotations:
        return  # nobody has come to it yet
    done = [a for a in annotations if not (a.get("was_cancelled") or a.get("skipped"))]
    labels = [label for a in done if (label := _of_annotation(a, tag, where)) is not None]
    different = list({class_of(label): label for label in reversed(labels)}.values())[::-1]
    if len(different) > 1:
        raise ValueError(
            f"{where} (row {row or id}) has the labels {' and '.join(map(repr, different))}, by "
            "different annotators; settle it in Label Studio, and export again."
        )
    yield Entry(where, id, row, different[0] if different else None)


def _row(data: dict[str, Any], where: str) -> tuple[str | None, str | None]:
    row, id = data.get(_PREFIX + "row"), data.get(_PREFIX + "id")
    if row is None and id is None:
        raise ValueError(
            f"{where} has neither {_PREFIX}id nor {_PREFIX}row in its data, which say what row it "
            "is; import the tasks that were written for Label Studio."
        )
    return None if row is None else str(row), None if id is None else str(id)


def _of_annotation(annotation: dict[str, Any], tag: str | None, where: str) -> str | None:
    results = annotation.get("result") or []
    if not _is_list_of_dicts(results):
        raise ValueError(f"{where} has results that are no list; export the labels again.")
    by_tag: dict[str, list[Any]] = {}
    # Relations between results are of no control tag.
    for result in (result for result in results if result.get("type") != "relation"):
        by_tag.setdefault(str(result.get("from_name")), []).append(result.get("value"))
    return _of_tags(by_tag, tag, where)


def _of_short_task(task: dict[str, Any], tag: str | None, where: str) -> str | None:
    # First comes the data, then the number of the task, the control tags, and who did it when.
    # What has a name that the data has, too, stays where that was, and cannot be told from it.
    names = list(task)
    begin = names.index("id") + 1 if "id" in task else 0
    end = names.index("annotator") if "annotator" in task else len(names)
    by_tag = {name: task[name] for name in names[begin:end] if not name.startswith(_PREFIX)}
    if not by_tag or (tag is not None and tag not in by_tag and tag in task):
        raise ValueError(
            f"{where} is annotated, but its data has a column of the name of the control tag, or "
            "one called annotator, or it was sent in without a label; export it as JSON, which "
            "tells these apart."
        )
    return _of_tags(
        {name: value if isinstance(value, list) else [value] for name, value in by_tag.items()},
        tag,
        where,
    )


def _of_tags(by_tag: dict[str, list[Any]], tag: str | None, where: str) -> str | None:
    """Return the label among the values of control tags, None where there is none."""
    if not by_tag:
        return None
    if tag is not None and tag not in by_tag:
        raise ValueError(
            f"{where} has no result of the control tag {tag!r}, but of {', '.join(by_tag)}; "
            "correct the name, or label or skip the task in Label Studio."
        )
    if tag is None and len(by_tag) > 1:
        raise ValueError(
            f"{where} has results of {', '.join(by_tag)}; say which of these control tags has the "
            "label."
        )
    by_tag = by_tag if tag is None else {tag: by_tag[tag]}
    name, values = next(iter(by_tag.items()))
    found = [label for value in values for label in _plain(value, name, where)]
    if len(found) > 1:
        raise ValueError(
            f"{where} has {len(found)} labels in {name!r}: {', '.join(found)}; a row has one, so "
            'set choice="single" in the labeling interface.'
        )
    return found[0] if found else None


def _plain(value: Any, name: str, where: str) -> list[str]:
    """Return the labels that the value of a control tag holds, as texts."""
    if isinstance(value, dict):
        kind = next((kind for kind in _VALUES if kind in value), None)
        if kind is None:
            raise ValueError(
                f"{where} has {', '.join(value) or 'nothing'} in {name!r}; a label is made by "
                "Choices, Number, Rating or TextArea."
            )
        value = value[kind]
    found = value if isinstance(value, list) else [value]
    if any(isinstance(label, bool) or not isinstance(label, str | int | float) for label in found):
        raise ValueError(f"{where} has {found!r} in {name!r}, which is neither text nor number.")
    return [_text(label) for label in found]


def _text(label: str | float) -> str:
    # 7.0 and 7 are the same number.
    is_whole = isinstance(label, float) and label.is_integer()
    return str(int(label)) if is_whole else str(label).strip()


def _is_list_of_dicts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)
