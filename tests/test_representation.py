from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skdal._reader import RepresentationReader
from skdal.representation import (
    check_has_representation,
    has_representation,
    representation,
)

RNG = np.random.RandomState(0)
X = RNG.randn(40, 5)
Y = RNG.randint(3, size=40)


def _fit(model, X=X, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (LogisticRegression(), False),
        (SVC(), False),
        (DecisionTreeClassifier(), False),
        (MLPClassifier(), True),
        (MLPRegressor(), True),
        (PCA(), True),
        (make_pipeline(PCA(), LogisticRegression()), True),
        (make_pipeline(PCA(), MLPClassifier()), True),
        (make_pipeline(LogisticRegression()), False),
        (make_pipeline(MLPClassifier()), True),
        (FrozenEstimator(LogisticRegression()), False),
        (FrozenEstimator(MLPClassifier()), True),
        (FrozenEstimator(make_pipeline(PCA(), SVC())), True),
    ],
)
def test_has_representation(model, expected):
    assert has_representation(model) is expected
    if expected:
        check_has_representation(model)
    else:
        with pytest.raises(
            ValueError, match=r"estimator=.*no learned representation.*estimator=None"
        ):
            check_has_representation(model)


def test_no_representation():
    with pytest.raises(ValueError, match="no learned representation"):
        representation(LogisticRegression().fit(X, Y), X)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("layers", [(4,), (6, 3)])
def test_last_hidden_layer_of_a_classifier(activation, layers):
    model = _fit(MLPClassifier(layers, activation=activation, max_iter=20, random_state=0))
    Z = representation(model, X)
    assert Z.shape == (40, layers[-1])
    proba = softmax(Z @ model.coefs_[-1] + model.intercepts_[-1], axis=1)
    np.testing.assert_allclose(proba, model.predict_proba(X))


def test_last_hidden_layer_of_two_classes_and_of_a_regressor():
    model = _fit(MLPClassifier((4,), max_iter=20, random_state=0), y=Y > 0)
    proba = expit(representation(model, X) @ model.coefs_[-1] + model.intercepts_[-1])
    np.testing.assert_allclose(proba.ravel(), model.predict_proba(X)[:, 1])
    model = _fit(MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, random_state=0))
    value = representation(model, X) @ model.coefs_[-1] + model.intercepts_[-1]
    np.testing.assert_allclose(value.ravel(), model.predict(X))


def test_last_hidden_layer_of_sparse_rows():
    model = _fit(MLPClassifier((4,), max_iter=20, random_state=0))
    np.testing.assert_allclose(representation(model, sp.csr_array(X)), representation(model, X))


def test_pipeline_stops_before_the_last_step():
    model = _fit(make_pipeline(StandardScaler(), PCA(2), LogisticRegression()))
    np.testing.assert_array_equal(representation(model, X), model[:-1].transform(X))


def test_pipeline_goes_on_into_a_last_step_that_has_one():
    model = _fit(make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=20, random_state=0)))
    expected = representation(model[-1], model[0].transform(X))
    np.testing.assert_array_equal(representation(model, X), expected)
    np.testing.assert_array_equal(representation(FrozenEstimator(model), X), expected)


def test_pipeline_of_one_step_and_transformers():
    model = _fit(make_pipeline(PCA(2)))
    np.testing.assert_array_equal(representation(model, X), model.transform(X))
    np.testing.assert_array_equal(representation(model[0], X), model.transform(X))


class Counting(BaseEstimator):
    """Counts the rows that it transforms."""

    def __init__(self, sparse=False):
        self.sparse = sparse
        self.seen = []

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        self.seen += X[:, 0].tolist()
        Z = np.asarray(X) * 10
        return sp.coo_array(Z) if self.sparse else Z


class TestReader:
    def test_without_estimator_rows_are_flattened(self):
        images = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
        Z = RepresentationReader(None, images)(np.array([2, 0]))
        assert Z.dtype == np.float32
        np.testing.assert_array_equal(Z, images[[2, 0]].reshape(2, 6))

    @pytest.mark.parametrize("sparse", [False, True])
    def test_each_row_is_computed_once(self, sparse):
        numbers = np.arange(20.0).reshape(10, 2)
        model = Counting(sparse)
        read = RepresentationReader(model, numbers)
        for rows in ([3, 1], [1, 5, 3, 0], [0], [], [9, 8, 1]):
            Z = read(np.array(rows, dtype=int))
            Z = Z.toarray() if sparse else Z
            np.testing.assert_array_equal(Z, 10 * numbers[rows])
        assert sorted(model.seen) == sorted(numbers[[3, 1, 5, 0, 9, 8], 0].tolist())

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_a_representation_must_be_finite(self, value):
        read = RepresentationReader(Counting(), np.full((3, 2), value))
        with pytest.raises(ValueError, match="the representation of X contains"):
            read(np.array([1]))

    def test_frames_and_lists(self):
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame(X, columns=list("abcde"))
        model = make_pipeline(StandardScaler(), PCA(2), LogisticRegression()).fit(frame, Y)
        rows = np.array([5, 2])
        np.testing.assert_allclose(
            RepresentationReader(model, frame)(rows), representation(model, frame)[rows]
        )
