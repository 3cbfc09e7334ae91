from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skdal.neural import MLP, MLPDiscriminator, NeuralClassifier
from skdal.neural.iterator import TensorIterator
from skdal.neural.training import StopAtAccuracy

X, Y = load_iris(return_X_y=True)
X32 = X.astype(np.float32)
SMALL = {"hidden_layer_sizes": (8,)}


def _small(**params):
    params = {"module_params": SMALL, "max_epochs": 3, "random_state": 0, **params}
    return NeuralClassifier(**params)


def _weights(classifier):
    return [w.detach().cpu().numpy().copy() for w in classifier.net_.module_.parameters()]


def _expected_failures(estimator):
    """Reasons by the name of scikit-learn's check. None so far."""
    return {}


@parametrize_with_checks(
    [
        NeuralClassifier(module_params=SMALL, lr=0.02, standardize=True, max_epochs=40),
        MLPDiscriminator(max_epochs=50),
    ],
    expected_failed_checks=_expected_failures,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# What is learned


def _by_hand(X, y, *, standardize, weight, batch_size, max_epochs, lr, stop=None):
    """The same training in plain torch. Returns the logits and the number of epochs."""
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max)
    inputs, target = torch.tensor(X), torch.tensor(y)
    if standardize:
        inputs = (inputs - inputs.mean(dim=0)) / inputs.std(dim=0, correction=0)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        n_classes = len(np.unique(y))
        module = nn.Sequential(nn.Linear(X.shape[1], 8), nn.ReLU(), nn.Linear(8, n_classes))
        optimizer = torch.optim.Adam(module.parameters(), lr=lr)
        loss_of = nn.CrossEntropyLoss(weight=weight)
        epoch, accuracy = 0, 0.0
        while epoch < max_epochs and (stop is None or accuracy < stop):
            epoch += 1
            order, n_right = torch.randperm(len(X)), 0
            for rows in order.split(batch_size):
                optimizer.zero_grad()
                logits = module(inputs[rows])
                loss_of(logits, target[rows]).backward()
                optimizer.step()
                n_right += int((logits.argmax(dim=1) == target[rows]).sum())
            accuracy = n_right / len(X)
    return module(inputs).detach().numpy(), epoch, accuracy


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1, 1: 5, 2: 2}])
@pytest.mark.parametrize("batch_size", [32, 1000])
def test_it_is_a_plain_torch_loop(standardize, class_weight, batch_size):
    rows = np.r_[:50, 50:80, 100:110]
    weight = class_weight and torch.tensor(
        compute_class_weight(class_weight, classes=np.arange(3), y=Y[rows]), dtype=torch.float32
    )
    settings = {"batch_size": batch_size, "max_epochs": 6, "lr": 0.01, "standardize": standardize}
    expected, _, accuracy = _by_hand(X32[rows], Y[rows], weight=weight, **settings)
    classifier = _small(class_weight=class_weight, **settings).fit(X[rows], Y[rows])
    np.testing.assert_allclose(
        classifier.decision_function(X[rows]), expected, rtol=1e-3, atol=1e-4
    )
    assert classifier.n_iter_ == 6
    assert classifier.train_accuracy_ == pytest.approx(accuracy)


@pytest.mark.parametrize("stop", [0.6, 0.9])
def test_it_stops_after_the_first_epoch_that_suffices(stop):
    settings = {"batch_size": 16, "max_epochs": 200, "lr": 0.01, "standardize": True}
    _, n_epochs, accuracy = _by_hand(X32, Y, weight=None, stop=stop, **settings)
    assert 1 < n_epochs < 200
    classifier = _small(stop_accuracy=stop, **settings).fit(X, Y)
    assert classifier.n_iter_ == n_epochs
    assert classifier.train_accuracy_ == pytest.approx(accuracy)
    assert classifier.train_accuracy_ >= stop
    assert all(epoch["train_acc"] < stop for epoch in classifier.net_.history[:-1])


def test_it_goes_on_to_the_last_epoch_where_nothing_suffices():
    y = np.random.RandomState(0).randint(2, size=len(X))
    classifier = _small(stop_accuracy=1.0, max_epochs=4).fit(X, y)
    assert classifier.n_iter_ == 4


def test_predictions_agree():
    classifier = _small(standardize=True, lr=0.01, max_epochs=30).fit(X, Y)
    logits = classifier.decision_function(X)
    proba = classifier.predict_proba(X)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba, softmax(logits.astype(np.float64), axis=1))
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(classifier.predict(X), proba.argmax(axis=1))
    assert classifier.score(X, Y) > 0.9


