from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from skdal._pool import (
    Rows,
    append,
    as_matrix,
    check_finite,
    is_dask,
    reads_on_demand,
    stack,
    take,
)

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


def test_append_arrays_of_any_dimension():
    for shape in [(5,), (5, 2), (5, 2, 3, 1)]:
        X = np.arange(np.prod(shape), dtype=float).reshape(shape)
        before = X.copy()
        np.testing.assert_array_equal(append(X, X[1:3]), np.concatenate([X, X[1:3]]))
        np.testing.assert_array_equal(append(X, X[1:3].tolist()), np.concatenate([X, X[1:3]]))
        np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("pool", [sp.csr_matrix, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("more", [np.array, sp.coo_array, sp.csr_matrix])
def test_append_to_sparse(pool, more):
    X = np.arange(10.0).reshape(5, 2)
    below = append(pool(X), more(X[1:3]))
    assert below.format == "csr"
    np.testing.assert_array_equal(below.toarray(), np.concatenate([X, X[1:3]]))


def test_append_sparse_to_dense():
    X = np.arange(10.0).reshape(5, 2)
    below = append(X, sp.csr_array(X[1:3]))
    assert isinstance(below, np.ndarray)
    np.testing.assert_array_equal(below, np.concatenate([X, X[1:3]]))
    below = append(X.tolist(), sp.csr_array(X[1:3]))
    assert isinstance(below, list)
    np.testing.assert_array_equal(below, np.concatenate([X, X[1:3]]))


def test_append_to_frames_and_lists():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": range(5), "b": list("vwxyz")}, index=[9, 8, 7, 6, 5])
    for more in (frame.iloc[1:3], frame.iloc[1:3].to_numpy()):
        below = append(frame, more)
        assert below.columns.tolist() == ["a", "b"]
        assert below["b"].tolist() == list("vwxyzwx")
        assert below.index.tolist() == list(range(7))
    texts = list("vwxyz")
    for more in (["a"], np.array(["a"]), pd.Series(["a"]), ("a",)):
        assert append(texts, more) == [*"vwxyz", "a"]
        assert append(pd.Series(texts), more).tolist() == [*"vwxyz", "a"]
    assert texts == list("vwxyz")
    numbers = pd.DataFrame([[1.0, 2.0]])
    np.testing.assert_array_equal(append([[3.0, 4.0]], numbers), [[3, 4], [1, 2]])
    np.testing.assert_array_equal(append(np.array([[3.0, 4.0]]), numbers), [[3, 4], [1, 2]])


def test_append_keeps_the_precision_of_the_pool():
    X = np.ones((2, 3), dtype=np.float32)
    assert append(X, np.ones((1, 3))).dtype == np.float32
    assert append(X.astype(np.uint8), X.astype(np.uint8)).dtype == np.uint8
    # What a whole number cannot hold is not cut off.
    np.testing.assert_array_equal(append(X.astype(np.uint8), X / 2)[2:], X / 2)


def test_append_cuts_no_text_off():
    assert append(np.array(["a"]), np.array(["longer"])).tolist() == ["a", "longer"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (np.ones((1, 2)), r"shape \(2,\), those of X \(3,\); .*reshape\(1, -1\)"),
        (np.ones(3), r"shape \(\), those of X \(3,\)"),
        (np.ones((1, 3, 1)), r"shape \(3, 1\)"),
        (np.array([list("abc")]), "dtype <U1, those of X float64; pass numbers"),
        (np.array([[None] * 3]), "dtype object, those of X float64; pass numbers"),
    ],
)
def test_append_what_does_not_go_with_the_pool(more, message):
    with pytest.raises(ValueError, match=message):
        append(np.ones((2, 3)), more)


class TestRows:
    def _rows(self, kind, tmp_path):
        X = np.arange(40.0).reshape(10, 4)
        rows = np.array([1, 2, 5, 9])
        if kind == "memmap":
            np.save(tmp_path / "X.npy", X)
            return Rows(np.load(tmp_path / "X.npy", mmap_mode="r"), rows), X[rows]
        if kind == "rows":
            return Rows(Rows(X, np.array([0, 1, 2, 5, 9])), np.array([1, 2, 3, 4])), X[rows]
        return Rows(X, rows), X[rows]

    @pytest.mark.parametrize("kind", ["array", "memmap", "rows"])
    def test_is_read_as_an_array_is(self, kind, tmp_path):
        some, expected = self._rows(kind, tmp_path)
        assert (some.shape, some.ndim, len(some), some.dtype) == ((4, 4), 2, 4, float)
        slices = [slice(1, 3), slice(None), slice(None, None, 2)]
        for key in (2, -1, np.array([3, 0, 3]), [1], *slices):
            part = some[key]
            assert type(part) is np.ndarray
            np.testing.assert_array_equal(part, expected[key])
        np.testing.assert_array_equal(take(some, np.array([2, 0])), expected[[2, 0]])
        assert reads_on_demand(some)

    def test_what_is_taken_is_a_copy(self, tmp_path):
        some, expected = self._rows("memmap", tmp_path)
        part = some[0:2]
        part += 1
        np.testing.assert_array_equal(some[0:2], expected[:2])

    def test_of_a_frame_and_a_list(self):
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame({"a": [1, 2, 3]})
        assert take(Rows(frame, np.array([0, 2])), np.array([1])).a.tolist() == [3]
        texts = Rows(["x", "y", "z"], np.array([1, 2]))
        assert texts.shape == (2,)
        assert take(texts, np.array([0])) == ["y"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(value):
    Z = np.ones((4, 3))
    check_finite(Z, np.arange(4))
    check_finite(Z[:0], np.arange(0))
    Z[2, 1] = value
    with pytest.raises(ValueError, match="Row 12 of X holds NaN or infinity; impute it"):
        check_finite(Z, np.array([3, 7, 12, 20]))


def test_a_sum_that_overflows_is_finite_all_the_same():
    check_finite(np.full((3, 2), 1e308), np.arange(3))


def test_dask_rows_in_any_order():
    da = pytest.importorskip("dask.array")
    X = np.arange(60).reshape(20, 3)
    pool = da.from_array(X, chunks=(7, 2))
    rows = np.array([19, 0, 8, 7, 8])
    part = take(pool, rows)
    assert type(part) is np.ndarray
    np.testing.assert_array_equal(part, X[rows])
    assert is_dask(pool)
    assert not is_dask(X)
    assert take(pool, np.array([], dtype=int)).shape == (0, 3)
