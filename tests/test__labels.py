from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import DataConversionWarning

from skdal._labels import hide, labeled_mask, labeled_values

NAN = float("nan")


def _mask(y):
    return labeled_mask(y, len(y)).tolist()


def _objects(*values):
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_integers(dtype):
    mask = labeled_mask(np.array([0, -1, 1, -2, -1], dtype=dtype), 5)
    assert mask.dtype == bool
    assert mask.tolist() == [True, False, True, True, False]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_unsigned_integers_hold_no_marker(dtype):
    y = np.array([0, np.iinfo(dtype).max], dtype=dtype)
    assert _mask(y) == [True, True]


def test_bools_hold_no_marker():
    assert _mask(np.array([True, False])) == [True, True]
    assert _mask([True, False]) == [True, True]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats(dtype):
    assert _mask(np.array([0.5, NAN, -1, 2], dtype=dtype)) == [True, False, True, True]


def test_float_minus_one_is_a_value_next_to_nan_or_a_fraction():
    assert _mask([-1.0, NAN, 2.0]) == [True, False, True]
    assert _mask([-1.0, 0.5, 2.0]) == [True, True, True]
    assert _mask([0.0, 1.0, 2.0]) == [True, True, True]


@pytest.mark.parametrize("y", [[-1.0, 0.0, 1.0], [-1.0], [[-1.0, 2.0], [0.0, 1.0]]])
def test_ambiguous_floats(y):
    with pytest.raises(ValueError, match=r"y is of dtype float64.*y\.astype\(int\).*NaN"):
        labeled_mask(np.array(y), len(y))


def test_cures_of_ambiguous_floats():
    y = np.array([-1.0, 0.0, 1.0])
    assert _mask(y.astype(int)) == [False, True, True]
    assert _mask(y.astype(object)) == [True, True, True]


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (-1, False),
        (np.int8(-1), False),
        (np.int64(-1), False),
        (None, False),
        (NAN, False),
        (np.float32("nan"), False),
        (np.datetime64("NaT"), False),
        (-1.0, True),
        ("-1", True),
        ("", True),
        ("nan", True),
        (True, True),
        (0, True),
        (np.inf, True),
        ((1, 2), True),
    ],
)
def test_objects(value, known):
    assert _mask(_objects("a", value)) == [True, known]


def test_lists():
    assert _mask([0, None, 1]) == [True, False, True]
    assert _mask(["a", None, "b"]) == [True, False, True]
    assert _mask([0, -1, 1]) == [True, False, True]
    assert _mask([0.5, NAN]) == [True, False]


@pytest.mark.parametrize("y", [["a", "b"], [b"a", b"b"], np.array(["a", "-1"])])
def test_fixed_width_strings_are_refused(y):
    with pytest.raises(ValueError, match=r"y has the fixed-width string dtype.*astype\(object\)"):
        labeled_mask(y, 2)


def test_string_dtype_of_numpy():
    y = np.array(["a", "b"], dtype=np.dtypes.StringDType())
    assert _mask(y) == [True, True]
    for marker in (None, NAN):
        y = np.array(["a", marker, "b"], dtype=np.dtypes.StringDType(na_object=marker))
        assert _mask(y) == [True, False, True]
        assert labeled_values(y, labeled_mask(y, 3)).tolist() == ["a", "b"]


