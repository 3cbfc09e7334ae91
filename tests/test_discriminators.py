from __future__ import annotations

import random
import warnings
from typing import ClassVar

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import has_fit_parameter
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skdal import MLPDiscriminator
from skdal.discriminators import Discriminator
from skdal.metrics import h_divergence

RNG = np.random.RandomState(0)
Z_LABELED = RNG.randn(20, 2)
Z_UNLABELED = RNG.randn(60, 2) + 4
Z = np.vstack([Z_LABELED, Z_UNLABELED])
IS_UNLABELED = np.repeat([0, 1], [20, 60])
# The middle of U, and from there out to where probabilities are exactly 1.
FAR = np.outer([1.0, 10, 100, 1000], [4, 4])


def _logits(n_outputs=2):
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, n_outputs))


def _net(**params):
    params = {"max_epochs": 30, "lr": 0.1, "batch_size": 32, "train_split": None, **params}
    return NeuralNetClassifier(
        _logits, criterion=nn.CrossEntropyLoss, verbose=0, iterator_train__shuffle=True, **params
    )


def _probabilities():
    return nn.Sequential(_logits(), nn.Softmax(dim=-1))


def _nll_net():
    return NeuralNetClassifier(_probabilities, max_epochs=30, lr=0.1, train_split=None, verbose=0)


def _binary_net(**params):
    params = {"max_epochs": 60, "lr": 0.3, "train_split": None, **params}
    return NeuralNetBinaryClassifier(_logits, module__n_outputs=1, verbose=0, **params)


def _mlp(**params):
    return MLPClassifier((8,), solver="lbfgs", max_iter=500, **params)


MODELS = {
    "default": None,
    "MLPDiscriminator": MLPDiscriminator(max_epochs=100),
    "LogisticRegression": LogisticRegression(),
    "SVC": SVC(),
    "LinearSVC": LinearSVC(),
    "RidgeClassifier": RidgeClassifier(),
    "GaussianNB": GaussianNB(),
    "KNeighborsClassifier": KNeighborsClassifier(),
    "RandomForestClassifier": RandomForestClassifier(n_estimators=10),
    "GradientBoostingClassifier": GradientBoostingClassifier(n_estimators=5),
    "SGDClassifier": SGDClassifier(),
    "MLPClassifier": _mlp(),
    "GridSearchCV": GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2),
    "Pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "Pipeline of GaussianNB": make_pipeline(StandardScaler(), GaussianNB()),
    "Pipeline of MLPClassifier": make_pipeline(StandardScaler(), _mlp()),
    "Pipeline of one step": make_pipeline(_mlp()),
    "skorch": _net(),
    "skorch, NLLLoss": _nll_net(),
    "skorch, binary": _binary_net(),
    "Pipeline of skorch": make_pipeline(StandardScaler(), _net()),
    "Pipeline of skorch, binary": make_pipeline(StandardScaler(), _binary_net()),
}
models = pytest.mark.parametrize("name", MODELS)


def _discriminator(model, *, warm_start=False, random_state=0):
    return Discriminator(model, warm_start=warm_start, random_state=random_state)


def _fit(model, **kwargs):
    return _discriminator(model, **kwargs).fit(Z_LABELED, Z_UNLABELED)


# What every classifier is made to do


@models
def test_it_discriminates(name):
    discriminator = _discriminator(MODELS[name])
    assert discriminator.fit(Z_LABELED, Z_UNLABELED) is discriminator
    log_odds = discriminator.log_odds(Z)
    assert log_odds.shape == (80,)
    assert log_odds.dtype.kind == "f"
    assert np.isfinite(log_odds).all()
    predicted = log_odds > 0
    assert (predicted == IS_UNLABELED).mean() > 0.9
    assert discriminator.train_accuracy == pytest.approx((predicted == IS_UNLABELED).mean())
    assert discriminator.h_divergence == pytest.approx(h_divergence(IS_UNLABELED, predicted))
    assert discriminator.n_epochs is None or discriminator.n_epochs >= 1


