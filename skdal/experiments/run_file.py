"""The file of one run: a line for every step, on disk before the next step begins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from skdal.experiments.lock import lock

_ARRAYS = ("class_counts", "rows")
# What a step has, and what only some have.
_FIELDS = {
    "sampler": "text",
    "repeat": "count",
    "n_labels": "count",
    "score": "number",
    "fit_seconds": "number",
    "query_seconds": "number",
    "rows": "list of counts",
}
_MORE_FIELDS = {"class_counts": "list of counts", "class_entropy": "number", "divergence": "number"}


class RunFile:
    """The steps of a run that are done, and a place for those to come.

    While it is open it is locked, where system and disk have locks: another process that plays
    the same run, such as one that outlived its parent, says that it waits, and finds the steps of
    this one then.

    Parameters
    ----------
    path : pathlib.Path
        The file; made where it is missing, with its folder.

    Attributes
    ----------
    records : list of dict
        The steps in it.

    Examples
    --------
    >>> import tempfile
    >>> from skdal.experiments.run_file import RunFile
    >>> step = {"sampler": "random", "repeat": 0, "n_labels": 2, "score": 0.5}
    >>> step |= {"fit_seconds": 0.1, "query_seconds": 0.0, "rows": np.array([5, 3])}
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory, "random-0.jsonl")
    ...     with RunFile(path) as file:
    ...         file.append(step)
    ...     with RunFile(path) as file:
    ...         file.records[0]["rows"]
    array([5, 3])
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = self.path.open("a+b")
        try:
            lock(
                self._file,
                self.path,
                waits=f"Another process plays the run of {self.path}; this one waits for it.",
            )
            self._file.seek(0)
            content = self._file.read()
            self.records = parsed(content, self.path)
            # What follows the last line break was torn when the process was killed.
            self._file.truncate(content.rfind(b"\n") + 1)
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, record: dict[str, Any]) -> None:
        """Keep a step; when this returns, it is on disk.

        Parameters
        ----------
        record : dict
            Of numbers, strings and arrays of them.
        """
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in record.items()
        }
        self._file.write(json.dumps(plain).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records.append(record)


def parsed(content: bytes, path: Path) -> list[dict[str, Any]]:
    r"""Return the steps that are whole.

    Parameters
    ----------
    content : bytes
        Of the file.

    path : pathlib.Path
        For the message.

    Returns
    -------
    list of dict
        One for every line; without what follows the last line break.

    Raises
    ------
    ValueError
        If a line is damaged: no JSON, or not a step that goes on from those before it.

    Examples
    --------
    >>> from skdal.experiments.run_file import parsed
    >>> parsed(b'{"sampler": "ran', Path("random-0.jsonl"))
    []
    """
    records = []
    labeled: set[int] = set()
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            record = json.loads(line)
            _check(record, labeled)
        except (RecursionError, ValueError) as error:
            raise ValueError(
                f"Line {number} of {path} is damaged: {error}. Remove the file, and the run is "
                "played again."
            ) from error
        arrays = {name: np.array(record[name], dtype=int) for name in _ARRAYS if name in record}
        records.append(record | arrays)
    return records


def _check(record: Any, labeled: set[int]) -> None:
    """Refuse what is no step; add its rows to those labeled before it."""
    if not isinstance(record, dict):
        raise ValueError("it is no step of a run")
    if missing := [name for name in _FIELDS if name not in record]:
        raise ValueError(f"it has no {missing[0]}")
    for name, kind in (_FIELDS | _MORE_FIELDS).items():
        if name in record and not _is(kind, record[name]):
            raise ValueError(f"its {name} is no {kind}")
    n_before = len(labeled)
    labeled.update(record["rows"])
    if len(labeled) != n_before + len(record["rows"]):
        raise ValueError("it labels a row for the second time")
    if len(labeled) != record["n_labels"]:
        raise ValueError(f"its n_labels is {record['n_labels']}, but there are {len(labeled)} rows")


def _is(kind: str, value: Any) -> bool:
    if kind == "text":
        return isinstance(value, str)
    if kind == "number":
        # Not by isinstance, for which True is one.
        return type(value) in (int, float)
    if kind == "count":
        return type(value) is int and 0 <= value <= np.iinfo(np.intp).max
    return isinstance(value, list) and all(_is("count", item) for item in value)
