"""What the tests of learners share: models that count and note, a stopping rule, and loops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skdal import ActiveLearner, DiscriminativeSampler, RandomSampler

X, TRUTH = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[TRUTH]
# Every fifteenth row is labeled, of every class some.
Y = np.where(np.arange(150) % 15 == 0, TRUTH, -1)
LABELED = np.flatnonzero(Y != -1)
MODEL = LogisticRegression(max_iter=1000)
DAL = DiscriminativeSampler(MODEL, n_mini_queries=2)
FOREST = RandomForestClassifier(5, max_features=1)


class Counting(LogisticRegression):
    """A classifier that counts its trainings, and fails in one if it is told to."""

    n_fits = 0
    raises: BaseException | None = None

    def __init__(self, max_iter: int = 1000, random_state: Any = None) -> None:
        super().__init__(max_iter=max_iter, random_state=random_state)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        Counting.n_fits += 1
        if Counting.raises is not None:
            raise Counting.raises
        return super().fit(X, y, sample_weight)


class Weighed(Counting):
    """A classifier that notes what else it was fitted with."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, other: Any = None) -> Any:
        self.noted_ = sample_weight, other
        return super().fit(X, y, sample_weight)


class Spy(RandomSampler):
    """A sampler that notes what it was fitted to, and the model that it was bound to."""

    fits: list[tuple[Any, Any, Any]] = []  # noqa: RUF012
    seeds: list[Any] = []  # noqa: RUF012

    def __init__(self, *, estimator: Any = None, random_state: Any = None) -> None:
        super().__init__(random_state=random_state)
        self.estimator = estimator

    def fit(self, X: Any, y: Any = None) -> Any:
        Spy.fits.append((X, y, self.estimator))
        Spy.seeds.append(self.random_state)
        return super().fit(X, y)


class EnoughLabels(BaseEstimator):
    """A stopping rule that has enough of so many labels."""

    def __init__(self, n_labels: int = 20, estimator: Any = None, random_state: Any = None) -> None:
        self.n_labels = n_labels
        self.estimator = estimator
        self.random_state = random_state

    def bind(self, model: Any) -> Any:
        return EnoughLabels(self.n_labels, model, self.random_state)

    def fit(self, X: Any, y: Any) -> Any:
        # It draws, to show that what a rule draws changes nothing.
        np.random.RandomState(self.random_state).rand()
        self.n_labels_ = sum(label is not None and label == label for label in y)
        self.stop_ = self.n_labels_ >= self.n_labels
        return self


class Constant(ClassifierMixin, BaseEstimator):
    """A classifier that knows a single answer, and takes anything for rows."""

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.full(len(X), self.classes_[0])


def play(learner: Any, truth: Any, n_queries: int = 3, n_instances: int = 4) -> list[int]:
    """Query and teach, and return what was asked."""
    asked = []
    for _ in range(n_queries):
        rows = learner.query(n_instances=n_instances)
        learner.teach(rows, truth[rows])
        asked += rows.tolist()
    return asked


def resumed(path: Any, model: Any = FOREST, sampler: Any = DAL, y: Any = Y, X: Any = X) -> Any:
    """Return a learner that goes on where the file of labels is."""
    return ActiveLearner(model, sampler, labels_path=path, random_state=0).fit(X, y)


def step(learner: Any, truth: Any, n_instances: int = 3) -> list[int]:
    """Query and teach once, and return what was asked."""
    return play(learner, truth, 1, n_instances)


def content(path: Any) -> Any:
    """Return what the file of labels holds."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
