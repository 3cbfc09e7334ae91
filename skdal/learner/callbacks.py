"""scikit-learn's callbacks, where there are any: from version 1.9 on."""

from __future__ import annotations

from typing import Any

try:
    # "as" says to type checkers that other modules may take the names from here.
    from sklearn.callback import CallbackSupportMixin as CallbackSupportMixin
    from sklearn.callback import with_callbacks as with_callbacks
except ModuleNotFoundError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks, and so no ``set_callbacks``."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


class Tasks:
    """The tasks of a fit, one a query, as scikit-learn's callbacks want to be told of them.

    Parameters
    ----------
    learner : estimator
        Whose callbacks are called, if it has any.

    n_tasks : int
        How many there will be at most.

    X : array-like of n_rows rows
        What ``fit`` got.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        What ``fit`` got.

    params : dict
        What else ``fit`` got, such as ``sample_weight``.
    """

    def __init__(self, learner: Any, n_tasks: int, X: Any, y: Any, params: dict[str, Any]) -> None:
        self.told = {"estimator": learner, "X": X, "y": y, "metadata": params}
        self.root: Any = None
        self.task: Any = None
        if hasattr(learner, "set_callbacks"):
            self.root = learner._init_callback_context(max_subtasks=n_tasks)
            self.root.call_on_fit_task_begin(**self.told)

    def begin(self) -> None:
        """Say that a query begins, training included."""
        if self.root is not None:
            self.task = self.root.subcontext(task_name="query")
            self.task.call_on_fit_task_begin(**self.told)

    def end(self, attributes: dict[str, Any] | None) -> bool:
        """Say that it is over; return whether a callback wants the loop to stop.

        Parameters
        ----------
        attributes : dict or None
            Fitted attributes, with which the learner can predict already. None if it cannot.
        """
        if self.task is None:
            return False
        return bool(
            self.task.call_on_fit_task_end(**self.told, reconstruction_attributes=attributes)
        )

    def finish(self, attributes: dict[str, Any] | None) -> None:
        """Say that the fit is over.

        Parameters
        ----------
        attributes : dict or None
            Fitted attributes.
        """
        if self.root is not None:
            self.root.call_on_fit_task_end(**self.told, reconstruction_attributes=attributes)
