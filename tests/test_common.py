"""What every sampler must do, checked over one list of all samplers."""

from __future__ import annotations

import inspect
import pickle
import random
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from skdal import CoreSetSampler, DiscriminativeSampler
from skdal.acquisition import AcquisitionSampler
from tests._samplers import BY_DEFAULT, SAMPLERS, hiding

N_ROWS, N_FEATURES = 60, 4
RNG = np.random.RandomState(0)
# Whole numbers that every dtype can hold; two classes that differ.
X = RNG.randint(0, 40, size=(N_ROWS, N_FEATURES)).astype(np.float64)
CLASSES = RNG.randint(2, size=N_ROWS)
X[CLASSES == 1] += 10
LABELED = np.sort(RNG.permutation(N_ROWS)[:12])
POOL = np.setdiff1d(np.arange(N_ROWS), LABELED)
Y = np.full(N_ROWS, -1)
Y[LABELED] = CLASSES[LABELED]
X_NEW = RNG.randint(0, 50, size=(25, N_FEATURES)).astype(np.float64)


@parametrize_with_checks(SAMPLERS)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# DAL learns from the pool, so that it makes a difference to every variant of it.
_DAL = [sampler for sampler in SAMPLERS if isinstance(sampler, DiscriminativeSampler)]
_ONE_OF_EACH = {type(sampler): sampler for sampler in SAMPLERS if sampler not in _DAL}


@parametrize_with_checks([hiding(sampler) for sampler in [*_DAL, *_ONE_OF_EACH.values()]])
def test_scikit_learns_checks_with_half_of_y_hidden(estimator, check):
    check(estimator)


def test_half_of_y_is_hidden():
    for sampler in SAMPLERS:
        hidden = hiding(sampler)
        assert isinstance(hidden, type(sampler))
        assert hidden.get_params().keys() == sampler.get_params().keys()
        fitted = hidden.fit(X, CLASSES)
        assert len(fitted.pool_rows_) == len(fitted.labeled_rows_) == N_ROWS // 2
        assert hasattr(fitted, "discriminator_") == hasattr(sampler, "discriminator")


def _name(sampler):
    params = sampler.get_params(deep=False)
    defaults = {p.name: p.default for p in inspect.signature(type(sampler)).parameters.values()}
    changed = [
        f"{name}={str(value).splitlines()[0]}"
        for name, value in params.items()
        if value != defaults[name] and name != "random_state"
    ]
    return f"{type(sampler).__name__}({', '.join(changed)})"


@pytest.fixture(params=SAMPLERS, ids=_name)
def sampler(request):
    return clone(request.param)


def _reads_x(sampler):
    """Tell a sampler that works in X itself from one with a task model."""
    models = [v for name, v in sampler.get_params().items() if name.split("__")[-1] == "estimator"]
    return all(model is None for model in models)


def _is_deterministic(sampler):
    params = sampler.get_params()
    if params.get("max_candidates") is not None:
        return False
    if isinstance(sampler, CoreSetSampler):
        return True
    if isinstance(sampler, AcquisitionSampler):
        return isinstance(sampler.estimator, LogisticRegression)
    return params.get("candidates") == "pool" and (params["pool_ratio"] * len(LABELED) >= len(POOL))


def _needs_labels(sampler):
    return sampler._needs_labels


def _takes_sparse(sampler):
    return get_tags(sampler).input_tags.sparse


def _state(sampler):
    return joblib.hash(vars(sampler))


def _global_state():
    return joblib.hash((np.random.get_state(), torch.get_rng_state().numpy(), random.getstate()))


def _check_rows(rows, n_instances, pool):
    assert isinstance(rows, np.ndarray)
    assert rows.dtype.kind == "i"
    assert rows.shape == (n_instances,)
    assert len(np.unique(rows)) == n_instances
    assert np.isin(rows, pool).all()


# What a query returns


@pytest.mark.parametrize("n_instances", [1, 2, 7, 30])
def test_rows(sampler, n_instances):
    _check_rows(sampler.fit(X, Y).query(n_instances=n_instances), n_instances, POOL)


