"""One run of a comparison: a sampler, a start, a seed, and what comes of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import RLock, current_thread, main_thread
from typing import Any

import numpy as np
from scipy.stats import entropy
from sklearn.base import is_classifier
from sklearn.utils.validation import _num_samples
from tqdm import tqdm

from skdal._binding import fit_bound
from skdal._threads import threads_shared_by
from skdal.experiments.run_file import RunFile
from skdal.loop import Step, turns
from skdal.stopping import DivergenceStop

_DIVERGENCE = 2

# Of a worker of joblib: the process that asked for the runs.
_parent = os.getppid()


def _note_parent() -> None:
    global _parent
    _parent = os.getppid()


if hasattr(os, "register_at_fork"):
    # A worker that is a fork has this module from its parent, and another parent.
    os.register_at_fork(after_in_child=_note_parent)


@dataclass(frozen=True, eq=False)
class Run:
    """What is asked of one run.

    Parameters
    ----------
    name : str
        Of the sampler, for the results.

    repeat : int
        Number of the repeat, counted from 0.

    sampler : sampler
        As given.

    estimator : estimator
        The task model, seeded.

    start : ndarray of int
        Rows labeled at the start.

    seed : int
        Of all that the start and the trainings leave open.

    training_seed : int
        Of what the task model draws without a ``random_state``: the same for all samplers of a
        repeat.

    n_instances : int
        Labels bought by a query.

    n_queries : int
        Queries.

    divergence : bool
        Whether to measure the H-divergence of labeled from unlabeled rows.

    path : pathlib.Path or None
        The file that keeps its steps.
    """

    name: str
    repeat: int
    sampler: Any
    estimator: Any
    start: np.ndarray
    seed: int
    training_seed: int
    n_instances: int
    n_queries: int
    divergence: bool
    path: Path | None

    @property
    def budget(self) -> int:
        """Labels used in all."""
        return len(self.start) + self.n_queries * self.n_instances


def play_run(
    run: Run,
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    n_jobs: int = 1,
    caller: int | None = None,
    on_step: Callable[[], object] | None = None,
) -> list[dict[str, Any]]:
    """Play a run to its end, from where its file says it was.

    Parameters
    ----------
    run : Run
        What is asked.

    X, y, X_test, y_test : array-like
        See :func:`~skdal.experiments.compare`.

    n_jobs : int, default=1
        Runs that share the cores with this one.

    caller : int or None, default=None
        Number of the process that asks. If this is another, it stops once its parent is gone.

    on_step : callable, default=None
        Called for every step, those of the file too.

    Returns
    -------
    list of dict
        A record for every step.

    Raises
    ------
    ValueError
        If the file is damaged, or that of another run.
    RuntimeError
        If the parent of this worker is gone.
    """
    on_step = on_step or (lambda: None)
    if caller not in (None, os.getpid()) and not hasattr(tqdm, "_lock"):
        # Else the first bar of a sampler, shown or not, makes a semaphore of the system, which is
        # reported as leaked when Ctrl-C has this worker killed.
        tqdm.set_lock(RLock())
    classes = _classes(run.estimator, y)
    file = None if run.path is None else RunFile(run.path)
    with (
        nullcontext() if n_jobs == 1 else threads_shared_by(n_jobs),
        nullcontext() if file is None else file,
    ):
        records = [] if file is None else file.records.copy()
        _check_records(run, records, n_rows=_num_samples(X))
        for _ in records:
            on_step()
        _check_parent(caller)
        for step in _missing_steps(run, records, X, y):
            labeled = np.concatenate([*[record["rows"] for record in records], step.rows])
            record = {
                "sampler": run.name,
                "repeat": run.repeat,
                "n_labels": step.n_labels,
                "score": np.nan if step.model is None else float(step.model.score(X_test, y_test)),
                "fit_seconds": step.fit_seconds,
                "query_seconds": step.query_seconds,
                **_of_classes(classes, y, step.rows),
                **({"divergence": _divergence(run, step, X, y, labeled)} if run.divergence else {}),
                "rows": step.rows,
            }
            if file is not None:
                file.append(record)
            records.append(record)
            on_step()
            _check_parent(caller)
    return records


def play_in_worker(
    run: Run, *data: Any, **settings: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Play a run in a process of its own, whose warnings nobody could count.

    Parameters
    ----------
    run : Run
        What is asked.

    *data, **settings
        As :func:`play_run` takes them.

    Returns
    -------
    records : list of dict
        Those of :func:`play_run`.

    caught : list of dict
        Warnings, as :func:`warnings.warn_explicit` takes them. None where jobs are threads, for
        which a filter is that of all.
    """
    if settings["caller"] == os.getpid() or current_thread() is not main_thread():
        return play_run(run, *data, **settings), []
    with warnings.catch_warnings(record=True) as caught:
        records = play_run(run, *data, **settings)
    keys = ("category", "filename", "lineno")
    told = [{"message": str(w.message), **{key: getattr(w, key) for key in keys}} for w in caught]
    return records, told


def _check_parent(caller: int | None) -> None:
    # A worker outlives a parent that was killed, and would work on for nobody.
    if caller not in (None, os.getpid()) and os.getppid() != _parent:
        raise RuntimeError("The process that asked for this run is gone.")


def _missing_steps(run: Run, records: list[dict[str, Any]], X: Any, y: Any) -> Iterator[Step]:
    if len(records) == run.n_queries + 1:
        return
    labeled = np.concatenate([record["rows"] for record in records]) if records else run.start
    steps = turns(
        run.estimator,
        run.sampler,
        X,
        y,
        budget=run.budget,
        n_initial=labeled,
        n_instances=run.n_instances,
        random_state=run.seed,
        training_seed=run.training_seed,
    )
    if records:
        # The model of the last step that is done, which the next query needs.
        next(steps)
    yield from steps


def _check_records(run: Run, records: list[dict[str, Any]], n_rows: int) -> None:
    expected = [
        (run.name, run.repeat, len(run.start) + i * run.n_instances)
        for i in range(run.n_queries + 1)
    ]
    found = [(record["sampler"], record["repeat"], record["n_labels"]) for record in records]
    if found != expected[: len(found)] or (
        records
        and (
            not np.array_equal(records[0]["rows"], run.start)
            or max(record["rows"].max(initial=0) for record in records) >= n_rows
        )
    ):
        raise ValueError(
            f"{run.path} holds another run than this one; choose another directory, or remove the "
            "file, and the run is played again."
        )


def _classes(estimator: Any, y: Any) -> np.ndarray | None:
    labels = np.asarray(y)
    return np.unique(labels) if is_classifier(estimator) and labels.ndim == 1 else None


def _of_classes(classes: np.ndarray | None, y: Any, rows: np.ndarray) -> dict[str, Any]:
    if classes is None:
        return {}
    counts = np.bincount(np.searchsorted(classes, np.asarray(y)[rows]), minlength=len(classes))
    return {"class_counts": counts, "class_entropy": float(entropy(counts))}


def _divergence(run: Run, step: Step, X: Any, y: Any, labeled: np.ndarray) -> float:
    if step.model is None:
        return np.nan
    # Its limit, for which the permutations and the confidence are, is not used.
    rule = DivergenceStop(space="representation", n_permutations=1, confidence=0.5)
    state = np.random.RandomState([run.seed, step.n_labels, _DIVERGENCE])
    fitted = fit_bound(rule, step.model, X, np.asarray(y)[labeled], labeled, state)
    return float(fitted.divergence_)
