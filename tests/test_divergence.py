from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from skdal.divergence import (
    _divergence,
    _permuted,
    check_n_permutations,
    default_discriminator,
    h_divergence_test,
    least_width,
)
from skdal.metrics import h_divergence


def _rows(n_rows, *, shift=0.0, seed=0, n_features=3):
    Z = np.random.RandomState(seed).normal(size=(2 * n_rows, n_features))
    is_unlabeled = np.arange(2 * n_rows) >= n_rows
    Z[is_unlabeled, 0] += shift
    return Z, is_unlabeled


def _slow(Z, labels, model, folds):
    """Definition: a training for every fold, and rates counted one by one."""
    values = []
    for train, test in folds:
        predicted = model.fit(Z[train], labels[train]).predict(Z[test])
        rate = {}
        for side in (0, 1):
            mine = [p for p, truth in zip(predicted, labels[test], strict=True) if truth == side]
            rate[side] = sum(mine) / len(mine)
        values.append(2 * (rate[1] - rate[0]))
    return sum(values) / len(values)


def _folds(Z, is_unlabeled, seed):
    seed = np.random.RandomState(seed).randint(np.iinfo(np.int32).max)
    return list(StratifiedKFold(5, shuffle=True, random_state=seed).split(Z, is_unlabeled))


def _numbers(folds, n_rows):
    fold = np.empty(n_rows, dtype=int)
    for number, (_, test) in enumerate(folds):
        fold[test] = number
    return fold


# As many kernels as rows, so that it does not matter which rows are drawn for them.
ALL_KERNELS = default_discriminator(48).set_params(nystroem__random_state=0)


@pytest.mark.parametrize("model", [None, LogisticRegression()])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_divergence_as_slow_reference(model, shift):
    Z, is_unlabeled = _rows(30, shift=shift)
    test = h_divergence_test(Z, is_unlabeled, model, n_permutations=19, random_state=3)
    slow_model = ALL_KERNELS if model is None else model
    folds = _folds(Z, is_unlabeled, 3)
    slow = _slow(Z, is_unlabeled.astype(int), slow_model, folds)
    assert test.divergence == pytest.approx(slow)


def test_one_training_for_all_permutations_is_as_good_as_one_each():
    Z, is_unlabeled = _rows(30, shift=0.5)
    y, folds = is_unlabeled.astype(int), _folds(Z, is_unlabeled, 0)
    fold = _numbers(folds, 60)
    Y = np.column_stack([y, _permuted(y, fold, 20, np.random.RandomState(1))])
    slow = [_slow(Z, column, ALL_KERNELS, folds) for column in Y.T]
    np.testing.assert_allclose(_divergence(ALL_KERNELS, Z, Y, fold, 0), slow, atol=1e-9)
    np.testing.assert_allclose(_divergence(ALL_KERNELS, Z, Y[:, 3], fold, 0), slow[3], atol=1e-9)


def test_permutations_stay_within_the_folds():
    y = np.tile([0, 1, 1], 20)
    fold = np.repeat(np.arange(4), 15)
    permuted = _permuted(y, fold, 20, np.random.RandomState(0))
    for number in range(4):
        assert (permuted[fold == number].sum(axis=0) == 10).all()
    assert len(np.unique(permuted, axis=1).T) == 20


def test_permutations_are_those_of_each_fold():
    Z, is_unlabeled = _rows(20)
    seen = []

    class Recorder(DummyClassifier):
        def fit(self, X, y):
            seen.append((X[:, 0].copy(), y.copy()))
            return super().fit(X, y)

    h_divergence_test(Z, is_unlabeled, Recorder(), n_permutations=4, confidence=0.8, random_state=0)
    assert len(seen) == 5 * 5
    assert all(y.sum() == 16 for _, y in seen)  # stratified whatever the permutation


def test_limit_and_p_value_by_hand():
    Z, is_unlabeled = _rows(40, shift=1)
    test = h_divergence_test(Z, is_unlabeled, n_permutations=99, confidence=0.9, random_state=0)
    lower = np.sort(test.null)[9]  # a tenth of 99 permutations is below
    assert test.limit == pytest.approx(test.divergence - lower)
    n_reached = sum(value >= test.divergence - 1e-9 for value in test.null)
    assert test.p_value == (n_reached + 1) / 100


def test_a_divergence_below_zero_does_not_lower_the_limit():
    tests = [h_divergence_test(*_rows(20, seed=s), random_state=s) for s in range(10)]
    assert min(test.divergence for test in tests) < 0
    for test in tests:
        assert test.limit >= -np.sort(test.null)[4]


