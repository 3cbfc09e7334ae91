"""Fitted models in files of numbers and text: written whole, read without running any code."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from sklearn.utils.validation import check_is_fitted
from skorch.history import History

from skdal._files import written_whole
from skdal.neural import modules
from skdal.neural.encoding import Encoder, decode
from skdal.neural.estimator import NeuralEstimator
from skdal.neural.net import resolve_device, torch_seed

_VERSION = version("skdal")

# To be raised when an older skdal could not read the file.
_FORMAT = 1

# Nothing is looked up outside of these tables, whatever a file says.
_ESTIMATORS = {
    "ConvAutoencoder": "skdal.neural.autoencoder",
    "LeNetClassifier": "skdal.neural.images",
    "MLPDiscriminator": "skdal.neural.discriminator",
    "NeuralClassifier": "skdal.neural.classifier",
    "NeuralRegressor": "skdal.neural.regressor",
    "VGG16Classifier": "skdal.neural.images",
}
_MODULES = {"MLP": modules.MLP, "LeNet": modules.LeNet, "VGG16": modules.VGG16}

_MODULE_TENSOR = "module."


def save_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a file.

    The file is in the safetensors format: weights and other arrays as tensors, all else as
    JSON among them. What the optimizer remembers is left out, so that a warm start after
    :func:`load_model` begins with a fresh one.

    Parameters
    ----------
    model : estimator of skdal.neural
        Fitted.

    path : str or path-like
        The file, ``.safetensors`` by custom. One that exists is replaced, at the very end.

    Raises
    ------
    ValueError
        If the model is none of :mod:`skdal.neural`, or something in it is neither number nor
        text: a RandomState, a callback, a function. Nothing is written then.

    See Also
    --------
    load_model : Read it.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skdal.neural import NeuralClassifier, load_model, save_model
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NeuralClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save_model(model, f"{directory}/iris.safetensors")
    ...     again = load_model(f"{directory}/iris.safetensors")
    >>> bool((again.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    name = type(model).__name__
    if name not in _ESTIMATORS or type(model) is not _estimator(name):
        raise ValueError(
            f"model={model!r} cannot be saved: only {', '.join(_ESTIMATORS)} themselves can, no "
            "subclasses."
        )
    check_is_fitted(model)
    encoder = Encoder()
    for key, value in model.net_.module_.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(f"The state {key!r} of the module is no tensor; make it a buffer.")
        encoder.tensors[_MODULE_TENSOR + key] = value.detach().cpu().numpy()
    params = model.get_params(deep=False)
    module = params.get("module")
    if module is not None:
        params["module"] = next((name for name in _MODULES if _MODULES[name] is module), None)
    cure = "give it a plain value first, as in model.set_params({}=None)"
    content = {
        "format": _FORMAT,
        "skdal": _VERSION,
        "class": name,
        "module": getattr(module, "__qualname__", repr(module)),
        "params": {
            key: encoder.encode(value, key, f"{key}={value!r}", cure.format(key))
            for key, value in params.items()
        },
        "fitted": {
            key: encoder.encode(getattr(model, key), key, f"The attribute {key}", "delete it first")
            for key in model._fitted()
            if key != "net_"
        },
        "history": [
            {key: value for key, value in epoch.items() if isinstance(value, int | float)}
            for epoch in model.net_.history
        ],
    }
    text = json.dumps(content)
    tensors = {key: _storable(tensor) for key, tensor in encoder.tensors.items()}
    metadata = {"skdal": text, "sha256": _digest(text, tensors)}
    with written_whole(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_model(
    path: str | os.PathLike[str], module: Any = None, *, device: str | None = None
) -> Any:
    """Read a model that :func:`save_model` wrote.

    Nothing in the file is run or imported, so one from a stranger is safe to read.

    Parameters
    ----------
    path : str or path-like
        The file.

    module : callable or None, default=None
        What was ``module`` of a NeuralClassifier or NeuralRegressor, where that is none of
        :mod:`skdal.neural`.

    device : str or None, default=None
        Where to put the network, in place of the model's own ``device``.

    Returns
    -------
    estimator of skdal.neural
        Fitted; its predictions are those of the model saved, to the last bit where the device
        is of the same kind.

    Raises
    ------
    ValueError
        If the file holds no model, is damaged or newer than this version of skdal, needs
        ``module``, or its device is absent.

    See Also
    --------
    save_model : Write it.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skdal.neural import MLP, NeuralClassifier, load_model, save_model
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NeuralClassifier(MLP, max_epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save_model(model, f"{directory}/iris.safetensors")
    ...     load_model(f"{directory}/iris.safetensors", device="cpu").predict(X[:2]).shape
    (2,)
    """
    where = f"path={os.fspath(path)!r}"
    text, tensors = _read(path)
    try:
        return _rebuilt(json.loads(text), tensors, module, device)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{where} cannot be loaded: {error}") from error
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"{where} holds no model that can be read: {error!r}.") from error


def _rebuilt(
    content: Any, tensors: Mapping[str, np.ndarray], module: Any, device: str | None
) -> NeuralEstimator:
    if content["format"] > _FORMAT:
        raise ValueError(
            f"it was written by skdal {content['skdal']} in format {content['format']}, newer "
            f"than format {_FORMAT}, which is what skdal {_VERSION} reads; upgrade skdal."
        )
    name, module_name = content["class"], content["module"]
    params = {key: decode(value, tensors) for key, value in content["params"].items()}
    if "module" in params:
        params["module"] = module or _MODULES.get(params["module"])
        if params["module"] is None:
            raise ValueError(
                f"its module {module_name!r} is none of skdal; pass it, as in "
                f"load_model(path, module={module_name})."
            )
    elif module is not None:
        raise ValueError(f"module={module!r}, but a {name} has a module of its own; leave it out.")
    if device is not None:
        params["device"] = device
    model = _estimator(name)(**params)
    model._validate_params()
    for key, value in content["fitted"].items():
        if not key.endswith("_") or key.startswith("__"):
            raise ValueError(f"it holds {key!r}, which is no fitted attribute.")
        setattr(model, key, decode(value, tensors))
    where = resolve_device(model.device)
    # The weights that are drawn here are replaced.
    with torch_seed(0, where):
        model.net_ = model._build_net(where)
    state = {
        key.removeprefix(_MODULE_TENSOR): torch.from_numpy(value)
        for key, value in tensors.items()
        if key.startswith(_MODULE_TENSOR)
    }
    model.net_.module_.load_state_dict(state)
    model.net_.module_.eval()
    model.net_.history = History({**epoch, "batches": []} for epoch in content["history"])
    return model


def _estimator(name: str) -> type[NeuralEstimator]:
    return getattr(import_module(_ESTIMATORS[name]), name)


def _read(path: str | os.PathLike[str]) -> tuple[str, dict[str, np.ndarray]]:
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"path={os.fspath(path)!r} is no file of save_model, or was cut off: {error}."
        ) from error
    if not {"skdal", "sha256"} <= metadata.keys():
        raise ValueError(
            f"path={os.fspath(path)!r} is a safetensors file, but none that save_model wrote."
        )
    if _digest(metadata["skdal"], tensors) != metadata["sha256"]:
        raise ValueError(
            f"path={os.fspath(path)!r} is damaged: its content does not match its checksum."
        )
    return metadata["skdal"], tensors


def _digest(text: str, tensors: Mapping[str, np.ndarray]) -> str:
    """Return what tells whether a single bit has changed."""
    digest = hashlib.sha256(text.encode())
    for key in sorted(tensors):
        tensor = tensors[key]
        digest.update(f"{key} {tensor.dtype.name} {tensor.shape}".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def _storable(array: np.ndarray) -> np.ndarray:
    # Not ascontiguousarray, which gives a scalar a dimension.
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
