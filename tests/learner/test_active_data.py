"""Labels and rows of any kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_regressor
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdal import (
    ActiveLearner,
    RandomSampler,
    UncertaintySampler,
)
from skdal.neural import NeuralClassifier
from tests.learner._shared import (
    DAL,
    LABELED,
    MODEL,
    NAMES,
    TRUTH,
    X,
    Y,
    play,
)

# Labels


def masked(labels, marker, dtype=object):
    y = np.array(labels, dtype=dtype)
    y[Y == -1] = marker
    return y


@pytest.mark.parametrize(
    ("y", "truth", "kind"),
    [
        (Y, TRUTH, "i"),
        (Y.astype(np.int8), TRUTH, "i"),
        (Y.tolist(), TRUTH.astype(object), "i"),
        (masked(TRUTH, np.nan, float), TRUTH, "f"),
        (masked(NAMES, None), NAMES, "U"),
        (masked(NAMES, np.nan).tolist(), NAMES, "U"),
        (masked(NAMES, None).tolist(), NAMES.astype(object), "U"),
        (pd.Series(masked(NAMES, None), dtype="category"), NAMES, "U"),
        (pd.Series(masked(TRUTH, None), dtype="Int64"), TRUTH, "i"),
        (masked(TRUTH == 1, None), TRUTH == 1, "b"),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
def test_any_kind_of_labels(y, truth, kind):
    learner = ActiveLearner(GaussianNB(), DAL, random_state=0).fit(X, y)
    play(learner, truth)
    assert learner.labels_.dtype.kind == learner.classes_.dtype.kind == kind
    assert_array_equal(learner.labels_, np.asarray(truth)[learner.labeled_rows_])
    assert learner.score(X, list(truth)) > 0.9


@pytest.mark.parametrize(
    "known", [masked(NAMES, None), pd.Series(masked(NAMES, None), dtype="string")]
)
def test_what_a_column_may_hold(known):
    learner = ActiveLearner(GaussianNB(), RandomSampler(), random_state=0).fit(X, known)
    rows = learner.query(n_instances=4)
    # A row of a table, whatever its index says.
    learner.teach(pd.Index(rows), pd.Series(NAMES)[rows])
    assert_array_equal(learner.labels_[-4:], NAMES[rows])


def test_whole_numbers_as_floats_are_the_classes_they_were():
    learner = ActiveLearner(GaussianNB(), RandomSampler()).fit(X, Y)
    learner.teach([1, 2], [0.0, 1.0])
    assert learner.labels_.dtype.kind == "i"
    assert_array_equal(learner.classes_, [0, 1, 2])


TARGET = np.round(X[:, 0]) - 7  # of whole numbers, -1 among them


@pytest.mark.parametrize(
    "kind",
    [
        lambda y: y,
        lambda y: y.astype(np.float32),
        np.ndarray.tolist,
        pd.Series,
        lambda y: pd.Series(y).astype("Float64"),
    ],
    ids=["array", "float32", "list", "Series", "Float64"],
)
def test_a_value_of_minus_one_is_a_value_in_regression(kind):
    assert (TARGET == -1).any()
    y = np.where(Y == -1, np.nan, TARGET)
    learner = ActiveLearner(Ridge(), DAL, random_state=0).fit(X, kind(y))
    assert_array_equal(learner.labeled_rows_, LABELED)
    minus_one = np.flatnonzero((TARGET == -1) & (Y == -1))[:3]
    learner.teach(minus_one, kind(TARGET[minus_one]))
    assert_array_equal(learner.labels_[-3:], [-1, -1, -1])
    rows = learner.query(n_instances=5)
    learner.teach(rows, kind(TARGET[rows]))
    known = learner.labeled_rows_
    assert_allclose(learner.predict(X), Ridge().fit(X[known], TARGET[known]).predict(X), atol=1e-6)


@pytest.mark.parametrize("kind", [np.array, pd.DataFrame], ids=["array", "frame"])
def test_several_outputs_in_regression(kind):
    both = np.column_stack([TARGET, X[:, 1]])
    both[:, 0] = TARGET
    y = np.where((Y == -1)[:, None], np.nan, both)
    learner = ActiveLearner(LinearRegression(), DAL, random_state=0).fit(X, kind(y))
    for _ in range(3):
        rows = learner.query(n_instances=4)
        learner.teach(rows, kind(both[rows]))
    assert_array_equal(learner.labels_, both[learner.labeled_rows_])
    assert_allclose(learner.predict(X)[:, 1], X[:, 1])
    assert is_regressor(learner)


def test_several_outputs_in_classification():
    both = np.column_stack([TRUTH == 0, TRUTH == 1]).astype(int)
    y = np.where((Y == -1)[:, None], -1, both)
    model = MultiOutputClassifier(DecisionTreeClassifier())
    learner = ActiveLearner(model, DAL, random_state=0).fit(X, y)
    play(learner, both)
    assert_array_equal(learner.labels_, both[learner.labeled_rows_])
    assert learner.predict(X).shape == (150, 2)


# Kinds of X


TEXTS = [f"it is number{label} of {row}" for row, label in enumerate(TRUTH)]
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(e=NAMES)
IN_WORDS = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=1000))


@pytest.mark.parametrize(
    ("pool", "model"),
    [
        (X.tolist(), GaussianNB()),
        (np.asfortranarray(X), GaussianNB()),
        (sp.csr_array(X), BernoulliNB()),
        (sp.coo_array(X), BernoulliNB()),
        (FRAME.drop(columns="e"), GaussianNB()),
        (
            FRAME.set_axis(np.arange(150)[::-1] + 1000),
            make_pipeline(
                make_column_transformer(
                    (StandardScaler(), list("abcd")),
                    (OneHotEncoder(handle_unknown="ignore"), ["e"]),
                ),
                BernoulliNB(),
            ),
        ),
        (TEXTS, IN_WORDS),
        (np.array(TEXTS), IN_WORDS),
        (np.array(TEXTS, dtype=object), IN_WORDS),
        (pd.Series(TEXTS), IN_WORDS),
    ],
    ids=["list", "F", "csr", "coo", "frame", "columns", "texts", "U", "objects", "Series"],
)
@pytest.mark.parametrize("sampler", [RandomSampler(), UncertaintySampler()])
def test_any_kind_of_pool(pool, model, sampler):
    learner = ActiveLearner(model, sampler, random_state=0).fit(pool, Y)
    assert len(set(play(learner, TRUTH))) == 12
    rows, instances = learner.query(pool, 3)
    assert type(instances) is type(learner._X)
    learner.teach(instances, TRUTH[rows])
    assert_array_equal(learner.labeled_rows_[-3:], [150, 151, 152])
    assert type(instances) is type(learner._X)
    learner.query(n_instances=2)
    assert learner.predict(pool).shape == (150,)


def test_texts_for_a_sampler_that_works_in_x():
    learner = ActiveLearner(IN_WORDS, make_pipeline(CountVectorizer(), DAL), random_state=0)
    assert len(set(play(learner.fit(TEXTS, Y), TRUTH))) == 12
    rows, _ = learner.query(X_pool=TEXTS[:40], n_instances=3)
    assert rows.max() < 40


def test_column_names():
    frame = FRAME.drop(columns="e")
    learner = ActiveLearner(GaussianNB(), RandomSampler(), random_state=0).fit(frame, Y)
    assert learner.feature_names_in_.tolist() == list("abcd")
    assert learner.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names should match"):
        learner.query(frame[list("dcba")])
    with pytest.raises(ValueError, match="feature names should match"):
        learner.teach(frame[list("dcba")][1:3], [0, 0])
    assert not hasattr(learner.fit(X, Y), "feature_names_in_")


def test_a_memmap_and_a_read_only_pool(tmp_path):
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = play(ActiveLearner(MODEL, DAL, random_state=0).fit(X, Y), TRUTH)
    learner = ActiveLearner(MODEL, DAL, random_state=0).fit(on_disk, Y)
    assert play(learner, TRUTH) == expected
    assert learner._X is on_disk
    read_only = X.copy()
    read_only.flags.writeable = False
    assert play(ActiveLearner(MODEL, DAL, random_state=0).fit(read_only, Y), TRUTH) == expected


def test_images_for_a_network():
    images, digits = load_digits(n_class=3, return_X_y=True)
    images = images.reshape(-1, 1, 8, 8).astype(np.float32) / 16
    y = np.where(np.arange(len(digits)) < 60, digits, -1)
    net = NeuralClassifier(module_params={"hidden_layer_sizes": (16,)}, max_epochs=60)
    learner = ActiveLearner(net, DAL, random_state=0).fit(images, y)
    asked = play(learner, digits, n_queries=2)
    assert len(set(asked)) == 8
    learner.teach(images[:2].astype(float), digits[:2])
    assert learner._X.dtype == np.float32
    assert learner.score(images, digits) > 0.8
    with pytest.raises(ValueError, match=r"shape \(8, 8, 1\).*\(1, 8, 8\)|8 features"):
        learner.teach(images[:2].reshape(-1, 8, 8, 1), digits[:2])
