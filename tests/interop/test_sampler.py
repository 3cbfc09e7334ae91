"""Strategies of scikit-activeml as samplers."""

from __future__ import annotations

import inspect

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

from skdal import ActiveLearner, BudgetedLearner, CombinedSampler, RandomSampler
from skdal.loop import play

pytest.importorskip("skactiveml", reason="needs scikit-activeml; `make test` installs it")

from skactiveml import pool
from skactiveml.classifier import (
    MixtureModelClassifier,
    ParzenWindowClassifier,
    SklearnClassifier,
)
from skactiveml.regressor import NICKernelRegressor

from skdal.interop import SkactivemlSampler

IRIS, SPECIES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
DIGITS, DIGIT = load_digits(return_X_y=True)
DIGITS, DIGIT = DIGITS[:300] / 16, DIGIT[:300]
QUICK = LogisticRegression(max_iter=1000)
FOREST = RandomForestClassifier(n_estimators=5)
START = np.arange(0, 150, 10)


def _taken(model, sampler, X, y, *, budget=35, n_instances=10, seed=0):
    steps = play(
        model,
        sampler,
        X,
        y,
        budget=budget,
        n_initial=15,
        n_instances=n_instances,
        random_state=seed,
    )
    return np.concatenate([step.rows for step in steps])


def _check_loop(model, sampler, X, y):
    before = joblib.hash(sampler.get_params())
    taken = _taken(model, sampler, X, y)
    assert len(taken) == len(np.unique(taken)) == 35
    np.testing.assert_array_equal(_taken(model, sampler, X, y), taken)
    assert joblib.hash(sampler.get_params()) == before


def _labels(y, known=START, marker=-1):
    labels = np.full(len(y), marker, dtype=y.dtype if marker == -1 else object)
    labels[known] = y[known]
    return labels


# A strategy, the task model and what else the sampler is given.
STRATEGIES = [
    (pool.RandomSampling(), QUICK, {}),
    (pool.UncertaintySampling(method="margin_sampling"), QUICK, {}),
    (pool.UncertaintySampling(), QUICK, {"estimator": ParzenWindowClassifier()}),
    (pool.Badge(), QUICK, {}),
    (pool.Badge(), QUICK, {"estimator": GaussianNB()}),
    (pool.Falcun(), QUICK, {}),
    (pool.ContrastiveAL(), QUICK, {}),
    (pool.Clue(), QUICK, {}),
    (pool.DropQuery(), QUICK, {}),
    (pool.CoreSet(), QUICK, {}),
    (pool.TypiClust(), QUICK, {}),
    (pool.ProbCover(), QUICK, {}),
    (pool.MaxHerding(), QUICK, {}),
    (pool.QueryByCommittee(), FOREST, {}),
    (pool.GreedyBALD(), FOREST, {}),
    (pool.QueryByCommittee(), QUICK, {"query_params": {"ensemble": [QUICK, GaussianNB()]}}),
    (
        pool.DiscriminativeAL(greedy_selection=True),
        QUICK,
        {"query_params": {"discriminator": QUICK}},
    ),
    (pool.ProbabilisticAL(), QUICK, {"estimator": ParzenWindowClassifier()}),
    (pool.SubSamplingWrapper(pool.Clue(), max_candidates=50), QUICK, {}),
]


def _name(value):
    return type(value).__name__ if hasattr(value, "get_params") else ""


@pytest.mark.parametrize(("strategy", "model", "params"), STRATEGIES, ids=_name)
@pytest.mark.parametrize("labels", ["numbers", "strings"])
def test_strategies(strategy, model, params, labels):
    y = SPECIES if labels == "numbers" else NAMES[SPECIES]
    _check_loop(model, SkactivemlSampler(strategy, **params), IRIS, y)


@pytest.mark.parametrize(
    "strategy", [pool.Badge(), pool.TypiClust(), pool.UncertaintySampling()], ids=_name
)
def test_digits(strategy):
    _check_loop(QUICK, SkactivemlSampler(strategy), DIGITS, DIGIT)


