"""Names that set parameters: ``discriminative:n_mini_queries=5:warm_start=False``."""

from __future__ import annotations

import re
from ast import literal_eval
from typing import Any


def settings_in(name: str) -> tuple[str, dict[str, Any]]:
    """Return what a name says.

    Parameters
    ----------
    name : str
        With ``parameter=value`` after it, and colons between.

    Returns
    -------
    kind : str
        What stands before the first colon.

    settings : dict
        Values by parameter. What is no Python literal is a word, such as ``entropy``. Colons in
        braces are those of a dict.

    Raises
    ------
    ValueError
        If a parameter is named, but no value.

    Examples
    --------
    >>> from skdal._named import settings_in
    >>> settings_in("core-set:max_candidates=500:metric=cosine")
    ('core-set', {'max_candidates': 500, 'metric': 'cosine'})
    """
    kind, *texts = re.split(r":(?![^{}]*\})", name)
    bare = next((text for text in texts if "=" not in text), None)
    if bare is not None:
        raise ValueError(
            f"{name!r} has {bare!r} after a colon, which sets no parameter; write {kind}:"
            f"{bare or 'parameter'}=value."
        )
    pairs = [text.partition("=") for text in texts]
    return kind, {parameter: _value(text) for parameter, _, text in pairs}


def _value(text: str) -> Any:
    try:
        return literal_eval(text)
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
        return text


def check_known(estimator: Any, parameter: str, name: str) -> None:
    """Refuse a parameter that an estimator does not have.

    Parameters
    ----------
    estimator : estimator
        Any.

    parameter : str
        Its name.

    name : str
        The whole name that sets it, for the message.

    Raises
    ------
    ValueError
        It lists those there are.
    """
    known = estimator.get_params()
    if parameter not in known:
        raise ValueError(
            f"{name.split(':')[0]!r} has no parameter {parameter!r}, which {name!r} sets; choose "
            f"among {', '.join(sorted(known))}."
        )
