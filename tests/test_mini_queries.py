from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit

from skdal._reader import RepresentationReader
from skdal.mini_queries import (
    SELECTIONS,
    choose_in_mini_queries,
    draw_subsample,
    mini_query_sizes,
)

rules = pytest.mark.parametrize("rule", SELECTIONS)


class TestSizes:
    @pytest.mark.parametrize(
        ("n_instances", "n_mini_queries", "expected"),
        [
            (10, 1, [10]),
            (10, 5, [2, 2, 2, 2, 2]),
            (11, 4, [3, 3, 3, 2]),
            (3, 10, [1, 1, 1]),
            (1, 1, [1]),
        ],
    )
    def test_by_hand(self, n_instances, n_mini_queries, expected):
        assert mini_query_sizes(n_instances, n_mini_queries) == expected

    def test_properties(self):
        for n_instances in range(1, 40):
            for n_mini_queries in range(1, 45):
                sizes = mini_query_sizes(n_instances, n_mini_queries)
                assert sum(sizes) == n_instances
                assert len(sizes) == min(n_instances, n_mini_queries)
                assert 1 <= min(sizes) <= max(sizes) <= min(sizes) + 1


class TestSubsample:
    ROWS = np.array([2, 3, 5, 7, 11, 13])

    def test_rows_once_and_rising(self):
        for seed in range(30):
            drawn = draw_subsample(self.ROWS, 4, np.random.RandomState(seed))
            assert len(drawn) == 4
            assert (np.diff(drawn) > 0).all()
            assert np.isin(drawn, self.ROWS).all()

    @pytest.mark.parametrize("n_rows", [6, 7, 1000])
    def test_all_if_there_are_no_more(self, n_rows):
        drawn = draw_subsample(self.ROWS, n_rows, np.random.RandomState(0))
        np.testing.assert_array_equal(drawn, self.ROWS)

    def test_uniform(self):
        rng = np.random.RandomState(0)
        counts = np.zeros(14)
        for _ in range(3000):
            counts[draw_subsample(self.ROWS, 2, rng)] += 1
        # 1000 times each, with a standard deviation of 26.
        assert np.abs(counts[self.ROWS] - 1000).max() < 130