@pytest.mark.parametrize(
    ("strategy", "model", "params"),
    [
        (pool.GreedySamplingX(), Ridge(), {}),
        (pool.GreedySamplingTarget(), Ridge(), {}),
        (pool.ExpectedModelChangeMaximization(), Ridge(), {}),
        (pool.RegressionTreeBasedAL(), DecisionTreeRegressor(min_samples_leaf=4), {}),
        (pool.QueryByCommittee(), RandomForestRegressor(n_estimators=5), {}),
        (pool.QueryByCommittee(), Ridge(), {"query_params": {"ensemble": [Ridge(), Ridge(9)]}}),
    ],
    ids=_name,
)
@pytest.mark.filterwarnings("ignore:There are leaves with less than two labeled samples")
def test_regression(strategy, model, params):
    _check_loop(model, SkactivemlSampler(strategy, **params), IRIS[:, :3], IRIS[:, 3])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "model", "params"),
    [
        (pool.MonteCarloEER(), GaussianNB(), {}),
        (pool.ValueOfInformationEER(consider_unlabeled=False), GaussianNB(), {}),
    ],
    ids=_name,
)
def test_slow_strategies(strategy, model, params):
    _check_loop(model, SkactivemlSampler(strategy, **params), IRIS, NAMES[SPECIES])


@pytest.mark.parametrize(
    ("strategy", "params"),
    [
        (pool.EpistemicUncertaintySampling(), {"estimator": ParzenWindowClassifier()}),
        (pool.FourDs(), {"estimator": MixtureModelClassifier()}),
        (pool.Quire(classes=["no", "yes"]), {}),
        (pool.CostEmbeddingAL(classes=["no", "yes"]), {}),
    ],
    ids=_name,
)
def test_strategies_for_two_classes(strategy, params):
    y = np.where(SPECIES == 1, "yes", "no")
    _check_loop(QUICK, SkactivemlSampler(strategy, **params), IRIS, y)


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [pool.ExpectedModelOutputChange(), pool.ExpectedModelVarianceReduction()],
    ids=_name,
)
def test_slow_regression(strategy):
    sampler = SkactivemlSampler(strategy, NICKernelRegressor())
    _check_loop(Ridge(), sampler, IRIS[:, :3], IRIS[:, 3])


def test_retraining_strategies_train_copies():
    model = GaussianNB().fit(IRIS[START], SPECIES[START])
    before = joblib.hash(model)
    sampler = SkactivemlSampler(pool.MonteCarloEER(), random_state=0).bind(model)
    X, y = IRIS[::5], _labels(SPECIES[::5], np.arange(0, 30, 2))
    assert len(sampler.fit(X, y).query(n_instances=2)) == 2
    assert joblib.hash(model) == before


# The same rows as scikit-activeml by itself


@pytest.mark.parametrize("labels", ["numbers", "strings"])
def test_rows_and_utilities_are_those_of_the_strategy(labels):
    names = SPECIES if labels == "numbers" else NAMES[SPECIES]
    marker = np.nan if labels == "numbers" else None
    y = np.full(150, marker, dtype=float if labels == "numbers" else object)
    y[START] = names[START]
    model = LogisticRegression(max_iter=1000).fit(IRIS[START], names[START])
    theirs, utilities = pool.UncertaintySampling(random_state=0, missing_label=marker).query(
        IRIS,
        y,
        clf=SklearnClassifier(QUICK, missing_label=marker),
        batch_size=5,
        return_utilities=True,
    )
    sampler = SkactivemlSampler(pool.UncertaintySampling(random_state=0)).bind(model)
    rows, details = sampler.fit(IRIS, y).query(n_instances=5, return_details=True)
    np.testing.assert_array_equal(rows, theirs)
    np.testing.assert_allclose(details.utilities, utilities[np.arange(5), theirs])
    # Another pool: the same rows, which now have other numbers.
    rest = np.setdiff1d(np.arange(150), START)
    np.testing.assert_array_equal(rest[sampler.query(IRIS[rest], 5)], theirs)


def test_the_pool_of_a_query_and_the_labeled_rows_are_seen_together():
    # With (0,) labeled, what is farthest from it comes first; (9,) is next to a labeled row.
    sampler = SkactivemlSampler(pool.CoreSet()).fit([[0.0], [10.0], [3.0]], [0, 1, -1])
    assert sampler.query([[9.0], [5.0], [0.5]], 2).tolist() == [1, 0]


@pytest.mark.parametrize("wrap", [None, SklearnClassifier], ids=["plain", "wrapped"])
def test_the_models_of_a_learner_are_not_trained_again(wrap, monkeypatch):
    model = GaussianNB() if wrap is None else wrap(GaussianNB())
    model.fit(IRIS[START], SPECIES[START])
    before = joblib.hash(model)
    sampler = SkactivemlSampler(pool.Badge(), random_state=0).bind(model)

    def fit(*args, **kwargs):
        raise AssertionError("trained")

    monkeypatch.setattr(GaussianNB, "fit", fit)
    sampler.fit(IRIS, _labels(SPECIES)).query(n_instances=5)
    assert joblib.hash(model) == before


