"""Threads of the libraries below, kept in bounds where several jobs share the cores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from joblib import cpu_count
from threadpoolctl import ThreadpoolController


@contextmanager
def threads_shared_by(n_jobs: int) -> Iterator[None]:
    """Let a job use its share of the cores, and put everything back afterwards.

    This bounds BLAS, OpenMP and the threads that torch has within an operation, the last in the
    thread that calls. A bound that is lower already stays.

    Parameters
    ----------
    n_jobs : int
        Jobs that run at the same time. One may use all cores.

    Examples
    --------
    >>> import torch
    >>> from skdal._threads import threads_shared_by
    >>> with threads_shared_by(10_000):
    ...     torch.get_num_threads()
    1
    """
    share = max(1, cpu_count() // n_jobs)
    controller = ThreadpoolController()
    limits: dict[str, int] = {}
    for library in controller.info():
        limit = limits.get(library["prefix"], share)
        limits[library["prefix"]] = min(limit, library["num_threads"])
    # One that is not loaded yet has the bound of its environment.
    torch = sys.modules.get("torch")
    n_before = torch.get_num_threads() if torch is not None else 0
    with controller.limit(limits=limits):
        if torch is not None:
            torch.set_num_threads(min(share, n_before))
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(n_before)
