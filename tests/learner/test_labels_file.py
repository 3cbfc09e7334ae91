"""What the file keeps, whatever happens to the process."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skdal import ActiveLearner, RandomSampler
from skdal.learner.labels_file import LabelsFile
from skdal.learner.same_rows import sample
from tests.learner._shared import (
    DAL,
    FOREST,
    LABELED,
    NAMES,
    TRUTH,
    Counting,
    X,
    Y,
    content,
    resumed,
    step,
)

# Going on


def test_what_is_in_the_file(path):
    learner = resumed(path)
    assert not path.exists()
    rows = learner.query(n_instances=3).tolist()
    assert content(path)["asked"] == rows
    # The same question again is no news.
    learner.query(n_instances=3)
    learner.teach(rows[:2], TRUTH[rows[:2]])
    assert content(path) == {
        "format": "skdal labels 1",
        "n_rows": 150,
        "sample": sample(X),
        "asked": rows,
        "labeled": [[row, int(TRUTH[row])] for row in rows[:2]],
    }
    assert os.listdir(path.parent) == ["labels.json"]


@pytest.mark.parametrize("start", [Y, np.full(150, -1)], ids=["some", "none"])
def test_a_loop_that_is_resumed_at_every_step_is_the_undisturbed_one(path, start):
    undisturbed = ActiveLearner(FOREST, DAL, random_state=0).fit(X, start)
    for _ in range(5):
        rows = undisturbed.query(n_instances=3)
        assert_array_equal(resumed(path, y=start).query(n_instances=3), rows)
        learner = resumed(path, y=start)
        assert_array_equal(np.sort(learner.asked_rows_), np.sort(rows))
        undisturbed.teach(rows, TRUTH[rows])
        learner.teach(rows, TRUTH[rows])
        assert len(learner.asked_rows_) == 0
        if hasattr(undisturbed, "estimator_"):
            for model in (learner, resumed(path, y=start)):
                assert_array_equal(model.predict_proba(X), undisturbed.predict_proba(X))
    assert_array_equal(resumed(path, y=start).labeled_rows_, undisturbed.labeled_rows_)
    assert hasattr(undisturbed, "estimator_")


def test_a_training_that_is_killed_has_kept_its_labels(path):
    learner = resumed(path, Counting())
    rows = learner.query(n_instances=3)
    Counting.raises = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        learner.teach(rows, TRUTH[rows])
    Counting.raises = None
    assert_array_equal(resumed(path).labeled_rows_, [*LABELED, *rows])
    # Nor is it lost, or kept twice, by the learner that goes on.
    learner.query()
    step(learner, TRUTH)
    assert [row for row, _ in content(path)["labeled"]] == learner.labeled_rows_[10:].tolist()


@pytest.mark.parametrize("moment", ["written", "noted"])
def test_ctrl_c_between_the_file_and_the_memory(path, monkeypatch, moment):
    def interrupted(function):
        def call(*args, **kwargs):
            function(*args, **kwargs)
            raise KeyboardInterrupt

        return call

    learner = resumed(path)
    rows = learner.query(n_instances=3)
    owner, name = (os, "replace") if moment == "written" else (LabelsFile, "add")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted(getattr(owner, name)))
        with pytest.raises(KeyboardInterrupt):
            learner.teach(rows, np.zeros(3, dtype=int))
        with pytest.raises(KeyboardInterrupt):
            learner.query(n_instances=5)
    assert len(content(path)["labeled"]) == 3
    assert len(learner.labels_) == 10
    learner.query(n_instances=5)
    # In another order, and with other labels: what was taught last counts.
    for row in rows[::-1]:
        learner.teach([row], [TRUTH[row]])
    step(learner, TRUTH)
    assert content(path)["labeled"] == [
        [row, TRUTH[row]] for row in learner.labeled_rows_[10:].tolist()
    ]
    assert len(set(content(path)["asked"])) == len(content(path)["asked"])
    again = resumed(path)
    assert_array_equal(again.labeled_rows_, learner.labeled_rows_)
    assert_array_equal(again.predict_proba(X), learner.predict_proba(X))


def test_the_path_may_be_of_any_kind(path, monkeypatch):
    step(resumed(str(path)), TRUTH)
    assert len(resumed(path).labels_) == 13
    monkeypatch.chdir(path.parent)
    assert len(resumed("labels.json").labels_) == 13


def test_a_clone_goes_on_too(path):
    learner = resumed(path)
    step(learner, TRUTH)
    again = clone(learner).fit(X, Y)
    assert_array_equal(again.labeled_rows_, learner.labeled_rows_)
    assert_array_equal(again.predict_proba(X), learner.predict_proba(X))


def test_labels_in_y_and_in_the_file(path):
    learner = resumed(path)
    rows = step(learner, TRUTH)
    y = Y.copy()
    y[rows] = TRUTH[rows]
    assert len(resumed(path, y=y).labels_) == 13
    y[rows[1]] = (TRUTH[rows[1]] + 1) % 3
    message = rf"y labels row {rows[1]} .*{y[rows[1]]}.*labels.json.* labels it .*{TRUTH[rows[1]]}"
    with pytest.raises(ValueError, match=message + ".*correct one of them"):
        resumed(path, y=y)


def test_a_conflict_shows_plain_labels(path):
    hidden = np.full(150, None, dtype=object)
    learner = resumed(path, GaussianNB(), RandomSampler(), hidden)
    learner.teach([3], [NAMES[3]])
    hidden[3] = "n3"
    with pytest.raises(ValueError, match=rf"row 3 'n3', but .* labels it '{NAMES[3]}'; correct"):
        resumed(path, GaussianNB(), RandomSampler(), hidden)


def test_embeddings_that_are_computed_anew(path):
    rows = step(resumed(path), TRUTH)
    rng = np.random.RandomState(0)
    for again in (X + 1e-9, X.astype(np.float32), X * (1 + 1e-5 * rng.standard_normal(X.shape))):
        learner = resumed(path, X=again)
        assert_array_equal(learner.labeled_rows_, [*LABELED, *rows])
        rows += step(learner, TRUTH)
    # What was there at first is what counts.
    assert content(path)["sample"] == sample(X)


STRINGS = np.array(['"quoted"\n', "naïve ☃", "\\", "null", "-1"], object)[np.arange(150) % 5]


@pytest.mark.parametrize(
    ("model", "truth", "marker"),
    [
        (GaussianNB(), TRUTH, -1),
        (GaussianNB(), NAMES, None),
        (GaussianNB(), STRINGS, None),
        (GaussianNB(), TRUTH == 1, None),
        (GaussianNB(), TRUTH.astype(np.uint8), None),
        (GaussianNB(), TRUTH + 2**53 + 1, -1),
        (GaussianNB(), TRUTH.astype(float), np.nan),
        (Ridge(), X[:, 0] / 3, np.nan),
        (Ridge(), np.round(X[:, 0]) - 7, np.nan),
        (Ridge(), X[:, 0].astype(np.float32) / 3, np.nan),
        (LinearRegression(), X[:, :2] / 3, np.nan),
        (MultiOutputClassifier(DecisionTreeClassifier()), np.column_stack([TRUTH, TRUTH > 1]), -1),
        (MultiOutputClassifier(DecisionTreeClassifier()), np.column_stack([NAMES, NAMES]), None),
    ],
    ids=[
        *["ints", "names", "strings", "bools", "uint8", "large", "floats"],
        *["values", "whole values", "float32", "outputs", "two ints", "two names"],
    ],
)
def test_labels_come_back_as_they_were(path, model, truth, marker):
    y = np.full(truth.shape, marker, dtype=None if isinstance(marker, float) else object)
    y = np.full(truth.shape, -1) if marker == -1 else y
    learner = resumed(path, model, RandomSampler(), y)
    rows = learner.query(n_instances=40)
    learner.teach(rows, truth[rows])
    assert_array_equal(learner.labels_, truth[rows])
    expected = learner.query(n_instances=5)
    again = resumed(path, model, RandomSampler(), y)
    assert_array_equal(again.labels_, truth[rows])
    assert again.labels_.dtype.kind == learner.labels_.dtype.kind or truth.dtype == np.uint8
    assert_array_equal(again.predict(X), learner.predict(X))
    assert_array_equal(again.query(n_instances=5), expected)
    assert_array_equal(again.asked_rows_, expected)


# Killed


LOOP = """
import sys
from sklearn.linear_model import LogisticRegression
from skdal import ActiveLearner, UncertaintySampler
from tests.learner._shared import TRUTH, X, Y
learner = ActiveLearner(
    LogisticRegression(max_iter=1000), UncertaintySampler(), labels_path=sys.argv[1], random_state=0
).fit(X, Y)
while len(learner.labels_) < 100:
    rows = learner.query(n_instances=2)
    print(*rows, flush=True)
    learner.teach(rows, TRUTH[rows])
    print("known", flush=True)
