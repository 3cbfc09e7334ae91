from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skdal import DiscriminativeSampler, MLPDiscriminator

N_ROWS = 200
RNG = np.random.RandomState(0)
X = RNG.randn(N_ROWS, 3)
LABELED = np.sort(RNG.permutation(N_ROWS)[:10])
POOL = np.setdiff1d(np.arange(N_ROWS), LABELED)
Y = np.full(N_ROWS, -1)
Y[LABELED] = np.arange(10) % 2


class Recorder(SGDClassifier):
    """Notes what it is trained on.

    A few passes and no stop, so that a warm start makes a difference.
    """

    calls: ClassVar[list] = []

    def fit(self, X, y, **kwargs):
        self.calls.append((X.copy(), y.copy()))
        return super().fit(X, y, **kwargs)


def _recorder():
    Recorder.calls.clear()
    return Recorder(loss="log_loss", max_iter=3, tol=None, random_state=0)


def _row_numbers(Z):
    return [int(np.flatnonzero((z == X).all(axis=1))[0]) for z in Z]


def _algorithm_1(sizes, calls, candidates, warm_start):
    """Algorithm 1, slow and plain; it is told which subsamples were drawn, and no more."""
    model = SGDClassifier(
        loss="log_loss", max_iter=3, tol=None, random_state=0, class_weight="balanced"
    )
    model.fit(*calls[0])  # the sampler's own fit
    labeled, unlabeled, chosen, scores = LABELED.tolist(), POOL.tolist(), [], []
    for size, (Z, y) in zip(sizes, calls[1:], strict=True):
        subsample = _row_numbers(Z[y == 1])
        assert set(subsample) <= set(unlabeled)
        if warm_start:
            model.set_params(warm_start=True)
        else:
            model = clone(model)
        model.fit(X[labeled + subsample], [0] * len(labeled) + [1] * len(subsample))
        looked_at = subsample if candidates == "subsample" else unlabeled
        score = {row: model.decision_function(X[[row]])[0] for row in looked_at}
        taken = sorted(looked_at, key=lambda row: -score[row])[:size]
        chosen += taken
        scores += [score[row] for row in taken]
        labeled += taken
        unlabeled = [row for row in unlabeled if row not in taken]
    return chosen, scores


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("candidates", ["pool", "subsample"])
@pytest.mark.parametrize(
    ("n_instances", "n_mini_queries", "pool_ratio"),
    [(1, 1, 2), (12, 1, 3), (12, 4, 3), (13, 5, 2.5), (3, 10, 10), (100, 7, 2), (190, 4, 10)],
)
def test_algorithm_1(n_instances, n_mini_queries, pool_ratio, candidates, warm_start):
    sampler = DiscriminativeSampler(
        _recorder(),
        n_mini_queries=n_mini_queries,
        pool_ratio=pool_ratio,
        candidates=candidates,
        selection="top",
        warm_start=warm_start,
        random_state=0,
    ).fit(X, Y)
    rows, details = sampler.query(n_instances=n_instances, return_details=True)
    sizes = np.bincount(details.mini_query)
    assert sizes.sum() == n_instances
    assert len(sizes) == min(n_instances, n_mini_queries)
    expected, scores = _algorithm_1(sizes, Recorder.calls, candidates, warm_start)
    assert rows.tolist() == expected
    np.testing.assert_allclose(details.scores, scores)


def test_a_warm_start_makes_a_difference_here():
    scores = []
    for warm_start in (False, True):
        sampler = DiscriminativeSampler(_recorder(), warm_start=warm_start, random_state=0)
        scores.append(sampler.fit(X, Y).query(n_instances=20, return_details=True)[1].scores)
    assert not np.allclose(*scores)


