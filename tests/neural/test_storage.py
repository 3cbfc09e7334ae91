from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from skorch.callbacks import EpochTimer
from torch import nn

from skdal import MLPDiscriminator
from skdal.neural import (
    MLP,
    ConvAutoencoder,
    LeNet,
    LeNetClassifier,
    NeuralClassifier,
    NeuralRegressor,
    VGG16Classifier,
    load_model,
    save_model,
    storage,
)

X, Y = load_iris(return_X_y=True)
IMAGES = np.random.RandomState(0).randint(256, size=(40, 12, 12), dtype=np.uint8)
LARGE = np.random.RandomState(0).rand(10, 32, 32)
SMALL = {"hidden_layer_sizes": (8,)}


class Own(nn.Sequential):
    def __init__(self, input_shape, n_outputs, width=5):
        super().__init__(
            nn.Linear(*input_shape, width), nn.BatchNorm1d(width), nn.Linear(width, n_outputs)
        )


def _small(**params):
    return NeuralClassifier(
        **{"module_params": SMALL, "max_epochs": 2, "random_state": 0, **params}
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    save_model(_small().fit(X, Y), path)
    return path


def _again(model, path, **kwargs):
    save_model(model, path)
    return load_model(path, **kwargs)


QUICK = {"max_epochs": 2, "random_state": 0}


@pytest.mark.parametrize(
    ("model", "features", "y", "method"),
    [
        (_small(standardize=True), X, Y, "predict_proba"),
        (_small(validation_fraction=0.2, l2=0.1, class_weight="balanced"), X, Y, "predict_proba"),
        (NeuralClassifier(LeNet, **QUICK), IMAGES, Y[:40], "predict_proba"),
        (LeNetClassifier(**QUICK), IMAGES, np.arange(40) % 3, "predict_proba"),
        pytest.param(
            VGG16Classifier(max_epochs=1, random_state=0),
            LARGE,
            np.arange(10) % 2,
            "predict_proba",
            marks=pytest.mark.slow,
        ),
        (MLPDiscriminator((8,), **QUICK), X[:100], Y[:100], "decision_function"),
        (NeuralRegressor(module_params=SMALL, standardize=True, **QUICK), X, 1.0 * Y, "predict"),
        (NeuralRegressor(module_params=SMALL, **QUICK), X, X[:, :2] * 5, "predict"),
        (ConvAutoencoder(2, **QUICK), IMAGES, None, "transform"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_the_same_model_comes_back(model, features, y, method, path):
    y = y if y is None or len(np.unique(y[: len(features)])) > 1 else np.arange(len(y)) % 2
    model.fit(features, y)
    torch_before = torch.get_rng_state()
    again = _again(model, path)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert type(again) is type(model)
    assert repr(again) == repr(model)
    np.testing.assert_array_equal(
        getattr(again, method)(features), getattr(model, method)(features)
    )
    # And all that fit left.
    assert sorted(again._fitted()) == sorted(model._fitted())
    for name in model._fitted():
        theirs, ours = getattr(model, name), getattr(again, name)
        assert type(ours) is type(theirs)
        if isinstance(theirs, np.ndarray):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
    assert again.net_.history[:, "train_loss"] == model.net_.history[:, "train_loss"]
    # It goes on from there.
    n_before = len(again.net_.history)
    again.set_params(warm_start=True).fit(features, y)
    assert len(again.net_.history) == n_before + again.n_iter_


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([3, -5]),
        np.array([3, 5], dtype=np.uint8),
        np.array([True, False]),
        np.array([1.0, 2.0]),
        np.array([7, 8], dtype=">i4"),
    ],
    ids=lambda labels: labels.dtype.str,
)
def test_labels_of_any_kind(labels, path):
    y = labels[np.arange(100) % 2]
    model = _small().fit(X[:100], y)
    again = _again(model, path)
    assert again.classes_.dtype == model.classes_.dtype.newbyteorder("=")
    assert again.classes_.tolist() == model.classes_.tolist()
    assert [type(c) for c in again.classes_] == [type(c) for c in model.classes_]
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_parameters_of_any_kind(path):
    params = {
        "class_weight": {0: 1, np.int64(1): np.float32(2.5), 2: 0.1},
        "module_params": {"hidden_layer_sizes": [4, (3,), None][:1]},
        "lr": np.float64(1e-3) / 3,
        "verbose": False,
        "stop_accuracy": 0.01,
        "random_state": np.int64(7),
    }
    model = _small(**params).fit(X, Y)
    again = _again(model, path)
    found = again.get_params()
    assert {name: found[name] for name in params} == params
    assert {type(key) for key in found["class_weight"]} == {int}
    assert type(found["module_params"]["hidden_layer_sizes"]) is list
    assert found["module"] is MLP


def test_an_array_as_a_parameter(path):
    model = MLPDiscriminator(np.array([4, 5]), **QUICK).fit(X[:100], Y[:100])
    np.testing.assert_array_equal(_again(model, path).hidden_layer_sizes, [4, 5])


def test_feature_names(path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    again = _again(_small().fit(frame, Y), path)
    assert again.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        again.predict(frame[list("abdc")])


def test_a_module_of_ones_own(path):
    model = _small(module=Own, module_params={"width": 4}).fit(X, Y)
    again = _again(model, path, module=Own)
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert again.module is Own
    with pytest.raises(ValueError, match=r"module 'Own' is none of skdal; pass it, .*module=Own"):
        load_model(path)
    with pytest.raises(ValueError, match=r"cannot be loaded: [^:]*:\s*Missing key"):
        load_model(path, module=lambda shape, n, width: nn.Linear(4, n))


def test_a_module_where_none_is_asked_for(path):
    with pytest.raises(ValueError, match="a MLPDiscriminator has a module of its own; leave it"):
        _again(MLPDiscriminator(**QUICK).fit(X[:100], Y[:100]), path, module=Own)


# What cannot be saved


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"random_state": np.random.RandomState(0)},
            r"random_state=RandomState.*random_state=None",
        ),
        ({"callbacks": [EpochTimer()]}, r"callbacks=\[.*EpochTimer is neither.*callbacks=None"),
        (
            {"module": lambda s, n, f: f(s, n), "module_params": {"f": lambda s, n: MLP(s, n)}},
            r"module_params=.*function is neither number nor text; .*module_params=None",
        ),
    ],
)
def test_parameters_that_cannot_be_saved(params, message, path):
    path.write_text("before")
    with pytest.raises(ValueError, match=message):
        save_model(_small(**params).fit(X, Y), path)
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


