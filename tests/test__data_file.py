from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdal._data_file import KEYS, OTHER_KEYS
from skdal.datasets import load


def write(path, y, keys=KEYS, **more):
    X = np.arange(2 * len(y)).reshape(-1, 2) / 1.0
    np.savez(path, **{keys[0]: X, keys[1]: y}, **more)
    return path


CLASSES = np.repeat([0, 1, 2], [60, 30, 10])


@pytest.mark.parametrize("keys", [KEYS, OTHER_KEYS])
@pytest.mark.parametrize("test_size", [0.2, 20, np.float32(0.2), np.int64(20)])
def test_a_part_is_held_out_in_proportion_to_the_classes(tmp_path, keys, test_size):
    data = load(write(tmp_path / "mine.npz", CLASSES, keys), test_size=test_size)
    assert np.bincount(data.y_test).tolist() == [12, 6, 2]
    rows = np.concatenate([data.X, data.X_test])[:, 0] / 2
    assert sorted(rows) == list(range(100))
    assert_array_equal(CLASSES[rows.astype(int)], np.r_[data.y, data.y_test])


def test_the_part_is_always_the_same(tmp_path):
    path = write(tmp_path / "mine.npz", CLASSES)
    first = load(path, test_size=0.3)
    np.random.seed(5)
    assert_array_equal(first.X_test, load(path, test_size=0.3).X_test)


def test_the_last_row_of_a_class_stays_to_be_learned(tmp_path):
    y = np.array(["often"] * 50 + ["rare"])
    data = load(write(tmp_path / "mine.npz", y), test_size=0.5)
    assert "rare" in data.y
    assert set(data.y_test) == {"often"}


@pytest.mark.parametrize("y", [np.arange(50) / 7, np.eye(50, 3)])
def test_values_and_several_outputs_have_no_classes(tmp_path, y):
    data = load(write(tmp_path / "mine.npz", y), test_size=0.1)
    assert (len(data.X), len(data.X_test)) == (45, 5)
    assert data.y_test.shape == (5, *y.shape[1:])


def test_a_tiny_fraction_is_a_row(tmp_path):
    assert len(load(write(tmp_path / "mine.npz", CLASSES), test_size=1e-6).y_test) == 1


def test_who_needs_no_test_part_gets_what_there_is(tmp_path):
    path = write(tmp_path / "mine.npz", CLASSES)
    data = load(path, needs_test=False)
    assert set(data) == {"X", "y"}
    assert_array_equal(data.y, CLASSES)
    assert set(load("digits", needs_test=False)) == set(KEYS)
    assert len(load(path, needs_test=False, test_size=20).y_test) == 20


def test_without_a_test_part_the_error_names_the_cure(tmp_path):
    with pytest.raises(ValueError, match=r"mine\.npz holds X, y, but no X_test .*--test-size 0\.2"):
        load(write(tmp_path / "mine.npz", CLASSES))


def test_a_second_test_part_is_refused(tmp_path):
    test = {"X_test": np.zeros((3, 2)), "y_test": np.arange(3)}
    path = write(tmp_path / "mine.npz", CLASSES, **test)
    for source in (path, "digits"):
        with pytest.raises(ValueError, match=r"test_size=0\.2: .* its own test part.*leave"):
            load(source, test_size=0.2)


@pytest.mark.parametrize(
    ("test_size", "error", "words"),
    [
        (0, ValueError, "test_size=0 must be a fraction"),
        (-3, ValueError, "test_size=-3 must be a fraction"),
        (1.0, ValueError, r"test_size=1\.0 must be a fraction"),
        (float("nan"), ValueError, "test_size=nan must be a fraction"),
        (True, TypeError, "test_size=True must be a fraction"),
        ("0.2", TypeError, r"test_size='0\.2' must be a fraction"),
        (100, ValueError, r"test_size=100 leaves nothing .* 100 rows .*to 99 at most"),
        (0.999, ValueError, r"test_size=0\.999 leaves nothing .* lower it\."),
    ],
)
def test_sizes_that_are_none_are_refused(tmp_path, test_size, error, words):
    with pytest.raises(error, match=words):
        load(write(tmp_path / "mine.npz", CLASSES), test_size=test_size)
