"""What a learner for a person keeps: the labels so far, and the model that is trained on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import _check_method_params, _num_samples

from skdal._binding import fit_bound
from skdal._fitting import fit_seeded
from skdal._pool import take
from skdal.learner.base import BaseLearner
from skdal.learner.labels_file import LabelsFile
from skdal.learner.teaching import joined
from skdal.loop import QUERY, TRAIN, can_train
from skdal.samplers.random import RandomSampler


class LabelKeeper(BaseLearner):
    """Base class of :class:`~skdal.learner.ActiveLearner`: its labels, its file, its training."""

    labeled_rows_: np.ndarray
    labels_: np.ndarray
    labels_path: Any
    _X: Any
    _asked: np.ndarray
    _params: dict[str, Any]
    _seed: int
    _n_trained: int
    _file: LabelsFile | None

    def _resume(self, file: LabelsFile) -> None:
        """Take the labels that the file has and y has not."""
        rows, labels = file.read_labels(self.estimator)
        known = {
            int(row): label for row, label in zip(self.labeled_rows_, self.labels_, strict=True)
        }
        new = []
        for position, (row, label) in enumerate(zip(rows.tolist(), labels, strict=True)):
            if row not in known:
                new.append(position)
            elif not np.array_equal(known[row], label):
                # As Python shows them, and not numpy.
                in_y, in_file = (np.asarray(value).tolist() for value in (known[row], label))
                raise ValueError(
                    f"y labels row {row} {in_y!r}, but labels_path={str(file.path)!r} labels "
                    f"it {in_file!r}; correct one of them."
                )
        if new:
            self.labels_ = joined(self.estimator, self.labels_, labels[new])
            self.labeled_rows_ = np.concatenate([self.labeled_rows_, rows[new]])
        self._asked = np.array(file.asked, dtype=int)
        self._file = file

    def _random_state(self, purpose: int) -> np.random.RandomState:
        # By the number of labels, so that it does not matter how often anything was asked.
        return np.random.RandomState([self._seed, len(self.labels_), purpose])

    def _pool(self) -> np.ndarray:
        pool = np.ones(_num_samples(self._X), dtype=bool)
        pool[self.labeled_rows_] = False
        return pool

    def _train(self) -> None:
        """Train, unless there are too few labels to do it and a pool to find more in."""
        labeled, y = self.labeled_rows_, self.labels_
        if can_train(self.estimator, y) or not self._pool().any():
            params = _check_method_params(self._X, self._params, indices=labeled)
            self.estimator_ = fit_seeded(
                self.estimator, take(self._X, labeled), y, self._random_state(TRAIN), **params
            )
        self._n_trained = len(y)

    def _model(self) -> Any:
        self._check_has("labels_")
        if not hasattr(self, "estimator_"):
            known = "a single class is known" if len(self.labels_) else "no row is labeled"
            raise NotFittedError(
                f"This {type(self).__name__} has no model yet, for {known}; query(), label the "
                "rows, and teach() them."
            )
        return self.estimator_

    def _fitted_sampler(self, X: Any, y: np.ndarray, rows: np.ndarray) -> Any:
        model = getattr(self, "estimator_", None)
        sampler = self._sampler()
        if model is None:
            sampler = RandomSampler() if self.initial_sampler is None else self.initial_sampler
        return fit_bound(sampler, model, X, y, rows, self._random_state(QUERY))

    def _catch_up(self) -> None:
        # A training that failed or was interrupted.
        if self._n_trained != len(self.labels_):
            self._train()

    @property
    def asked_rows_(self) -> np.ndarray:
        """Rows that were asked for and have no label yet."""
        self._check_has("labels_")
        return self._asked[~np.isin(self._asked, self.labeled_rows_)]

    def _note(self, rows: np.ndarray) -> None:
        new = rows[~np.isin(rows, self._asked)]
        if len(new):
            if self._file is not None:
                self._file.add(asked=new)
            self._asked = np.concatenate([self._asked, new])

    def _refuse_rows(self) -> None:
        if self._file is not None:
            raise ValueError(
                f"labels_path={str(self.labels_path)!r} keeps labels by row number of fit's X, and "
                "new rows have none; pass all rows to fit, query() without X_pool and teach row "
                "numbers, or set labels_path=None."
            )
        if self._params:
            raise ValueError(
                f"fit got {sorted(self._params)} for its rows, and new rows have none; pass all "
                "rows to fit, and teach row numbers."
            )
