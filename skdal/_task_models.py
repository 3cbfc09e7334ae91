"""Task models by name, or by where they are: the same in every command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import get_tags

from skdal._named import check_known, settings_in
from skdal._scaling import CommonScaler
from skdal._torch import is_network, last_step

# For hundreds of labels: fractions of a second.
_MLP = {"hidden_layer_sizes": (64,), "alpha": 0.01, "learning_rate_init": 0.01, "max_iter": 1000}


def _network(name: str) -> Any:
    from skdal import neural  # takes torch

    return getattr(neural, name)()


# Features come in any scale, which all but forests do not like. Networks take images.
_CLASSIFIERS = {
    "logistic": lambda: make_pipeline(CommonScaler(), LogisticRegression(max_iter=1000)),
    "mlp": lambda: make_pipeline(CommonScaler(), MLPClassifier(**_MLP)),
    "forest": RandomForestClassifier,
    "lenet": lambda: _network("LeNetClassifier"),
    "vgg16": lambda: _network("VGG16Classifier"),
}
_REGRESSORS = {
    "ridge": lambda: make_pipeline(CommonScaler(), Ridge()),
    "mlp": lambda: make_pipeline(CommonScaler(), MLPRegressor(**_MLP)),
    "forest": RandomForestRegressor,
}

# What code of others may raise: an import runs it, and so does every parameter.
_OF_OTHERS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError),
    *(NameError, OSError, RuntimeError, SyntaxError, SystemExit, TypeError, ValueError),
)

CLASSIFIERS, REGRESSORS = tuple(_CLASSIFIERS), tuple(_REGRESSORS)
NAMES = tuple(dict.fromkeys([*CLASSIFIERS, *REGRESSORS]))


def make_task_model(name: str, *, regression: bool = False) -> Any:
    """Return a new task model.

    Parameters
    ----------
    name : str
        One of ``NAMES``, or the dotted path of a class or an object, as
        in ``sklearn.svm.SVC``; and after it what to set of its parameters, with colons between:
        ``"sklearn.svm.SVC:C=10:kernel=linear"``. What a path names is imported, which runs its
        module.

    regression : bool, default=False
        Whether labels are numbers, for names that stand for both kinds.

    Returns
    -------
    classifier or regressor
        Not fitted. ``logistic``, ``ridge`` and ``mlp`` scale the features first, by
        :class:`~skdal._scaling.CommonScaler`.

    Raises
    ------
    ValueError
        If there is none of this name, it has no such parameter, or is of the wrong kind.

    Examples
    --------
    >>> from skdal._task_models import make_task_model
    >>> make_task_model("sklearn.svm.SVC:C=10")
    SVC(C=10)
    >>> make_task_model("logistic:C=10")[-1]
    LogisticRegression(C=10, max_iter=1000)
    >>> make_task_model("lenet:max_epochs=50")
    LeNetClassifier(max_epochs=50)
    """
    kind, settings = settings_in(name)
    by_name: dict[str, Any] = _REGRESSORS if regression else _CLASSIFIERS
    if kind in by_name:
        model = by_name[kind]()
    elif "." in kind:
        model = _imported(kind)
    else:
        wanted = "Regressor" if regression else "Classifier"
        hint = " It is that of a regressor: regression=True, or --regression of skdal query."
        raise ValueError(
            f"{kind!r} is not the name of a {wanted.lower()}; choose among {', '.join(by_name)}, "
            f"or give the dotted path of one, as in sklearn.neighbors.KNeighbors{wanted}."
            f"{hint if kind in _REGRESSORS else ''}"
        )
    if not _is_model(model):
        raise ValueError(
            f"{name!r} is {type(model).__name__}, which is neither a classifier nor a regressor of "
            "scikit-learn."
        )
    if regression and not is_regressor(model):
        raise ValueError(f"{name!r} is a classifier; for a regression choose a regressor.")
    for parameter, value in settings.items():
        _set(model, parameter, value, name)
    return model


def set_epochs(model: Any, max_epochs: int) -> None:
    """Limit the passes of a training over the labeled rows.

    Parameters
    ----------
    model : estimator
        Changed in place; of a Pipeline the last step.

    max_epochs : int
        The most.

    Raises
    ------
    ValueError
        If it is not trained in epochs.

    Examples
    --------
    >>> from skdal._task_models import make_task_model, set_epochs
    >>> model = make_task_model("mlp")
    >>> set_epochs(model, 50)
    >>> model[-1].max_iter
    50
    """
    target = last_step(model)
    parameter = "max_iter" if isinstance(target, MLPClassifier | MLPRegressor) else "max_epochs"
    if parameter not in target.get_params():
        raise ValueError(
            f"{type(target).__name__} is not trained in epochs; choose another task model."
        )
    target.set_params(**{parameter: max_epochs})


def takes_images(model: Any) -> bool:
    """Return whether a task model may want rows that are no vectors.

    Parameters
    ----------
    model : estimator
        Not fitted. A network may, and what says so in its tags; of a Pipeline its first step.

    Examples
    --------
    >>> from skdal._task_models import make_task_model, takes_images
    >>> takes_images(make_task_model("lenet")), takes_images(make_task_model("mlp"))
    (True, False)
    """
    while isinstance(model, Pipeline | FrozenEstimator):
        model = _first_of(model) if isinstance(model, Pipeline) else model.estimator
    if not hasattr(model, "__sklearn_tags__"):
        return True  # a step that says nothing of itself
    tags = get_tags(model)
    return is_network(model) or tags.input_tags.three_d_array or tags.no_validation


def rows_for(model: Any, X: np.ndarray) -> np.ndarray:
    """Return rows as a task model takes them.

    Parameters
    ----------
    model : estimator
        Not fitted.

    X : ndarray of shape (n_rows, ...)
        Images or features.

    Returns
    -------
    ndarray
        As they are for models of images; for others flattened to two dimensions, and uint8 divided
        by 255.

    Examples
    --------
    >>> from skdal._task_models import make_task_model, rows_for
    >>> X = np.full((5, 28, 28), 255, dtype=np.uint8)
    >>> rows = rows_for(make_task_model("mlp"), X)
    >>> rows.shape, float(rows.max())
    ((5, 784), 1.0)
    """
    if takes_images(model):
        return X
    rows = X.reshape(len(X), -1)
    return rows / np.float32(255) if rows.dtype == np.uint8 else rows


def _first_of(model: Any) -> Any:
    """Return what sees the rows first: of a Pipeline the first step that does anything, or None."""
    while isinstance(model, Pipeline):
        model = next((step for _, step in model.steps if step not in (None, "passthrough")), None)
    return model


def _is_model(model: Any) -> bool:
    try:
        has_tags = hasattr(model, "get_params") and hasattr(model, "__sklearn_tags__")
        return has_tags and (is_classifier(model) or is_regressor(model))
    except _OF_OTHERS:  # of its tags
        return False


def _set(model: Any, parameter: str, value: Any, name: str) -> None:
    # Of the model, not of the pipeline that scales its features.
    target = model[-1] if hasattr(model, "steps") and parameter not in model.get_params() else model
    check_known(target, parameter, name)
    try:
        target.set_params(**{parameter: value})
        if not (hasattr(_first_of(model), "fit") and _is_model(model)):
            raise TypeError("it is no model any more")
        # Later, it would be refused in the name of whatever trains it.
        if hasattr(target, "_parameter_constraints"):
            target._validate_params()
    except _OF_OTHERS as error:
        said = str(error).rstrip(".")
        raise ValueError(
            f"{name!r} sets {parameter}={value!r}, which does not go: {said}."
        ) from error


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        with own_modules():
            found = getattr(import_module(module), name)
        if isinstance(found, type):
            return found()
        # A copy, for what is set must not change the module.
        return clone(found) if _is_model(found) else found
    except _OF_OTHERS as error:
        raise ValueError(
            f"{path!r} cannot be imported or made: {type(error).__name__}: {error}. Give the "
            "dotted path of a class whose parameters all have defaults, or of an object, as in "
            "sklearn.neighbors.KNeighborsClassifier."
        ) from error


@contextmanager
def own_modules() -> Iterator[None]:
    """Let modules in the current folder be found, as they are by ``python``, by workers too."""
    folder = str(Path.cwd())
    if folder in sys.path:
        yield  # and it stays where it is
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        with suppress(ValueError):  # a module may have taken it out
            sys.path.remove(folder)