@pytest.mark.parametrize("dtype", ["datetime64[s]", "V2"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match="y has dtype"):
        labeled_mask(np.zeros(2, dtype=dtype), 2)


def test_complex_is_refused_in_the_words_of_scikit_learn():
    with pytest.raises(ValueError, match="Complex data not supported"):
        labeled_mask(np.zeros(2, dtype=complex), 2)


def test_none_labels_every_row():
    assert labeled_mask(None, 3).tolist() == [True, True, True]


def test_length():
    with pytest.raises(ValueError, match="y has 2 rows, but X has 3"):
        labeled_mask([0, 1], 3)


@pytest.mark.parametrize("y", [np.array(3), np.zeros((2, 2, 2), dtype=int)])
def test_dimensions(y):
    with pytest.raises(ValueError, match="y must have one or two dimensions"):
        labeled_mask(y, 2)


def test_column_vector_is_flattened_with_scikit_learns_warning():
    y = np.array([[0], [-1], [1]])
    with pytest.warns(DataConversionWarning, match="column-vector"):
        mask = labeled_mask(y, 3)
    assert mask.tolist() == [True, False, True]
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert labeled_values(y, mask).tolist() == [0, 1]


def test_several_outputs():
    assert _mask(np.array([[0, 1], [-1, -1], [2, 0]])) == [True, False, True]
    assert _mask(np.array([[0.5, 1], [NAN, NAN]])) == [True, False]
    y = np.array([["a", "b"], [None, None]], dtype=object)
    mask = labeled_mask(y, 2)
    assert mask.tolist() == [True, False]
    assert labeled_values(y, mask).tolist() == [["a", "b"]]


@pytest.mark.parametrize(
    "y", [np.array([[0, 1], [0, -1], [-1, 0]]), np.array([[0.5, 0], [NAN, 1], [1, NAN]])]
)
def test_labeled_in_part(y):
    with pytest.raises(ValueError, match="y is known in part in row 1 and 1 others"):
        labeled_mask(y, 3)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "bcd"], "U"),
        ([0, 3], "i"),
        ([0.5, 3.0], "f"),
        ([True, False], "b"),
        ([b"a", b"b"], "S"),
    ],
)
@pytest.mark.parametrize("marker", [None, NAN, -1])
def test_objects_come_back_in_their_own_dtype(values, kind, marker):
    y = _objects(values[0], marker, values[1])
    known = labeled_values(y, labeled_mask(y, 3))
    assert known.dtype.kind == kind
    assert known.tolist() == values


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.float32, bool])
def test_other_dtypes_stay(dtype):
    y = np.array([0, 1, 1], dtype=dtype)
    known = labeled_values(y, np.array([True, False, True]))
    assert known.dtype == dtype
    assert known.tolist() == [0, 1]


def test_no_known_value():
    y = _objects(None, None)
    assert len(labeled_values(y, labeled_mask(y, 2))) == 0


def test_the_labels_are_not_touched():
    y = _objects("a", None, "b")
    copy = y.copy()
    labeled_values(y, labeled_mask(y, 3))[:] = "z"
    assert y.tolist() == copy.tolist()


def _hide(y, rows):
    return hide(y[rows], rows, len(y))


class TestHide:
    def test_floats(self):
        y = np.array([1, 2, 3], dtype=np.float32)
        hidden = _hide(y, np.array([2, 0]))
        assert hidden.dtype == np.float32
        np.testing.assert_array_equal(hidden, np.array([1, NAN, 3], dtype=np.float32))

    @pytest.mark.parametrize("y", [np.array([-1, 1, 2]), np.array(["a", "bc", "d"])])
    def test_others(self, y):
        hidden = _hide(y, np.array([1, 2]))
        assert hidden.dtype == object
        assert hidden.tolist() == [None, *y[1:].tolist()]

    def test_several_outputs(self):
        hidden = _hide(np.array([[1, 2], [3, 4]]), np.array([1]))
        assert hidden.tolist() == [[None, None], [3, 4]]
        assert _mask(hidden) == [False, True]

    @pytest.mark.parametrize(
        "y", [np.array([0.5, -1, 2]), np.array([0, 1, 2]), np.array(list("abc"))]
    )
    def test_round_trip(self, y):
        hidden = _hide(y, np.array([2, 1]))
        mask = labeled_mask(hidden, 3)
        assert mask.tolist() == [False, True, True]
        known = labeled_values(hidden, mask)
        assert known.dtype.kind == y.dtype.kind
        np.testing.assert_array_equal(known, y[1:])

    def test_all_known(self):
        y = np.array([-1.0, 1, 2])
        hidden = _hide(y, np.arange(3))
        assert labeled_mask(hidden, 3).all()
        np.testing.assert_array_equal(labeled_values(hidden, np.ones(3, bool)), y)

    def test_y_is_not_touched(self):
        y = np.array([0.5, 1, 2])
        _hide(y, np.array([0]))[:] = 9
        assert y.tolist() == [0.5, 1, 2]


