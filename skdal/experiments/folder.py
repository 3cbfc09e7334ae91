"""The folder of a comparison: what was asked, and what is done of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import crc32

from skdal._files import written_whole
from skdal.experiments.lock import folder_locked, is_locked
from skdal.experiments.run_file import parsed
from skdal.experiments.same import FolderError, check_same, joined
from skdal.experiments.settings import described, environment

SETTINGS, RESULTS, RUNS = "settings.json", "results.csv", "runs"
# What a file name may have on most disks is 255 bytes.
_LONGEST_NAME = 200
_CURE = "choose another directory, or begin anew in this one by --force of skdal compare"


def open_folder(
    directory: str | os.PathLike[str],
    experiment: dict[str, Any],
    samplers: Mapping[str, Any],
    n_repeats: int,
    *,
    resume: bool,
) -> Path:
    """Make the folder of a comparison, or find out whether one that is there may be gone on with.

    Of processes that do so at once, one comes after the other: each adds its samplers.

    Parameters
    ----------
    directory : str or path-like
        The folder.

    experiment : dict
        What may not change: data, task model, sizes, seed, as of
        :func:`~skdal.experiments.settings.experiment_of`.

    samplers : mapping of str to sampler
        Those in the folder must have the same parameters; others may be added.

    n_repeats : int
        Runs of every sampler. There may be more or fewer in the folder.

    resume : bool
        Whether to go on with what is there.

    Returns
    -------
    pathlib.Path
        The folder. Its ``settings.json`` tells all this, and the environments that it was
        played in.

    Raises
    ------
    FolderError
        If the folder holds a comparison and ``resume`` is False, or holds another one, unless
        no step of that was done.

    Warns
    -----
    UserWarning
        If versions or device are not those of before.
    """
    path = Path(directory)
    # First, for not all can be described.
    texts = {name: described(sampler) for name, sampler in samplers.items()}
    settings: dict[str, Any] = {
        "experiment": experiment | {"estimator": described(experiment["estimator"])},
        "samplers": texts,
        "n_repeats": n_repeats,
        "environments": [environment(list(texts.values()))],
    }
    path.mkdir(parents=True, exist_ok=True)
    with folder_locked(path):
        old = _comparison_in(path)
        if old is not None:
            if not resume:
                raise FolderError(
                    f"directory={str(path)!r} holds a comparison already; go on with it by "
                    "resume=True, or choose another directory."
                )
            check_same(path, old, experiment, samplers)
            settings["samplers"] = old["samplers"] | settings["samplers"]
            settings["n_repeats"] = max(old["n_repeats"], settings["n_repeats"])
            settings["environments"] = joined(old["environments"], settings["environments"][0])
        with written_whole(path / SETTINGS) as temporary:
            temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    return path


def _comparison_in(path: Path) -> dict[str, Any] | None:
    """Return the settings in a folder, or None if it may be taken."""
    if (path / SETTINGS).exists() and not _was_left_empty(path):
        return _read_settings(path)
    present = [name for name in (RESULTS,) if (path / name).exists()]
    present += [RUNS] * any(_has_step(file) for file in _run_files(path))
    if present:
        raise FolderError(
            f"directory={str(path)!r} holds {present[0]}, but no {SETTINGS} that tells what it is; "
            "choose another directory."
        )
    return None


def check_folder(
    directory: str | os.PathLike[str], experiment: dict[str, Any], samplers: Mapping[str, Any]
) -> None:
    """Refuse a folder that holds another comparison, as :func:`open_folder` does; write nothing.

    Parameters
    ----------
    directory : str or path-like
        It need not exist.

    experiment : dict
        What may not change.

    samplers : mapping of str to sampler
        The samplers.

    Raises
    ------
    FolderError
        If it holds another one.

    Examples
    --------
    >>> from skdal.experiments.folder import check_folder
    >>> check_folder("nowhere", {}, {})
    """
    path = Path(directory)
    old = _comparison_in(path)
    if old is not None:
        check_same(path, old, experiment, samplers)


def _run_files(path: Path) -> list[Path]:
    return [file for file in (path / RUNS).glob("*.jsonl") if file.is_file()]


def _has_step(file: Path) -> bool:
    with file.open("rb") as lines:
        return any(line.endswith(b"\n") for line in lines)


def _was_left_empty(path: Path) -> bool:
    """Return whether runs were begun, none came to its first step, and none is at work on it."""
    files = _run_files(path)
    return bool(files) and not any(_has_step(file) or is_locked(file) for file in files)


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings: Any = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"directory={str(path)!r} holds no comparison: there is no {SETTINGS} in it."
        ) from error
    except (RecursionError, ValueError) as error:
        raise FolderError(f"{path / SETTINGS} is damaged: {error}; {_CURE}.") from error
    if not _is_settings(settings):
        raise FolderError(f"{path / SETTINGS} is no file of this program, or damaged; {_CURE}.")
    return settings


def _is_settings(settings: Any) -> bool:
    if not isinstance(settings, dict):
        return False
    experiment, samplers, n_repeats, environments = (
        settings.get(name) for name in ("experiment", "samplers", "n_repeats", "environments")
    )
    return (
        isinstance(experiment, dict)
        and type(experiment.get("n_queries")) is int
        and isinstance(samplers, dict)
        and type(n_repeats) is int
        and isinstance(environments, list)
        and len(environments) > 0
        and all(isinstance(environment, dict) for environment in environments)
    )


def run_path(directory: Path, sampler: str, repeat: int) -> Path:
    """Return the file of a run.

    Parameters
    ----------
    directory : pathlib.Path
        The folder of the comparison.

    sampler : str
        Name of its sampler, which may hold any character.

    repeat : int
        Counted from 0.

    Examples
    --------
    >>> from skdal.experiments.folder import run_path
    >>> run_path(Path("made"), "a/b", 0).as_posix()
    'made/runs/a%2Fb-0.jsonl'
    """
    name = quote(sampler, safe="")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{crc32(sampler.encode()):08x}"
    return directory / RUNS / f"{name}-{repeat}.jsonl"


def read_results(directory: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the results of the runs that are done.

    Parameters
    ----------
    directory : str or path-like
        That of :func:`~skdal.experiments.compare`, which may be at work in it.

    Returns
    -------
    list of dict
        As :func:`~skdal.experiments.compare` returns them: all steps of all runs of the
        directory that were played to the end.

    Raises
    ------
    FileNotFoundError
        If the directory holds no comparison.
    ValueError
        If a file in it is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import RandomSampler
    >>> from skdal.datasets import load
    >>> from skdal.experiments import compare, read_results
    >>> model, data = LogisticRegression(), load("digits")
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     results = compare({"random": RandomSampler()}, model, **data, directory=directory)
    ...     len(results), len(read_results(directory))
    (35, 35)
    """
    path = Path(directory)
    settings = _read_settings(path)
    results: list[dict[str, Any]] = []
    for repeat in range(settings["n_repeats"]):
        for name in settings["samplers"]:
            records = _records(path, name, repeat)
            if len(records) == settings["experiment"]["n_queries"] + 1:
                results += records
    return results


def _records(directory: Path, sampler: str, repeat: int) -> list[dict[str, Any]]:
    file = run_path(directory, sampler, repeat)
    records = parsed(file.read_bytes(), file) if file.exists() else []
    if any((record["sampler"], record["repeat"]) != (sampler, repeat) for record in records):
        raise FolderError(
            f"{file} holds another run than its name says. Remove the file, and the run is played "
            "again."
        )
    return records


def count_steps(
    directory: str | os.PathLike[str], names: Sequence[str], n_repeats: int
) -> dict[str, list[int]]:
    """Return how many steps of these runs are on disk.

    Parameters
    ----------
    directory : str or path-like
        It need not exist.

    names : sequence of str
        Names of samplers.

    n_repeats : int
        Runs of each.

    Returns
    -------
    dict of str to list of int
        By sampler, the steps of each of its runs.

    Examples
    --------
    >>> from skdal.experiments.folder import count_steps
    >>> count_steps("nowhere", ["random"], 2)
    {'random': [0, 0]}
    """
    path = Path(directory)
    return {
        name: [len(_records(path, name, repeat)) for repeat in range(n_repeats)] for name in names
    }