def test_one_row_by_default(sampler):
    _check_rows(sampler.fit(X, Y).query(), 1, POOL)


def test_the_whole_pool(sampler):
    if "max_candidates" in sampler.get_params():
        sampler.set_params(max_candidates=None)
    rows = sampler.fit(X, Y).query(n_instances=len(POOL))
    np.testing.assert_array_equal(np.sort(rows), POOL)


def test_what_fit_remembers(sampler):
    assert sampler.fit(X, Y) is sampler
    np.testing.assert_array_equal(sampler.labeled_rows_, LABELED)
    np.testing.assert_array_equal(sampler.pool_rows_, POOL)
    assert sampler.n_features_in_ == N_FEATURES


def test_a_new_pool(sampler):
    sampler.fit(X, Y)
    _check_rows(sampler.query(X_NEW, 9), 9, np.arange(25))
    _check_rows(sampler.query(X_NEW, n_instances=1), 1, np.arange(25))
    # fit's own X is one more pool: none of its rows is known to be labeled.
    _check_rows(sampler.query(X, 30), 30, np.arange(N_ROWS))
    with pytest.raises(ValueError, match=r"n_instances=26 .* 25 rows"):
        sampler.query(X_NEW, 26)


def test_a_new_pool_without_a_pool_in_fit(sampler):
    sampler.fit(X[LABELED], Y[LABELED])
    assert len(sampler.pool_rows_) == 0
    _check_rows(sampler.query(X_NEW, 9), 9, np.arange(25))


def test_details(sampler):
    sampler.fit(X, Y)
    rows, details = sampler.query(n_instances=7, return_details=True)
    np.testing.assert_array_equal(rows, sampler.query(n_instances=7))
    np.testing.assert_array_equal(details.rows, rows)
    assert details.scores.shape == (7,)
    assert details.scores.dtype.kind == "f"
    if hasattr(sampler, "score_samples"):
        assert np.isfinite(details.scores).all()
    else:
        assert np.isnan(details.scores).all()


def test_scores(sampler):
    sampler.fit(X, Y)
    if not hasattr(sampler, "score_samples"):
        pytest.skip("has no scores")
    for pool in (X, X_NEW, X_NEW[:1], 1e6 * X_NEW):
        scores = sampler.score_samples(pool)
        assert scores.shape == (len(pool),)
        assert scores.dtype.kind == "f"
        assert np.isfinite(scores).all()
    # A row's score does not hang on its company.
    scores = sampler.score_samples(X_NEW)
    np.testing.assert_allclose(sampler.score_samples(X_NEW[::-1])[::-1], scores, rtol=1e-4)
    np.testing.assert_allclose(sampler.score_samples(X_NEW[3:4]), scores[3:4], rtol=1e-4)


# Seeds, and what must not change


def test_same_seed_same_rows(sampler):
    first = clone(sampler).fit(X, Y)
    np.random.rand(3)
    torch.rand(3)
    second = clone(sampler).fit(X, Y)
    for pool in (None, X_NEW):
        np.testing.assert_array_equal(first.query(pool, 8), second.query(pool, 8))
        np.testing.assert_array_equal(first.query(pool, 8), first.query(pool, 8))
    # A refit is a fit.
    np.testing.assert_array_equal(first.query(n_instances=8), first.fit(X, Y).query(n_instances=8))


def test_other_seed_other_rows(sampler):
    if type(sampler) in map(type, BY_DEFAULT):
        pytest.skip("may draw or not, as its own tests tell")
    drawn = {
        tuple(sampler.set_params(random_state=seed).fit(X, Y).query(n_instances=5))
        for seed in range(5)
    }
    assert len(drawn) == 1 if _is_deterministic(sampler) else len(drawn) > 1


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(3)], ids=["None", "instance"])
def test_other_random_states(sampler, random_state):
    sampler.set_params(random_state=random_state).fit(X, Y)
    _check_rows(sampler.query(n_instances=5), 5, POOL)