def test_a_constant_answer_is_as_good_as_the_toss_of_a_coin():
    Z, is_unlabeled = _rows(50)
    says_one = DummyClassifier(strategy="most_frequent")
    test = h_divergence_test(Z, is_unlabeled, says_one, n_permutations=19, random_state=0)
    assert (test.divergence, test.p_value) == (0.0, 1.0)
    assert (test.null == 0).all()
    coins = np.random.RandomState(0).randint(2, size=(2, 4000, 50)).mean(axis=2)
    divergences = 2 * (coins[0] - coins[1])
    assert test.limit == pytest.approx(np.quantile(divergences, 0.95), abs=0.04)
    assert test.limit == least_width(0.95, 50, 50)


@pytest.mark.parametrize("n_rows", [10, 40])
def test_limit_is_never_narrower_than_a_coins(n_rows):
    least = least_width(0.8, n_rows, n_rows)
    params = {"cv": 2, "n_permutations": 4, "confidence": 0.8}
    for seed in range(10):
        for discriminator in (None, LogisticRegression(C=1e-6)):
            rows = _rows(n_rows, seed=seed)
            test = h_divergence_test(*rows, discriminator, random_state=seed, **params)
            assert test.limit >= min(max(test.divergence, 0) + least, 2) - 1e-9


def test_told_apart_without_a_mistake():
    Z, is_unlabeled = _rows(30, shift=100)
    test = h_divergence_test(Z, is_unlabeled, n_permutations=49, random_state=0)
    assert (test.divergence, test.limit, test.p_value) == (2.0, 2.0, 1 / 50)


def test_one_fold_is_the_h_divergence_of_the_definition():
    # A tree learns these two groups in every fold, so that each fold makes the same mistakes.
    Z = np.repeat([[0.0], [1.0]], 40, axis=0)
    is_unlabeled = np.r_[np.tile([0, 0, 0, 1], 10), np.tile([1, 1, 1, 0], 10)].astype(bool)
    test = h_divergence_test(
        Z, is_unlabeled, DecisionTreeClassifier(), cv=2, n_permutations=19, random_state=0
    )
    assert test.divergence == pytest.approx(h_divergence(is_unlabeled, Z[:, 0] > 0.5))


def test_random_rows_are_told_apart_as_often_as_chance_has_it():
    n_repeats = 120
    tests = [
        h_divergence_test(*_rows(25, seed=seed), cv=3, n_permutations=39, random_state=seed)
        for seed in range(n_repeats)
    ]
    p = np.array([test.p_value for test in tests])
    # Within three standard errors of a level; ties of the statistic make p larger, not smaller.
    for level in (0.05, 0.25, 0.5):
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / n_repeats)
    assert (p <= 0.5).mean() > 0.5 - 0.2
    # Signed: no divergence on average, and the limit is above 0 as often as it says.
    divergence = np.array([test.divergence for test in tests])
    assert abs(divergence.mean()) < 3 * divergence.std() / np.sqrt(n_repeats)
    assert np.mean([test.limit >= 0 for test in tests]) >= 0.95 - 3 * np.sqrt(0.05 / n_repeats)


def test_limit_covers_the_divergence():
    tests = [
        h_divergence_test(*_rows(40, shift=0.7, seed=s), n_permutations=40, random_state=s)
        for s in range(40)
    ]
    mean = np.mean([test.divergence for test in tests])
    assert 0.2 < mean < 1
    assert np.mean([test.limit >= mean for test in tests]) > 0.95 - 3 * np.sqrt(0.05 / 40)


@pytest.mark.parametrize("seed", range(5))
def test_labels_from_a_part_of_the_space_are_found(seed):
    rng = np.random.RandomState(seed)
    pool = rng.normal(size=(1000, 4))
    labeled = np.flatnonzero(pool[:, 0] ** 2 > 1.5)[:100]  # not to be seen by a linear model
    unlabeled = rng.choice(np.setdiff1d(np.arange(1000), labeled), 100, replace=False)
    Z, is_unlabeled = pool[np.r_[labeled, unlabeled]], np.arange(200) >= 100
    test = h_divergence_test(Z, is_unlabeled, random_state=seed)
    assert test.p_value < 0.02
    assert test.limit > test.divergence > 0.4


