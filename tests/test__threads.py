from __future__ import annotations

import pytest
import torch
from joblib import Parallel, cpu_count, delayed, parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from skdal._threads import threads_shared_by


def counts():
    return torch.get_num_threads(), [library["num_threads"] for library in threadpool_info()]


@pytest.fixture
def many_threads():
    before = torch.get_num_threads()
    with threadpool_limits(4):
        torch.set_num_threads(4)
        yield
        torch.set_num_threads(before)


@pytest.mark.usefixtures("many_threads")
@pytest.mark.parametrize("n_jobs", [1, 2, 10_000])
def test_a_share_of_the_cores_and_back(n_jobs):
    before, share = counts(), min(4, max(1, cpu_count() // n_jobs))
    with threads_shared_by(n_jobs):
        n_torch, n_others = counts()
        assert n_torch == share
        assert max(n_others) <= share
    assert counts() == before


@pytest.mark.usefixtures("many_threads")
def test_an_error_puts_them_back_too():
    before = counts()
    with pytest.raises(ZeroDivisionError), threads_shared_by(10_000):
        1 / 0  # noqa: B018
    assert counts() == before


def test_a_lower_bound_stays(monkeypatch):
    monkeypatch.setattr("skdal._threads.cpu_count", lambda: 64)
    before = counts()
    with threads_shared_by(2):
        assert counts() == before


@pytest.mark.usefixtures("many_threads")
def test_in_threads_of_one_process():
    def job():
        with threads_shared_by(10_000):
            return counts()

    before = counts()
    with threads_shared_by(10_000), parallel_config(backend="threading"):
        for n_torch, n_others in Parallel(n_jobs=2)(delayed(job)() for _ in range(20)):
            assert n_torch == 1
            assert set(n_others) == {1}
    assert counts() == before
