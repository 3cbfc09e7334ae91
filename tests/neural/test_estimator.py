from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from torch import nn

from skdal.neural import ConvAutoencoder, LeNet, NeuralClassifier, NeuralRegressor
from skdal.neural.training import StopTraining, stratified_split

X, Y = load_iris(return_X_y=True)
X32 = X.astype(np.float32)
SMALL = {"hidden_layer_sizes": (8,)}
RNG = np.random.RandomState(0)
IMAGES = RNG.rand(40, 12, 12).astype(np.float32)


def _small(**params):
    params = {"module_params": SMALL, "max_epochs": 6, "lr": 0.01, "random_state": 0, **params}
    return NeuralClassifier(**params)


def _regressor(**params):
    return NeuralRegressor(module_params=SMALL, max_epochs=6, random_state=0, **params)


def _by_hand(model, X, y, *, n_epochs, fraction, delay, lr, batch_size=32, l2=0.0):
    """A plain loop with a validation part and the best epoch; the penalty is in the loss."""
    rng = np.random.RandomState(0)
    seed = rng.randint(np.iinfo(np.int32).max)
    train, held = stratified_split(y, fraction, rng)
    inputs, targets = torch.tensor(X), torch.tensor(y)
    best = (-1.0, 0, None)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = model()
        optimizer = torch.optim.Adam(module.parameters(), lr=lr)
        for epoch in range(1, n_epochs + 1):
            module.train()
            for batch in torch.randperm(len(train)).split(batch_size):
                rows = train[batch]
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(module(inputs[rows]), targets[rows])
                squares = sum((w**2).sum() for w in module.parameters() if w.ndim > 1)
                (loss + l2 * squares).backward()
                optimizer.step()
            module.eval()
            with torch.no_grad():
                right = module(inputs[held]).argmax(dim=1) == targets[held]
                accuracy = right.double().mean().item()
                if epoch > delay and accuracy >= best[0]:
                    best = (accuracy, epoch, module(inputs))
    return best


# The validation part