def test_a_learners_native_model_and_strings():
    names = NAMES[SPECIES]
    model = ParzenWindowClassifier(missing_label="none").fit(IRIS[START], names[START])
    sampler = SkactivemlSampler(pool.UncertaintySampling(), random_state=0).bind(model)
    assert len(sampler.fit(IRIS, _labels(names, marker=None)).query(n_instances=5)) == 5
    assert model.missing_label == "none"


def test_a_native_model_learns_from_unlabeled_rows():
    sampler = SkactivemlSampler(pool.UncertaintySampling(), MixtureModelClassifier())
    fitted = sampler.set_params(random_state=0).fit(IRIS, _labels(SPECIES))
    assert fitted.estimator_.mixture_model_.n_features_in_ == 4
    assert len(fitted.estimator_.predict(IRIS)) == 150
    assert len(fitted.query(n_instances=5)) == 5


def test_in_other_parts_of_the_package():
    both = CombinedSampler(
        [("badge", SkactivemlSampler(pool.Badge())), ("random", RandomSampler())], random_state=0
    )
    learner = BudgetedLearner(QUICK, both, budget=40, n_instances=10, random_state=0)
    assert learner.fit(IRIS, NAMES[SPECIES]).score(IRIS, NAMES[SPECIES]) > 0.8


def test_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    # The model of the loop is trained on a DataFrame, and misses its names.
    taken = _taken(QUICK, SkactivemlSampler(pool.Badge()), frame, pd.Series(NAMES[SPECIES]))
    assert len(np.unique(taken)) == 35


def test_images():
    X = DIGITS.reshape(-1, 8, 8, 1)
    y = _labels(DIGIT, np.arange(40))
    images = SkactivemlSampler(pool.TypiClust(), random_state=0)
    np.testing.assert_array_equal(
        clone(images).fit(X, y).query(n_instances=5),
        clone(images).fit(DIGITS, y).query(n_instances=5),
    )


def test_query_params_of_every_kind():
    native = [SklearnClassifier(QUICK), ParzenWindowClassifier()]
    weights = np.ones(150)
    params = {"ensemble": native, "sample_weight": weights, "fit_ensemble": True}
    sampler = SkactivemlSampler(pool.QueryByCommittee(), query_params=params, random_state=0)
    # Strings need another marker than the one that the models came with.
    sampler.fit(IRIS, _labels(NAMES[SPECIES], marker=None))
    assert len(sampler.query(n_instances=5)) == 5
    assert np.isnan(native[1].missing_label)
    assert params["sample_weight"] is weights


# Seeds


def test_a_seed_of_the_strategy_stays():
    y = _labels(SPECIES)
    drawn = [
        SkactivemlSampler(pool.RandomSampling(random_state=3), random_state=seed)
        .fit(IRIS, y)
        .query(n_instances=5)
        .tolist()
        for seed in (0, 1)
    ]
    assert drawn[0] == drawn[1]


def test_our_seed_seeds_the_strategy():
    def draw(seed):
        sampler = SkactivemlSampler(pool.RandomSampling(), random_state=seed)
        return sampler.fit(IRIS, _labels(SPECIES)).query(n_instances=5).tolist()

    assert draw(0) == draw(0) != draw(1)


def test_clustering_is_seeded_but_not_against_the_users_will():
    params = {"random_state": 5, "n_init": 1}
    y = _labels(SPECIES)
    drawn = []
    for state in (0, 1):
        np.random.seed(state)
        for given in (None, params):
            strategy = pool.Clue(cluster_algo_dict=given, random_state=0)
            sampler = SkactivemlSampler(strategy, QUICK, random_state=0).fit(IRIS, y)
            drawn.append(sampler.query(n_instances=9).tolist())
    assert drawn[:2] == drawn[2:]
    assert params == {"random_state": 5, "n_init": 1}


# Bad input