def test_fit_and_query_touch_no_global_random_state(sampler):
    before = _global_state()
    sampler.fit(X, Y)
    assert _global_state() == before
    sampler.query(n_instances=5)
    sampler.query(X_NEW, 5)
    if hasattr(sampler, "score_samples"):
        sampler.score_samples(X_NEW)
    assert _global_state() == before


def test_query_changes_nothing(sampler):
    sampler.fit(X, Y)
    before = _state(sampler)
    sampler.query(n_instances=20, return_details=True)
    sampler.query(X_NEW, 5)
    if hasattr(sampler, "score_samples"):
        sampler.score_samples(X_NEW)
    assert _state(sampler) == before


def test_what_query_returns_may_be_changed(sampler):
    sampler.fit(X, Y)
    before = _state(sampler)
    rows, details = sampler.query(n_instances=len(POOL) // 2, return_details=True)
    expected = rows.copy()
    rows[:] = details.scores[:] = 0
    assert _state(sampler) == before
    np.testing.assert_array_equal(sampler.query(n_instances=len(expected)), expected)


def test_x_and_y_are_not_touched(sampler):
    my_X, my_y, my_new = X.copy(), Y.copy(), X_NEW.copy()
    sampler.fit(my_X, my_y).query(n_instances=5)
    sampler.query(my_new, 5)
    np.testing.assert_array_equal(my_X, X)
    np.testing.assert_array_equal(my_y, Y)
    np.testing.assert_array_equal(my_new, X_NEW)


def test_parameters_are_not_touched(sampler):
    before = joblib.hash(sampler.get_params())
    sampler.fit(X, Y).query(n_instances=5)
    assert joblib.hash(sampler.get_params()) == before


def test_threads(sampler):
    drawn, scores = [], []
    for limit in (1, 2):
        with threadpool_limits(limit):
            fitted = clone(sampler).fit(X, Y)
            drawn.append(fitted.query(n_instances=10))
            if hasattr(fitted, "score_samples"):
                scores.append(fitted.score_samples(X_NEW))
    np.testing.assert_array_equal(*drawn)
    if scores:
        np.testing.assert_allclose(*scores, rtol=1e-4)


def test_jobs(sampler):
    names = [name for name in sampler.get_params() if name.split("__")[-1] == "n_jobs"]
    if not any(sampler.get_params()[name] for name in names):
        pytest.skip("uses no jobs")
    drawn = [
        clone(sampler).set_params(**dict.fromkeys(names, n_jobs)).fit(X, Y).query(n_instances=10)
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*drawn)


# Labels


@pytest.mark.parametrize(
    "y",
    [
        np.where(np.isin(np.arange(N_ROWS), LABELED), CLASSES, -1).astype(np.int8),
        np.where(np.isin(np.arange(N_ROWS), LABELED), CLASSES, np.nan),
        np.where(np.isin(np.arange(N_ROWS), LABELED), CLASSES.astype(object), None),
        np.where(np.isin(np.arange(N_ROWS), LABELED), np.array(["a", "b"], object)[CLASSES], None),
        Y.tolist(),
    ],
    ids=["int8", "float", "object", "strings", "list"],
)
def test_every_marker(sampler, y):
    sampler.fit(X, y)
    np.testing.assert_array_equal(sampler.labeled_rows_, LABELED)
    # What the labels look like does not matter.
    np.testing.assert_array_equal(
        sampler.query(n_instances=9), clone(sampler).fit(X, Y).query(n_instances=9)
    )


# Kinds of X


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8, np.int64])
def test_dtypes(sampler, dtype):
    sampler.fit(X.astype(dtype), Y)
    _check_rows(sampler.query(n_instances=9), 9, POOL)
    _check_rows(sampler.query(X_NEW.astype(dtype), 9), 9, np.arange(25))
    if hasattr(sampler, "score_samples"):
        assert np.isfinite(sampler.score_samples(X_NEW.astype(dtype))).all()