def test_two_classes():
    classifier = _small(standardize=True).fit(X[:100], Y[:100])
    log_odds = classifier.decision_function(X)
    assert log_odds.shape == (150,)
    np.testing.assert_allclose(expit(log_odds), classifier.predict_proba(X)[:, 1], rtol=1e-4)
    np.testing.assert_array_equal(classifier.predict(X), log_odds > 0)


def test_logits_do_not_saturate():
    classifier = _small(standardize=True, max_epochs=50, lr=0.01).fit(X[:100], Y[:100])
    far = X[:1] + np.outer([0, 10, 100, 1000], [1, 0, 1, 1])
    log_odds = classifier.decision_function(far)
    assert len(np.unique(log_odds)) == 4
    assert abs(log_odds[-1]) > 100


def test_balanced_weights_help_the_rare_class():
    rng = np.random.RandomState(0)
    X = np.vstack([rng.randn(200, 2), rng.randn(10, 2) + 1])
    y = np.repeat([0, 1], [200, 10])
    recall = {
        weight: _small(class_weight=weight, max_epochs=40, lr=0.01)
        .fit(X, y)
        .predict(X[200:])
        .mean()
        for weight in (None, "balanced")
    }
    assert recall["balanced"] > recall[None] + 0.3


@pytest.mark.parametrize("labels", [["no", "yes"], [3, -5], [True, False], [1.0, 2.0]])
def test_labels_of_any_kind(labels):
    y = np.array(labels)[Y[:100]]
    classifier = _small(lr=0.05, standardize=True, max_epochs=20).fit(X[:100], y)
    np.testing.assert_array_equal(classifier.classes_, np.unique(y))
    predicted = classifier.predict(X[:100])
    assert predicted.dtype == y.dtype
    assert (predicted == y).mean() > 0.95


def test_class_weight_by_label():
    y = np.array(["no", "yes"])[Y[:100]]
    named = _small(class_weight={"no": 1, "yes": 9}).fit(X[:100], y)
    numbered = _small(class_weight={0: 1, 1: 9}).fit(X[:100], Y[:100])
    np.testing.assert_array_equal(named.decision_function(X), numbered.decision_function(X))
    assert not np.array_equal(
        named.decision_function(X), _small().fit(X[:100], y).decision_function(X)
    )


def test_constant_features():
    constant = X.copy()
    constant[:, 1] = 0.1
    classifier = _small(standardize=True, max_epochs=20).fit(constant, Y)
    expected = classifier.decision_function(constant)
    assert np.isfinite(expected).all()
    constant[:, 1] = 0.2
    # That it is another constant later is no reason to go wild.
    assert np.abs(classifier.decision_function(constant) - expected).max() < 1


def test_standardizing_undoes_scale():
    plain = _small(standardize=True).fit(X, Y).predict_proba(X)
    scaled = _small(standardize=True).fit(1e4 * X + 100, Y).predict_proba(1e4 * X + 100)
    np.testing.assert_allclose(scaled, plain, atol=1e-3)


def test_images_and_a_module_of_ones_own():
    def convolution(input_shape, n_classes, n_filters):
        assert input_shape == (1, 2, 2)
        return nn.Sequential(nn.Conv2d(1, n_filters, 2), nn.Flatten(), nn.Linear(n_filters, 3))

    classifier = _small(module=convolution, module_params={"n_filters": 4}, standardize=True)
    images = X.reshape(-1, 1, 2, 2)
    assert classifier.fit(images, Y).predict_proba(images).shape == (150, 3)


# Seeds, warm start, what is kept


def test_seed():
    first, again, other = (
        _small(random_state=seed).fit(X, Y).decision_function(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_global_random_state():
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    _small().fit(X, Y).predict(X)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)


def test_dropout_is_off_in_prediction():
    def module(input_shape, n_classes):
        return nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.5), nn.Linear(50, n_classes))

    classifier = _small(module=module, module_params=None).fit(X, Y)
    np.testing.assert_array_equal(classifier.decision_function(X), classifier.decision_function(X))