def test_fit_trains_on_all_labeled_rows_and_a_part_of_the_pool():
    sampler = DiscriminativeSampler(_recorder(), pool_ratio=3, random_state=0).fit(X, Y)
    ((Z, y),) = Recorder.calls
    np.testing.assert_array_equal(Z[y == 0], X[LABELED])
    subsample = _row_numbers(Z[y == 1])
    assert len(set(subsample)) == 30
    assert set(subsample) <= set(POOL)
    np.testing.assert_allclose(
        sampler.score_samples(X), sampler.discriminator_.decision_function(X)
    )
    assert sampler.train_accuracy_ == pytest.approx(
        ((sampler.score_samples(Z) > 0) == y.astype(bool)).mean()
    )
    assert 0 <= sampler.h_divergence_ <= 2
    assert sampler.n_iter_ == 3


def test_details():
    sampler = DiscriminativeSampler(_recorder(), n_mini_queries=4, pool_ratio=3, random_state=0)
    _, details = sampler.fit(X, Y).query(n_instances=10, return_details=True)
    assert details.mini_query.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert details.n_trained_on.tolist() == [4 * n for n in (10, 13, 16, 18)]
    for name in ("train_accuracy", "h_divergence", "n_epochs"):
        assert details[name].shape == (4,)
    assert ((details.train_accuracy > 0) & (details.train_accuracy <= 1)).all()


def test_a_smaller_query_is_the_head_of_a_larger_one_within_one_mini_query():
    sampler = DiscriminativeSampler(
        LogisticRegression(),
        n_mini_queries=1,
        pool_ratio=100,
        candidates="pool",
        selection="top",
        random_state=0,
    ).fit(X, Y)
    whole, details = sampler.query(n_instances=190, return_details=True)
    assert (np.diff(details.scores) <= 0).all()
    for n_instances in (1, 2, 50, 189):
        np.testing.assert_array_equal(sampler.query(n_instances=n_instances), whole[:n_instances])


@pytest.mark.parametrize("selection", ["confident", "proportional", "top"])
@pytest.mark.parametrize("candidates", ["pool", "subsample"])
@pytest.mark.parametrize("n_instances", [1, 99, 199])
def test_a_single_labeled_row(selection, candidates, n_instances):
    y = np.full(N_ROWS, -1)
    y[7] = 0
    sampler = DiscriminativeSampler(
        GaussianNB(var_smoothing=0.1), pool_ratio=2, selection=selection, candidates=candidates
    ).set_params(n_mini_queries=3, random_state=0)
    rows = sampler.fit(X, y).query(n_instances=n_instances)
    assert len(set(rows.tolist()) - {7}) == n_instances


def test_a_pool_of_one_row():
    y = np.zeros(N_ROWS, dtype=int)
    y[5] = -1
    sampler = DiscriminativeSampler(LogisticRegression(), random_state=0).fit(X, y)
    assert sampler.query().tolist() == [5]


@pytest.mark.parametrize(
    ("discriminator", "selection"),
    [
        (None, "confident"),
        (MLPDiscriminator(max_epochs=30), "proportional"),
        (LogisticRegression(), "confident"),
        (LogisticRegression(), "proportional"),
        (LogisticRegression(), "top"),
        (GaussianNB(), "confident"),
    ],
)
def test_it_chooses_what_the_labeled_rows_lack(discriminator, selection):
    rng = np.random.RandomState(1)
    place = np.repeat([0, 1], [250, 50])
    pool = rng.randn(300, 2) + 6 * place[:, np.newaxis]
    y = np.full(300, -1)
    y[:20] = 0  # all of one place; of the unlabeled rows, 18 % are in the other
    sampler = DiscriminativeSampler(
        discriminator, n_mini_queries=1, selection=selection, random_state=0
    ).fit(pool, y)
    assert place[sampler.query(n_instances=15)].mean() > 0.5
    scores = sampler.score_samples(pool)
    assert scores[place == 1].min() > np.median(scores[20:250])
    assert sampler.h_divergence_ > 0


