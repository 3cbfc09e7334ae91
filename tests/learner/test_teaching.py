"""What a learner accepts as rows and labels, and that it stays as it was where it does not."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_array_equal
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.naive_bayes import BernoulliNB, GaussianNB

from skdal import ActiveLearner, RandomSampler
from skdal.learner.teaching import as_rows, joined, known_rows
from tests.learner._shared import LABELED, NAMES, TRUTH, X, Y

IMAGES = np.round(X * 30).astype(np.uint8)
FRAME = pd.DataFrame(X, columns=list("abcd"))
TARGET = X[:, 0]


def fitted(model=None, X=X, y=Y, **params):
    model = GaussianNB() if model is None else model
    return ActiveLearner(model, RandomSampler(), random_state=0, **params).fit(X, y)


def refused(learner, X, y, message, error=ValueError):
    learner.query(n_instances=4)
    before = joblib.hash(vars(learner))
    with pytest.raises(error, match=message):
        learner.teach(X, y)
    assert joblib.hash(vars(learner)) == before


def read_only(rows):
    rows = np.array(rows)
    rows.flags.writeable = False
    return rows


# Row numbers


@pytest.mark.parametrize(
    "rows",
    [
        [1, 2],
        (1, 2),
        range(1, 3),
        [np.int64(1), 2],
        np.array([1, 2], dtype=np.uint8),
        np.array([1, 2], dtype=np.uint64),
        np.array([1, 2], dtype=object),
        np.array([1, 7, 2])[::2],
        read_only([1, 2]),
        pd.Series([1, 2], index=[8, 9]),
        pd.Series([1, 2], dtype="Int64"),
        pd.Index([1, 2]),
        torch.tensor([1, 2]),
    ],
    ids=lambda rows: type(rows).__name__ + str(getattr(rows, "dtype", "")),
)
def test_integers_in_one_dimension_are_row_numbers(rows):
    learner = fitted().teach(rows, [0, 0])
    assert_array_equal(learner.labeled_rows_, [*LABELED, 1, 2])
    assert learner.labeled_rows_.dtype == np.arange(1).dtype
    assert_array_equal(learner._X, X)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([150], "row 150, but X has the rows 0 to 149.*two dimensions"),
        ([-1], "row -1, but X has the rows"),
        ([2**70], "row 1180591620717411303424, but X has the rows"),
        (np.array([2**64 - 1], dtype=np.uint64), "row 18446744073709551615, but X has the rows"),
        ([3, 3], "row 3 twice; name every row once"),
        ([int(LABELED[2])], rf"row {LABELED[2]}, which is labeled already. To correct a label"),
        ([], "teach got no rows"),
        (np.empty(0, dtype=int), "teach got no rows"),
        (X[:0], "teach got no rows"),
        (Y == -1, r"teach got a mask; .*np.flatnonzero\(mask\)"),
        ([True, False], "teach got a mask"),
        ([1.0, 2.0], r"shape \(2,\) and dtype float64. Row numbers are"),
        (X[1], r"shape \(4,\) and dtype float64.*X_new.reshape\(1, -1\)"),
        (FRAME.iloc[1], r"X_new.reshape\(1, -1\)"),
        (IMAGES[5], "row .*, but X has the rows|twice"),
        (7, r"shape \(\) and dtype int64.*such as \[7\]"),
        (np.int64(7), r"shape \(\).*such as \[7\]"),
        (np.array(7), r"shape \(\).*such as \[7\]"),
        (torch.tensor(7), r"shape \(\).*such as \[7\]"),
        (None, r"shape \(\).*such as \[7\]"),
        ("7", r"shape \(\).*such as \[7\]"),
        ({7}, r"shape \(\).*such as \[7\]"),
        ((row for row in [7]), r"shape \(\).*such as \[7\]"),
        (pd.Series([1, None], dtype="Int64"), "dtype float64|dtype object|features"),
    ],
)
def test_row_numbers_that_are_refused(rows, message):
    n_rows = len(rows) if hasattr(rows, "__len__") and np.ndim(rows) else 1
    refused(fitted(), rows, np.zeros(n_rows, dtype=int), message)


def test_what_is_rows_and_what_are_row_numbers():
    assert as_rows(X) is None
    assert as_rows(X[:2].tolist()) is None
    assert as_rows(["a text"]) is None
    assert as_rows(("a text",)) is None
    assert as_rows(sp.csr_array(X)) is None
    assert as_rows([{"a": 1}]) is None
    assert as_rows([[1, 2, 3, 4]]) is None
    assert as_rows(IMAGES[:1]) is None
    assert as_rows(np.array([True, False], dtype=object)) is None
    assert_array_equal(as_rows([3, 1]), [3, 1])


# New rows


@pytest.mark.parametrize(
    ("pool", "model"),
    [
        (X, GaussianNB()),
        (IMAGES, GaussianNB()),
        (X.tolist(), GaussianNB()),
        (FRAME, GaussianNB()),
        (sp.csr_array(X), BernoulliNB()),
    ],
    ids=["array", "uint8", "list", "frame", "csr"],
)
@pytest.mark.parametrize(
    "kind",
    [
        np.array,
        read_only,
        np.asfortranarray,
        np.ndarray.tolist,
        lambda rows: list(rows),
        lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
        lambda rows: pd.DataFrame(rows, columns=list("abcd"), index=[70, 80]),
        sp.csr_array,
        sp.coo_matrix,
        torch.tensor,
    ],
    ids=["array", "read-only", "F", "lists", "arrays", "strided", "frame", "csr", "coo", "tensor"],
)
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
def test_new_rows_of_any_kind(pool, model, kind):
    values = np.asarray(pool.toarray() if sp.issparse(pool) else pool)
    learner = fitted(model, X=pool).teach(kind(values[4:6]), [0, 0])
    assert type(learner._X) is type(pool)
    assert_array_equal(learner.labeled_rows_[-2:], [150, 151])
    expected = np.concatenate([values, values[4:6]])
    below = learner._X.toarray() if sp.issparse(learner._X) else np.asarray(learner._X)
    assert_array_equal(below, expected)
    if isinstance(pool, np.ndarray) and kind is not np.ndarray.tolist:
        assert learner._X.dtype == pool.dtype
    labels = [*TRUTH[LABELED], 0, 0]
    known = model.fit(expected[learner.labeled_rows_], labels).predict_proba(values)
    np.testing.assert_allclose(learner.predict_proba(pool), known)


def test_new_rows_stay_in_the_precision_of_the_pool():
    learner = fitted(X=X.astype(np.float32)).teach(X[1:3], [0, 0])
    assert learner._X.dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (X[1:3, :3], "X has 3 features, but ActiveLearner is expecting 4"),
        (X[1:3].reshape(2, 2, 2), "X has 2 features"),
        (X[1:3, :, None], r"shape \(4, 1\), those of X \(4,\).*reshape\(1, -1\)"),
        (np.array([list("abcd")] * 2), "dtype <U1, those of X float64; pass numbers"),
        (np.array([[None] * 4] * 2), "dtype object, those of X float64; pass numbers"),
        ([[1.0, 2.0, 3.0, 4.0], [1.0]], "inhomogeneous"),
        (sp.csr_array(X[1:3, :3]), "X has 3 features"),
        (["some", "texts"], "dtype <U5, those of X|features"),
    ],
)
def test_new_rows_that_are_refused(rows, message):
    refused(fitted(), rows, [0, 0], message)


# Labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0], "y has 1 rows, but X has 2; they must be as many"),
        ([0, 0, 0], "y has 3 rows, but X has 2"),
        ([], "y has 0 rows, but X has 2"),
        (None, "y=None: every label must be known"),
        (0, "is no array of labels; pass one a row"),
        (np.int64(0), "is no array of labels"),
        ("ab", "is no array of labels"),
        ({0, 1}, "is no array of labels"),
        ([0, -1], r"marks 1 rows as unlabeled .*row 1, .*Leave those rows out. If -1 is a class"),
        ([0, None], "Leave those rows out"),
        ([0, np.nan], "Leave those rows out"),
        (["a", np.nan], "Leave those rows out"),
        (pd.Series([0, None], dtype="Int64"), "Leave those rows out"),
        ([0.0, -1.0], "may be a marker or a value"),
        ([0, 0.5], "continuous"),
        ([0, np.inf], "infinity"),
        ([0, 1j], "Complex data not supported"),
        (["a", "b"], "The labels so far are like 0, those in y like 'a'; give strings or numbers"),
        ([[0, 1], [1, 0]], r"y has the shape \(2, 2\), but the labels so far \(10,\)"),
        ([[0], [1, 2]], "y has rows of different lengths; give every row as many outputs"),
        (np.zeros((2, 2, 2), dtype=int), "one or two dimensions"),
        ([{}, {}], "unknown"),
        (np.array(["2020-01-01"] * 2, dtype="M8[D]"), "y has dtype datetime64"),
    ],
)
@pytest.mark.parametrize("rows", [[1, 2], X[1:3]], ids=["numbers", "rows"])
def test_classes_that_are_refused(rows, labels, message):
    refused(fitted(), rows, labels, message)


def test_bytes_are_refused():
    refused(fitted(), [1, 2], [b"a", b"b"], "bytes", TypeError)


def test_numbers_after_strings():
    learner = fitted(y=np.where(Y == -1, None, NAMES))
    refused(learner, [1, 2], [0, 1], "so far are like 'setosa', those in y like 0")
    refused(learner, [1, 2], ["setosa", 1], "y holds strings and other labels")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.5, np.inf], "Input y contains infinity"),
        (np.array([0.5, -np.inf]), "Input y contains infinity"),
        (pd.Series([0.5, np.inf]), "Input y contains infinity"),
        (np.array([0.5, np.inf], dtype=object), "Input y contains infinity"),
        ([0.5, np.nan], r"Leave those rows out\.$"),
        ([0.5, None], "Leave those rows out"),
        ([0, -1], r"If -1 is a value, pass y.astype\(float\)"),
        (["a", "b"], "y holds 'a', but Ridge is a regressor; pass numbers"),
        ([[0.5, 1.0], [0.5, 1.0]], "y has the shape"),
    ],
)
@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_values_that_are_refused(cold, labels, message):
    if cold and np.ndim(labels) == 2:
        pytest.skip("the first labels say how many outputs there are")
    y = np.full(150, np.nan) if cold else np.where(Y == -1, np.nan, TARGET)
    refused(fitted(Ridge(), y=y), [1, 2], labels, message)


@pytest.mark.parametrize(
    "labels", [[[1.5, np.nan], [1.0, 2.0]], pd.DataFrame({"a": [1.5, 1.0], "b": [None, 2.0]})]
)
def test_outputs_that_are_known_in_part(labels):
    both = np.where((Y == -1)[:, None], np.nan, X[:, :2])
    refused(fitted(LinearRegression(), y=both), [1, 2], labels, "every label must be known")


def test_labels_are_read_by_position():
    learner = fitted().teach([1, 61], pd.Series([0, 1], index=[61, 1]))
    assert_array_equal(learner.labels_[-2:], [0, 1])


def test_what_was_taught_may_be_changed():
    labels, rows = np.array([0, 1]), np.array([1, 61])
    learner = fitted().teach(rows, labels)
    before = joblib.hash(vars(learner))
    labels[:] = rows[:] = 2
    assert joblib.hash(vars(learner)) == before


# New classes


@pytest.mark.parametrize(("y", "new"), [(Y, 7), (np.where(Y == -1, None, NAMES), "seven")])
def test_a_new_class_is_told_and_learned(y, new):
    learner = fitted(y=y)
    with pytest.warns(UserWarning, match=rf"teach got {new!r}, unknown so far; known are") as told:
        learner.teach([1, 2], [new, new])
    assert told[0].filename == __file__
    assert new in learner.classes_
    assert np.isin(learner.predict(X[1:3]), new).all()
    learner.teach([3], [new])


def test_after_a_cold_start_new_classes_are_expected():
    learner = fitted(y=np.full(len(X), -1))
    learner.teach([0, 60], [0, 1])
    assert hasattr(learner, "estimator_")
    learner.teach([120], [2])  # a warning would be an error
    assert_array_equal(learner.classes_, [0, 1, 2])


def test_a_warning_that_is_an_error_changes_nothing(tmp_path):
    learner = fitted(labels_path=tmp_path / "labels.json")
    learner.query()
    before, text = joblib.hash(vars(learner)), (tmp_path / "labels.json").read_text()
    with pytest.raises(UserWarning, match="unknown so far"):
        learner.teach([1], [7])
    assert joblib.hash(vars(learner)) == before
    assert (tmp_path / "labels.json").read_text() == text


def test_many_new_classes_are_not_all_listed():
    learner = fitted()
    with pytest.warns(UserWarning, match=r"got 3, 4, .*12, \.\.\., unknown"):
        learner.teach(np.delete(np.arange(60), LABELED[:4]), np.repeat(np.arange(3, 17), 4))


def test_nothing_is_new_in_regression_or_after_a_cold_start():
    fitted(Ridge(), y=np.where(Y == -1, np.nan, TARGET)).teach([1], [99.5])
    learner = fitted(y=np.full(150, -1))
    learner.teach([0], [0])
    learner.teach([60], [1])
    assert_array_equal(learner.classes_, [0, 1])


def test_new_rows_and_weights_do_not_go_together():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = Ridge().set_fit_request(sample_weight=True)
        learner = ActiveLearner(model, RandomSampler(), random_state=0)
        learner.fit(X, np.where(Y == -1, np.nan, TARGET), sample_weight=np.ones(150))
        refused(learner, X[1:3], [0.5, 0.5], r"fit got \['sample_weight'\].*teach row numbers")
        learner.teach([1, 2], [0.5, 0.5])


def test_new_rows_and_a_file_do_not_go_together(tmp_path):
    path = tmp_path / "labels.json"
    learner = fitted(labels_path=path)
    refused(learner, X[1:3], [0, 0], r"labels_path=.*labels.json.*labels_path=None")


# The parts


def test_labels_are_joined_in_one_dtype():
    model = GaussianNB()
    for old, new, expected in [
        (np.array([0, 1]), np.array([1.0]), [0, 1, 1]),
        (np.array([0, 1]), np.array([True]), [0, 1, 1]),
        (np.array([0, 1], dtype=np.uint8), np.array([300]), [0, 1, 300]),
        (np.array([False, True]), np.array([2]), [0, 1, 2]),
        (np.array(["a"]), np.array(["longer"]), ["a", "longer"]),
        (np.array([]), np.array(["longer"]), ["longer"]),
    ]:
        assert joined(model, old, new).tolist() == expected
    assert joined(Ridge(), np.array([1, 2]), np.array([0.5])).tolist() == [1, 2, 0.5]


def test_which_rows_are_known():
    for model, y, expected in [
        (Ridge(), [1.0, -1.0, np.nan], [1, 1, 0]),
        (Ridge(), [1, -1, 2], [1, 0, 1]),
        (Ridge(), pd.Series([1.0, -1.0, None], dtype="Float64"), [1, 1, 0]),
        (Ridge(), [[1.0, -1.0], [np.nan, np.nan]], [1, 0]),
        (Ridge(), pd.DataFrame([[1.0, -1.0], [np.nan, np.nan]]), [1, 0]),
        (GaussianNB(), ["a", np.nan], [1, 0]),
        (GaussianNB(), ["a", "b"], [1, 1]),
        (GaussianNB(), np.array(["a", "-1"], dtype=object), [1, 1]),
        (GaussianNB(), pd.Series(["a", None]), [1, 0]),
    ]:
        assert known_rows(model, y, len(expected)).tolist() == [bool(known) for known in expected]
    with pytest.raises(ValueError, match=r"y holds 'nan' as a string of fixed width \(<U32\)"):
        known_rows(GaussianNB(), np.array(["a", np.nan]), 2)
    with pytest.raises(ValueError, match="known in part in row 0"):
        known_rows(Ridge(), [[1.0, np.nan], [1.0, 1.0]], 2)
    with pytest.raises(ValueError, match=r"y holds '' as a string .*dtype=object"):
        known_rows(GaussianNB(), np.array(["a", ""]), 2)


def test_where_to_correct_a_label(tmp_path):
    path = tmp_path / "labels.json"
    for labels_path, place in ((None, "y"), (path, r"labels_path='.*labels.json'")):
        learner = ActiveLearner(GaussianNB(), RandomSampler(), labels_path=labels_path).fit(X, Y)
        row = int(learner.query()[0])
        with pytest.warns(UserWarning, match=rf"a slip, correct it in {place}, and call fit"):
            learner.teach([row], [7])
        with pytest.raises(ValueError, match=rf"change it in {place}, and call fit again"):
            learner.teach([row], [1])
        # This one is in y alone.
        with pytest.raises(ValueError, match="change it in y, and call fit again"):
            learner.teach([LABELED[0]], [1])


def test_a_pool_beside_a_file_is_refused_before_it_is_labeled(tmp_path):
    path = tmp_path / "labels.json"
    learner = ActiveLearner(GaussianNB(), RandomSampler(), labels_path=path).fit(X, Y)
    with pytest.raises(ValueError, match=r"labels_path=.* keeps labels by row number.*X_pool"):
        learner.query(X[:5])
    assert not path.exists()
