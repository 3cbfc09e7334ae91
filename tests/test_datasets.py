from __future__ import annotations

import io
import zipfile
from http.client import IncompleteRead
from urllib.error import URLError

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from skdal import datasets
from skdal._data_file import KEYS, OTHER_KEYS
from skdal.datasets import load


def test_digits_are_split_in_strata_and_scaled():
    digits = load("digits")
    assert (digits.X.shape, digits.X_test.shape) == ((1198, 64), (599, 64))
    assert (digits.y.shape, digits.y_test.shape) == ((1198,), (599,))
    for part in (digits.X, digits.X_test):
        assert part.min() == 0
        assert part.max() == 1
    shares = np.bincount(digits.y_test) / np.bincount(np.r_[digits.y, digits.y_test])
    assert shares == pytest.approx(1 / 3, abs=0.01)


def test_every_digit_is_in_one_part_with_its_label():
    digits, (X, y) = load("digits"), load_digits(return_X_y=True)

    def rows(X, y):
        return sorted(map(tuple, np.column_stack([X, y])))

    found = rows(np.vstack([digits.X, digits.X_test]) * 16, np.r_[digits.y, digits.y_test])
    assert found == rows(X, y)


def test_every_call_returns_the_same():
    first, second = load("digits"), load("digits")
    assert set(first) == {"X", "y", "X_test", "y_test"}
    for part in first:
        assert_array_equal(first[part], second[part])


@pytest.mark.parametrize("name", ["digit", "images.csv"])
def test_unknown_names_list_the_known(name):
    with pytest.raises(ValueError, match=rf"'{name}' .* one of cifar10, digits, mnist, or .*\.npz"):
        load(name)


SHAPES = {"mnist": (28, 28), "cifar10": (3, 32, 32)}


@pytest.fixture
def openml(monkeypatch):
    """Stand in for openml.org, with eight images a set, of which three are for the test."""
    calls = []

    def fetch(name, **settings):
        calls.append((name, settings))
        X, y = answer[name]
        return X, y

    rng = np.random.RandomState(0)
    answer = {}
    for name, images in datasets._IMAGES.items():
        small = datasets._Images(images.openml_name, images.shape, 5, (2, 1))
        monkeypatch.setitem(datasets._IMAGES, name, small)
        X = rng.randint(256, size=(8, np.prod(images.shape))).astype(np.float32)
        answer[images.openml_name] = X, np.array(list("01011010"), dtype=object)
    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    return calls, answer


@pytest.mark.parametrize("name", SHAPES)
def test_openml_images_are_bytes_in_the_standard_parts(openml, name):
    calls, answer = openml
    data = load(name)
    [(openml_name, settings)] = calls
    assert settings["version"] == 1
    assert settings["as_frame"] is False
    X, _ = answer[openml_name]
    assert data.X.dtype == data.X_test.dtype == np.uint8
    assert data.X.shape == (5, *SHAPES[name])
    assert_array_equal(np.concatenate([data.X, data.X_test]).reshape(8, -1), X)
    assert data.y.dtype == np.int64
    assert data.y.tolist() == [0, 1, 0, 1, 1]
    assert data.y_test.tolist() == [0, 1, 0]


def test_the_standard_parts_have_their_sizes():
    sizes = {name: (i.n_rows, sum(i.test_counts)) for name, i in datasets._IMAGES.items()}
    assert sizes == {"mnist": (60_000, 10_000), "cifar10": (50_000, 10_000)}


@pytest.mark.parametrize("pandas", [True, False])
def test_openml_is_read_with_or_without_pandas(openml, monkeypatch, pandas):
    monkeypatch.setattr(datasets, "find_spec", lambda name: pandas or None)
    load("mnist")
    assert openml[0][0][1]["parser"] == ("pandas" if pandas else "liac-arff")


def test_classes_may_be_numbers(openml):
    _, answer = openml
    X, y = answer["mnist_784"]
    answer["mnist_784"] = X, y.astype(int)
    assert load("mnist").y.tolist() == [0, 1, 0, 1, 1]


@pytest.mark.parametrize("change", ["order", "rows", "columns"])
def test_other_images_than_the_standard_ones_are_refused(openml, change):
    _, answer = openml
    X, y = answer["mnist_784"]
    answer["mnist_784"] = {
        "order": (X, np.roll(y, 1)),
        "rows": (X[:7], y[:7]),
        "columns": (X[:, 1:], y),
    }[change]
    with pytest.raises(ValueError, match=r"(?s)'mnist' .* not the standard test set.*\.npz"):
        load("mnist")


@pytest.mark.parametrize(
    "error", [URLError("no route to host"), TimeoutError("timed out"), IncompleteRead(b"")]
)
def test_without_network_the_error_names_the_cure(monkeypatch, error):
    def fetch(*args, **settings):
        raise error

    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    with pytest.raises(OSError, match=r"'cifar10' could not be downloaded .* \.npz") as caught:
        load("cifar10")
    assert str(error) in str(caught.value)
    assert caught.value.__cause__ is error


