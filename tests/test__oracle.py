from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LinearRegression, LogisticRegression

from skdal._oracle import given_labels, is_text, plain_labels

CLASSIFIER, REGRESSOR = LogisticRegression(), LinearRegression()


def given(model, y, n_rows=None):
    return given_labels(model, y, len(y) if n_rows is None else n_rows, cure="Leave them out.")


@pytest.mark.parametrize(
    ("model", "y", "expected", "kind"),
    [
        (CLASSIFIER, [0, 1], [0, 1], "i"),
        (CLASSIFIER, ["a", "b"], ["a", "b"], "U"),
        (CLASSIFIER, np.array(["a", "-1"], dtype=object), ["a", "-1"], "U"),
        (CLASSIFIER, ["a", "-1"], ["a", "-1"], "U"),
        (CLASSIFIER, np.array(["nan", "b"], dtype=object), ["nan", "b"], "U"),
        (CLASSIFIER, [True, False], [True, False], "b"),
        (CLASSIFIER, [[0, 1], [1, 1]], [[0, 1], [1, 1]], "i"),
        (CLASSIFIER, pd.Series(["a", "b"], dtype="category"), ["a", "b"], "U"),
        (CLASSIFIER, pd.Series([0, 1], dtype="Int64"), [0, 1], "i"),
        (CLASSIFIER, pd.Series(["a", "b"], index=[1, 0]), ["a", "b"], "U"),
        (REGRESSOR, [-1.0, 2.0], [-1, 2], "f"),
        (REGRESSOR, np.array([-1.0, 2.0], dtype=np.float32), [-1, 2], "f"),
        (REGRESSOR, pd.Series([-1.0, 2.0]), [-1, 2], "f"),
        (REGRESSOR, pd.Series([-1.0, 2.0], dtype="Float64"), [-1, 2], "f"),
        (REGRESSOR, pd.DataFrame({"a": [-1.0, 2.0], "b": [0.0, -1.0]}), [[-1, 0], [2, -1]], "f"),
        (REGRESSOR, np.array([2.5, 3], dtype=object), [2.5, 3], "f"),
        (REGRESSOR, [2, 3], [2, 3], "i"),
        (REGRESSOR, [], [], "f"),
        (REGRESSOR, np.empty((0, 2)), np.empty((0, 2)), "f"),
    ],
    ids=str,
)
def test_labels_in_the_dtype_that_they_have(model, y, expected, kind):
    labels = given(model, y)
    assert_array_equal(labels, expected)
    assert labels.dtype.kind == kind


def test_they_are_a_copy():
    y = np.array([0, 1])
    given(CLASSIFIER, y)[:] = 7
    assert_array_equal(y, [0, 1])


@pytest.mark.parametrize("model", [CLASSIFIER, REGRESSOR])
@pytest.mark.parametrize("y", [[0, -1], [0.5, np.nan], [0, None], pd.Series([0, pd.NA])])
def test_every_label_must_be_known(model, y):
    with pytest.raises(ValueError, match=r"y marks 1 rows .*row 1, .*Leave them out\."):
        given(model, y)


def test_what_is_infinite_is_no_label():
    for y in ([0.5, np.inf], np.array([0.5, np.inf], dtype=object), pd.Series([0.5, np.inf])):
        with pytest.raises(ValueError, match="y contains infinity"):
            given(REGRESSOR, y)


def test_a_regressor_learns_numbers():
    with pytest.raises(ValueError, match="y holds 'a', but LinearRegression is a regressor"):
        given(REGRESSOR, ["a", "b"])


def test_strings_and_numbers():
    for model in (CLASSIFIER, REGRESSOR):
        with pytest.raises(ValueError, match="y holds strings and other labels"):
            given(model, [1, "a"])


@pytest.mark.parametrize("y", [3, np.array(3), "abc", {1, 2}, (n for n in [1])])
def test_a_label_is_no_array(y):
    with pytest.raises(ValueError, match="is no array of labels"):
        given(CLASSIFIER, y, 1)


def test_rows_of_different_lengths():
    with pytest.raises(ValueError, match="y has rows of different lengths"):
        given(CLASSIFIER, [[0], [0, 1]])


@pytest.mark.parametrize("marker", [np.nan, None, pd.NA, -1])
@pytest.mark.parametrize("kind", ["U", "S"])
def test_a_marker_that_became_a_string(marker, kind):
    y = np.array(["a", str(marker)], dtype=kind)
    with pytest.raises(ValueError, match=rf"y holds b?'{marker}' as a string .* dtype=object"):
        given(CLASSIFIER, y)
    with pytest.raises(ValueError, match="of fixed width"):
        plain_labels(np.column_stack([y, y]))


def test_kinds():
    for y, kind in [
        ([1, 2], "i"),
        ([1.0, None], "O"),
        (["a", np.nan], "O"),
        (np.array(["a"]), "U"),
        (pd.Series([1.0]), "f"),
        (pd.Series([1.0, None], dtype="Float64"), "f"),
        (pd.Series([1, None], dtype="Int64"), "O"),
        (pd.DataFrame({"a": [1.0], "b": [2]}), "O"),
    ]:
        assert plain_labels(y)[1] == kind


def test_text():
    assert is_text(np.array(["a"]))
    assert is_text(np.array([1, "a"], dtype=object))
    assert not is_text(np.array([1, None], dtype=object))
    assert not is_text(np.array([1.5]))