@pytest.mark.parametrize(
    "strategy", [None, RandomSampler(), QUICK, pool.Badge, "Badge"], ids=lambda value: repr(value)
)
def test_no_strategy(strategy):
    with pytest.raises(ValueError, match="'strategy' parameter of SkactivemlSampler"):
        SkactivemlSampler(strategy).fit(IRIS, _labels(SPECIES))
    with pytest.raises(ValueError, match="'strategy' parameter of SkactivemlSampler"):
        SkactivemlSampler(strategy).bind(QUICK)


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (SkactivemlSampler(pool.Badge()), r"estimator=None: strategy=Badge\(\) asks .* as clf"),
        (
            SkactivemlSampler(pool.DiscriminativeAL()),
            r"cannot do without discriminator; pass it as query_params=\{'discriminator': ...\}",
        ),
        (
            SkactivemlSampler(pool.CoreSet(), query_params={"clf": QUICK}),
            r"query_params holds 'clf'.*CoreSet\(\) takes nothing more",
        ),
        (
            SkactivemlSampler(pool.ProbCover(), query_params={"batch_size": 3}),
            r"query_params holds 'batch_size'.* takes update\. Leave it out",
        ),
        (SkactivemlSampler(pool.Badge(), Ridge()), r"Ridge\(\) is no classifier.*as clf"),
        (SkactivemlSampler(pool.GreedySamplingTarget(), QUICK), "is no regressor.*as reg"),
        (SkactivemlSampler(pool.Badge(), SVC()), r"SVC\(\) has no predict_proba.*Calibrated"),
        (
            SkactivemlSampler(pool.QueryByCommittee(), QUICK),
            r"is no committee.*RandomForestClassifier, or a list of models",
        ),
        (SkactivemlSampler(pool.Badge(), query_params=[3]), "'query_params' parameter"),
    ],
    ids=lambda value: "" if isinstance(value, str) else None,
)
def test_bad_parameters(sampler, message):
    with pytest.raises(ValueError, match=message):
        sampler.fit(IRIS, _labels(SPECIES))


def test_bad_labels():
    sampler = SkactivemlSampler(pool.Badge(), QUICK)
    with pytest.raises(ValueError, match=r"y=None: estimator=.* cannot be trained"):
        sampler.fit(IRIS)
    with pytest.raises(ValueError, match="y has no labeled row"):
        sampler.fit(IRIS, np.full(150, -1))
    with pytest.raises(ValueError, match="y has 2 outputs"):
        SkactivemlSampler(pool.CoreSet()).fit(IRIS, np.column_stack([_labels(SPECIES)] * 2))


def test_what_needs_no_labels():
    model = FrozenEstimator(LogisticRegression(max_iter=1000).fit(IRIS, SPECIES))
    for sampler in (SkactivemlSampler(pool.Badge(), model), SkactivemlSampler(pool.CoreSet())):
        for y in (np.full(150, -1), np.full(150, None), np.full(150, np.nan)):
            assert len(sampler.fit(IRIS, y).query(n_instances=5)) == 5
        # All labeled, whatever the labels: another pool may still be queried.
        assert len(sampler.fit(IRIS[:50]).query(IRIS[50:], 5)) == 5


class Twice(pool.RandomSampling):
    """Takes a row twice, which BatchBALD does now and then."""

    def query(self, *args, **params):
        rows, utilities = super().query(*args, **params)
        rows[1] = rows[0]
        return rows, utilities


def test_a_strategy_that_takes_a_row_twice():
    sampler = SkactivemlSampler(Twice(), random_state=0).fit(IRIS, _labels(SPECIES))
    with pytest.raises(ValueError, match=r"strategy=Twice\(.*\) chose .* ask for fewer"):
        sampler.query(n_instances=3)


@pytest.mark.parametrize("learner", [ActiveLearner, BudgetedLearner])
def test_a_strategy_as_it_is_is_refused(learner):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(TypeError, match=r"sampler=Badge\(.*pass skdal.interop.SkactivemlSampler"):
        learner(GaussianNB(), pool.Badge()).fit(X, y)
    with pytest.raises(TypeError, match=r"initial_sampler=.*SkactivemlSampler\(strategy\)"):
        learner(GaussianNB(), initial_sampler=pool.RandomSampling()).fit(X, y)


def test_a_message_names_the_model_that_a_user_knows():
    sampler = SkactivemlSampler(pool.Badge(), FrozenEstimator(SVC().fit([[0], [1]], [0, 1])))
    with pytest.raises(ValueError, match=r"estimator=SVC\(\) has no predict_proba"):
        sampler.fit([[0], [1]], [0, -1])


