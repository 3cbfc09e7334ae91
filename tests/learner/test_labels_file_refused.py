"""Files that are refused, and what becomes of one that cannot be written."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skdal import ActiveLearner, RandomSampler
from skdal.learner.same_rows import alike, sample
from tests.learner._shared import (
    FOREST,
    LABELED,
    NAMES,
    TRUTH,
    X,
    Y,
    resumed,
    step,
)

GOOD = {"format": "skdal labels 1", "n_rows": 150, "sample": sample(X)} | {
    "asked": [7, 3],
    "labeled": [[7, 1]],
}


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
        (json.dumps(GOOD | {"sample": []}), "another X, of as many rows; pass the same X"),
        (json.dumps(GOOD | {"sample": [[np.nan] * 5] * 20}), "another X, of as many rows"),
        (json.dumps(GOOD | {"sample": [[10**400] * 5] * 20}), "another X, of as many rows"),
        (json.dumps(GOOD | {"sample": None}), "not as a learner writes it"),
        (json.dumps(GOOD | {"sample": [1]}), "not as a learner writes it"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "sample"}), "not as a learner"),
        (json.dumps(GOOD | {"asked": None}), "not as a learner writes it"),
        (json.dumps(GOOD | {"asked": [[7]]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"asked": ["7"]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"asked": [True]}), "not as a learner writes it"),
        (json.dumps(GOOD | {"asked": [150]}), "labels.json.*row 150, but X has"),
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


def test_the_same_number_of_other_rows(path):
    step(resumed(path), TRUTH)
    for other in (X[::-1], X + 1, X[np.random.RandomState(0).permutation(150)]):
        with pytest.raises(ValueError, match=r"another X, .* pass the same X, .*or another path.$"):
            resumed(path, X=other)


TEXTS = sp.random(40, 5000, density=0.01, format="csr", random_state=0)


class Opaque:
    """A row that shows where it lies in memory."""


@pytest.mark.parametrize(
    ("pool", "other"),
    [
        (X, X * 1.01),
        (X[:7], X[:7][::-1]),
        (X.astype(np.float32), X.astype(np.float32) + 1),
        (X[:0], X[:1]),
        (X.tolist(), (X + 1).tolist()),
        (pd.DataFrame(X), pd.DataFrame(X + 1)),
        (pd.DataFrame({"a": NAMES, "b": TRUTH}), pd.DataFrame({"a": NAMES, "b": TRUTH[::-1]})),
        (pd.Series(NAMES, dtype="category"), pd.Series(NAMES[::-1], dtype="category")),
        (NAMES.tolist(), NAMES[::-1].tolist()),
        (sp.csr_array(X), sp.csr_array(X + 1)),
        (TEXTS, TEXTS[::-1]),
        (TEXTS.toarray(), TEXTS.toarray()[::-1]),
        ([{"a": row[0]} for row in X], [{"b": row[0]} for row in X]),
        (list(X), list(X + 1)),
        (np.arange(200_000.0).reshape(2, 10, 10_000), np.zeros((2, 10, 10_000))),
        ([[Opaque(), 1]], [[Opaque(), 2]]),
        (np.array([[np.nan], [1.0]]), np.array([[1.0], [np.nan]])),
        ([10**310], [2 * 10**310]),
    ],
    ids=lambda pool: type(pool).__name__,
)
def test_a_sample_tells_one_x_from_another(pool, other):
    kept = json.loads(json.dumps(sample(pool), allow_nan=False))
    assert alike(kept, sample(copy.deepcopy(pool)))
    assert not alike(kept, sample(other))


def test_a_sample_does_not_depend_on_the_container():
    for pool in (X.tolist(), pd.DataFrame(X), list(X), sp.csc_array(X)):
        assert alike(sample(X), sample(pool))
    # Taken down once: it must outlive the versions of all libraries.
    assert sample([[0.5, 2, "a", None], ["b" * 200]]) == [[0.5, 2, "a", None, 1.25], ["b" * 100]]


def test_a_sample_is_small():
    assert np.shape(sample(np.ones((1000, 30, 30)))) == (20, 21)
    assert np.shape(sample(np.ones(1000).tolist())) == (20, 2)


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