def test_layouts(sampler, tmp_path):
    expected = clone(sampler).fit(X, Y).query(n_instances=9)
    expected_new = clone(sampler).fit(X, Y).query(X_NEW, 9)

    def frozen(A):
        A = A.copy()
        A.flags.writeable = False
        return A

    def on_disk(A):
        np.save(tmp_path / "A.npy", A)
        return np.load(tmp_path / "A.npy", mmap_mode="r")

    for layout in (
        np.asfortranarray,
        frozen,
        on_disk,
        np.ndarray.tolist,
        lambda A: np.repeat(A, 2, axis=1)[:, ::2],
        lambda A: A[::-1].copy()[::-1],
    ):
        fitted = clone(sampler).fit(layout(X), Y)
        np.testing.assert_array_equal(fitted.query(n_instances=9), expected)
        np.testing.assert_array_equal(fitted.query(layout(X_NEW), 9), expected_new)


def test_read_only_float32(sampler):
    pool = X.astype(np.float32)
    pool.flags.writeable = False
    labels = Y.copy()
    labels.flags.writeable = False
    sampler.fit(pool, labels)
    _check_rows(sampler.query(n_instances=9), 9, POOL)
    if hasattr(sampler, "score_samples"):
        sampler.score_samples(pool)


@pytest.mark.parametrize(
    "kind", [sp.csr_matrix, sp.csr_array, sp.csc_array, sp.coo_array, sp.dia_array, sp.lil_matrix]
)
def test_sparse(sampler, kind):
    if not _takes_sparse(sampler):
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            sampler.fit(kind(X), Y)
        return
    sampler.fit(kind(X), Y)
    _check_rows(sampler.query(n_instances=9), 9, POOL)
    _check_rows(sampler.query(kind(X_NEW), 9), 9, np.arange(25))
    if hasattr(sampler, "score_samples"):
        scores = sampler.score_samples(kind(X_NEW))
        assert np.isfinite(scores).all()


def test_images(sampler):
    if not _reads_x(sampler):
        pytest.skip("the task model says what it takes")
    flat = clone(sampler).fit(X, Y)
    sampler.fit(X.reshape(-1, 2, 2, 1), Y)
    np.testing.assert_array_equal(sampler.query(n_instances=9), flat.query(n_instances=9))
    pool = X_NEW.reshape(-1, 2, 2, 1)
    np.testing.assert_array_equal(sampler.query(pool, 9), flat.query(X_NEW, 9))
    for shape in [(-1, 2, 1, 2), (-1, 2, 2), (-1, 1, 4, 1)]:
        with pytest.raises(ValueError, match=r"shape|features"):
            sampler.query(X_NEW.reshape(shape))
        if hasattr(sampler, "score_samples"):
            with pytest.raises(ValueError, match=r"shape|features"):
                sampler.score_samples(X_NEW.reshape(shape))


def test_frames(sampler):
    pd = pytest.importorskip("pandas")
    columns = list("abcd")
    frame = pd.DataFrame(X, columns=columns, index=np.arange(N_ROWS)[::-1] + 100)
    new = pd.DataFrame(X_NEW, columns=columns)
    plain = clone(sampler).fit(X, Y)
    # Row numbers count positions; the index says nothing.
    sampler.fit(frame, pd.Series(Y, index=np.arange(N_ROWS)))
    assert sampler.feature_names_in_.tolist() == columns
    np.testing.assert_array_equal(sampler.query(n_instances=9), plain.query(n_instances=9))
    np.testing.assert_array_equal(sampler.query(new, 9), plain.query(X_NEW, 9))
    with pytest.raises(ValueError, match=r"feature names should match"):
        sampler.query(new[columns[::-1]])
    with pytest.raises(ValueError, match=r"feature names should match"):
        sampler.query(new.rename(columns={"a": "z"}))
    if hasattr(sampler, "score_samples"):
        np.testing.assert_allclose(sampler.score_samples(new), plain.score_samples(X_NEW))
        with pytest.raises(ValueError, match=r"feature names should match"):
            sampler.score_samples(new[columns[::-1]])
    # A fit without names forgets those of the last.
    assert not hasattr(sampler.fit(X, Y), "feature_names_in_")


# A scikit-learn estimator like any other


