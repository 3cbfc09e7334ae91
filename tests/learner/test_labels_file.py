"""What the file keeps, whatever happens to the process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skdal import ActiveLearner, RandomSampler
from tests.learner._shared import DAL, LABELED, NAMES, TRUTH, Counting, X, Y

FOREST = RandomForestClassifier(5, max_features=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.json"


@pytest.fixture(autouse=True)
def _nothing_counted():
    Counting.n_fits, Counting.raises = 0, None


def resumed(path, model=FOREST, sampler=DAL, y=Y, X=X):
    return ActiveLearner(model, sampler, labels_path=path, random_state=0).fit(X, y)


def step(learner, truth, n_instances=3):
    rows = learner.query(n_instances=n_instances)
    learner.teach(rows, truth[rows])
    return rows.tolist()


def content(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


# Going on


def test_what_is_in_the_file(path):
    learner = resumed(path)
    assert not path.exists()
    rows = learner.query(n_instances=3).tolist()
    assert content(path)["asked"] == [rows]
    # The same question again is no news.
    learner.query(n_instances=3)
    learner.teach(rows[:2], TRUTH[rows[:2]])
    assert content(path) == {
        "format": "skdal labels 1",
        "n_rows": 150,
        "asked": [rows],
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


STRINGS = np.array(['"quoted"\n', "naïve ☃", "\\", "null", "-1"])[np.arange(150) % 5]


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


# What goes wrong


GOOD = {"format": "skdal labels 1", "n_rows": 150, "asked": [[7, 3]], "labeled": [[7, 1]]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON: .*path that does not exist yet"),
        (json.dumps(GOOD)[:-5], "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("\ufeff" + json.dumps(GOOD), "is no JSON"),
        ("7,yes\n3,no\n", "is no JSON"),
        (b"\x80\x04\x95\xff\xfe", "is no file of labels"),
        ("[]", "holds something else than 'skdal labels 1'"),
        ('{"a": 1}', "holds something else"),
        (json.dumps(GOOD | {"format": "skdal labels 2"}), "holds something else"),
        (json.dumps(GOOD | {"n_rows": 151}), "belongs to an X of 151 rows, but this one has 150"),
        (json.dumps(GOOD | {"asked": None}), "not as a learner writes it"),
        (json.dumps(GOOD | {"asked": [7]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"asked": [["7"]]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"asked": [[True]]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"asked": [[150]]}), "labels.json.*row 150, but X has"),
        (json.dumps(GOOD | {"labeled": {"7": 1}}), "not as a learner writes it"),
        (json.dumps(GOOD | {"labeled": [[7]]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"labeled": [[7.0, 1]]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"labeled": [[10**30, 1]]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"labeled": [[-2, 1]]}), "labels.json.*row -2, but X has"),
        (json.dumps(GOOD | {"labeled": [[7, 1], [7, 1]]}), "labels.json.*row 7 twice"),
        (json.dumps(GOOD | {"labeled": [[7, None]]}), "labels.json.*Correct the file"),
        (json.dumps(GOOD | {"labeled": [[7, -1]]}), "labels.json.*Correct the file"),
        (json.dumps(GOOD | {"labeled": [[7, np.nan]]}), "labels.json.*Correct the file"),
        (json.dumps(GOOD | {"labeled": [[7, np.inf]]}), "labels.json.*infinity"),
        (json.dumps(GOOD | {"labeled": [[7, 1.5]]}), "labels.json.*continuous"),
        (json.dumps(GOOD | {"labeled": [[7, {}]]}), "labels.json.*nknown"),
        (json.dumps(GOOD | {"labeled": [[7, "a"]]}), "give strings or numbers"),
        (json.dumps(GOOD | {"labeled": [[7, [0, 1]]]}), "as many outputs"),
        (json.dumps(GOOD | {"labeled": [[7, [0]], [8, [0, 1]]]}), "labels.json.*different lengths"),
    ],
)
def test_a_file_that_is_no_good(path, text, message):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = path.read_bytes()
    learner = ActiveLearner(GaussianNB(), RandomSampler(), labels_path=path)
    with pytest.raises(ValueError, match=message):
        learner.fit(X, Y)
    assert not hasattr(learner, "labels_")
    assert path.read_bytes() == before


def test_a_label_may_be_corrected_in_the_file(path):
    rows = step(resumed(path), TRUTH)
    text = path.read_text().replace(f"[{rows[0]}, {TRUTH[rows[0]]}]", f"[{rows[0]}, 2]", 1)
    # An editor lays it out anew.
    path.write_text(json.dumps(json.loads(text), indent=2) + "\n")
    learner = resumed(path)
    assert learner.labels_[10] == 2
    step(learner, TRUTH)
    assert len(resumed(path).labels_) == 16


def test_another_x(path):
    step(resumed(path), TRUTH)
    with pytest.raises(ValueError, match="belongs to an X of 150 rows, but this one has 149"):
        resumed(path, X=X[:-1], y=Y[:-1])


def test_a_directory_that_does_not_exist(path):
    with pytest.raises(ValueError, match=r"labels_path=.* directory that does not exist; create"):
        resumed(path / "labels.json")
    with pytest.raises(OSError, match=r"directory|denied"):
        resumed(path.parent)


@pytest.mark.parametrize("method", ["query", "teach"])
def test_two_learners_on_one_path(path, method):
    first, second = resumed(path), resumed(path)
    rows = step(first, TRUTH)
    before, text = joblib.hash(vars(second)), path.read_text()
    free = np.setdiff1d(np.arange(150), [*rows, *LABELED])[:1]
    with pytest.raises(ValueError, match=r"changed by somebody else.*Nothing was written.*fit"):
        second.query() if method == "query" else second.teach(free, TRUTH[free])
    assert joblib.hash(vars(second)) == before
    assert path.read_text() == text
    assert_array_equal(second.fit(X, Y).labeled_rows_, first.labeled_rows_)
    step(second, TRUTH)


def test_a_file_that_is_gone(path):
    learner = resumed(path)
    step(learner, TRUTH)
    path.unlink()
    with pytest.raises(ValueError, match="changed by somebody else"):
        learner.query()
    assert not path.exists()


@pytest.mark.parametrize("broken", ["replace", "fsync", "write"])
def test_a_full_disk_changes_nothing(path, monkeypatch, broken):
    learner = resumed(path)
    step(learner, TRUTH)
    rows = learner.query(n_instances=3)
    before, text = joblib.hash(vars(learner)), path.read_text()
    fits = []

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(FOREST.__class__, "fit", lambda *args: fits.append(args))
        if broken == "write":
            patch.setattr(Path, "write_text", full)
        else:
            patch.setattr(os, broken, full)
        with pytest.raises(OSError, match="No space left"):
            learner.teach(rows, TRUTH[rows])
        with pytest.raises(OSError, match="No space left"):
            learner.query(n_instances=20)
        assert not fits
    assert joblib.hash(vars(learner)) == before
    assert path.read_text() == text
    assert os.listdir(path.parent) == ["labels.json"]
    learner.teach(rows, TRUTH[rows])
    assert_array_equal(resumed(path).labeled_rows_, learner.labeled_rows_)


def test_labels_that_json_cannot_hold(path):
    class Decimalish:
        """Sorts and counts like a number, and is none."""

    learner = ActiveLearner(Anything(), RandomSampler(), labels_path=path).fit(X, np.full(150, -1))
    before = joblib.hash(vars(learner))
    with pytest.raises(ValueError, match=r"labels of type Decimalish cannot .*numbers or strings"):
        learner.teach([1], [Decimalish()])
    assert joblib.hash(vars(learner)) == before
    assert not path.exists()


class Anything(LogisticRegression):
    """Neither classifier nor regressor, so that nobody asks what its labels are."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = None
        return tags


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