class TestWarmStart:
    def test_it_goes_on(self):
        classifier = _small(warm_start=True, max_epochs=1, lr=0.01).fit(X, Y)
        losses = [classifier.net_.history[-1]["train_loss"]]
        for _ in range(10):
            classifier.fit(X, Y)
            assert classifier.n_iter_ == 1
            losses.append(classifier.net_.history[-1]["train_loss"])
        assert (np.diff(losses) < 0).all()

    def test_without_it_a_fit_forgets(self):
        classifier = _small().fit(X[:100], Y[:100])
        again = classifier.fit(X, Y).decision_function(X)
        np.testing.assert_array_equal(again, _small().fit(X, Y).decision_function(X))

    def test_mean_and_scale_stay(self):
        classifier = _small(warm_start=True, standardize=True).fit(X, Y)
        mean = classifier._seen_rows_.mean.copy()
        np.testing.assert_allclose(mean, X.mean(axis=0))
        classifier.fit(X + 5, Y)
        np.testing.assert_array_equal(classifier._seen_rows_.mean, mean)

    def test_class_weights_follow_the_rows(self):
        classifier = _small(warm_start=True, class_weight="balanced").fit(X, Y)
        np.testing.assert_allclose(classifier.net_.class_weight, 1)
        classifier.fit(X[:125], Y[:125])
        np.testing.assert_allclose(classifier.net_.class_weight, [5 / 6, 5 / 6, 5 / 3], rtol=1e-6)

    def test_other_classes_are_refused(self):
        classifier = _small(warm_start=True).fit(X[:100], Y[:100])
        before = _weights(classifier)
        with pytest.raises(ValueError, match=r"warm_start=True the classes must stay \[0 1\]"):
            classifier.fit(X[50:], Y[50:])
        assert classifier.classes_.tolist() == [0, 1]
        for now, then in zip(_weights(classifier), before, strict=True):
            np.testing.assert_array_equal(now, then)

    def test_other_features_are_refused(self):
        classifier = _small(warm_start=True).fit(X, Y)
        with pytest.raises(ValueError, match="expecting 4 features"):
            classifier.fit(X[:, :3], Y)

    def test_it_stops_at_once_where_the_accuracy_suffices_already(self):
        settings = {"standardize": True, "lr": 0.02, "max_epochs": 300, "batch_size": 16}
        classifier = _small(warm_start=True, stop_accuracy=0.95, **settings).fit(X, Y)
        assert classifier.n_iter_ > 1
        assert classifier.fit(X, Y).n_iter_ <= 3

    def test_new_values_of_parameters_count(self):
        classifier = _small(warm_start=True, max_epochs=2).fit(X, Y)
        assert classifier.set_params(max_epochs=5).fit(X, Y).n_iter_ == 5
        before = _weights(classifier)
        classifier.set_params(lr=1e-12).fit(X, Y)
        for now, then in zip(_weights(classifier), before, strict=True):
            np.testing.assert_allclose(now, then, atol=1e-6)


@pytest.mark.parametrize("model", [_small(), MLPDiscriminator(max_epochs=2, random_state=0)])
def test_pickle(model):
    fitted = clone(model).fit(X[:100], Y[:100])
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.decision_function(X), fitted.decision_function(X))
    # It can be trained further, too.
    again.set_params(warm_start=True).fit(X[:100], Y[:100])
    assert not np.array_equal(again.decision_function(X), fitted.decision_function(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int64, np.float16])
def test_kinds_of_x(dtype, tmp_path):
    features = X.astype(dtype)
    expected = _small().fit(features, Y).decision_function(features)
    read_only = features.copy()
    read_only.flags.writeable = False
    np.save(tmp_path / "X.npy", features)
    for other in (
        read_only,
        np.load(tmp_path / "X.npy", mmap_mode="r"),
        np.asfortranarray(features),
        features[::-1].copy()[::-1],
        np.repeat(features, 2, axis=1)[:, ::2],
        features.tolist(),
    ):
        found = _small().fit(other, Y).decision_function(other)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_x_and_y_are_not_touched():
    my_X, my_y = X32.copy(), Y.copy()
    _small(standardize=True).fit(my_X, my_y).predict(my_X)
    np.testing.assert_array_equal(my_X, X32)
    np.testing.assert_array_equal(my_y, Y)


# Bad input


@pytest.mark.parametrize("standardize", [False, True])
def test_a_loss_that_is_no_number(standardize):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        classifier = _small(lr=1e30, max_epochs=50, standardize=standardize)
        with pytest.raises(FloatingPointError, match=r"train loss is (nan|inf) in epoch \d+.*lr"):
            classifier.fit(X, Y)