def test_clone(sampler):
    fitted = clone(sampler).fit(X, Y)
    again = clone(fitted)
    assert not hasattr(again, "pool_rows_")
    assert repr(again) == repr(fitted)
    rows = again.fit(X, Y).query(n_instances=5)
    np.testing.assert_array_equal(rows, fitted.query(n_instances=5))


def test_pickle(sampler):
    sampler.fit(X, Y)
    again = pickle.loads(pickle.dumps(sampler))
    for pool in (None, X_NEW):
        np.testing.assert_array_equal(again.query(pool, 9), sampler.query(pool, 9))
    if hasattr(sampler, "score_samples"):
        np.testing.assert_array_equal(again.score_samples(X_NEW), sampler.score_samples(X_NEW))


def test_refit_forgets(sampler):
    expected = clone(sampler).fit(X_NEW, CLASSES[:25]).query(X, 7)
    sampler.fit(X, Y).fit(X_NEW, CLASSES[:25])
    assert len(sampler.pool_rows_) == 0
    np.testing.assert_array_equal(sampler.query(X, 7), expected)
    np.testing.assert_array_equal(
        sampler.fit(X, Y).query(n_instances=7), clone(sampler).fit(X, Y).query(n_instances=7)
    )


def test_last_step_of_a_pipeline(sampler):
    pipeline = make_pipeline(StandardScaler(), clone(sampler)).fit(X, Y)
    scaler = StandardScaler().fit(X)
    sampler.fit(scaler.transform(X), Y)
    np.testing.assert_array_equal(pipeline[-1].query(n_instances=9), sampler.query(n_instances=9))
    rows = pipeline[-1].query(scaler.transform(X_NEW), 9)
    np.testing.assert_array_equal(rows, sampler.query(scaler.transform(X_NEW), 9))
    assert hasattr(pipeline, "score_samples") == hasattr(sampler, "score_samples")
    if hasattr(sampler, "score_samples"):
        np.testing.assert_allclose(
            pipeline.score_samples(X_NEW), sampler.score_samples(scaler.transform(X_NEW))
        )


def test_modal(sampler):
    model = LogisticRegression(max_iter=1000).fit(X[LABELED], Y[LABELED])
    coef = model.coef_.copy()
    learner = SimpleNamespace(X_training=X[LABELED], y_training=Y[LABELED], estimator=model)
    before = _state(sampler)
    pair = sampler(learner, X_NEW, n_instances=6, something_else=True)
    assert type(pair) is tuple
    assert len(pair) == 2
    _check_rows(pair[0], 6, np.arange(25))
    assert pair[1].shape == (6,)
    np.testing.assert_array_equal(sampler(learner, X_NEW, n_instances=6)[0], pair[0])
    assert len(sampler(learner, X_NEW)[0]) == 1
    # Neither the sampler nor the learner's model has changed.
    assert _state(sampler) == before
    assert not hasattr(sampler, "pool_rows_")
    np.testing.assert_array_equal(model.coef_, coef)


# Bad input: an error that names what is wrong, and nothing has changed


@pytest.fixture
def fitted(sampler):
    sampler.fit(X, Y)
    before = _state(sampler)
    yield sampler
    assert _state(sampler) == before


@pytest.mark.parametrize("n_instances", [0, -1, 2.5, 3.0, True, "3", None, [2], np.nan])
def test_n_instances_is_no_count(fitted, n_instances):
    for pool in (None, X_NEW):
        with pytest.raises(ValueError, match=r"n_instances=.* must be an integer of at least 1"):
            fitted.query(pool, n_instances=n_instances)


def test_n_instances_is_more_than_the_pool(fitted):
    with pytest.raises(ValueError, match=r"n_instances=49 .* 48 rows.*48 at most"):
        fitted.query(n_instances=len(POOL) + 1)


@pytest.mark.parametrize("number", [100, 2.5, np.int64(3)])
def test_the_count_in_place_of_x(fitted, number):
    with pytest.raises(TypeError, match=r"query\(n_instances="):
        fitted.query(number)


