"""The comparison of samplers: the same starts, the same budget, seeds of their own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib.parallel import get_active_backend
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples, check_consistent_length
from tqdm.auto import tqdm

from skdal._arguments import checked_arguments
from skdal._binding import check_sampler
from skdal._oracle import given_labels
from skdal._seeding import seeded
from skdal._threads import threads_shared_by
from skdal.experiments.folder import RESULTS, open_folder, read_results, run_path
from skdal.experiments.results import write_csv
from skdal.experiments.run import Run, play_in_worker, play_run
from skdal.experiments.seeds import seed_of
from skdal.experiments.settings import experiment_of
from skdal.loop import check_instances, initial_rows


@checked_arguments(
    {
        "samplers": [Mapping],
        "estimator": [HasMethods(["fit", "predict", "score"])],
        "n_initial": [Interval(Integral, 1, None, closed="left")],
        "n_instances": [Interval(Integral, 1, None, closed="left")],
        "n_queries": [Interval(Integral, 1, None, closed="left")],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "divergence": ["boolean"],
        "n_jobs": [Integral, None],
        "directory": [str, os.PathLike, None],
        "resume": ["boolean"],
        "random_state": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
    }
)
def compare(
    samplers: Mapping[str, Any],
    estimator: Any,
    X: Any,
    y: ArrayLike,
    X_test: Any,
    y_test: ArrayLike,
    *,
    n_initial: int = 20,
    n_instances: int = 30,
    n_queries: int = 6,
    n_repeats: int = 5,
    divergence: bool = False,
    n_jobs: int | None = None,
    directory: str | os.PathLike[str] | None = None,
    resume: bool = False,
    random_state: int = 0,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Play the learning loop with several samplers, several times.

    Within a repeat all samplers start from the same rows and the same first model, so that
    they can be compared in pairs; every training draws the same random numbers for all of them,
    those of a skorch net too. A run depends on ``random_state``, the number of its repeat and
    the name of its sampler alone: another sampler or repeat changes none that was there.

    Parameters
    ----------
    samplers : mapping of str to sampler
        The samplers, by the names that the results give them.

    estimator : classifier or regressor
        The task model, with a method ``score``.

    X : array-like, sparse matrix, DataFrame or list, of n_rows rows
        The rows to choose from.

    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        All their labels.

    X_test : array-like of n_test_rows rows
        Rows to score the model on.

    y_test : array-like of shape (n_test_rows,) or (n_test_rows, n_outputs)
        Their labels.

    n_initial : int, default=20
        Labels at the start, see :func:`~skdal.loop.initial_rows`.

    n_instances : int, default=30
        Labels bought by a query.

    n_queries : int, default=6
        Queries of a run.

    n_repeats : int, default=5
        Runs of every sampler.

    divergence : bool, default=False
        Whether to measure after every training how well labeled rows can be told from
        unlabeled ones, in the model's representation where it has one: the divergence of
        :func:`~skdal.divergence.h_divergence_test`. It takes seconds where there are many rows.

    n_jobs : int or None, default=None
        Runs to play at the same time, by joblib: in processes, or wherever
        ``joblib.parallel_config`` says. None is one, and -1 one for every core. Runs share the
        cores: no run takes more threads than its part. What is found does not depend on it, as
        far as the number of threads does not change how sums are rounded.

    directory : str, path-like or None, default=None
        Where to keep what is done: every step, before the next begins, in a file of its run
        under ``runs``; what was asked in ``settings.json``; and in the end ``results.csv``.
        Several processes may work in it, each with samplers of its own and ``resume=True``.
        With workers on other machines it must be on a disk that they share, at the same place.
        One in which no step was done may be taken by another comparison.

    resume : bool, default=False
        Whether to go on with the comparison that ``directory`` holds, if it does. What is done is
        not played again, and the rest is as if nothing had happened, seconds aside. There may be
        more samplers and repeats than before.

    random_state : int, default=0
        Seeds all there is. Unlike elsewhere it must be an int.

    verbose : int, default=0
        Whether to show a progress bar, which counts trainings of the task model. Those of
        other processes it counts when their run is over.

    Returns
    -------
    list of dict
        One for every training: ``sampler``, its name; ``repeat``, counted from 0;
        ``n_labels``, labels used; ``score``, the model's on the test rows, NaN as long as there
        is none because a single class is known; ``fit_seconds`` and ``query_seconds``, as in
        :class:`~skdal.loop.Step`; of a classifier ``class_counts``, how many of the rows
        labeled just before are of each class, in sorted order, and their ``class_entropy`` in
        nats; ``divergence``, if asked for; ``rows``, ndarray of int, those labeled just before.
        ``pandas.DataFrame`` makes a table of it.

    Raises
    ------
    ValueError
        If there is no sampler, a parameter is out of range, the data do not suffice, or
        ``directory`` holds another comparison, or this one and ``resume`` is False. Also if
        there is a ``directory`` and a parameter of a sampler or of the task model cannot be told
        from others of its kind.
    TypeError
        If a sampler or the task model is a class or something else, or a name no str.

    Warns
    -----
    UserWarning
        If what is resumed was begun with other versions or on another device, another process
        plays a run of ``directory`` and this one waits for it, or its disk has no locks.

    See Also
    --------
    summarize : Means, standard deviations and differences.
    read_results : What of a directory is done.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import RandomSampler
    >>> from skdal.datasets import load
    >>> from skdal.experiments import compare
    >>> results = compare(
    ...     {"random": RandomSampler()}, LogisticRegression(), **load("digits"), n_repeats=2
    ... )
    >>> len(results), results[-1]["n_labels"]
    (14, 200)
    """
    sizes = {"n_initial": n_initial, "n_instances": n_instances, "n_queries": n_queries}
    sizes = {name: int(size) for name, size in sizes.items()}
    data = {"X": X, "y": y, "X_test": X_test, "y_test": y_test}
    # Before anything is trained or written.
    _check(samplers, estimator, data, **sizes)
    joblib.effective_n_jobs(n_jobs)
    # Workers may have another working directory.
    folder = None if directory is None else Path(directory).absolute()
    runs = []
    for repeat in range(n_repeats):
        # What all samplers share has a seed without a name.
        seed = seed_of(random_state, repeat)
        shared = np.random.RandomState(seed)
        start = initial_rows(y, n_initial, stratify=is_classifier(estimator), random_state=shared)
        model = seeded(estimator, shared)
        for name, sampler in samplers.items():
            runs.append(
                Run(
                    name,
                    repeat,
                    sampler,
                    model,
                    start,
                    seed=seed_of(random_state, repeat, name),
                    training_seed=seed,
                    n_instances=sizes["n_instances"],
                    n_queries=sizes["n_queries"],
                    divergence=bool(divergence),
                    path=None if folder is None else run_path(folder, name, repeat),
                )
            )
    if folder is not None:
        experiment = experiment_of(
            estimator, data, sizes, divergence=divergence, random_state=random_state
        )
        open_folder(folder, experiment, samplers, int(n_repeats), resume=bool(resume))
    results = _play_all(runs, tuple(data.values()), n_jobs, verbose)
    if folder is not None:
        write_csv(read_results(folder), folder / RESULTS)
    return results


