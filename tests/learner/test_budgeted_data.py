"""Pools and oracles of any kind."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from skdal import (
    BudgetedLearner,
    DiscriminativeSampler,
    RandomSampler,
)
from tests.learner._shared import NAMES, TRUTH, X

RANDOM = RandomSampler(random_state=0)


def texts():
    return [f"it is number{label} of {row}" for row, label in enumerate(TRUTH)]


FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(e=pd.Series(TRUTH).map(str))


@pytest.mark.parametrize(
    ("pool", "model"),
    [
        (X.tolist(), GaussianNB()),
        (sp.csr_array(X), BernoulliNB()),
        (sp.coo_array(X), BernoulliNB()),
        (sp.csc_matrix(X), BernoulliNB()),
        (
            FRAME,
            make_pipeline(
                make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["e"])),
                BernoulliNB(),
            ),
        ),
        (texts(), make_pipeline(CountVectorizer(), BernoulliNB())),
    ],
    ids=["list", "csr", "coo", "csc", "frame", "texts"],
)
def test_any_kind_of_pool(pool, model):
    sampler = DiscriminativeSampler(
        LogisticRegression(max_iter=1000), n_mini_queries=2, random_state=0
    )
    learner = BudgetedLearner(model, sampler, budget=20, random_state=0).fit(pool, TRUTH)
    assert len(np.unique(learner.labeled_rows_)) == 20
    assert learner.predict(pool).shape == (150,)


def test_a_memmap(tmp_path):
    np.save(tmp_path / "X.npy", X)
    pool = np.load(tmp_path / "X.npy", mmap_mode="r")
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=20).fit(pool, TRUTH)
    assert learner.score(pool, TRUTH) > 0.5


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (NAMES, sorted(set(NAMES))),
        (NAMES.astype(object), sorted(set(NAMES))),
        (NAMES.tolist(), sorted(set(NAMES))),
        (pd.Series(NAMES), sorted(set(NAMES))),
        (pd.Series(NAMES, dtype="category"), sorted(set(NAMES))),
        (pd.Series(TRUTH, dtype="Int64"), [0, 1, 2]),
        (TRUTH == 1, [False, True]),
        (TRUTH.astype(float), [0.0, 1.0, 2.0]),
        (TRUTH.tolist(), [0, 1, 2]),
        (TRUTH.astype(np.uint8), [0, 1, 2]),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
def test_any_kind_of_labels(y, classes):
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=30).fit(X, y)
    assert learner.classes_.tolist() == classes
    assert learner.classes_.dtype != object
    assert learner.score(X, y) > 0.5


def test_regression_with_minus_one_among_whole_numbers():
    y = np.tile([-1.0, 0.0, 1.0], 50)
    learner = BudgetedLearner(Ridge(), RANDOM, budget=30).fit(X, y)
    assert learner.predict(X).shape == (150,)


def test_several_outputs():
    Y2 = np.column_stack([TRUTH == 0, TRUTH == 1]).astype(int)
    learner = BudgetedLearner(MultiOutputClassifier(DecisionTreeClassifier()), RANDOM, budget=40)
    assert learner.fit(X, Y2).predict(X).shape == (150, 2)


def marked(y, marker, row=4):
    y = y.copy()
    y[row] = marker
    return y


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (marked(TRUTH, -1), r"marks 1 rows .* row 4, .* every label"),
        (marked(TRUTH.astype(float), np.nan), "every label"),
        (marked(TRUTH.astype(float), -1), "ambiguous|may be a marker"),
        (marked(TRUTH.astype(float), np.inf), "infinity"),
        (marked(NAMES.astype(object), None), "every label"),
        (marked(NAMES.astype(object), np.nan), "every label"),
        (marked(NAMES.astype(object), np.nan).tolist(), "every label"),
        (pd.Series(marked(TRUTH, -1), dtype="Int64"), "every label"),
        (pd.Series(NAMES, dtype="string").mask(TRUTH == 1), "every label"),
        (TRUTH[:-1], "y has 149 rows, but X has 150"),
        (TRUTH + 0.5, "continuous"),
        (TRUTH + 1j, "Complex data not supported"),
        (None, "y"),
    ],
)
def test_an_oracle_must_know_every_label(y, message):
    with pytest.raises(ValueError, match=message):
        BudgetedLearner(GaussianNB(), RANDOM, budget=20).fit(X, y)


@pytest.mark.parametrize(
    ("y", "cure"),
    [
        (marked(TRUTH, -1), r"If -1 is a value, pass y.astype\(float\)"),
        (marked(TRUTH / 2, np.nan), "$"),
    ],
    ids=["int", "nan"],
)
def test_an_oracle_of_numbers_must_know_every_value(y, cure):
    with pytest.raises(ValueError, match=rf"every label.*made for them\. ?{cure}"):
        BudgetedLearner(Ridge(), RANDOM, budget=20).fit(X, y)