def test_labels_that_keep_their_distance_are_below_zero():
    grid = np.arange(200.0)[:, None]
    test = h_divergence_test(grid, np.arange(200) % 2 == 1, random_state=0)
    assert test.divergence < 0
    assert test.p_value > 0.3


@pytest.mark.parametrize("model", [None, DecisionTreeClassifier(max_features=1)])
def test_reproducible_and_leaves_the_global_state_alone(model):
    Z, is_unlabeled = _rows(20)
    state = np.random.get_state()[1].copy()
    params = {"cv": 2, "n_permutations": 9, "confidence": 0.9}
    tests = [
        h_divergence_test(Z, is_unlabeled, model, random_state=7, n_jobs=n_jobs, **params)
        for n_jobs in (None, 2)
    ]
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    for test in tests[1:]:
        np.testing.assert_array_equal(test.null, tests[0].null)
        assert test[:3] == tests[0][:3]
    other = h_divergence_test(Z, is_unlabeled, model, random_state=8, **params)
    assert (other.null != tests[0].null).any()
    assert [type(value) for value in other[:3]] == [float] * 3


@pytest.mark.parametrize(
    ("confidence", "needed"), [(0.05, 1), (0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.999, 999)]
)
def test_permutations_that_a_confidence_takes(confidence, needed):
    check_n_permutations(needed, confidence)
    if needed > 1:
        with pytest.raises(ValueError, match=f"takes {needed} at least"):
            check_n_permutations(needed - 1, confidence)


def test_with_metadata_routing():
    Z, is_unlabeled = _rows(20)
    with sklearn.config_context(enable_metadata_routing=True):
        test = h_divergence_test(
            Z, is_unlabeled, LogisticRegression(), n_permutations=19, random_state=0
        )
    assert np.isfinite(test.limit)


def test_all_trainings_have_the_same_seeds():
    seeds = set()

    class Recorder(SGDClassifier):
        def fit(self, X, y):
            seeds.add(self.random_state)
            return super().fit(X, y)

    h_divergence_test(*_rows(20), Recorder(), n_permutations=19, random_state=0)
    assert len(seeds) == 1
    assert None not in seeds


def test_skorch_net():
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    net = skorch.NeuralNetClassifier(
        torch.nn.Linear(3, 2),
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=2,
        train_split=None,
        verbose=0,
    )
    Z, is_unlabeled = _rows(20, shift=1)  # in double precision
    state = torch.get_rng_state()
    tests = [
        h_divergence_test(
            Z, is_unlabeled, net, cv=2, n_permutations=4, confidence=0.8, random_state=seed
        )
        for seed in (0, 0, 1)
    ]
    assert (torch.get_rng_state() == state).all()
    np.testing.assert_array_equal(tests[0].null, tests[1].null)
    assert (tests[0].null != tests[2].null).any()


def test_sparse_as_dense():
    Z, is_unlabeled = _rows(60, shift=0.8)
    Z[np.abs(Z) < 0.5] = 0
    dense = h_divergence_test(Z, is_unlabeled, random_state=0)
    sparse = h_divergence_test(sp.csr_array(Z), is_unlabeled, random_state=0)
    assert sparse.divergence == pytest.approx(dense.divergence)  # kernels do not see a shift


def test_sides_of_different_size_weigh_the_same():
    Z, is_unlabeled = _rows(60, shift=100)
    assert h_divergence_test(Z[40:], is_unlabeled[40:], random_state=0).divergence == 2.0
    says_one = DummyClassifier(strategy="most_frequent")
    test = h_divergence_test(Z[40:], is_unlabeled[40:], says_one, random_state=0)
    assert (test.divergence, test.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cv": 1}, "cv"),
        ({"n_permutations": 0}, "n_permutations"),
        ({"n_permutations": 18}, r"n_permutations=18 cannot hold confidence=0\.95.* takes 19"),
        ({"confidence": 1}, "confidence"),
        ({"discriminator": "tree"}, "discriminator"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        h_divergence_test(*_rows(20), **params)


def test_bad_rows():
    Z, is_unlabeled = _rows(20)
    with pytest.raises(ValueError, match=r"is_unlabeled has shape \(39,\), but Z has 40 rows"):
        h_divergence_test(Z, is_unlabeled[1:])
    with pytest.raises(ValueError, match=r"cv=5 folds.*there are 0 and 40"):
        h_divergence_test(Z, np.ones(40))
    with pytest.raises(ValueError, match="NaN"):
        h_divergence_test(np.full_like(Z, np.nan), is_unlabeled)
