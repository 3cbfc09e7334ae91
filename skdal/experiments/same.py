"""Whether a comparison is the one that a folder holds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skdal.experiments.settings import described


class FolderError(ValueError):
    """A folder that cannot be used, since it holds something else or something more."""


class OtherComparisonError(FolderError):
    """A folder that holds another comparison.

    Parameters
    ----------
    path : pathlib.Path
        The folder.

    name : str
        Of the setting that differs.

    was, is_now : object
        Its values in the folder, and now.
    """

    def __init__(self, path: Path, name: str, was: Any, is_now: Any) -> None:
        super().__init__(
            f"directory={str(path)!r} holds another comparison. Its {name} is {was}, not "
            f"{is_now}; choose another directory, or set what it was."
        )
        self.name, self.was, self.is_now = name, was, is_now


def check_same(
    path: Path, old: dict[str, Any], experiment: dict[str, Any], samplers: Mapping[str, Any]
) -> None:
    """Refuse a comparison that is not the one of a folder.

    Parameters
    ----------
    path : pathlib.Path
        The folder, for the message.

    old : dict
        Its settings.

    experiment : dict
        Of :func:`~skdal.experiments.settings.experiment_of`.

    samplers : mapping of str to sampler
        Those that the folder does not have are not looked at.

    Raises
    ------
    OtherComparisonError
        With what differs.
    """
    there, here = dict(old["experiment"]), dict(experiment)
    here["estimator"] = _described_as(here["estimator"], there.get("estimator"))
    # One of each array names what differs. Folders from before have one of all of them.
    sums = [settings.pop("checksums", {}) for settings in (there, here)]
    if all(sums):
        for settings, each in zip((there, here), sums, strict=True):
            settings.pop("checksum", None)
            settings |= {f"checksum of {name}": each[name] for name in each}
    pairs = [(name, there.get(name), value) for name, value in here.items()]
    pairs += [
        (f"sampler {name!r}", text, _described_as(samplers[name], text))
        for name, text in old["samplers"].items()
        if name in samplers
    ]
    for name, was, is_now in pairs:
        if was != is_now:
            raise OtherComparisonError(path, name, was, is_now)


def _described_as(value: Any, there: Any) -> str:
    """Return the text that is there, if it is one of this value, or else the value's own."""
    text = described(value)
    return there if isinstance(there, str) and described(value, before=there) == there else text


def joined(old: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the environments of a folder, with this one if it is new.

    Parameters
    ----------
    old : list of dict
        The environments so far.

    new : dict
        This one.

    Warns
    -----
    UserWarning
        If it is not the last one.
    """
    if new in old:
        return old
    last = old[-1]
    # What was not noted, such as the version of a package that is needed from now on, is none.
    changes = [
        f"{name} {last[name]} before, {new[name]} now"
        for name in new
        if name in last and last[name] != new[name]
    ]
    if changes:
        warnings.warn(
            f"This goes on with a comparison from another environment: {'; '.join(changes)}. The "
            "results may not be those of an undisturbed run.",
            UserWarning,
            stacklevel=4,
        )
    return [*old, new]