def test_an_attribute_that_cannot_be_saved(path):
    model = _small().fit(X, Y)
    model.plot_ = object()
    with pytest.raises(ValueError, match=r"attribute plot_ cannot be saved.*delete it first"):
        save_model(model, path)


class Derived(NeuralClassifier):
    pass


@pytest.mark.parametrize("model", [Derived(max_epochs=1), SimpleNamespace()])
def test_models_that_cannot_be_saved(model, path):
    if isinstance(model, NeuralClassifier):
        model.fit(X, Y)
    with pytest.raises(ValueError, match=r"cannot be saved: only .*NeuralClassifier.* themselves"):
        save_model(model, path)
    assert not path.exists()


def test_not_fitted(path):
    with pytest.raises(NotFittedError):
        save_model(_small(), path)
    assert not path.exists()


def test_an_interrupted_save_leaves_the_file_before(saved, monkeypatch):
    before = saved.read_bytes()

    def interrupted(tensors, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(_small().fit(X[:100], Y[:100]), saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


# What cannot be loaded


def test_no_such_file(path):
    with pytest.raises(FileNotFoundError):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"a text", b"\x80\x04." * 30, bytes(100)])
def test_foreign_files(content, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model.safetensors' is no file of save_model"):
        load_model(path)


def test_a_foreign_safetensors_file(path):
    for metadata in (None, {"format": "pt"}):
        save_file({"a": np.ones(3)}, path, metadata)
        with pytest.raises(ValueError, match="is a safetensors file, but none that save_model"):
            load_model(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(share, saved):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        ValueError, match=r"model.safetensors' is no file of save_model, or was cut"
    ):
        load_model(saved)


def test_a_single_bit_that_changed(saved):
    content = saved.read_bytes()
    for place in np.random.RandomState(0).randint(len(content), size=200):
        damaged = bytearray(content)
        damaged[place] ^= 1
        saved.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model.safetensors'"):
            load_model(saved)


def _rewritten(path, change):
    """Change the content and make the checksum right again, as a forger would."""
    with safe_open(path, framework="numpy") as file:
        content = json.loads(file.metadata()["skdal"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    change(content, tensors)
    text = json.dumps(content)
    save_file(tensors, path, {"skdal": text, "sha256": storage._digest(text, tensors)})


def test_a_newer_format(saved):
    _rewritten(saved, lambda content, _: content.update(format=99, skdal="9.0", params=None))
    with pytest.raises(ValueError, match=r"written by skdal 9.0 in format 99, newer .*upgrade"):
        load_model(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda content, _: content.pop("params"),
        lambda content, _: content.update({"class": "Popen"}),
        lambda content, _: content.update({"class": ["NeuralClassifier"]}),
        lambda content, _: content["params"].update(shell=True),
        lambda content, _: content["params"].update(lr="fast"),
        lambda content, _: content["params"].update(lr={"Popen": ["true"]}),
        lambda content, _: content["params"].update(module="os.system"),
        lambda content, _: content["fitted"].update(__class__="str"),
        lambda content, _: content["fitted"].update(predict="str"),
        lambda content, _: content["fitted"].pop("_seen_rows_"),
        lambda content, _: content["fitted"].update(classes_={"tensor": "missing"}),
        lambda content, _: content.update(history=3),
        lambda _, tensors: tensors.pop("module.1.weight"),
        lambda _, tensors: tensors.update({"module.1.weight": np.ones(3, dtype=np.float32)}),
    ],
)
def test_forged_files(change, saved):
    _rewritten(saved, change)
    with pytest.raises(ValueError, match=r"model.safetensors'"):
        load_model(saved)


def test_neither_saving_nor_loading_takes_pickle(saved, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError

    for module in (torch, __import__("pickle")):
        for name in ("load", "loads", "dump", "dumps", "save"):
            monkeypatch.setattr(module, name, forbidden, raising=False)
    save_model(load_model(saved), saved)


def test_what_a_file_names_is_not_imported(saved):
    _rewritten(saved, lambda content, _: content.update({"class": "antigravity"}))
    with pytest.raises(ValueError, match="antigravity"):
        load_model(saved)
    assert "antigravity" not in sys.modules


# Devices


def test_a_device_that_is_absent(saved, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    _rewritten(saved, lambda content, _: content["params"].update(device="cuda"))
    with pytest.raises(ValueError, match="device='cuda', but torch finds no CUDA device"):
        load_model(saved)
    model = load_model(saved, device="cpu")
    assert model.device == model.net_.device == "cpu"
    _rewritten(saved, lambda content, _: content["params"].update(device="auto"))
    assert load_model(saved).net_.device == "cpu"


@pytest.mark.cuda
def test_cuda(path):
    model = _small(device="cuda", standardize=True).fit(X, Y)
    again = _again(model, path)
    assert next(again.net_.module_.parameters()).is_cuda
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    on_cpu = load_model(path, device="cpu")
    np.testing.assert_allclose(on_cpu.predict_proba(X), model.predict_proba(X), atol=1e-3)
    assert again.set_params(warm_start=True).fit(X, Y).n_iter_ == 2
