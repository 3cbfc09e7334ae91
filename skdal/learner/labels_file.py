"""A file that keeps the labels of a loop, and the rows that were asked for, whatever happens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from skdal._files import written_whole
from skdal._oracle import given_labels
from skdal.learner.same_rows import alike, is_list, sample
from skdal.learner.teaching import check_rows

_FORMAT = "skdal labels 1"


class LabelsFile:
    """Labels by row, in the order in which they came, as JSON.

    The file is written whole every time, and never read but by a JSON parser. It looks like
    ``{"format": "skdal labels 1", "n_rows": 150, "sample": [[5.1, ...], ...], "asked": [7, 3],
    "labeled": [[7, "yes"]]}``.

    Parameters
    ----------
    path : str or path-like
        The file. It need not exist.

    X : array-like of n_rows rows
        All rows. The file knows them again.

    Attributes
    ----------
    asked : list of int
        The rows of all queries, each once, in the order in which they were asked for.

    labeled : dict of int to label
        Label by row, in the order in which they came; a label of several outputs is a list.

    Raises
    ------
    ValueError
        If the file is of another kind, or belongs to another X.
    """

    def __init__(self, path: str | os.PathLike[str], X: Any) -> None:
        self.path, self.n_rows, self.sample = Path(path), _num_samples(X), sample(X)
        self.asked: list[int] = []
        self.labeled: dict[int, Any] = {}
        self._text = self._written = self._read()
        if not self.path.parent.is_dir():
            raise ValueError(
                f"labels_path={str(self.path)!r} is in a directory that does not exist; create it."
            )
        if self._text is not None:
            self._parse(self._text)

    def _read(self) -> str | None:
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise ValueError(f"labels_path={str(self.path)!r} is no file of labels.") from error

    def _parse(self, text: str) -> None:
        try:
            content = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(
                f"labels_path={str(self.path)!r} is no JSON: {error}. Give a path that does not "
                "exist yet, or the file that a learner wrote."
            ) from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(
                f"labels_path={str(self.path)!r} holds something else than {_FORMAT!r}; give a "
                "path that does not exist yet, or the file that a learner wrote."
            )
        asked, labeled = content.get("asked"), content.get("labeled")
        if not (
            is_list(content.get("sample"))
            and all(map(is_list, content["sample"]))
            and isinstance(asked, list)
            and all(map(_is_row, asked))
            and isinstance(labeled, list)
            and all(isinstance(p, list) and len(p) == 2 and _is_row(p[0]) for p in labeled)
        ):
            raise ValueError(
                f"labels_path={str(self.path)!r} is not as a learner writes it: 'sample' must be "
                "values of rows, 'asked' row numbers, 'labeled' pairs of row number and label; "
                "correct it."
            )
        if content.get("n_rows") != self.n_rows:
            raise ValueError(
                f"labels_path={str(self.path)!r} belongs to an X of {content.get('n_rows')} rows, "
                f"but this one has {self.n_rows}; pass the same X, or another path."
            )
        if not alike(content["sample"], self.sample):
            raise ValueError(
                f"labels_path={str(self.path)!r} belongs to another X, of as many rows; pass the "
                "same X, its rows in the same order, or another path."
            )
        # As it was at first, lest small differences add up.
        self.sample = content["sample"]
        self.asked, self.labeled = list(dict.fromkeys(asked)), dict(labeled)
        if len(self.labeled) < len(labeled):
            rows = [row for row, _ in labeled]
            twice = next(row for row in rows if rows.count(row) > 1)
            raise ValueError(
                f"labels_path={str(self.path)!r} labels row {twice} twice; take one of them out."
            )

    def read_labels(self, estimator: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and labels in the order in which they came.

        Parameters
        ----------
        estimator : classifier or regressor
            The task model.

        Returns
        -------
        rows : ndarray of int of shape (n_labeled,)
            Row numbers.

        labels : ndarray of shape (n_labeled,) or (n_labeled, n_outputs)
            Their labels.

        Raises
        ------
        ValueError
            If a row is out of range, or a label is missing.
        """
        rows = np.array(list(self.labeled), dtype=int)
        try:
            check_rows(np.array(self.asked, dtype=int), self.n_rows, rows[:0])
            check_rows(rows, self.n_rows, rows[:0])
            labels = list(self.labeled.values())
            return rows, given_labels(estimator, labels, len(rows), cure="Correct the file.")
        except ValueError as error:
            raise ValueError(f"labels_path={str(self.path)!r}: {error}") from error

    def add(self, *, asked: Any = None, rows: Any = None, labels: Any = None) -> None:
        """Keep what is new; when this returns, it is on disk.

        Parameters
        ----------
        asked : ndarray of int, default=None
            Rows of a query.

        rows : ndarray of int, default=None
            Rows that were labeled. One that the file has already gets the new label.

        labels : ndarray of shape (len(rows),) or (len(rows), n_outputs), default=None
            Their labels.

        Raises
        ------
        ValueError
            If somebody else wrote to the file in the meantime, or a label is nothing that JSON
            knows.
        OSError
            If the file cannot be written.
        """
        text = self._read()
        if text is not None and text == self._written != self._text:
            # Ctrl-C came between the write and this note of it.
            self._text = text
            self._parse(text)
        if text != self._text:
            raise ValueError(
                f"labels_path={str(self.path)!r} was changed by somebody else, such as another "
                "learner with the same path. Nothing was written. Call fit again to read what is "
                "there, and give every learner a path of its own."
            )
        # The learner may hear of nothing that is here: Ctrl-C may have come before it took note.
        new_asked = list(dict.fromkeys([*self.asked, *([] if asked is None else asked.tolist())]))
        new_labeled = dict(self.labeled)
        if rows is not None:
            for row, label in zip(rows.tolist(), labels.tolist(), strict=True):
                new_labeled.pop(row, None)
                new_labeled[row] = label
        content = {
            "format": _FORMAT,
            "n_rows": self.n_rows,
            "sample": self.sample,
            "asked": new_asked,
            "labeled": list(new_labeled.items()),
        }
        try:
            text = json.dumps(content, allow_nan=False)
        except TypeError as error:
            raise ValueError(
                f"labels of type {type(labels.ravel()[0]).__name__} cannot be kept in "
                f"labels_path={str(self.path)!r}: {error}. Use numbers or strings."
            ) from error
        self._written = text
        try:
            with written_whole(self.path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError:
            self._written = self._text
            raise
        self._text, self.asked, self.labeled = text, new_asked, new_labeled


def _is_row(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