class TestPandas:
    @pytest.fixture
    def pd(self):
        return pytest.importorskip("pandas")

    def _check(self, y, mask, values, kind):
        found = labeled_mask(y, len(y))
        assert found.tolist() == mask
        known = labeled_values(y, found)
        assert isinstance(known, np.ndarray)
        assert known.dtype.kind == kind
        assert known.tolist() == values

    def test_numpy_dtypes(self, pd):
        index = [7, 5, 9]
        self._check(pd.Series([0, -1, 2], index=index), [True, False, True], [0, 2], "i")
        self._check(pd.Series([0.5, NAN, 2], index=index), [True, False, True], [0.5, 2], "f")
        self._check(pd.Series(["a", None, "b"], dtype=object), [True, False, True], ["a", "b"], "U")

    def test_nullable_integers(self, pd):
        y = pd.Series([0, None, -1, 3], dtype="Int64")
        self._check(y, [True, False, False, True], [0, 3], "i")

    def test_nullable_floats(self, pd):
        y = pd.Series([0.5, None, -1, 3], dtype="Float64")
        self._check(y, [True, False, True, True], [0.5, -1, 3], "f")

    def test_nullable_bools(self, pd):
        y = pd.Series([True, None, False], dtype="boolean")
        self._check(y, [True, False, True], [True, False], "b")

    @pytest.mark.parametrize("marker", [None, NAN])
    def test_strings(self, pd, marker):
        y = pd.Series(["a", marker, "b"], dtype="string")
        self._check(y, [True, False, True], ["a", "b"], "U")

    def test_inferred_strings(self, pd):
        self._check(pd.Series(["a", None, "b"]), [True, False, True], ["a", "b"], "U")

    def test_categories(self, pd):
        y = pd.Series(["a", None, "b"], dtype="category")
        self._check(y, [True, False, True], ["a", "b"], "U")
        y = pd.Series([4, None, 6], dtype=pd.CategoricalDtype([4, 6]))
        self._check(y, [True, False, True], [4, 6], "i")

    def test_na_in_objects(self, pd):
        y = np.array(["a", pd.NA, pd.NaT, "b"], dtype=object)
        self._check(y, [True, False, False, True], ["a", "b"], "U")

    def test_frames(self, pd):
        y = pd.DataFrame({"a": [0.5, NAN], "b": [1.0, NAN]})
        self._check(y, [True, False], [[0.5, 1]], "f")
        y = pd.DataFrame({"a": [1, None], "b": [2, None]}, dtype="Int64")
        self._check(y, [True, False], [[1, 2]], "i")
        with pytest.raises(ValueError, match="in part in row 1"):
            labeled_mask(pd.DataFrame({"a": [1, None], "b": [2, 3]}, dtype="Int64"), 2)

    def test_frame_of_one_column(self, pd):
        with pytest.warns(DataConversionWarning, match="column-vector"):
            mask = labeled_mask(pd.DataFrame({"a": [1, None, 2]}, dtype="Int64"), 3)
        assert mask.tolist() == [True, False, True]

    def test_arrays_and_indexes(self, pd):
        self._check(pd.array([1, None, 2], dtype="Int64"), [True, False, True], [1, 2], "i")
        self._check(pd.Categorical(["a", None, "b"]), [True, False, True], ["a", "b"], "U")
        self._check(pd.Index([1, -1, 2]), [True, False, True], [1, 2], "i")

    def test_ambiguous(self, pd):
        with pytest.raises(ValueError, match="may be"):
            labeled_mask(pd.Series([-1.0, 1.0]), 2)
