from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from skdal.neural import NeuralClassifier, NeuralRegressor
from skdal.neural import network as module_under_test
from skdal.neural.network import Network, check_has_network, has_network

X, Y = load_iris(return_X_y=True)
X32 = X.astype(np.float32)
BINARY = (Y > 0).astype(int)


def _skorch(*layers, n_outputs=3, kind=NeuralNetClassifier, **params):
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, n_outputs), *layers)
    params = {"max_epochs": 2, "verbose": 0, "train_split": None, **params}
    return kind(module, **params)


def _logits(model, X):
    network = Network(model)
    module = network.logits()
    with torch.no_grad():
        return torch.cat([module(x) for x in network.batches(X)]).numpy()


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (LogisticRegression(max_iter=1000), (X, Y)),
        (LogisticRegression(max_iter=1000, fit_intercept=False), (X, Y)),
        (LogisticRegression(max_iter=1000), (X, BINARY)),
        (LogisticRegression(solver="liblinear"), (X, BINARY)),
        (LogisticRegression(max_iter=1000), (X32, Y)),
        *[
            (MLPClassifier((5, 4), activation=name, solver="lbfgs", max_iter=9, alpha=1), (X, Y))
            for name in ("relu", "tanh", "logistic", "identity")
        ],
        (MLPClassifier((5,), solver="lbfgs", max_iter=9), (X, BINARY)),
        (NeuralClassifier(max_epochs=2, standardize=True, random_state=0), (X, Y)),
        (NeuralClassifier(max_epochs=2, random_state=0), (X, np.array(["a", "b"])[BINARY])),
        (make_pipeline(StandardScaler(), LogisticRegression()), (X, Y)),
        (make_pipeline(make_pipeline(StandardScaler(), LogisticRegression())), (X, Y)),
        (_skorch(criterion=nn.CrossEntropyLoss), (X32, Y)),
        (_skorch(nn.Softmax(dim=1)), (X32, Y)),
        (_skorch(n_outputs=1, kind=NeuralNetBinaryClassifier), (X32, BINARY.astype(np.float32))),
        (
            make_pipeline(FunctionTransformer(np.float32), _skorch(criterion=nn.CrossEntropyLoss)),
            (X, Y),
        ),
    ],
    ids=lambda value: None if isinstance(value, tuple) else type(value).__name__,
)
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_the_logits_are_those_of_the_model(model, data):
    assert has_network(model)
    model.fit(*data)
    for form in (model, FrozenEstimator(model), make_pipeline(FrozenEstimator(model))):
        assert has_network(form)
        proba = softmax(_logits(form, data[0]), axis=1)
        np.testing.assert_allclose(proba, model.predict_proba(data[0]), rtol=1e-5, atol=1e-7)


def test_float64_stays_float64():
    model = LogisticRegression(max_iter=1000).fit(X, Y)
    np.testing.assert_allclose(_logits(model, X), model.decision_function(X), rtol=1e-12)


def test_sparse_rows():
    model = LogisticRegression(max_iter=1000).fit(sp.csr_matrix(X), Y)
    np.testing.assert_allclose(_logits(model, sp.csr_matrix(X)), model.decision_function(X))


def test_what_a_skorch_net_reads_with_its_own_iterator():
    class ByName(nn.Module):
        def __init__(self):
            super().__init__()
            self.output = nn.Linear(2, 3)

        def forward(self, first, second):
            return self.output(torch.cat([first, second], dim=1))

    data = {"first": X32[:, :1], "second": X32[:, 1:2]}
    net = NeuralNetClassifier(
        ByName, criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0, train_split=None
    ).fit(data, Y)
    np.testing.assert_allclose(softmax(_logits(net, data), axis=1), net.predict_proba(data), 1e-5)


@pytest.mark.parametrize("array", [X32[::-1], X32[:, ::-1].copy()[:, ::-1], X], ids=range(3))
def test_any_array_goes_to_a_skorch_net(array):
    net = _skorch(criterion=nn.CrossEntropyLoss).fit(X32, Y)
    read_only = array.copy()
    read_only.flags.writeable = False
    expected = _logits(net, np.ascontiguousarray(array, dtype=np.float32))
    np.testing.assert_array_equal(_logits(net, array), expected)
    np.testing.assert_array_equal(_logits(net, read_only), expected)
    np.testing.assert_array_equal(_logits(net, torch.tensor(array.copy())), expected)