def test_lenet_is_trained_as_by_a_plain_loop():
    y = RNG.randint(3, size=70)
    images = IMAGES.repeat(2, axis=0)[:70] + 0.3 * y[:, np.newaxis, np.newaxis].astype(np.float32)
    accuracy, epoch, logits = _by_hand(
        lambda: LeNet((12, 12), 3), images, y, n_epochs=5, fraction=0.2, delay=2, lr=1e-3
    )
    model = NeuralClassifier(
        LeNet, batch_size=32, max_epochs=5, validation_fraction=0.2, delay=2, random_state=0
    ).fit(images, y)
    assert (model.best_epoch_, model.validation_accuracy_) == (epoch, pytest.approx(accuracy))
    np.testing.assert_allclose(model.decision_function(images), logits, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("delay", "n_epochs"), [(0, 12), (5, 12), (None, 12), (None, 155)])
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_the_best_epoch_after_the_delay(delay, n_epochs, l2):
    def module():
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    counted_from = min(50, n_epochs // 3) if delay is None else delay
    settings = {"lr": 0.01, "l2": l2, "batch_size": 32}
    accuracy, epoch, logits = _by_hand(
        module, X32, Y, n_epochs=n_epochs, fraction=0.3, delay=counted_from, **settings
    )
    model = _small(max_epochs=n_epochs, validation_fraction=0.3, delay=delay, **settings).fit(X, Y)
    assert (model.best_epoch_, model.validation_accuracy_) == (epoch, pytest.approx(accuracy))
    np.testing.assert_allclose(model.decision_function(X), logits, rtol=1e-2, atol=2e-3)
    assert model.n_iter_ == n_epochs


def test_a_regressor_keeps_the_epoch_of_the_least_loss():
    X, y = load_diabetes(return_X_y=True)
    model = NeuralRegressor(
        standardize=True, lr=0.01, max_epochs=30, validation_fraction=0.3, delay=3, random_state=0
    ).fit(X, y)
    losses = [epoch["valid_loss"] for epoch in model.net_.history]
    assert 3 < model.best_epoch_ < 30
    assert model.validation_loss_ == losses[model.best_epoch_ - 1] == min(losses[3:])
    # It is the loss of the weights that were kept.
    rng = np.random.RandomState(0)
    rng.randint(np.iinfo(np.int32).max)
    _, held = stratified_split(np.zeros(len(y), dtype=int), 0.3, rng)
    error = np.mean((model.predict(X[held]) - y[held]) ** 2) / y.var()
    assert model.validation_loss_ == pytest.approx(error, rel=1e-4)


def test_an_autoencoder_keeps_the_epoch_of_the_least_loss():
    model = ConvAutoencoder(max_epochs=6, validation_fraction=0.25, random_state=0).fit(IMAGES)
    losses = [epoch["valid_loss"] for epoch in model.net_.history]
    assert model.validation_loss_ == min(losses[2:])


def test_training_that_ends_within_the_delay_keeps_the_last_epoch():
    model = _small(validation_fraction=0.2, delay=4, stop_accuracy=0.01).fit(X, Y)
    assert model.n_iter_ == model.best_epoch_ == 1
    assert model.validation_accuracy_ == model.net_.history[-1]["valid_acc"]


def test_no_row_is_left_for_validation():
    message = r"validation_fraction=0.2 of 3 rows leaves none.*Label more rows, or raise"
    with pytest.warns(UserWarning, match=message) as record:
        model = _small(validation_fraction=0.2).fit(X[[0, 60, 120]], Y[[0, 60, 120]])
    assert record[0].filename == __file__
    assert not hasattr(model, "best_epoch_")
    assert not hasattr(model, "validation_accuracy_")


def test_what_an_earlier_fit_left_is_gone():
    model = _small(validation_fraction=0.2).fit(X, Y)
    assert model.set_params(validation_fraction=0.0, warm_start=True).fit(X, Y).n_iter_ == 6
    assert not hasattr(model, "best_epoch_")
    model = _small(validation_fraction=0.2).fit(X, Y)
    model.set_params(validation_fraction=0.0).fit(X, Y)
    assert not hasattr(model, "validation_accuracy_")


def test_a_warm_start_counts_its_own_epochs():
    model = _small(validation_fraction=0.2, warm_start=True, delay=0).fit(X, Y)
    assert model.fit(X, Y).best_epoch_ <= 6
    assert len(model.net_.history) == 12


@pytest.mark.parametrize("model", [_small(), _regressor(), ConvAutoencoder(max_epochs=3)])
def test_the_validation_rows_are_not_pickled(model):
    features = IMAGES if isinstance(model, ConvAutoencoder) else X.repeat(10, axis=0)
    targets = Y.repeat(10)[: len(features)]
    sizes = [
        len(pickle.dumps(clone(model).set_params(validation_fraction=f).fit(features, targets)))
        for f in (0.0, 0.3)
    ]
    assert sizes[1] < sizes[0] + 3000


@pytest.mark.parametrize("model", [_small(), _regressor(), ConvAutoencoder(max_epochs=6)])
def test_a_delay_that_leaves_no_epoch(model):
    features = IMAGES if isinstance(model, ConvAutoencoder) else X
    with pytest.raises(ValueError, match="delay=6 is not below max_epochs=6"):
        model.set_params(delay=6).fit(features, Y[: len(features)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("validation_fraction", 1.0),
        ("validation_fraction", -0.1),
        ("delay", -1),
        ("delay", 2.5),
        ("l2", -1),
        ("callbacks", "stop"),
        ("verbose", "loud"),
    ],
)
@pytest.mark.parametrize("model", [_small(), _regressor()])
def test_values_out_of_range(model, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of {type(model).__name__}"):
        clone(model).set_params(**{name: value}).fit(X, Y)


# Weight decay


def test_only_matrices_decay():
    class Module(nn.Sequential):
        def __init__(self, input_shape, n_outputs):
            super().__init__(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, n_outputs))

    net = _small(module=Module, module_params=None, l2=0.5).fit(X, Y).net_
    decayed, free = net.optimizer_.param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (1.0, 0)
    assert [p.shape for p in decayed["params"]] == [(8, 4), (3, 8)]
    assert len(free["params"]) == 4


def test_a_module_without_biases():
    def module(input_shape, n_outputs):
        return nn.Linear(4, n_outputs, bias=False)

    assert _small(module=module, module_params=None, l2=0.1).fit(X, Y).n_iter_ == 6


def test_a_warm_start_takes_another_decay():
    model = _small(warm_start=True).fit(X, Y).set_params(l2=0.25).fit(X, Y)
    assert model.net_.optimizer_.param_groups[0]["weight_decay"] == 0.5


# Callbacks


class Counter(Callback):
    def __init__(self):
        self.n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs += 1


def test_every_fit_has_callbacks_of_its_own():
    counter = Counter()
    model = _small(callbacks=[counter, ("named", Counter)], warm_start=True)
    for _ in range(2):
        found = dict(model.fit(X, Y).net_.callbacks_)
        assert found["Counter"].n_epochs == found["named"].n_epochs == 6
    assert counter.n_epochs == 0


def test_callbacks_of_skorch():
    model = _small(
        max_epochs=30,
        validation_fraction=0.2,
        callbacks=[
            EpochScoring("accuracy", lower_is_better=False, name="score"),
            LRScheduler("StepLR", step_size=5),
        ],
    ).fit(X, Y)
    history = model.net_.history
    assert history[:, "score"] == pytest.approx(history[:, "valid_acc"])
    assert model.net_.optimizer_.param_groups[0]["lr"] < 0.01


def test_early_stopping_ends_the_training_in_good_order():
    stopping = EarlyStopping(patience=3, threshold=0.5, sink=lambda text: None)
    # One that comes later still sees the last epoch.
    model = _small(max_epochs=50, validation_fraction=0.2, callbacks=[stopping, Counter()])
    model.fit(X, Y)
    assert model.n_iter_ < 50
    assert dict(model.net_.callbacks_)["Counter"].n_epochs == model.n_iter_


class Raising(Callback):
    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, net, **kwargs):
        raise self.error


