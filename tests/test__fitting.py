from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, Checkpoint
from skorch.dataset import ValidSplit
from torch import nn

from skdal._fitting import fit_seeded

X, Y = load_iris(return_X_y=True)
X32 = X.astype(np.float32)


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3))

    def forward(self, x):
        return self.layers(x)


def _net(**params):
    return NeuralNetClassifier(
        Module, criterion=nn.CrossEntropyLoss, max_epochs=2, verbose=0, **params
    )


@pytest.mark.parametrize(
    "model",
    [
        _net(),
        make_pipeline(StandardScaler(), _net()),
        CalibratedClassifierCV(_net(), cv=2, ensemble=False),
        _net(train_split=ValidSplit(0.2)),
    ],
    ids=["bare", "pipeline", "nested", "split"],
)
def test_a_skorch_net_is_seeded(model):
    before, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()
    fitted = [fit_seeded(model, X32, Y, seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpys)
    proba = [f.predict_proba(X32) for f in fitted]
    np.testing.assert_array_equal(proba[0], proba[1])
    assert (proba[0] != proba[2]).any()


def test_scikit_learns_models_are_seeded():
    model = MLPClassifier((5,), solver="lbfgs", alpha=1, max_iter=1000)
    coefs = [fit_seeded(model, X, Y, seed).coefs_[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(coefs[0], coefs[1])
    assert (coefs[0] != coefs[2]).any()
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("model", [_net(), LogisticRegression(max_iter=1000)])
def test_a_frozen_model_is_not_trained(model):
    fitted = clone(model).fit(X32, Y)
    before = fitted.predict_proba(X32)
    again = fit_seeded(FrozenEstimator(fitted), X32[:10], Y[:10], 0)
    np.testing.assert_array_equal(again.predict_proba(X32), before)
    assert again.estimator is fitted


def test_a_loss_that_is_no_number():
    with pytest.raises(FloatingPointError, match=r"train_loss of the skorch net Module .* epoch 1"):
        fit_seeded(_net(lr=1e30, train_split=None), 1e6 * X32, Y, 0)


def test_ctrl_c_gets_through():
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_seeded(_net(callbacks=[Stop()]), X32, Y, 0)


def test_a_callback_may_pickle_the_net(tmp_path):
    path = tmp_path / "net.pkl"
    # All but the pickle would go to the working directory.
    files = dict.fromkeys(("f_params", "f_optimizer", "f_criterion", "f_history"))
    files["f_pickle"] = path
    fitted = fit_seeded(_net(callbacks=[Checkpoint(**files, monitor=None)]), X32, Y, 0)
    with path.open("rb") as file:
        again = pickle.load(file)
    np.testing.assert_array_equal(again.predict_proba(X32), fitted.predict_proba(X32))
    assert "fit_loop" not in vars(NeuralNetClassifier)


def test_weights_are_passed_on():
    weights = np.where(Y == 1, 100.0, 1.0)
    expected = LogisticRegression(max_iter=1000).fit(X, Y, weights).coef_
    fitted = fit_seeded(LogisticRegression(max_iter=1000), X, Y, 0, sample_weight=weights)
    np.testing.assert_array_equal(fitted.coef_, expected)
    assert (fit_seeded(LogisticRegression(max_iter=1000), X, Y, 0).coef_ != expected).any()
    frozen = FrozenEstimator(fitted)
    assert fit_seeded(frozen, X, Y, 0, sample_weight=1 / weights).estimator is fitted
    np.testing.assert_array_equal(fitted.coef_, expected)


def test_parameters_reach_a_skorch_net():
    class Noting(NeuralNetClassifier):
        def fit(self, X, y, **fit_params):
            self.noted_ = fit_params
            return super().fit(X, y)

    net = Noting(Module, criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0)
    assert fit_seeded(net, X32, Y, 0, something=3).noted_ == {"something": 3}


@pytest.mark.parametrize("pipeline", [False, True])
def test_ctrl_c_in_a_network_of_scikit_learn_is_passed_on(pipeline, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(MLPClassifier, "_backprop", interrupted)
    model = MLPClassifier((4,))
    if pipeline:
        model = make_pipeline(StandardScaler(), model)
    with pytest.raises(KeyboardInterrupt):
        fit_seeded(model, X, Y, 0)


def test_other_warnings_of_a_network_stay_warnings():
    with pytest.warns(ConvergenceWarning):
        fit_seeded(MLPClassifier((4,), max_iter=2), X, Y, 0)
