from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from skdal._pool import as_matrix, stack, take

ROWS = np.array([3, 0, 2])


def test_take_array_of_any_dimension():
    for shape in [(5,), (5, 2), (5, 2, 3, 1)]:
        X = np.arange(np.prod(shape)).reshape(shape)
        np.testing.assert_array_equal(take(X, ROWS), X[ROWS])


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array])
def test_take_sparse(kind):
    X = kind(np.arange(10).reshape(5, 2))
    taken = take(X, ROWS)
    assert sp.issparse(taken)
    np.testing.assert_array_equal(taken.toarray(), X.toarray()[ROWS])


def test_take_keeps_frames_and_lists():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": range(5), "b": list("vwxyz")}, index=[9, 8, 7, 6, 5])
    taken = take(frame, ROWS)
    assert isinstance(taken, pd.DataFrame)
    assert taken["b"].tolist() == ["y", "v", "x"]
    assert taken.index.tolist() == [6, 9, 7]
    assert take(list("vwxyz"), ROWS) == ["y", "v", "x"]


def test_take_none():
    assert take(np.ones((5, 2)), np.array([], dtype=int)).shape == (0, 2)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.bool_, np.float32),
        (np.uint8, np.float32),
        (np.int16, np.float32),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.int32, np.float64),
        (np.int64, np.float64),
        (np.float64, np.float64),
    ],
)
def test_as_matrix_dtype(dtype, expected):
    X = np.array([[0, 1], [1, 1]], dtype=dtype)
    for Z in (as_matrix(X), as_matrix(X.tolist() if dtype is np.float64 else X)):
        assert Z.dtype == expected
        np.testing.assert_array_equal(Z, X.astype(expected))
    if dtype is not np.float16:  # scipy has no sparse matrices of it
        Z = as_matrix(sp.csc_array(X))
        assert (Z.dtype, Z.format) == (expected, "csr")
        np.testing.assert_array_equal(Z.toarray(), X.astype(expected))


def test_as_matrix_keeps_large_integers():
    X = np.array([[2**30 + 1]])
    assert as_matrix(X)[0, 0] == 2**30 + 1


def test_as_matrix_flattens_in_c_order():
    X = np.arange(24.0).reshape(2, 3, 4, 1)
    np.testing.assert_array_equal(as_matrix(X), np.arange(24.0).reshape(2, 12))
    np.testing.assert_array_equal(as_matrix(np.asfortranarray(X)), np.arange(24.0).reshape(2, 12))


def test_as_matrix_of_no_rows_knows_its_columns():
    assert as_matrix(np.empty((0, 3, 4))).shape == (0, 12)


def test_as_matrix_copies_only_where_it_must():
    X = np.ones((3, 2))
    assert np.shares_memory(as_matrix(X), X)
    X = np.ones((3, 2), dtype=np.uint8)
    before = X.copy()
    as_matrix(X)[:] = 7
    np.testing.assert_array_equal(X, before)


def test_stack():
    a, b = np.ones((2, 3)), np.zeros((1, 3))
    np.testing.assert_array_equal(stack(a, b), np.vstack([a, b]))
    stacked = stack(sp.csr_array(a), sp.csr_array(b))
    assert stacked.format == "csr"
    np.testing.assert_array_equal(stacked.toarray(), np.vstack([a, b]))
