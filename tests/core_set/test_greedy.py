import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from skdal.core_set import greedy, lazy_bounds, tiles
from skdal.core_set.greedy import covering_radius, greedy_k_center

RNG = np.random.RandomState


def squared_distances(X, c):
    return ((X - c) ** 2).sum(axis=1)


def naive(X, centers, k):
    """Farthest-first by its definition, in float64."""
    X = np.asarray(X, dtype=np.float64)
    centers = [] if centers is None else np.asarray(centers, dtype=np.float64)
    rows = []
    nearest = np.full(len(X), np.inf)
    for c in centers:
        nearest = np.minimum(nearest, squared_distances(X, c))
    while len(rows) < k:
        if rows or len(centers):
            row = int(nearest.argmax())
        else:
            row = int(squared_distances(X, X.mean(axis=0)).argmin())
        nearest = np.minimum(nearest, squared_distances(X, X[row]))
        nearest[row] = -1
        rows.append(row)
    return np.array(rows), np.sqrt(max(nearest.max(), 0))


def assert_naive(X, centers, k):
    rows, radius = greedy_k_center(X, centers, k)
    expected, expected_radius = naive(X, centers, k)
    assert_array_equal(rows, expected)
    assert_allclose(radius, expected_radius, rtol=1e-12)


@pytest.fixture
def short(monkeypatch):
    """Make shortlists and blocks so short that small data take every turn."""
    monkeypatch.setattr(lazy_bounds, "_SHORTLIST", 8)
    monkeypatch.setattr(lazy_bounds, "_FIRST", 4)
    monkeypatch.setattr(lazy_bounds, "_BATCH", 2)
    monkeypatch.setattr(lazy_bounds, "_BLOCK", 64)
    monkeypatch.setattr(lazy_bounds, "CELLS", 500)
    monkeypatch.setattr(tiles, "_BLOCK", 64)
    monkeypatch.setattr(greedy, "CELLS", 500)