def test_later_mini_queries_know_what_the_first_took():
    # Two places lack labels: the second mini-query goes where the first did not.
    place = np.repeat([0, 1, 2], [40, 30, 30])
    centers = np.array([[0, 0], [9, 0], [0, 9]])
    pool = centers[place] + np.random.RandomState(0).randn(100, 2)
    y = np.full(100, -1)
    y[:20] = 0
    sampler = DiscriminativeSampler(
        LogisticRegression(), n_mini_queries=8, candidates="pool", selection="top", random_state=0
    ).fit(pool, y)
    assert set(place[sampler.query(n_instances=8)]) == {1, 2}


@pytest.mark.parametrize("candidates", ["pool", "subsample"])
def test_max_candidates(candidates):
    sampler = DiscriminativeSampler(
        LogisticRegression(), candidates=candidates, max_candidates=20, random_state=0
    ).fit(X, Y)
    rows = sampler.query(n_instances=20)
    assert len(set(rows.tolist()) & set(POOL.tolist())) == 20
    # No other row is ever looked at.
    assert set(sampler.query(n_instances=5)) <= set(rows)


def test_a_rule_of_ones_own():
    def first(log_odds, rows, n_instances, random_state):
        return np.arange(n_instances)

    sampler = DiscriminativeSampler(
        LogisticRegression(), candidates="pool", selection=first, random_state=0
    ).fit(X, Y)
    np.testing.assert_array_equal(sampler.query(n_instances=30), POOL[:30])
    sampler.set_params(selection=lambda *_: np.array([0, 0]), n_mini_queries=1).fit(X, Y)
    with pytest.raises(ValueError, match=r"selection returned.*2 different integers"):
        sampler.query(n_instances=2)