def _check(
    samplers: Mapping[str, Any],
    estimator: Any,
    data: Mapping[str, Any],
    n_initial: int,
    n_instances: int,
    n_queries: int,
) -> None:
    if not samplers:
        raise ValueError("samplers is empty; pass at least one, as in {'random': RandomSampler()}.")
    for name, sampler in samplers.items():
        if not isinstance(name, str):
            raise TypeError(f"The name {name!r} of a sampler is no str; call it {str(name)!r}.")
        check_sampler(f"samplers[{name!r}]", sampler)
    check_instances(estimator, None, None, None)
    n_rows, budget = _num_samples(data["X"]), n_initial + n_instances * n_queries
    if budget > n_rows:
        raise ValueError(
            f"n_initial={n_initial} and n_queries={n_queries} of n_instances={n_instances} are "
            f"{budget} labels, more than the {n_rows} rows of X; lower one of them."
        )
    cure = "Leave those rows out: every label may be asked for."
    given_labels(estimator, data["y"], n_rows, cure=cure)
    check_consistent_length(data["X_test"], data["y_test"])


def _play_all(
    runs: list[Run], data: tuple[Any, ...], n_jobs: int | None, verbose: int
) -> list[dict[str, Any]]:
    n_parallel = min(joblib.effective_n_jobs(n_jobs), len(runs))
    n_steps = sum(run.n_queries + 1 for run in runs)
    done: dict[tuple[int, str], list[dict[str, Any]]] = {}
    with tqdm(total=n_steps, unit="training", disable=not verbose) as bar:
        if n_parallel == 1:
            for run in runs:
                bar.set_description(f"repeat {run.repeat + 1}/{runs[-1].repeat + 1}, {run.name}")
                done[run.repeat, run.name] = play_run(run, *data, on_step=bar.update)
        else:
            # Also here, for backends whose jobs are threads of this process.
            with threads_shared_by(n_parallel):
                job = partial(delayed(play_in_worker), n_jobs=n_parallel, caller=os.getpid())
                # Such as that of multiprocessing, which has all of them in the end.
                as_done = get_active_backend()[0].supports_return_generator
                return_as = "generator_unordered" if as_done else "list"
                parallel = Parallel(n_jobs=n_jobs, return_as=return_as)
                for records, caught in parallel(job(run, *data) for run in runs):
                    for warning in caught:
                        warnings.warn_explicit(**warning)
                    done[records[0]["repeat"], records[0]["sampler"]] = records
                    bar.update(len(records))
    return [record for run in runs for record in done[run.repeat, run.name]]