def _trained_network():
    known = np.arange(0, len(DIGITS), 5)
    model = MLPClassifier((12,), max_iter=300, learning_rate_init=0.02, random_state=0)
    return model.fit(DIGITS[known], DIGIT[known]), _labels(DIGIT, known)


def test_a_strategy_without_a_model_works_in_the_representation():
    model, y = _trained_network()
    hidden = np.maximum(DIGITS @ model.coefs_[0] + model.intercepts_[0], 0)
    strategy, seed = pool.TypiClust(), {"random_state": 0}
    expected = SkactivemlSampler(strategy, **seed).fit(hidden, y).query(n_instances=8)
    sampler = SkactivemlSampler(strategy, FrozenEstimator(model), **seed).fit(DIGITS, y)
    np.testing.assert_array_equal(sampler.query(n_instances=8), expected)
    lent = SkactivemlSampler(strategy, **seed).bind(model).fit(DIGITS, y)
    np.testing.assert_array_equal(lent.query(n_instances=8), expected)
    in_x = SkactivemlSampler(strategy, "passthrough", **seed).bind(model).fit(DIGITS, y)
    as_it_is = SkactivemlSampler(strategy, **seed).fit(DIGITS, y).query(n_instances=8)
    np.testing.assert_array_equal(in_x.query(n_instances=8), as_it_is)
    assert set(as_it_is) != set(expected)
    # It is trained on the labeled rows where it is not frozen.
    trained = SkactivemlSampler(strategy, clone(model), **seed).fit(DIGITS, y)
    np.testing.assert_array_equal(trained.query(n_instances=8), expected)
    with pytest.raises(ValueError, match="has no learned representation"):
        SkactivemlSampler(strategy, QUICK).fit(DIGITS, y)


@pytest.mark.parametrize("wrapped", [False, True])
def test_badge_in_the_representation(wrapped):
    model, y = _trained_network()
    probability = model.predict_proba(DIGITS)
    hidden = np.maximum(DIGITS @ model.coefs_[0] + model.intercepts_[0], 0)
    # The gradient of the loss of the predicted class in the weights of the last layer.
    error = probability - np.eye(10)[probability.argmax(axis=1)]
    length = np.linalg.norm(error, axis=1) * np.linalg.norm(hidden, axis=1)
    strategy = pool.Badge()
    if wrapped:
        strategy = pool.SubSamplingWrapper(strategy, max_candidates=1.0)
    sampler = SkactivemlSampler(strategy, FrozenEstimator(model), random_state=0).fit(DIGITS, y)
    rows, details = sampler.query(n_instances=5, return_details=True)
    unlabeled = np.flatnonzero(y == -1)
    # The first is the longest gradient; k-means++ begins with its square.
    assert rows[0] == unlabeled[length[unlabeled].argmax()]
    share = length[rows[0]] ** 2 / (length[unlabeled] ** 2).sum()
    assert details.utilities[0] == pytest.approx(share)


@pytest.mark.parametrize("strategy", [pool.Badge(), pool.TypiClust()], ids=_name)
def test_max_candidates_bounds_what_a_strategy_sees(strategy, monkeypatch):
    seen = []
    query = type(strategy).query

    def counted(self, X, y, **params):
        seen.append(len(X))
        return query(self, X, y, **params)

    counted.__signature__ = inspect.signature(query)
    monkeypatch.setattr(type(strategy), "query", counted)
    sampler = SkactivemlSampler(strategy, max_candidates=40, random_state=0)
    if isinstance(strategy, pool.Badge):
        sampler.set_params(estimator=QUICK)
    y = _labels(DIGIT, np.arange(0, 300, 10))
    rows = sampler.fit(DIGITS, y).query(n_instances=10)
    assert seen == [70]
    assert (y[rows] == -1).all()
    assert len(np.unique(rows)) == 10
    # Of another pool as well.
    rows = sampler.query(DIGITS[:200], n_instances=10)
    assert seen[1:] == [70]
    assert rows.max() < 200
    everything = sampler.set_params(max_candidates=270).query(n_instances=10)
    whole = sampler.set_params(max_candidates=None).query(n_instances=10)
    np.testing.assert_array_equal(everything, whole)


def test_no_model_to_pass_through():
    sampler = SkactivemlSampler(pool.Badge(), "passthrough")
    with pytest.raises(ValueError, match=r"estimator='passthrough': .* asks for a task model"):
        sampler.fit(DIGITS, _labels(DIGIT))