class TestEstimator:
    def test_psi_is_what_the_task_model_sees(self):
        model = make_pipeline(PCA(2), LogisticRegression()).fit(X, RNG.randint(2, size=N_ROWS))
        sampler = DiscriminativeSampler(
            LogisticRegression(), estimator=FrozenEstimator(model), random_state=0
        ).fit(X, Y)
        by_hand = DiscriminativeSampler(LogisticRegression(), random_state=0)
        by_hand.fit(model[0].transform(X), Y)
        np.testing.assert_array_equal(sampler.query(n_instances=9), by_hand.query(n_instances=9))
        new = X[::-1] + 1
        np.testing.assert_array_equal(
            sampler.query(new, 9), by_hand.query(model[0].transform(new), 9)
        )
        np.testing.assert_allclose(
            sampler.score_samples(new), by_hand.score_samples(model[0].transform(new))
        )

    def test_a_clone_learns_from_the_labeled_rows(self):
        model = make_pipeline(PCA(2), LogisticRegression())
        sampler = DiscriminativeSampler(LogisticRegression(), estimator=model).fit(X, Y)
        assert not hasattr(model[0], "components_")
        expected = clone(model).fit(X[LABELED], Y[LABELED])
        np.testing.assert_allclose(sampler.estimator_[0].components_, expected[0].components_)
        np.testing.assert_allclose(sampler.estimator_[1].coef_, expected[1].coef_)

    def test_a_frozen_one_is_not_trained_again(self):
        model = make_pipeline(PCA(2), LogisticRegression()).fit(X, RNG.randint(2, size=N_ROWS))
        mean = model[0].mean_.copy()
        frozen = FrozenEstimator(model)
        sampler = DiscriminativeSampler(LogisticRegression(), estimator=frozen).fit(X, Y)
        assert sampler.estimator_.estimator is model
        np.testing.assert_array_equal(model[0].mean_, mean)

    def test_labels_come_without_markers(self):
        y = np.where(Y == -1, None, np.array(["no", "yes"], dtype=object)[Y])
        model = make_pipeline(PCA(2), LogisticRegression())
        sampler = DiscriminativeSampler(LogisticRegression(), estimator=model).fit(X, y)
        assert sampler.estimator_[-1].classes_.tolist() == ["no", "yes"]
        assert sampler.estimator_[-1].classes_.dtype.kind == "U"

    def test_regression(self):
        y = np.where(Y == -1, np.nan, X[:, 0])
        model = make_pipeline(PCA(2), Ridge())
        sampler = DiscriminativeSampler(LogisticRegression(), estimator=model).fit(X, y)
        assert set(sampler.query(n_instances=30)) <= set(POOL)
        y = np.where(Y[:, np.newaxis] == -1, np.nan, X[:, :2])
        assert sampler.fit(X, y).estimator_.predict(X).shape == (N_ROWS, 2)

    def test_a_network(self):
        model = MLPClassifier((5,), solver="lbfgs", max_iter=500, random_state=0)
        sampler = DiscriminativeSampler(LogisticRegression(), estimator=model, random_state=0)
        sampler.fit(X, Y)
        assert sampler.discriminator_.n_features_in_ == 5
        assert len(sampler.query(n_instances=5)) == 5

    def test_texts(self):
        texts = ["cheap pills", "meet at noon", "cheap watches", "lunch at noon"] * 10
        y = [0, 1] + [-1] * 38
        model = make_pipeline(TfidfVectorizer(), LogisticRegression())
        for pool in (texts, np.array(texts, dtype=object)):
            sampler = DiscriminativeSampler(
                LogisticRegression(), estimator=model, random_state=0
            ).fit(pool, y)
            assert set(sampler.query(n_instances=20)) <= set(range(2, 40))
            assert set(sampler.query(pool[:5], 5)) == set(range(5))
            assert np.isfinite(sampler.score_samples(pool)).all()

    @pytest.mark.parametrize("model", [LogisticRegression(), LinearRegression(), LinearSVC()])
    def test_one_without_a_representation_is_refused(self, model):
        sampler = DiscriminativeSampler(LogisticRegression(), estimator=model)
        with pytest.raises(ValueError, match=r"estimator=.*no learned representation"):
            sampler.fit(X, Y)
        assert not hasattr(sampler, "pool_rows_")

    def test_passthrough_is_x_itself(self):
        plain = DiscriminativeSampler(LogisticRegression(), random_state=0).fit(X, Y)
        sampler = clone(plain).set_params(estimator="passthrough").fit(X, Y)
        np.testing.assert_array_equal(sampler.query(n_instances=9), plain.query(n_instances=9))
        model = make_pipeline(PCA(2), LogisticRegression())
        assert sampler.bind(model).estimator == "passthrough"

    def test_bind(self):
        sampler = DiscriminativeSampler(LogisticRegression())
        model = make_pipeline(PCA(2), LogisticRegression()).fit(X[LABELED], Y[LABELED])
        assert sampler.bind(model).estimator.estimator is model
        # A linear model has no representation, so that Psi stays X.
        assert sampler.bind(model[-1]).estimator is None
        own = make_pipeline(PCA(1), LogisticRegression())
        assert sampler.set_params(estimator=own).bind(model).estimator[0].n_components == 1

    def test_a_representation_that_is_not_finite(self):
        class Broken(PCA):
            def transform(self, X):
                return np.full((len(X), 1), np.inf)

        sampler = DiscriminativeSampler(LogisticRegression(), estimator=Broken(1))
        with pytest.raises(ValueError, match="the representation of X contains"):
            sampler.fit(X, Y)


class TestWithoutPool:
    def test_no_discriminator_no_scores(self):
        sampler = DiscriminativeSampler(LogisticRegression()).fit(X, np.zeros(N_ROWS, dtype=int))
        assert not hasattr(sampler, "discriminator_")
        assert not hasattr(sampler, "score_samples")
        with pytest.raises(AttributeError, match="score_samples"):
            sampler.score_samples(X)

    def test_a_refit_without_pool_forgets_the_discriminator(self):
        sampler = DiscriminativeSampler(LogisticRegression()).fit(X, Y)
        sampler.fit(X, np.zeros(N_ROWS, dtype=int))
        for name in ("discriminator_", "h_divergence_", "train_accuracy_", "n_iter_"):
            assert not hasattr(sampler, name)

    def test_scores_are_there_to_be_found_before_fit(self):
        assert hasattr(DiscriminativeSampler(), "score_samples")