@models
def test_the_predictions_are_the_models_own(name):
    discriminator = _fit(MODELS[name])
    model, log_odds = discriminator.model, discriminator.log_odds(Z)
    features = Z.astype(np.float32) if "skorch" in name else Z
    if hasattr(model, "predict_proba") and "SVC" not in name:
        proba = model.predict_proba(features)[:, 1]
        if name not in ("SGDClassifier", "RidgeClassifier"):
            np.testing.assert_allclose(expit(log_odds), proba, atol=1e-6)
    np.testing.assert_array_equal(log_odds > 0, np.ravel(model.predict(features)) == 1)


@models
def test_scores_are_finite_however_far(name):
    log_odds = _fit(MODELS[name]).log_odds(FAR)
    assert np.isfinite(log_odds).all()
    assert log_odds[0] > 0


@pytest.mark.parametrize(
    "name",
    [
        "default",
        "LogisticRegression",
        "LinearSVC",
        "RidgeClassifier",
        "SGDClassifier",
        "MLPClassifier",
        "GridSearchCV",
        "Pipeline",
        "Pipeline of MLPClassifier",
        "Pipeline of one step",
        "skorch",
        "skorch, binary",
        "Pipeline of skorch",
        "Pipeline of skorch, binary",
    ],
)
def test_log_odds_do_not_saturate(name):
    log_odds = np.abs(_fit(MODELS[name]).log_odds(FAR))
    # Ten times as far is, in the end, ten times as sure.
    assert log_odds[3] / log_odds[2] == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize("name", ["KNeighborsClassifier", "RandomForestClassifier", "GaussianNB"])
def test_probabilities_of_0_and_1_become_finite(name):
    log_odds = _fit(MODELS[name]).log_odds(np.vstack([FAR, -FAR]))
    assert np.isfinite(log_odds).all()
    assert np.abs(log_odds).max() < 710
    if name != "GaussianNB":
        assert (log_odds[:4] > 0).all()
        assert (log_odds[5:] < 0).all()


@models
def test_seed_and_global_state(name):
    def state():
        return joblib.hash(
            (np.random.get_state(), torch.get_rng_state().numpy(), random.getstate())
        )

    before = state()
    first = _fit(MODELS[name]).log_odds(Z)
    assert state() == before
    np.random.rand()
    torch.rand(3)
    np.testing.assert_array_equal(_fit(MODELS[name]).log_odds(Z), first)


@pytest.mark.parametrize("name", ["default", "MLPClassifier", "SGDClassifier", "skorch"])
def test_another_seed(name):
    first, second = (_fit(MODELS[name], random_state=seed).log_odds(Z) for seed in (0, 1))
    assert not np.array_equal(first, second)


@models
@pytest.mark.parametrize("warm_start", [False, True])
def test_the_users_own_classifier_is_not_touched(name, warm_start):
    model = MODELS[name]
    before = repr(model), sorted(vars(model)) if model is not None else None
    discriminator = _fit(model, warm_start=warm_start)
    discriminator.fit(Z_LABELED, Z_UNLABELED)
    assert before == (repr(model), sorted(vars(model)) if model is not None else None)
    assert discriminator.model is not model


@models
def test_a_single_labeled_row(name):
    if name == "GridSearchCV":
        pytest.skip("cannot split one row")
    discriminator = _discriminator(MODELS[name]).fit(Z_LABELED[:1], Z_UNLABELED[:10])
    assert np.isfinite(discriminator.log_odds(Z)).all()


@models
def test_float32(name):
    discriminator = _discriminator(MODELS[name]).fit(
        Z_LABELED.astype(np.float32), Z_UNLABELED.astype(np.float32)
    )
    assert np.isfinite(discriminator.log_odds(FAR.astype(np.float32))).all()


@pytest.mark.parametrize(
    "name", ["LogisticRegression", "SVC", "RandomForestClassifier", "MLPClassifier"]
)
def test_sparse(name):
    discriminator = _discriminator(MODELS[name]).fit(
        sp.csr_array(Z_LABELED), sp.csr_array(Z_UNLABELED)
    )
    log_odds = discriminator.log_odds(sp.csr_array(Z))
    assert log_odds.shape == (80,)
    assert ((log_odds > 0) == IS_UNLABELED).mean() > 0.9


def test_none_is_the_papers():
    assert isinstance(_discriminator(None).model, MLPDiscriminator)


