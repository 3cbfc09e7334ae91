"""The data and the task model that ``skdal compare`` and ``skdal rank`` are told by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklearn.utils import Bunch

# Of the argument DATA, before what a file must hold.
DATA_HELP = (
    "The data: digits, which needs no download; mnist or cifar10, which are downloaded once; or "
    "the path of an .npz file that holds "
)


def load_for(
    model: Any, source: str, *, test_size: float | None = None, needs_test: bool = True
) -> Bunch:
    """Load data for a task model.

    Parameters
    ----------
    model : classifier
        The task model, not fitted.

    source : str
        See :func:`~skdal.datasets.load`.

    test_size : float, int or None, default=None
        The same.

    needs_test : bool, default=True
        The same.

    Returns
    -------
    Bunch
        ``X`` and ``y``; ``X_test`` and ``y_test``, if there are some.

    Raises
    ------
    typer.BadParameter
        If there are none, or the model cannot work with them.
    """
    import typer

    from skdal._task_models import rows_for
    from skdal.datasets import load

    try:
        data = load(source, test_size=test_size, needs_test=needs_test)
        # Rows are numbered as in the file.
        whole = data if test_size is None else load(source, needs_test=False)
        for key in [key for key in ("X", "X_test") if key in whole]:
            _check_finite(whole[key], f"{key} of {source}")
        for key in [key for key in ("X", "X_test") if key in data]:
            data[key] = rows_for(model, data[key])
        _check_classes(data.y, source)
        y_test = data.get("y_test", data.y)
        if data.y.ndim == y_test.ndim == 1 and not np.isin(y_test, data.y).any():
            raise ValueError(
                f"No class of y_test is one of y in {source}: {y_test[0]!s} is in y_test "
                f"alone, {data.y[0]!s} in y; number the classes of both alike."
            )
    except (OSError, ValueError) as error:
        hint = "DATA" if test_size is None else "DATA or --test-size"
        raise typer.BadParameter(str(error), param_hint=hint) from error
    return data


def _check_classes(y: np.ndarray, source: str) -> None:
    from sklearn.utils.multiclass import type_of_target

    kind = type_of_target(y)
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"y of {source} is {kind}, and the task models are classifiers: pass one class a row. "
            "Regressors and several outputs can be compared by skdal.experiments.compare, in "
            "Python."
        )


def _check_finite(X: np.ndarray, name: str) -> None:
    if X.dtype.kind != "f":
        return
    finite = np.isfinite(X).reshape(len(X), -1).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"Row {finite.argmin()} of {name} has a value that is NaN or infinite; fill in such "
            "values, or leave their rows out."
        )


def estimator_help() -> str:
    """Return the help of the option --estimator."""
    from skdal._task_models import CLASSIFIERS

    return (
        f"Task model: {', '.join(CLASSIFIERS)}; or the dotted path of a class or an object, as in "
        "sklearn.svm.SVC, or of one in a module of yours, which is imported. With colons after it "
        "a name sets parameters, as in mlp:alpha=1. logistic and mlp scale the features "
        "themselves, a path of yours does not; lenet and vgg16 are networks for images."
    )


def model_for(estimator: str, epochs: int | None) -> Any:
    """Return a task model by its name.

    Parameters
    ----------
    estimator : str
        Its name.

    epochs : int or None
        Passes over the labels at most.

    Raises
    ------
    typer.BadParameter
        If there is none of this name, it is no classifier, or has no epochs.
    """
    import typer
    from sklearn.base import is_classifier

    from skdal._task_models import make_task_model, set_epochs

    try:
        model = make_task_model(estimator)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--estimator") from error
    if not is_classifier(model):
        raise typer.BadParameter(
            f"{estimator!r} is no classifier; regressors can be compared by "
            "skdal.experiments.compare, in Python.",
            param_hint="--estimator",
        )
    if epochs is not None:
        try:
            set_epochs(model, epochs)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--epochs") from error
    return model