class FailsLater(LogisticRegression):
    """Fails in its third fit."""

    n_calls: ClassVar[list] = []

    def fit(self, X, y, **kwargs):
        self.n_calls.append(1)
        if len(self.n_calls) == 3:
            raise ZeroDivisionError("my own words")
        return super().fit(X, y, **kwargs)


def test_a_failing_discriminator_raises_its_own_error():
    FailsLater.n_calls.clear()
    sampler = DiscriminativeSampler(FailsLater(), n_mini_queries=5, random_state=0).fit(X, Y)
    with pytest.raises(ZeroDivisionError, match="my own words") as caught:
        sampler.query(n_instances=10)
    assert str(caught.value) == "my own words"
    assert any("mini-query 2" in note for note in caught.value.__notes__)
    # It was no other than this call: the sampler goes on.
    assert len(sampler.query(n_instances=10)) == 10


def test_a_discriminator_that_fails_in_fit():
    sampler = DiscriminativeSampler(LogisticRegression(C=-1))
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
        sampler.fit(X, Y)
    assert not hasattr(sampler, "pool_rows_")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_mini_queries", 0),
        ("n_mini_queries", 2.5),
        ("n_mini_queries", "3"),
        ("pool_ratio", 0.5),
        ("pool_ratio", -1),
        ("pool_ratio", np.nan),
        ("pool_ratio", np.inf),
        ("pool_ratio", "10"),
        ("candidates", "all"),
        ("candidates", None),
        ("selection", "best"),
        ("selection", None),
        ("warm_start", "yes"),
        ("max_candidates", 0),
        ("max_candidates", 1.5),
        ("random_state", -1),
        ("random_state", "seed"),
        ("estimator", "linear"),
        ("estimator", 3),
        ("discriminator", LinearRegression()),
        ("discriminator", LogisticRegression),
        ("discriminator", "logistic"),
        ("discriminator", 3),
        ("discriminator", PCA()),
        ("discriminator", make_pipeline(PCA(), LinearRegression())),
        ("verbose", -1),
    ],
)
def test_values_out_of_range(name, value):
    sampler = DiscriminativeSampler(LogisticRegression()).set_params(**{name: value})
    with pytest.raises(ValueError, match=name):
        sampler.fit(X, Y)
    assert not hasattr(sampler, "pool_rows_")


def test_verbose(capsys):
    sampler = DiscriminativeSampler(LogisticRegression(), n_mini_queries=3, random_state=0)
    sampler.fit(X, Y).query(n_instances=6)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    sampler.set_params(verbose=1).fit(X, Y).query(n_instances=6)
    assert "3/3" in capsys.readouterr().err


def test_no_epochs_where_the_discriminator_counts_none():
    sampler = DiscriminativeSampler(GaussianNB(), n_mini_queries=2, random_state=0).fit(X, Y)
    assert sampler.n_iter_ is None
    details = sampler.query(n_instances=2, return_details=True)[1]
    assert details.n_epochs.tolist() == [None, None]


@pytest.mark.slow
def test_a_missing_cluster_is_brought_up_to_its_share():
    """Section 3.3 of the paper, on a part of benchmarks/fidelity.py."""

    def difference(seed, n_mini_queries):
        rng = np.random.RandomState(seed)
        cluster = rng.choice(6, 10_000, p=[0.31] + [0.138] * 5)
        rows = (rng.randn(6, 32)[cluster] + rng.randn(10_000, 32)).astype(np.float32)
        labels = np.full(10_000, -1)
        labels[rng.choice(np.flatnonzero(cluster), 100, replace=False)] = 0
        sampler = DiscriminativeSampler(n_mini_queries=n_mini_queries, random_state=seed)
        chosen = sampler.fit(rows, labels).query(n_instances=100)
        labeled = np.concatenate([np.flatnonzero(labels == 0), chosen])
        return abs((cluster[labeled] == 0).mean() - (cluster == 0).mean())

    many, one = (np.mean([difference(seed, n) for seed in range(4)]) for n in (10, 1))
    assert many <= 0.11
    assert many < one - 0.05