# Warm start


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_sgd_goes_on_with_its_weights(warm_start, in_pipeline):
    sgd = SGDClassifier(max_iter=2, tol=None, random_state=0)
    discriminator = _discriminator(
        make_pipeline(StandardScaler(), sgd) if in_pipeline else sgd, warm_start=warm_start
    )
    expected = SGDClassifier(max_iter=2, tol=None, random_state=0, class_weight="balanced")
    for rows in (slice(0, 30), slice(30, 60)):
        discriminator.fit(Z_LABELED, Z_UNLABELED[rows])
        features = np.vstack([Z_LABELED, Z_UNLABELED[rows]])
        if in_pipeline:
            features = StandardScaler().fit_transform(features)
        expected.fit(features, np.repeat([0, 1], [20, 30]))
        expected.set_params(warm_start=warm_start)
    model = discriminator.model[-1] if in_pipeline else discriminator.model
    np.testing.assert_allclose(model.coef_, expected.coef_)


def _few(n_epochs):
    return MLPClassifier((8,), max_iter=n_epochs, n_iter_no_change=1000)


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        (_few(3), lambda model: model.coefs_[0]),
        (_net(max_epochs=3), lambda net: net.module_[0].weight.detach().numpy()),
        (_binary_net(max_epochs=3), lambda net: net.module_[0].weight.detach().numpy()),
        (
            MLPDiscriminator(max_epochs=3, stop_accuracy=None, shrink=1),
            lambda model: next(model.net_.module_.parameters()).detach().numpy(),
        ),
    ],
    ids=["MLPClassifier", "skorch", "skorch, binary", "MLPDiscriminator"],
)
@pytest.mark.parametrize("warm_start", [False, True])
def test_networks_go_on_with_their_weights(model, weights, warm_start):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        discriminator = _fit(model, warm_start=warm_start)
        first = weights(discriminator.model).copy()
        n_epochs = discriminator.n_epochs
        discriminator.fit(Z_LABELED, Z_UNLABELED)
    # From scratch every training has a start of its own; going on stays near the last one.
    assert (np.abs(weights(discriminator.model) - first).mean() < 0.1) == warm_start
    # The epochs of the last fit, not of all.
    assert discriminator.n_epochs == n_epochs == 3


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    "model", [RandomForestClassifier(n_estimators=4), GradientBoostingClassifier(n_estimators=4)]
)
def test_an_ensemble_is_trained_from_scratch(model, own):
    # Its warm start would only add trees: none, as long as n_estimators stays.
    discriminator = _fit(clone(model).set_params(warm_start=own), warm_start=True)
    discriminator.fit(Z_UNLABELED, Z_LABELED)  # the other way round
    assert len(discriminator.model.estimators_) == 4
    assert ((discriminator.log_odds(Z) > 0) == (1 - IS_UNLABELED)).mean() > 0.9


def test_the_first_fit_starts_from_scratch():
    # Whatever the user's own classifier has learned before.
    fitted = SGDClassifier(max_iter=2, tol=None, random_state=0).fit(Z, 1 - IS_UNLABELED)
    fresh = SGDClassifier(max_iter=2, tol=None, random_state=0)
    np.testing.assert_array_equal(
        _fit(fitted, warm_start=True).log_odds(Z), _fit(fresh, warm_start=True).log_odds(Z)
    )


# Balanced classes


class Spy(ClassifierMixin, BaseEstimator):
    """Notes how it is called."""

    calls: ClassVar[list] = []

    def __init__(self, class_weight=None):
        self.class_weight = class_weight

    def fit(self, X, y, sample_weight=None):
        self.calls.append((self.class_weight, sample_weight))
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, 0]


class WeightlessSpy(Spy):
    """Knows no class weights."""

    def __init__(self):
        self.class_weight = None


class DeafSpy(WeightlessSpy):
    """Knows no weights at all."""

    def fit(self, X, y):
        return super().fit(X, y)