def test_a_wrong_checksum_says_so(monkeypatch):
    def fetch(*args, **settings):
        raise ValueError("The md5 checksum of the file does not match; clean the cache.")

    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    with pytest.raises(ValueError, match=r"'mnist' is damaged.*md5 checksum.*clean the cache"):
        load("mnist")


def arrays():
    rng = np.random.RandomState(0)
    return {
        "X": rng.rand(6, 4),
        "y": np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8),
        "X_test": rng.rand(3, 4),
        "y_test": np.array([0, 1, 2], dtype=np.uint8),
    }


@pytest.mark.parametrize("keys", [KEYS, OTHER_KEYS])
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_file_is_read_by_either_names(tmp_path, keys, kind):
    path, given = tmp_path / "mine.npz", arrays()
    np.savez_compressed(path, **dict(zip(keys, given.values(), strict=True)), more=[1])
    data = load(kind(path))
    assert set(data) == set(given)
    for name, array in given.items():
        assert_array_equal(data[name], array)
    assert data.y.dtype == data.y_test.dtype == np.int64


def test_a_column_of_labels_becomes_flat_and_texts_stay(tmp_path):
    given = arrays() | {"y": np.array(list("abcabc"))[:, None], "y_test": np.array(list("abc"))}
    np.savez(tmp_path / "mine.npz", **given)
    data = load(tmp_path / "mine.npz")
    assert data.y.tolist() == list("abcabc")
    assert data.y_test.tolist() == list("abc")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_test": None}, "holds X, y, X_test; it must hold X, y, X_test, y_test, or x_train"),
        ({"y": np.zeros(5)}, r"y of .*mine\.npz has the shape \(5,\), but X has 6 rows"),
        ({"y_test": np.zeros((3, 1, 1))}, r"y_test of .* shape \(3, 1, 1\)"),
        ({"X_test": np.zeros((2, 4))}, r"y_test of .* but X_test has 2 rows"),
        ({"X_test": np.zeros((3, 5))}, r"X in .* shape \(4,\), but those of X_test \(5,\)"),
        ({"X": np.zeros(6)}, r"X of .* shape \(6,\) and dtype float64; .* X\.reshape"),
        ({"X": np.array([["a"]] * 6)}, r"X of .* dtype <U1; it must be numbers"),
        ({"X": np.zeros((0, 4)), "y": np.zeros(0)}, r"X of .* shape \(0, 4\)"),
        ({"X": np.zeros((6, 0)), "X_test": np.zeros((3, 0))}, r"X of .* shape \(6, 0\)"),
        ({"y": np.array(list("abcabc"))}, "y of .* dtype <U1, but y_test uint8; save both"),
        ({"y": np.array([b"a", b"b"] * 3)}, r"y of .* dtype \|S1; .* y\.astype\(str\)"),
        ({"y_test": np.zeros(3, complex)}, "y_test of .* dtype complex128; save it as numbers"),
        ({"y": np.zeros(6, "M8[D]")}, r"y of .* dtype datetime64\[D\]; save"),
        ({"y": np.zeros(6, [("a", int)])}, "y of .* dtype .*'a'.*; save"),
        ({"y": np.full(6, 2**63, np.uint64)}, "y of .* holds 9223372036854775808, .* no int64"),
        ({"y": np.array([0, 1, 2, "a", None, 3], object)}, r"y of .*mine\.npz .* y\.astype\(int\)"),
    ],
)
def test_a_file_that_is_no_data_set_says_what_is_wrong(tmp_path, changes, words):
    given = {key: value for key, value in (arrays() | changes).items() if value is not None}
    np.savez(tmp_path / "mine.npz", **given)
    with pytest.raises(ValueError, match=words):
        load(tmp_path / "mine.npz")


@pytest.mark.parametrize("content", [b"", b"not an archive", "npy", "folder"])
def test_what_is_no_npz_file_is_refused(tmp_path, content):
    path = tmp_path / "mine.npz"
    if content == "folder":
        path.mkdir()
    elif content == "npy":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.npz is no \.npz file; .*savez_compressed"):
        load(path)


@pytest.mark.parametrize("name", ["mine", "x" * 300])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=rf"no file .*{name}\.npz"):
        load(tmp_path / f"{name}.npz")


@pytest.mark.parametrize("name", [5, None, ["digits"], b"digits"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(TypeError, match=r"name_or_path=.* must be a str or a path; .*digits"):
        load(name)


@pytest.mark.parametrize("name", ["", "x" * 300])
def test_what_names_nothing_lists_the_known(name):
    with pytest.raises(ValueError, match=f"'{name}' is no data set; .*digits"):
        load(name)


@pytest.mark.parametrize("place", [0.2, 0.5])
def test_a_damaged_file_says_so(tmp_path, place):
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, **arrays() | {"X": np.random.RandomState(0).rand(6, 400)})
    content = bytearray(path.read_bytes())
    start = int(len(content) * place)
    content[start : start + 50] = bytes(50)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"X of .*mine\.npz cannot be read"):
        load(path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X", "text")
        for key in ("y", "X_test", "y_test"):
            buffer = io.BytesIO()
            np.save(buffer, arrays()[key])
            archive.writestr(f"{key}.npy", buffer.getvalue())
    with pytest.raises(ValueError, match=r"X of .*mine\.npz is no array"):
        load(path)
