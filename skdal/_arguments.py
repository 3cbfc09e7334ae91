"""The arguments of a function, checked as scikit-learn checks the parameters of an estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from sklearn import get_config
from sklearn.utils._param_validation import validate_parameter_constraints

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


def checked_arguments(
    constraints: Mapping[str, Any],
) -> Callable[[Callable[Arguments, Returned]], Callable[Arguments, Returned]]:
    """Check the arguments of a function before it is called.

    The decorator of scikit-learn gives the function's name to whatever a model that is trained
    within refuses as well, so that ``compare`` would seem to have a parameter ``C``. Here the
    model's own name stays.

    Parameters
    ----------
    constraints : mapping of str to list
        What an argument may be, as in ``_parameter_constraints`` of an estimator.

    Returns
    -------
    callable
        A decorator. What it makes raises a ValueError that names the argument and the function.

    Examples
    --------
    >>> from skdal._arguments import checked_arguments
    >>> @checked_arguments({"side": [int]})
    ... def area(side):
    ...     return side**2
    >>> area(3)
    9
    >>> area("long")
    Traceback (most recent call last):
        ...
    sklearn.utils._param_validation.InvalidParameterError: The 'side' parameter of area must ...
    """

    def decorate(function: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
        parameters = signature(function)

        @wraps(function)
        def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Returned:
            if not get_config()["skip_parameter_validation"]:
                bound = parameters.bind(*args, **kwargs)
                bound.apply_defaults()
                validate_parameter_constraints(
                    constraints, bound.arguments, caller_name=function.__qualname__
                )
            return function(*args, **kwargs)

        return checked

    return decorate