class TestBalance:
    @pytest.fixture(autouse=True)
    def _clean(self):
        Spy.calls.clear()

    @pytest.mark.parametrize("wrap", [lambda model: model, make_pipeline])
    def test_class_weight(self, wrap):
        _fit(wrap(Spy()))
        assert Spy.calls == [("balanced", None)]

    @pytest.mark.parametrize("wrap", [lambda model: model, make_pipeline])
    def test_the_users_own_class_weight(self, wrap):
        _fit(wrap(Spy(class_weight={0: 1, 1: 7})))
        assert Spy.calls == [({0: 1, 1: 7}, None)]

    @pytest.mark.parametrize(
        "wrap", [lambda model: model, lambda model: make_pipeline(StandardScaler(), model)]
    )
    def test_sample_weight(self, wrap):
        discriminator = _fit(wrap(WeightlessSpy()))
        discriminator.fit(Z_LABELED[:5], Z_UNLABELED)
        (_, first), (_, second) = Spy.calls
        np.testing.assert_allclose(first, compute_sample_weight("balanced", IS_UNLABELED))
        np.testing.assert_allclose(second[:5].sum(), second[5:].sum())

    def test_neither(self):
        _fit(DeafSpy())
        assert Spy.calls == [(None, None)]

    def test_logistic_regression(self):
        overlap = Z_UNLABELED - 3
        discriminator = _discriminator(LogisticRegression()).fit(Z_LABELED, overlap)
        balanced, plain = (
            LogisticRegression(class_weight=weight).fit(
                np.vstack([Z_LABELED, overlap]), IS_UNLABELED
            )
            for weight in ("balanced", None)
        )
        np.testing.assert_allclose(discriminator.log_odds(Z), balanced.decision_function(Z))
        assert not np.allclose(discriminator.log_odds(Z), plain.decision_function(Z))

    def test_naive_bayes(self):
        np.testing.assert_allclose(_fit(GaussianNB()).model.class_prior_, [0.5, 0.5])
        model = _fit(make_pipeline(StandardScaler(), GaussianNB())).model
        np.testing.assert_allclose(model[-1].class_prior_, [0.5, 0.5])

    @pytest.mark.skipif(
        not has_fit_parameter(MLPClassifier, "sample_weight"), reason="scikit-learn < 1.7"
    )
    def test_mlp_classifier(self):
        overlap = Z_UNLABELED - 3
        model = _mlp(random_state=0)
        weight = compute_sample_weight("balanced", IS_UNLABELED)
        expected = clone(model).fit(np.vstack([Z_LABELED, overlap]), IS_UNLABELED, weight)
        found = _discriminator(model).fit(Z_LABELED, overlap).model
        np.testing.assert_allclose(found.predict_proba(Z), expected.predict_proba(Z))

    @pytest.mark.parametrize("net", [_net(), _nll_net()])
    @pytest.mark.parametrize("wrap", [lambda model: model, make_pipeline])
    def test_skorch(self, net, wrap):
        model = _fit(wrap(net)).model
        net = model[-1] if hasattr(model, "steps") else model
        # 80 / (2 * 20) and 80 / (2 * 60)
        np.testing.assert_allclose(net.criterion_.weight, [2, 2 / 3])

    def test_skorch_binary(self):
        net = _fit(_binary_net()).model
        np.testing.assert_allclose(net.criterion_.pos_weight, 1 / 3)

    @pytest.mark.parametrize("warm_start", [False, True])
    def test_skorch_follows_the_rows(self, warm_start):
        discriminator = _fit(_net(), warm_start=warm_start)
        discriminator.fit(Z_UNLABELED, Z_LABELED)
        np.testing.assert_allclose(discriminator.model.criterion_.weight, [2 / 3, 2])

    def test_the_users_own_weight(self):
        net = _net(criterion__weight=torch.tensor([1.0, 9.0]))
        np.testing.assert_array_equal(_fit(net).model.criterion_.weight, [1, 9])
        net = _binary_net(criterion__pos_weight=torch.tensor(9.0))
        np.testing.assert_array_equal(_fit(net).model.criterion_.pos_weight, 9)

    def test_another_criterion_takes_no_weight(self):
        net = NeuralNetBinaryClassifier(
            lambda: nn.Sequential(nn.Linear(2, 1), nn.Flatten(0), nn.Sigmoid()),
            criterion=nn.BCELoss,
            max_epochs=60,
            lr=0.3,
            train_split=None,
            verbose=0,
        )
        discriminator = _fit(net)
        assert np.isfinite(discriminator.log_odds(FAR)).all()
        assert ((discriminator.log_odds(Z) > 0) == IS_UNLABELED).mean() > 0.9