class TestSelections:
    @rules
    @pytest.mark.parametrize("spread", [0, 1, 100, 1e6])
    def test_positions_once(self, rule, spread):
        rng = np.random.RandomState(0)
        for n_rows in (1, 2, 3, 10, 41):
            log_odds = spread * rng.randn(n_rows)
            before = log_odds.copy()
            for n_instances in {1, (n_rows + 1) // 2, n_rows}:
                positions = SELECTIONS[rule](log_odds, np.arange(n_rows) * 3, n_instances, rng)
                assert positions.shape == (n_instances,)
                assert len(set(positions.tolist())) == n_instances
                assert min(positions) >= 0
                assert max(positions) < n_rows
            np.testing.assert_array_equal(log_odds, before)

    @rules
    def test_rows_that_look_labeled_are_left(self, rule):
        log_odds = np.tile([-9.0, 7, 9, -7], 25)
        sure = np.flatnonzero(log_odds > 0)
        for seed in range(20):
            positions = SELECTIONS[rule](log_odds, np.arange(100), 8, np.random.RandomState(seed))
            assert np.isin(positions, sure).all()

    @rules
    def test_only_the_random_state_decides(self, rule):
        log_odds = np.random.RandomState(0).randn(50)
        drawn = [
            tuple(SELECTIONS[rule](log_odds, np.arange(50), 5, np.random.RandomState(seed)))
            for seed in (0, 0, 1)
        ]
        assert drawn[0] == drawn[1]
        assert (drawn[0] == drawn[2]) == (rule == "top")

    def test_top(self):
        log_odds = np.array([1.0, 5, 3, 6, -2])
        rng = np.random.RandomState(0)
        positions = SELECTIONS["top"](log_odds, np.arange(5), 4, rng)
        assert positions.tolist() == [3, 1, 2, 0]

    @pytest.mark.parametrize("rule", ["top", "confident"])
    def test_ties_do_not_follow_the_order_of_the_rows(self, rule):
        rng = np.random.RandomState(0)
        drawn = [SELECTIONS[rule](np.zeros(100), np.arange(100), 10, rng) for _ in range(50)]
        assert 40 < np.mean(drawn) < 60
        assert np.min(drawn) < 5
        assert np.max(drawn) > 95

    def test_confident_draws_evenly_from_a_head_of_the_ranking(self):
        rng = np.random.RandomState(0)
        n_rows, n_draws = 80, 2000
        log_odds = rng.randn(n_rows)
        counts = np.zeros(n_rows)
        for _ in range(n_draws):
            counts[SELECTIONS["confident"](log_odds, np.arange(n_rows), 4, rng)] += 1
        ranking = np.argsort(-log_odds)
        n_sure = (counts > 0).sum()
        assert n_rows / 10 <= n_sure <= n_rows / 2
        assert (counts[ranking[:n_sure]] > 0).all()
        expected = n_draws * 4 / n_sure
        assert np.abs(counts[ranking[:n_sure]] - expected).max() < 5 * np.sqrt(expected)

    def test_confident_takes_more_than_its_head_where_it_must(self):
        log_odds = np.random.RandomState(0).randn(20)
        for n_instances in (15, 20):
            positions = SELECTIONS["confident"](
                log_odds, np.arange(20), n_instances, np.random.RandomState(0)
            )
            best = np.argsort(-log_odds)[:n_instances]
            np.testing.assert_array_equal(np.sort(positions), np.sort(best))

    def test_proportional_draws_by_the_softmax_of_probabilities(self):
        rng = np.random.RandomState(0)
        log_odds = np.array([0.0, 0.04, 0.08, -0.04])
        counts = np.zeros(4)
        for _ in range(4000):
            counts[SELECTIONS["proportional"](log_odds, np.arange(4), 1, rng)] += 1
        weight = np.exp(expit(log_odds) / 0.01)
        expected = 4000 * weight / weight.sum()
        assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


class Stub:
    """A discriminator whose log-odds are the first column, and that notes what it is given."""

    train_accuracy, h_divergence, n_epochs = 0.75, 1.25, 4

    def __init__(self):
        self.calls = []

    def fit(self, Z_labeled, Z_unlabeled):
        self.calls.append((Z_labeled, Z_unlabeled))
        self.unlabeled_log_odds = self.log_odds(Z_unlabeled)

    def log_odds(self, Z):
        Z = Z.toarray() if sp.issparse(Z) else Z
        return Z[:, 0]


RNG = np.random.RandomState(0)
# The row number, hidden in a column, tells which row a vector is.
X = np.column_stack([RNG.randn(100), np.arange(100)])
LABELED, POOL = np.arange(4), np.arange(4, 100)


def _choose(sizes, *, pool_ratio=3, candidates="subsample", select=None, rows=POOL, seed=0, **kw):
    stub = kw.pop("discriminator", Stub())
    read = RepresentationReader(None, kw.pop("X", X))
    result = choose_in_mini_queries(
        stub,
        read,
        read(LABELED),
        rows,
        sizes,
        pool_ratio=pool_ratio,
        candidates=candidates,
        select=select or SELECTIONS["top"],
        random_state=np.random.RandomState(seed),
    )
    return result, stub.calls


@pytest.mark.parametrize("candidates", ["subsample", "pool"])
@pytest.mark.parametrize("pool_ratio", [2, 2.3, 3, 1000])
@pytest.mark.parametrize("sizes", [[1], [5], [3, 3, 2], [30, 30, 30], [1] * 20, [96], [90, 6]])
def test_step_by_step(sizes, pool_ratio, candidates):
    result, calls = _choose(sizes, pool_ratio=pool_ratio, candidates=candidates)
    labeled, available, start = LABELED.tolist(), POOL.tolist(), 0
    assert len(calls) == len(sizes)
    for number, (size, (Z_labeled, Z_unlabeled)) in enumerate(zip(sizes, calls, strict=True)):
        # All of L, in the order in which it grew, and a part of U.
        assert Z_labeled[:, 1].tolist() == labeled
        subsample = Z_unlabeled[:, 1].astype(int).tolist()
        wanted = int(np.ceil(pool_ratio * max(len(labeled), size)))
        assert len(subsample) == min(wanted, len(available))
        assert subsample == sorted(set(subsample) & set(available))
        # The largest scores among the candidates.
        pool = subsample if candidates == "subsample" else available
        best = sorted(pool, key=lambda row: -X[row, 0])[:size]
        chosen = result.rows[start : start + size].tolist()
        assert chosen == best
        np.testing.assert_array_equal(result.scores[start : start + size], X[best, 0])
        np.testing.assert_array_equal(result.mini_query[start : start + size], number)
        assert result.n_trained_on[number] == len(labeled) + len(subsample)
        labeled += chosen
        available = [row for row in available if row not in chosen]
        start += size
    assert len(result.rows) == len(result.scores) == len(result.mini_query) == start
    assert result.train_accuracy.tolist() == [0.75] * len(sizes)
    assert result.h_divergence.tolist() == [1.25] * len(sizes)
    assert result.n_epochs.tolist() == [4] * len(sizes)


def test_every_mini_query_draws_a_fresh_subsample():
    _, calls = _choose([1, 1, 1], pool_ratio=5)
    drawn = [frozenset(Z[:, 1]) for _, Z in calls]
    assert len(set(drawn)) == 3


def test_the_random_state_draws_the_subsamples():
    first, again, other = (_choose([5, 5], seed=seed)[0].rows.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_candidates_are_all_rows_or_those_trained_on():
    seen = []

    def select(log_odds, rows, n_instances, random_state):
        seen.append(rows)
        return np.arange(n_instances)

    _choose([2, 2], candidates="pool", select=select)
    assert [len(rows) for rows in seen] == [96, 94]
    seen.clear()
    _, calls = _choose([2, 2], candidates="subsample", select=select)
    for rows, (_, Z_unlabeled) in zip(seen, calls, strict=True):
        np.testing.assert_array_equal(rows, Z_unlabeled[:, 1])


def test_only_some_rows_of_the_pool():
    rows = np.array([50, 60, 70, 80])
    result, _ = _choose([2, 2], rows=rows)
    assert sorted(result.rows) == rows.tolist()


def test_a_rule_of_ones_own():
    seen = []

    def last(log_odds, rows, n_instances, random_state):
        seen.append((log_odds, rows, n_instances, random_state))
        return (len(rows) - 1 - np.arange(n_instances)).tolist()

    result, _ = _choose([3, 2], pool_ratio=1000, select=last)
    assert result.rows.tolist() == [99, 98, 97, 96, 95]
    np.testing.assert_array_equal(result.scores, X[result.rows, 0])
    for (log_odds, rows, n_instances, random_state), size in zip(seen, [3, 2], strict=True):
        assert n_instances == size
        np.testing.assert_array_equal(log_odds, X[rows, 0])
        assert (np.diff(rows) > 0).all()
        assert isinstance(random_state, np.random.RandomState)


@pytest.mark.parametrize(
    "positions", [[0, 0, 1], [0, 1], [0, 1, 2, 3], [], [[0, 1, 2]], [0, -1, 11]]
)
def test_a_rule_that_breaks_the_rules(positions):
    # The candidates are twelve, so that 11 and -1 are the same.
    with pytest.raises(ValueError, match=r"selection returned.*3 different integers"):
        _choose([3], select=lambda *_: np.array(positions, dtype=int))


def test_an_error_tells_its_mini_query():
    class Failing(Stub):
        def fit(self, Z_labeled, Z_unlabeled):
            super().fit(Z_labeled, Z_unlabeled)
            if len(self.calls) == 3:
                raise ZeroDivisionError("my own words")

    with pytest.raises(ZeroDivisionError, match="my own words") as caught:
        _choose([1] * 5, discriminator=Failing())
    assert str(caught.value) == "my own words"
    assert any("mini-query 3" in note for note in caught.value.__notes__)


def test_sparse():
    sparse = sp.csr_array(X)
    dense, calls = _choose([5, 5])
    result, sparse_calls = _choose([5, 5], X=sparse)
    np.testing.assert_array_equal(result.rows, dense.rows)
    for pair, sparse_pair in zip(calls, sparse_calls, strict=True):
        for Z, sparse_Z in zip(pair, sparse_pair, strict=True):
            np.testing.assert_array_equal(sparse_Z.toarray(), Z)


def test_no_epochs():
    stub = Stub()
    stub.n_epochs = None
    result, _ = _choose([1, 1], discriminator=stub)
    assert result.n_epochs.tolist() == [None, None]