def test_a_callback_that_stops_or_fails():
    assert _small(callbacks=[Raising(StopTraining())]).fit(X, Y).n_iter_ == 1
    for error in (KeyboardInterrupt, ZeroDivisionError):
        with pytest.raises(error):
            _small(callbacks=[Raising(error())]).fit(X, Y)


def test_verbose(capsys):
    _small(validation_fraction=0.2, verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 6
    for name in ("epoch", "train_loss", "valid_acc", "best", "dur"):
        assert name in lines[0]
    _small().fit(X, Y)
    assert capsys.readouterr().out == ""


# What is no number


def _break_after(n_steps):
    class Module(nn.Sequential):
        def __init__(self, input_shape, n_outputs):
            super().__init__(nn.Flatten(), nn.Linear(int(np.prod(input_shape)), n_outputs))
            self[1].weight.register_post_accumulate_grad_hook(self.break_)
            self.n_left = n_steps

        def break_(self, weight):
            self.n_left -= 1
            if self.n_left == 0:
                weight.grad.fill_(np.nan)

    return Module


@pytest.mark.parametrize("make", [NeuralClassifier, NeuralRegressor])
def test_weights_that_are_not_finite_after_the_last_step(make):
    settings = {"batch_size": 150, "random_state": 0}
    model = make(_break_after(3), max_epochs=3, **settings)
    with pytest.raises(FloatingPointError, match="weights are not finite any more after epoch 3; "):
        model.fit(X, Y)
    assert not hasattr(model, "net_")
    assert make(_break_after(3), max_epochs=2, **settings).fit(X, Y).n_iter_ == 2


@pytest.mark.parametrize("model", [NeuralRegressor(max_epochs=20), ConvAutoencoder(max_epochs=20)])
def test_a_loss_that_is_no_number(model):
    features, y = (X, Y) if is_regressor(model) else (IMAGES, None)
    with pytest.raises(FloatingPointError, match=r"epoch \d+; lower the learning rate lr"):
        model.set_params(lr=1e30, random_state=0).fit(features, y)


# Rows


def test_rows_are_what_the_module_sees():
    model = _small(standardize=True).fit(X, Y)
    rows = model._rows(X)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, (X - X.mean(axis=0)) / X.std(axis=0), atol=1e-6)
    with torch.no_grad():
        logits = model.net_.module_(torch.from_numpy(rows).to(model.net_.device))
    np.testing.assert_array_equal(logits.cpu().numpy(), model.decision_function(X))


def test_nested_parameters_of_a_fit_that_fails():
    model = _small().fit(X, Y)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full_like(X, np.nan), Y)
    assert model.score(X, Y) >= 0


def test_feature_names_of_an_earlier_fit_are_gone():
    pd = pytest.importorskip("pandas")
    model = _small().fit(pd.DataFrame(X, columns=list("abcd")), Y)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert not hasattr(model.fit(X, Y), "feature_names_in_")


@pytest.mark.cuda
def test_cuda():
    model = _small(device="cuda", validation_fraction=0.2, l2=1e-3, standardize=True)
    model.set_params(max_epochs=30).fit(X, Y)
    assert next(model.net_.module_.parameters()).is_cuda
    assert model.score(X, Y) > 0.8


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (NeuralClassifier(lambda shape, n: nn.Linear(shape[0], n + 2)), np.arange(20) % 3),
        (NeuralClassifier(lambda shape, n: nn.Linear(shape[0], n - 1)), np.arange(20) % 3),
        (
            NeuralRegressor(lambda shape, n: nn.Sequential(nn.Linear(shape[0], 1), nn.Flatten(0))),
            np.arange(20.0),
        ),
    ],
)
def test_a_module_with_other_outputs(model, y):
    with pytest.raises(ValueError, match=r"module=.* returns outputs of shape .* it must return"):
        model.fit(np.random.RandomState(0).rand(20, 4), y)
