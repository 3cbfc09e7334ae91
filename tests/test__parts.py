"""Going through a pool part by part."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context

from skdal._parts import map_parts, map_rows, rows_of_a_part
from skdal._pool import Rows

X = np.random.RandomState(0).randn(1000, 8)
ROWS = np.sort(np.random.RandomState(1).choice(1000, 600, replace=False))


def _pool(kind, tmp_path):
    if kind == "memmap":
        np.save(tmp_path / "X.npy", X)
        return np.load(tmp_path / "X.npy", mmap_mode="r")
    if kind == "dask":
        return pytest.importorskip("dask.array").from_array(X, chunks=(130, 3))
    if kind == "rows":
        return Rows(np.concatenate([X, X]), np.arange(1000))
    return {"array": np.asarray, "sparse": sp.csr_array, "frame": pd.DataFrame}[kind](X)


def _first_column(part):
    if isinstance(part, pd.DataFrame):
        part = part.to_numpy()
    return np.asarray(part[:, [0]].todense() if sp.issparse(part) else part[:, 0]).ravel()


KINDS = ["array", "memmap", "dask", "rows", "sparse", "frame"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("working_memory", [0.05, 1024])
def test_a_number_for_every_row(kind, working_memory, tmp_path):
    pool = _pool(kind, tmp_path)
    with config_context(working_memory=working_memory):
        np.testing.assert_array_equal(map_rows(_first_column, pool, ROWS), X[ROWS, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_parts_and_their_numbers(kind, tmp_path):
    pool = _pool(kind, tmp_path)
    with config_context(working_memory=0.4):
        size = rows_of_a_part(pool)
        found = list(map_parts(lambda part, rows: (_first_column(part), rows), pool, ROWS))
    assert len(found) > 5
    for column, rows in found:
        assert 1 <= len(rows) <= size < 200
        np.testing.assert_array_equal(column, X[rows, 0])
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in found]), ROWS)


def test_parts_come_one_by_one(tmp_path):
    # Otherwise results would pile up.
    read = []
    with config_context(working_memory=0.4):
        parts = map_parts(lambda part, rows: read.append(len(rows)), X, ROWS)
        next(parts)
        assert len(read) == 1


def test_chunks_come_a_few_at_a_time():
    da = pytest.importorskip("dask.array")
    read = []
    parts = map_parts(
        lambda part, rows: read.append(len(rows)), da.from_array(X, chunks=100), ROWS, at_once=2
    )
    next(parts)
    assert len(read) == 2
    assert len(list(parts)) == 9
    assert len(read) == 10


def test_a_chunk_without_wanted_rows_is_not_read():
    da = pytest.importorskip("dask.array")
    read = []

    def chunk(block_info=None):
        read.append(block_info[None]["chunk-location"][0])
        return X[:100]

    pool = da.map_blocks(chunk, chunks=((100,) * 10, (8,)), dtype=float, meta=np.empty((0, 0)))
    assert len(map_rows(_first_column, pool, np.array([205, 206, 710]))) == 3
    assert sorted(read) == [2, 7]


def test_the_size_of_a_part():
    narrow, wide = np.ones((9, 2)), np.ones((9, 2000))
    with config_context(working_memory=1):
        assert rows_of_a_part(narrow) > 5 * rows_of_a_part(wide)
        assert rows_of_a_part(Rows(wide, np.arange(3))) == rows_of_a_part(wide)
    with config_context(working_memory=1e-9):
        assert rows_of_a_part(wide) == 1
    # What most rows need, by default.
    assert 20_000 < rows_of_a_part(np.empty((1, 64), dtype=np.float32)) < 200_000


def test_no_rows():
    assert map_rows(_first_column, X, np.empty(0, dtype=int)).shape == (0,)
    da = pytest.importorskip("dask.array")
    assert map_rows(_first_column, da.from_array(X), np.empty(0, dtype=int)).shape == (0,)