def test_feature_count(fitted):
    for pool in (X_NEW[:, :3], np.hstack([X_NEW, X_NEW])):
        with pytest.raises(ValueError, match=r"features.*expecting 4 features"):
            fitted.query(pool)
        if hasattr(fitted, "score_samples"):
            with pytest.raises(ValueError, match=r"features.*expecting 4 features"):
                fitted.score_samples(pool)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_x_is_not_finite(fitted, value):
    if get_tags(fitted).input_tags.allow_nan:
        pytest.skip("does not look at the values")
    bad = X.copy()
    bad[LABELED[0], 1] = value
    with pytest.raises(ValueError, match="Input X contains"):
        fitted.fit(bad, Y)
    with pytest.raises(ValueError, match="Input X contains"):
        fitted.query(np.full((9, N_FEATURES), value))


def test_lengths(fitted):
    with pytest.raises(ValueError, match="y has 59 rows, but X has 60"):
        fitted.fit(X, Y[1:])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.where(Y < 0, "", "a"), r"y has the fixed-width string dtype.*y\.astype\(object\)"),
        (Y.astype(float), r"y is of dtype float64.*y\.astype\(int\)"),
        (np.column_stack([Y, CLASSES]), "y is known in part"),
        (np.zeros((N_ROWS, 2, 2), dtype=int), "y must have one or two dimensions"),
        (np.full(N_ROWS, 1j), "Complex data not supported"),
    ],
    ids=["strings", "ambiguous", "in part", "3-d", "complex"],
)
def test_bad_y(fitted, y, message):
    with pytest.raises(ValueError, match=message):
        fitted.fit(X, y)


@pytest.mark.parametrize("y", [np.full(N_ROWS, -1), np.full(N_ROWS, np.nan), np.full(N_ROWS, None)])
def test_no_labeled_row(fitted, y):
    if not _needs_labels(fitted):
        fresh = clone(fitted).fit(X, y)
        _check_rows(fresh.query(n_instances=9), 9, np.arange(N_ROWS))
        return
    with pytest.raises(ValueError, match=r"y has no labeled row.*RandomSampler"):
        fitted.fit(X, y)


def test_no_unlabeled_row(sampler):
    for y in (CLASSES, None):
        if y is None and not _reads_x(sampler):
            continue  # the task model cannot learn without labels
        sampler.fit(X, y)
        before = _state(sampler)
        with pytest.raises(ValueError, match=r"pool is empty.*-1, NaN or None in y"):
            sampler.query()
        assert _state(sampler) == before


def test_scores_need_unlabeled_rows(sampler):
    if not isinstance(sampler, DiscriminativeSampler):
        pytest.skip("its scores, if any, do not need them")
    sampler.fit(X, CLASSES)
    assert not hasattr(sampler, "score_samples")
    with pytest.raises(AttributeError, match="score_samples"):
        sampler.score_samples(X)


def test_not_fitted(sampler):
    with pytest.raises(NotFittedError):
        sampler.query()
    with pytest.raises(NotFittedError):
        sampler.query(X_NEW)
    if hasattr(sampler, "score_samples"):
        with pytest.raises(NotFittedError):
            sampler.score_samples(X_NEW)


def test_a_value_that_no_parameter_takes(sampler):
    for name in sampler.get_params(deep=False):
        fresh = clone(sampler).set_params(**{name: [object()]})
        with pytest.raises((ValueError, TypeError), match=name):
            fresh.fit(X, Y)
        assert not hasattr(fresh, "pool_rows_")


def test_a_failed_refit_leaves_the_sampler_as_it_was(sampler):
    sampler.fit(X, Y)
    before, rows = _state(sampler), sampler.query(n_instances=7)
    bad_pairs = [(X[:, 0], Y), (X, Y[:-1]), (np.full_like(X, np.nan), Y), (X[:0], Y[:0])]
    if get_tags(sampler).input_tags.allow_nan:
        del bad_pairs[2]
    for bad_X, bad_y in bad_pairs:
        with pytest.raises(ValueError):  # noqa: PT011
            sampler.fit(bad_X, bad_y)
        assert _state(sampler) == before
    np.testing.assert_array_equal(sampler.query(n_instances=7), rows)
