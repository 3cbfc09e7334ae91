"""What ``skdal compare --dry-run`` tells: what there is to do, and about how long it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skdal.cli._common import count
from skdal.cli.compare_output import budget


def forecast(
    samplers: Mapping[str, Any],
    model: Any,
    data: Any,
    sizes: dict[str, int],
    n_done: Mapping[str, list[int]],
    jobs: int,
) -> list[str]:
    """Return lines that tell what there is to do.

    It takes up to a minute on a slow CPU, and longer with large networks. A progress bar tells
    what is being timed.

    Parameters
    ----------
    samplers : mapping of str to sampler
        The samplers by their names, of which one query each is timed, in part.

    model : classifier
        The task model, of which one training is timed, in part.

    data : Bunch
        Of :func:`~skdal.datasets.load`.

    sizes : dict of str to int
        ``n_initial``, ``n_instances`` and ``n_queries``.

    n_done : mapping of str to list of int
        By sampler, the steps of each of its runs that are on disk.

    jobs : int
        Runs at the same time, as in joblib.

    Raises
    ------
    ValueError
        If a sampler cannot work with the task model.
    """
    from joblib import effective_n_jobs
    from tqdm.auto import tqdm

    from skdal.experiments.estimate import query_seconds, scoring_seconds, time_training

    steps = [n for runs in n_done.values() for n in runs]
    n_trainings = len(steps) * (sizes["n_queries"] + 1)
    lines = [f"{count(n_trainings, 'training')} of the task model in {count(len(steps), 'run')}."]
    if sum(steps):
        lines.append(f"{sum(steps)} of them are done.")
        n_trainings -= sum(steps)
    if not n_trainings:
        return lines
    # The first step of a run needs no query.
    n_queries = {
        name: sum(sizes["n_queries"] - max(0, n - 1) for n in runs) for name, runs in n_done.items()
    }
    to_time = [name for name in samplers if n_queries[name]]
    # A single one would be of a single class.
    n_labels = max(2, (sizes["n_initial"] + budget(**sizes)) // 2)
    with tqdm(total=len(to_time) + 1, unit="timed", desc="training", leave=False) as bar:
        training = time_training(model, data.X, data.y, n_labels=n_labels)
        scoring = scoring_seconds(training.model, data.X_test, data.y_test)
        bar.update()
        seconds = {}
        for name in to_time:
            bar.set_description(f"query of {name}")
            seconds[name] = query_seconds(
                samplers[name], training, data.X, data.y, n_instances=sizes["n_instances"]
            )
            bar.update()
    n_parallel = min(effective_n_jobs(jobs), len(steps))
    trainings = n_trainings * (training.seconds + scoring) / n_parallel
    queries = sum(n_queries[name] * seconds[name] for name in to_time) / n_parallel
    each = ", ".join(f"{_duration(seconds[name])} by {name}" for name in to_time)
    lines += [
        f"Trainings: about {_duration(trainings)}. One on {n_labels:,} labels, half way, takes "
        f"{_duration(training.seconds)}, its test {_duration(scoring)}.",
        f"Queries: about {_duration(queries)}. One takes {each}.",
        f"Total: about {_duration(trainings + queries)} with {count(n_parallel, 'job')}, if there "
        "is a core for each.",
        "These are estimates, from a few epochs and parts of queries: half or twice is possible.",
    ]
    return lines


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.0f} days"
