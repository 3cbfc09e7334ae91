"""What ``skdal compare --resume`` says of a folder that holds another comparison."""

from __future__ import annotations

import re
from pathlib import Path

from skdal.experiments.same import FolderError, OtherComparisonError

_OPTIONS = {
    "n_initial": "--initial",
    "n_instances": "--batch-size",
    "n_queries": "--queries",
    "random_state": "--seed",
}
_ROWS = {"n_rows": "rows to choose from", "n_test_rows": "rows to test on"}
_MOST = 3


def in_options(error: FolderError, output: Path) -> str:
    """Return an error of a folder in the words of the command.

    Parameters
    ----------
    error : FolderError
        Of :func:`~skdal.experiments.compare`.

    output : pathlib.Path
        The folder, as typed.

    Returns
    -------
    str
        With the option that differs from before, and what it was.
    """
    if not isinstance(error, OtherComparisonError):
        return re.sub(r"^directory='.*?'", lambda _: str(output), str(error))
    return (
        f"{output} holds another comparison: {_difference(error)}. Or choose another folder, or "
        "begin anew in this one by --force in place of --resume."
    )


def _difference(error: OtherComparisonError) -> str:
    name, was, is_now = error.name, error.was, error.is_now
    if name in _OPTIONS:
        return f"it was begun with {_OPTIONS[name]} {was}, not {is_now}; go on with {was}"
    if name == "divergence":
        go_on = "with --divergence; go on with it" if was else "without --divergence; leave it out"
        return f"it was begun {go_on}"
    if name in _ROWS:
        return (
            f"it has {was} {_ROWS[name]}, not {is_now}; go on with the data and the --test-size "
            "that it was begun with"
        )
    if name.startswith("checksum"):
        array = name.rpartition(" ")[2]
        which = "the data are" if array == "checksum" else f"{array} is"
        return f"{which} not what it was begun with; go on with the same DATA and --test-size"
    if name == "estimator":
        return (
            f"its task model {_changes(str(was), str(is_now))}; go on with the --estimator, "
            "--epochs and --preset that it was begun with"
        )
    sampler = name.removeprefix("sampler ").strip("'\"")
    return (
        f"its sampler {sampler} {_changes(str(was), str(is_now))}; go on with the --preset that it "
        "was begun with, or set the parameter after the name, in --samplers"
    )


def _changes(was: str, is_now: str) -> str:
    """Tell what differs between two estimators, of which there are texts."""
    kinds = [re.findall(r"(\w+)\(", text) for text in (was, is_now)]
    if kinds[0] != kinds[1]:
        before, now = [" with ".join(k for k in kind if k != "Pipeline") for kind in kinds]
        return f"was {before}, not {now}"
    old, new = _params(was), _params(is_now)
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    told = [f"{name}={old.get(name, 'none')}, not {new.get(name, 'none')}" for name in changed]
    more = [f"{len(told) - _MOST} other parameters differ"] if len(told) > _MOST else []
    return "had " + "; ".join([*told[:_MOST], *more])


def _params(text: str) -> dict[str, str]:
    """Return the parameters of an estimator and of those within it, as far as they are plain."""
    return dict(re.findall(r"(\w+)=([^=,()\[\]]*)(?=[,)\]])", text))