def test_whole_numbers_stay_whole():
    module = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(8, 2))
    tokens = np.random.RandomState(0).randint(9, size=(20, 2))
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0, train_split=None
    ).fit(tokens, tokens[:, 0] % 2)
    assert _logits(net, tokens).shape == (20, 2)


def test_batches_are_bounded_by_their_bytes(monkeypatch):
    net = _skorch(criterion=nn.CrossEntropyLoss).fit(X32, Y)
    # 4 numbers in, 8, 8 and 3 out, 4 bytes each.
    monkeypatch.setitem(module_under_test._BATCH_BYTES, "cpu", 10 * 4 * (4 + 8 + 8 + 3))
    network = Network(net)
    assert network.batch_size(torch.zeros(1, 4)) == 10
    assert [len(x) for x in network.batches(X32[:25])] == [10, 10, 5]
    expected = _logits(net, X32)
    monkeypatch.setitem(module_under_test._BATCH_BYTES, "cpu", 1)
    assert network.batch_size(torch.zeros(1, 4)) == 1
    np.testing.assert_allclose(_logits(net, X32), expected, rtol=1e-4, atol=1e-6)


def test_the_modules_own_layers_are_left_alone():
    net = _skorch(nn.BatchNorm1d(3), criterion=nn.CrossEntropyLoss).fit(X32, Y)
    net.module_.train()
    network = Network(net)
    ours, theirs = list(network.module.modules()), list(net.module_.modules())
    assert not any(part.training for part in ours)
    assert all(part.training for part in theirs)
    assert not set(map(id, ours)) & set(map(id, theirs))
    # The weights are the same: nothing of size is copied.
    for copy, weight in zip(network.module.parameters(), net.module_.parameters(), strict=True):
        assert copy is weight


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")
def test_a_compiled_module_is_read_as_it_was_written():
    net = _skorch(criterion=nn.CrossEntropyLoss, compile=True)
    net.initialize()
    assert type(net.module_).__name__ == "OptimizedModule"
    assert type(Network(net).module) is nn.Sequential


def test_models_without_a_network():
    for model in (RandomForestClassifier(), MLPRegressor(), make_pipeline(StandardScaler())):
        assert not has_network(model)
        with pytest.raises(ValueError, match=r"is no network that can be differentiated"):
            check_has_network(model)
        with pytest.raises(ValueError, match=r"is no network that can be differentiated"):
            Network(model)


def test_a_model_that_is_refused_is_shown_as_it_was_given():
    with pytest.raises(ValueError, match=r"^estimator=RandomForestClassifier\(\) is no network"):
        check_has_network(FrozenEstimator(RandomForestClassifier()))


def test_regressors_have_no_logits():
    values = Y[:, None].astype(np.float32)
    for model in (
        _skorch(n_outputs=1, kind=NeuralNetRegressor).fit(X32, values),
        NeuralRegressor(max_epochs=1).fit(X, Y.astype(float)),
    ):
        with pytest.raises(ValueError, match="is no classifier"):
            Network(model).logits()


def test_a_model_that_is_not_fitted():
    with pytest.raises(NotFittedError):
        Network(LogisticRegression())


def test_several_labels_a_row():
    model = MLPClassifier((3,), solver="lbfgs", max_iter=2000).fit(X, np.c_[BINARY, 1 - BINARY])
    with pytest.raises(ValueError, match="several labels a row"):
        Network(model)


def test_one_classifier_a_class():
    model = LogisticRegression(max_iter=1000).fit(X, Y)
    model.solver = "liblinear"
    with pytest.raises(ValueError, match="one classifier a class"):
        Network(model)


def test_no_random_numbers_are_drawn():
    model = MLPClassifier((3,), solver="lbfgs", max_iter=2000, random_state=0).fit(X, Y)
    before = torch.get_rng_state()
    _logits(model, X)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.cuda
def test_cuda():
    models = [
        NeuralClassifier(max_epochs=2, device=device, random_state=0).fit(X, Y)
        for device in ("cpu", "cuda")
    ]
    network = Network(models[1])
    assert network.device.type == "cuda"
    module = network.logits()
    with torch.no_grad():
        logits = torch.cat([module(x) for x in network.batches(X)]).cpu().numpy()
    np.testing.assert_allclose(logits, models[1].decision_function(X), rtol=1e-3, atol=1e-3)