DATA = {
    "normal": lambda r, n, d: r.randn(n, d),
    "float32": lambda r, n, d: r.randn(n, d).astype(np.float32),
    "grid": lambda r, n, d: r.randint(0, 3, (n, d)).astype(float),
    "grid of float32": lambda r, n, d: r.randint(-4, 4, (n, d)).astype(np.float32),
    "grid that is not of integers": lambda r, n, d: r.randint(-4, 4, (n, d)) * 0.1,
    "images": lambda r, n, d: r.randint(0, 256, (n, d)).astype(np.uint8),
    "bits": lambda r, n, d: r.rand(n, d) < 0.3,
    "float16": lambda r, n, d: r.randn(n, d).astype(np.float16),
    "duplicates": lambda r, n, d: r.randn(n // 6 + 1, d)[r.randint(0, n // 6 + 1, n)],
    "constant": lambda r, n, d: np.full((n, d), 0.3),
    "offset": lambda r, n, d: (1e6 + r.randn(n, d)).astype(np.float32),
    "offset of float64": lambda r, n, d: 1e6 + 1e-6 * r.randn(n, d),
    "tight clusters": lambda r, n, d: 100.0 * r.randint(0, 2, (n, d)) + 1e-4 * r.randn(n, d),
    "outliers": lambda r, n, d: r.randn(n, d) * 10.0 ** r.randint(-3, 7, (n, 1)),
    "huge": lambda r, n, d: (1e30 * r.randn(n, d)).astype(np.float32),
    "tiny": lambda r, n, d: (1e-30 * r.randn(n, d)).astype(np.float32),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("n_columns", [1, 2, 3, 4, 8, 40])
def test_rows_and_radius_are_those_of_the_definition(name, n_columns, short):
    r = RNG(n_columns)
    for n_rows, n_centers, k in [(1, 0, 1), (1, 1, 1), (60, 0, 60), (90, 1, 90), (200, 70, 40)]:
        Z = DATA[name](r, n_rows + n_centers, n_columns)
        assert_naive(Z[:n_rows], Z[n_rows:], k)


@pytest.mark.parametrize("name", ["normal", "float32", "grid", "duplicates"])
@pytest.mark.parametrize("n_columns", [2, 4, 32])
def test_rows_and_radius_where_the_shortlist_is_shorter_than_the_pool(name, n_columns):
    Z = DATA[name](RNG(0), 6200, n_columns)
    assert_naive(Z[:6000], Z[6000:], 150)
    assert_naive(Z[:6000], Z[6000:6001], 30)


@pytest.mark.parametrize("n_columns", [2, 5])
def test_extremes_of_float64_are_no_warning_and_no_zero(n_columns):
    X = RNG(0).randn(80, n_columns)
    rows, radius = greedy_k_center(X, X[:2], 30)
    for scale in (2.0**500, 2.0**-500):
        scaled_rows, scaled_radius = greedy_k_center(X * scale, X[:2] * scale, 30)
        assert_array_equal(scaled_rows, rows)
        assert_allclose(scaled_radius, radius * scale, rtol=1e-12)


@pytest.mark.parametrize("n_columns", [1, 5])
def test_the_largest_floats_have_a_radius(n_columns):
    X = np.zeros((4, n_columns))
    X[:, 0] = [1.5e308, 0.75e308, 0.0, 1e308]
    rows, radius = greedy_k_center(X, X[:1], 1)
    assert rows.tolist() == [2]
    assert radius == pytest.approx(0.75e308)
    assert covering_radius(X, X[:1]) == pytest.approx(1.5e308)


@pytest.mark.parametrize("n_columns", [2, 5])
def test_a_row_very_far_out_costs_the_others_no_digits(n_columns):
    X = 1e-3 * RNG(0).randn(80, n_columns).astype(np.float32)
    X[7] = 3e38
    assert_naive(X, X[:2], 40)


@pytest.mark.parametrize("n_columns", [3, 12])
def test_the_input_may_be_of_any_layout_and_is_left_alone(n_columns, tmp_path):
    X = RNG(0).randn(3000, n_columns).astype(np.float32)
    X.setflags(write=False)
    expected, radius = greedy_k_center(X, X[:10], 50)
    wide = np.zeros((6000, 2 * n_columns), np.float32)
    wide[::2, ::2] = X
    mapped = np.memmap(tmp_path / "X", np.float32, "w+", shape=X.shape)
    mapped[:] = X
    swapped = X.astype(">f4")
    for Z in (np.asfortranarray(X), wide[::2, ::2], mapped, swapped, X.tolist()):
        rows, found = greedy_k_center(Z, Z[:10], 50)
        assert_array_equal(rows, expected)
        assert found == radius


@pytest.mark.parametrize("n_columns", [2, 10])
def test_centers_may_be_of_another_dtype(n_columns):
    X = RNG(0).randint(0, 9, (500, n_columns)).astype(np.uint8)
    assert_naive(X, RNG(1).randn(20, n_columns), 40)


def test_rows_that_are_centers_go_last_in_the_order_of_their_numbers():
    X = np.array([[5.0], [0.0], [5.0], [9.0], [0.0]])
    rows, radius = greedy_k_center(X, [[0.0]], 5)
    assert rows.tolist() == [3, 0, 1, 2, 4]
    assert radius == 0


def test_without_centers_the_first_row_is_the_nearest_to_the_mean():
    X = [[0.0, 0.0], [3.0, 4.0], [4.0, 3.0], [1e3, 0.0], [251.0, 2.0]]
    for centers in (None, [], np.empty((0, 2))):
        rows, radius = greedy_k_center(X, centers, 1)
        assert rows.tolist() == [4]
        assert radius == pytest.approx(np.hypot(749, 2), rel=1e-14)


@pytest.mark.parametrize("n_columns", [1, 4])
def test_of_two_rows_nearest_to_the_mean_the_first_is_taken(n_columns):
    # The mean is 14.5, which is as near to row 14 as to row 15.
    X = np.repeat(np.arange(30.0)[:, None], n_columns, axis=1)
    for Z in (X, X.astype(np.float32), X.astype(np.int16), X * 2.0**900):
        assert greedy_k_center(Z, None, 1)[0].tolist() == [14]


def test_two_calls_agree_to_the_last_bit():
    X = RNG(0).rand(5000, 20).astype(np.float32)
    first, again = (greedy_k_center(X, X[:100], 100) for _ in range(2))
    assert_array_equal(first[0], again[0])
    assert first[1] == again[1]


@pytest.mark.parametrize("n_columns", [16, 128])
def test_fewer_pairs_are_compared_than_by_the_plain_loop(n_columns, monkeypatch):
    compared = []

    class Counting(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
            inputs = [Z.view(np.ndarray) if isinstance(Z, Counting) else Z for Z in inputs]
            if out is not None:
                kwargs["out"] = tuple(np.asarray(Z) for Z in out)
            result = getattr(ufunc, method)(*inputs, **kwargs)
            if ufunc is np.matmul:
                compared.append(result.size)
            return result

    init = lazy_bounds.LazyBounds.__init__

    def counting_init(self, *args):
        init(self, *args)
        self.multiplied = self.multiplied.view(Counting)

    X = RNG(0).randn(20_000, n_columns).astype(np.float32)
    monkeypatch.setattr(lazy_bounds.LazyBounds, "__init__", counting_init)
    greedy_k_center(X, X[:300], 300)
    # The first 64 centers are compared before the count begins.
    assert 0 < 64 * len(X) + sum(compared) < 0.7 * len(X) * 600


@pytest.mark.parametrize("name", ["uniform", "tight clusters", "on a line", "with outliers"])
@pytest.mark.parametrize("n_columns", [1, 2, 3])
def test_in_few_columns_few_pairs_are_compared(name, n_columns, monkeypatch):
    r = RNG(0)
    X = r.rand(20_000, n_columns)
    if name == "tight clusters":
        X = 100 * r.randint(0, 2, X.shape) + 1e-4 * X
    elif name == "on a line":
        X = X[:, :1] + 1e-3 * X
    elif name == "with outliers":
        X[::500] *= 1e4
    compared = []
    sum_of_squares = tiles._sum_of_squares

    def counting(Z):
        compared.append(Z[0].size)
        return sum_of_squares(Z)

    monkeypatch.setattr(tiles, "_sum_of_squares", counting)
    greedy_k_center(X, X[:100], 300)
    assert 0 < sum(compared) < 0.25 * len(X) * 400


@pytest.mark.parametrize("n_columns", [1, 2, 3])
def test_in_few_columns_memory_is_a_few_numbers_a_row(n_columns):
    X = RNG(0).rand(200_000, n_columns)
    tracemalloc.start()
    greedy_k_center(X, X[:5], 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (24 + 8 * n_columns) * len(X)


def test_a_copy_of_the_pool_is_never_made():
    X = RNG(0).rand(40_000, 64).astype(np.float32)
    centers = X[::100].copy()
    tracemalloc.start()
    greedy_k_center(X, centers, 100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    covering_radius(X, centers, 10)
    peak_of_radius = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.7 * X.nbytes
    assert peak_of_radius < 0.7 * X.nbytes


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("n_columns", [1, 9])
def test_covering_radius_is_that_of_the_definition(name, n_columns, short):
    Z = DATA[name](RNG(1), 330, n_columns)
    X, centers = Z[:300], Z[300:]
    double = X.astype(np.float64), centers.astype(np.float64)
    nearest = np.sort(np.min([squared_distances(double[0], c) for c in double[1]], axis=0))
    for n_outliers in (0, 1, 17, 299):
        radius = covering_radius(X, centers, n_outliers)
        assert_allclose(radius, np.sqrt(nearest[-n_outliers - 1]), rtol=1e-12)


def test_the_radius_of_the_picks_is_their_covering_radius():
    X = RNG(0).rand(4000, 30).astype(np.float32)
    for metric in ("euclidean", "cosine"):
        rows, radius = greedy_k_center(X, X[:50], 60, metric=metric)
        centers = np.concatenate([X[:50], X[rows]])
        assert covering_radius(X, centers, metric=metric) == pytest.approx(radius, rel=1e-12)


def test_cosine_is_farthest_first_by_the_angle():
    X = RNG(0).randn(400, 6) * 10.0 ** RNG(1).randint(-200, 200, (400, 1))
    unit = X / np.abs(X).max(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    rows, radius = greedy_k_center(X, X[:5], 30, metric="cosine")
    nearest = (1 - unit @ unit[:5].T).min(axis=1)
    for row in rows:
        assert nearest[row] == pytest.approx(nearest.max(), abs=1e-12)
        nearest = np.minimum(nearest, 1 - unit @ unit[row])
    assert radius == pytest.approx(nearest.max(), abs=1e-12)


def test_cosine_of_float32_is_that_of_float64():
    # Almost parallel: in unit vectors of float32, their distances are mostly rounding.
    X = (1 + 1e-4 * RNG(0).randn(300, 5)).astype(np.float32)
    double = X.astype(np.float64)
    rows, radius = greedy_k_center(X, X[:3], 20, metric="cosine")
    expected, expected_radius = greedy_k_center(double, double[:3], 20, metric="cosine")
    assert_array_equal(rows, expected)
    assert radius == expected_radius
    unit = double / np.linalg.norm(double, axis=1, keepdims=True)
    squared = np.min([squared_distances(unit, c) for c in unit[:3]], axis=0)
    assert covering_radius(X, X[:3], metric="cosine") == pytest.approx(squared.max() / 2, rel=1e-9)


def test_opposite_directions_are_two_apart_by_cosine():
    assert covering_radius([[-2, 0]], [[1, 0]], metric="cosine") == pytest.approx(2)


X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, X, 7), "k=7 must be an integer from 1 to 6, the number of rows of X"),
        ((X, X, 0), "k=0 must"),
        ((X, X, 2.0), "k=2.0 must"),
        ((X, X, True), "k=True must"),
        ((X, X[:, :1], 1), "centers has 1 columns, X 2"),
        ((X[:0], X, 1), "X has no rows"),
        ((X[0], X, 1), r"X has shape \(2,\).*reshape"),
        ((X.reshape(3, 2, 2), X, 1), r"X has shape \(3, 2, 2\)"),
        ((X[:, :0], None, 1), r"X has shape \(6, 0\)"),
        ((X, X[0], 1), r"centers has shape \(2,\)"),
        ((np.where(X == 5, np.nan, X), X, 1), "Row 2 of X holds NaN or infinity"),
        ((X, np.where(X == 9, -np.inf, X), 1), "Row 4 of centers holds NaN or infinity"),
        ((X.astype(str), X, 1), "X has dtype <U32; pass real numbers"),
        ((X + 1j, X, 1), "X has dtype complex128"),
    ],
)
def test_a_bad_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        greedy_k_center(*arguments)


def test_a_bad_metric_is_named():
    with pytest.raises(ValueError, match=r"metric='l1' must be one of 'euclidean', 'cosine'"):
        greedy_k_center(X, X, 1, metric="l1")
    with pytest.raises(ValueError, match="metric='l1'"):
        covering_radius(X, X, metric="l1")


def test_a_zero_row_has_no_cosine():
    Z = np.vstack([X + 1, np.zeros((1, 2))])
    with pytest.raises(ValueError, match="Row 6 of X is zero"):
        greedy_k_center(Z, X + 1, 1, metric="cosine")
    with pytest.raises(ValueError, match="Row 6 of centers is zero"):
        covering_radius(X + 1, Z, metric="cosine")


@pytest.mark.parametrize("n_outliers", [-1, 6, 0.5])
def test_outliers_must_leave_a_row(n_outliers):
    with pytest.raises(ValueError, match=f"n_outliers={n_outliers} must be .* from 0 to 5"):
        covering_radius(X, X, n_outliers)


@pytest.mark.parametrize("centers", [None, [], np.empty((0, 2))])
def test_a_radius_needs_a_center(centers):
    with pytest.raises(ValueError, match="centers is empty"):
        covering_radius(X, centers)


def test_sparse_rows_are_refused_with_the_cure():
    with pytest.raises(TypeError, match=r"X is sparse; .*X\.toarray\(\)"):
        greedy_k_center(sp.csr_matrix(X), X, 1)
    with pytest.raises(TypeError, match="centers is sparse"):
        covering_radius(X, sp.csr_array(X))
