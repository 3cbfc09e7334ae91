"""Task models by name, or by where they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal._named import check_known, settings_in

_MLP = {"hidden_layer_sizes": (64,), "alpha": 0.01, "learning_rate_init": 0.01, "max_iter": 1000}

# Embeddings come in any scale, which all but forests do not like.
_CLASSIFIERS = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "mlp": lambda: make_pipeline(StandardScaler(), MLPClassifier(**_MLP)),
    "forest": RandomForestClassifier,
}
_REGRESSORS = {
    "ridge": lambda: make_pipeline(StandardScaler(), Ridge()),
    "mlp": lambda: make_pipeline(StandardScaler(), MLPRegressor(**_MLP)),
    "forest": RandomForestRegressor,
}

# What code of others may raise: an import runs it, and so does every parameter.
_OF_OTHERS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError),
    *(NameError, OSError, RuntimeError, SyntaxError, SystemExit, TypeError, ValueError),
)

NAMES = tuple(dict.fromkeys([*_CLASSIFIERS, *_REGRESSORS]))


def make_task_model(name: str, *, regression: bool = False) -> Any:
    """Return a new task model.

    Parameters
    ----------
    name : str
        One of ``NAMES``, or the dotted path of a class or an object, as in ``sklearn.svm.SVC``;
        and after it what to set of its parameters, with colons between:
        ``"sklearn.svm.SVC:C=10:probability=True"``. What a path names is imported, which runs
        its module.

    regression : bool, default=False
        Whether labels are numbers, for names that stand for both kinds.

    Returns
    -------
    classifier or regressor
        Not fitted. ``logistic``, ``ridge`` and ``mlp`` standardize the features first.

    Raises
    ------
    ValueError
        If there is none of this name, it has no such parameter, or is of the wrong kind.

    Examples
    --------
    >>> from skdal.tables.estimators import make_task_model
    >>> make_task_model("sklearn.svm.SVC:C=10")
    SVC(C=10)
    >>> make_task_model("logistic:C=10")[-1]
    LogisticRegression(C=10, max_iter=1000)
    """
    kind, settings = settings_in(name)
    by_name: dict[str, Any] = _REGRESSORS if regression else _CLASSIFIERS
    if kind in by_name:
        model = by_name[kind]()
    elif "." in kind:
        model = _imported(kind)
    else:
        others = "a regressor" if regression else "a classifier"
        raise ValueError(
            f"{kind!r} is not the name of {others}; choose among {', '.join(by_name)}, or give the "
            "dotted path of one, as in sklearn.svm.SVC."
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


def _is_model(model: Any) -> bool:
    try:
        has_tags = hasattr(model, "get_params") and hasattr(model, "__sklearn_tags__")
        return has_tags and (is_classifier(model) or is_regressor(model))
    except (AttributeError, LookupError, TypeError, ValueError):  # of its tags
        return False


def _set(model: Any, parameter: str, value: Any, name: str) -> None:
    # Of the model, not of the pipeline that scales its features.
    target = model[-1] if hasattr(model, "steps") and parameter not in model.get_params() else model
    check_known(target, parameter, name)
    try:
        target.set_params(**{parameter: value})
        if not _is_model(model):
            raise TypeError("it is no model any more")
    except _OF_OTHERS as error:
        raise ValueError(
            f"{name!r} sets {parameter}={value!r}, which does not go: {error}."
        ) from error


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        with _own_modules():
            found = getattr(import_module(module), name)
        return found() if isinstance(found, type) else found
    except _OF_OTHERS as error:
        raise ValueError(
            f"{path!r} cannot be imported or made: {type(error).__name__}: {error}. Give the "
            "dotted path of a class whose parameters all have defaults, or of an object, as in "
            "sklearn.svm.SVC."
        ) from error


@contextmanager
def _own_modules() -> Iterator[None]:
    """Let modules in the current folder be found, as they are by ``python``."""
    folder = str(Path.cwd())
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