def test_ctrl_c_passes_through(monkeypatch):
    def interrupted(self):
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(TensorIterator, "__iter__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _small().fit(X, Y)


def test_ctrl_c_in_a_callback_passes_through(monkeypatch):
    def interrupt(self, net, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(StopAtAccuracy, "on_epoch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _small(stop_accuracy=0.9).fit(X, Y)


def test_errors_of_the_module_pass_through():
    def broken(input_shape, n_classes):
        return nn.Linear(7, n_classes)

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        _small(module=broken, module_params=None).fit(X, Y)


@pytest.mark.parametrize("y", [np.zeros(150, dtype=int), np.full(150, "a")])
def test_one_class(y):
    with pytest.raises(ValueError, match="needs rows of two classes or more; y has one class"):
        _small().fit(X, y)


def test_cuda_is_absent(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device='cuda', but torch finds no CUDA device"):
        _small(device="cuda").fit(X, Y)
    assert _small(device="auto").fit(X, Y).net_.device == "cpu"


def test_unknown_device():
    with pytest.raises(ValueError, match="device='gpu' is no device that torch knows"):
        _small(device="gpu").fit(X, Y)


def test_not_fitted():
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(_small(), method)(X)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("module", None),
        ("module_params", [3]),
        ("standardize", "yes"),
        ("lr", 0),
        ("lr", -1),
        ("lr", "fast"),
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("max_epochs", 0),
        ("max_epochs", "many"),
        ("stop_accuracy", 0),
        ("stop_accuracy", 1.01),
        ("stop_accuracy", 98),
        ("class_weight", "even"),
        ("class_weight", [1, 2]),
        ("warm_start", None),
        ("device", None),
        ("device", 0),
        ("random_state", "seed"),
    ],
)
def test_values_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of NeuralClassifier"):
        _small(**{name: value}).fit(X, Y)


@pytest.mark.cuda
def test_cuda():
    kwargs = {"standardize": True, "max_epochs": 20, "lr": 0.01, "class_weight": "balanced"}
    before = torch.cuda.get_rng_state()
    classifier = _small(device="cuda", **kwargs).fit(X, Y)
    assert next(classifier.net_.module_.parameters()).is_cuda
    on_cpu = _small(device="cpu", **kwargs).fit(X, Y)
    np.testing.assert_allclose(classifier.predict_proba(X), on_cpu.predict_proba(X), atol=1e-2)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_allclose(again.decision_function(X), classifier.decision_function(X))
    assert classifier.set_params(warm_start=True).fit(X, Y).score(X, Y) > 0.9
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_module_is_built_from_the_shape_of_a_row():
    seen = []

    def module(input_shape, n_classes, **params):
        seen.append((input_shape, n_classes, params))
        return MLP(input_shape, n_classes, (4,))

    _small(module=module, module_params={"a": 1}).fit(X, Y)
    assert seen == [((4,), 3, {"a": 1})]


class Stopped(NeuralClassifier):
    """Interrupted in the middle of its training."""

    def _build_net(self, device):
        raise KeyboardInterrupt


def test_an_interrupted_fit_leaves_the_model_as_it_was():
    classifier = _small().fit(X, Y)
    before = classifier.predict_proba(X)
    classifier.__class__ = Stopped
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X[:, :2], Y)
    classifier.__class__ = NeuralClassifier
    np.testing.assert_array_equal(classifier.predict_proba(X), before)


def test_rows_of_another_shape():
    images = np.random.RandomState(0).randn(40, 4, 2)
    classifier = NeuralClassifier(max_epochs=1, standardize=True).fit(images, np.arange(40) % 2)
    with pytest.raises(ValueError, match=r"rows of X have the shape \(4, 1\)"):
        classifier.predict(images[:, :, :1])


def test_features_far_from_zero():
    # As times are: cast to float32 before the mean is taken off, both classes would be one.
    rng = np.random.RandomState(0)
    codes = np.arange(200) % 2
    times = rng.randn(200, 2) + 5 * codes[:, np.newaxis] + 1.7e9
    classifier = NeuralClassifier(standardize=True, max_epochs=30, random_state=0)
    assert classifier.fit(times, codes).score(times, codes) > 0.95


def test_another_default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        assert _small().fit(X, Y).decision_function(X).dtype == np.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_warning_where_the_accuracy_was_not_reached():
    with pytest.warns(ConvergenceWarning, match="max_epochs=2, not stop_accuracy=1.0"):
        _small(max_epochs=2, stop_accuracy=1.0).fit(np.ones((40, 2)), np.arange(40) % 2)