# Seeds


class TestSeeds:
    def test_every_missing_one_is_set(self):
        model = make_pipeline(PCA(1), make_pipeline(PCA(1), _mlp()))
        params = _fit(model).model.get_params()
        seeds = [value for name, value in params.items() if name.endswith("random_state")]
        assert len(seeds) == 3
        assert len(set(seeds)) == 3
        assert all(isinstance(seed, int | np.integer) for seed in seeds)

    def test_the_users_own_stays(self):
        model = make_pipeline(PCA(1, random_state=7), _mlp(random_state=8))
        params = _discriminator(model).model.get_params()
        assert params["pca__random_state"] == 7
        assert params["mlpclassifier__random_state"] == 8

    def test_random_state_decides(self):
        def seed(random_state):
            return _fit(_mlp(), random_state=random_state).model.random_state

        assert seed(0) == seed(0) == seed(np.random.RandomState(0)) != seed(1)
        assert seed(None) != seed(None)


# What is refused


class OnlyPredicts(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X))


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        PCA(),
        make_pipeline(PCA(), LinearRegression()),
        LogisticRegression,
        NeuralNetClassifier,
        "logistic",
        3,
        [LogisticRegression()],
    ],
    ids=str,
)
def test_no_classifier(model):
    with pytest.raises(ValueError, match=r"discriminator=.* is no classifier; pass an instance"):
        _discriminator(model)


@pytest.mark.parametrize("model", [OnlyPredicts(), make_pipeline(PCA(), OnlyPredicts())])
def test_nothing_to_rank_by(model):
    with pytest.raises(ValueError, match=r"discriminator=.* has none of decision_function"):
        _discriminator(model)


def test_errors_are_the_classifiers_own():
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
        _fit(LogisticRegression(C=-1))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        _fit(NeuralNetClassifier(lambda: nn.Linear(7, 2), train_split=None, verbose=0))


def test_a_frozen_classifier():
    with pytest.raises(ValueError, match="is frozen, but every mini-query trains it anew"):
        _discriminator(FrozenEstimator(LogisticRegression()))


class Interrupted(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls == 3:
            raise KeyboardInterrupt
        return self.layer(x)


def test_ctrl_c_passes_through_a_skorch_net():
    # skorch itself takes it for the end of the training, and goes on with half a net.
    net = NeuralNetClassifier(Interrupted, criterion=nn.CrossEntropyLoss, batch_size=8, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        _fit(net)


def test_a_plain_skorch_net_trains_on_all_rows():
    net = NeuralNetClassifier(nn.Linear(2, 2), criterion=nn.CrossEntropyLoss, verbose=0)
    assert "valid_loss" not in _fit(net).model.history[-1]


class Recorded(NeuralNetClassifier):
    def fit(self, X, y, **fit_params):
        self.rows_, self.classes_of_rows_ = X, y
        return super().fit(X, y, **fit_params)


def test_a_skorch_net_that_does_not_shuffle_gets_both_classes_in_a_batch():
    net = Recorded(nn.Linear(2, 2), criterion=nn.CrossEntropyLoss, batch_size=20, verbose=0)
    model = _fit(net).model
    assert set(model.classes_of_rows_[:20]) == {0, 1}
    labeled = model.rows_[model.classes_of_rows_ == 0]
    np.testing.assert_array_equal(np.sort(labeled[:, 0]), np.sort(Z_LABELED[:, 0]).astype("f4"))


class NotFinite(LogisticRegression):
    def decision_function(self, X):
        return np.full(len(X), np.nan)


def test_scores_that_are_not_finite():
    with pytest.raises(ValueError, match=r"discriminator=.*scores that are not finite"):
        _fit(NotFinite())


def test_every_training_from_scratch_has_its_own_start():
    forest = RandomForestClassifier(n_estimators=2)
    discriminator = _fit(forest, warm_start=False)
    first = discriminator.model.random_state
    discriminator.fit(Z_LABELED, Z_UNLABELED)
    assert discriminator.model.random_state != first