"""


@pytest.mark.slow
def test_a_loop_that_is_killed_time_and_again(path):
    from skdal import UncertaintySampler

    def learner(labels_path=None):
        model = LogisticRegression(max_iter=1000)
        sampler = UncertaintySampler()
        return ActiveLearner(model, sampler, labels_path=labels_path, random_state=0).fit(X, Y)

    rng = random.Random(0)
    acknowledged = []
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", LOOP, path], stdout=subprocess.PIPE, text=True
        )
        with process:
            asked = []
            for _ in range(rng.randrange(2, 16)):
                asked = [int(row) for row in process.stdout.readline().split()]
                assert process.stdout.readline() == "known\n"
                acknowledged += asked
            # Somewhere in a query, in a write or in a training.
            time.sleep(rng.random() / 50)
            process.kill()
            for line in process.stdout:
                if line == "known\n":
                    acknowledged += asked
                else:
                    asked = [int(row) for row in line.split()]
        kept = content(path)
        assert [row for row, _ in kept["labeled"]][: len(acknowledged)] == acknowledged
        assert all(TRUTH[row] == label for row, label in kept["labeled"])
        # It may have died between the write and the word.
        acknowledged = [row for row, _ in kept["labeled"]]
    survivor, undisturbed = learner(path), learner()
    assert 10 < len(survivor.labels_) < 100
    for one in (survivor, undisturbed):
        while len(one.labels_) < 100:
            step(one, TRUTH, 2)
    assert_array_equal(survivor.labeled_rows_, undisturbed.labeled_rows_)
    assert_array_equal(survivor.predict_proba(X), undisturbed.predict_proba(X))
