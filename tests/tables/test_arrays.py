"""Pools in numpy's files."""

from __future__ import annotations

import numpy as np
import pytest

from skdal.tables import open_pool
from tests._pools import X, read

pytestmark = pytest.mark.usefixtures("nothing_is_left")


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "uint8", "int64", ">f4", "bool"]
)
def test_npy_is_mapped_and_not_copied(tmp_path, dtype):
    np.save(tmp_path / "X.npy", X.astype(dtype))
    with open_pool(tmp_path / "X.npy") as pool:
        assert isinstance(pool.X, np.memmap)
        assert pool.X.filename == tmp_path / "X.npy"
        assert pool.X.dtype == dtype
        np.testing.assert_array_equal(pool.X, X.astype(dtype))
        assert pool.ids is None
        assert pool.notes == []


def test_the_other_version_of_the_format(tmp_path):
    with (tmp_path / "X.npy").open("wb") as file:
        np.lib.format.write_array(file, X, version=(2, 0))
    np.testing.assert_array_equal(read(tmp_path / "X.npy")[0], X)


def test_images_stay_images(tmp_path):
    np.save(tmp_path / "X.npy", X.reshape(50, 2, 2))
    assert read(tmp_path / "X.npy")[0].shape == (50, 2, 2)


def test_columns_first_are_read_and_told_of(tmp_path):
    np.save(tmp_path / "X.npy", np.asfortranarray(X))
    found, _, notes = read(tmp_path / "X.npy")
    np.testing.assert_array_equal(found, X)
    assert "np.ascontiguousarray" in notes[0]
    np.save(tmp_path / "X.npy", np.asfortranarray(X.reshape(50, 2, 2)))
    with pytest.raises(ValueError, match="stored column by column"):
        read(tmp_path / "X.npy")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("arrays", "key"),
    [
        ({"X": X, "other": X[:, :2]}, None),
        ({"x_train": X, "x_test": X}, None),
        ({"embeddings": X, "y": np.arange(50)}, None),
        ({"a": X, "X": X[:, :2]}, "a"),
        ({"X": np.asfortranarray(X)}, None),
    ],
)
def test_npz(tmp_path, save, arrays, key):
    save(tmp_path / "X.npz", **arrays)
    np.testing.assert_array_equal(read(tmp_path / "X.npz", key=key)[0], X)


def test_an_array_of_an_archive_that_is_not_compressed_is_mapped_where_it_is(tmp_path):
    np.savez(tmp_path / "X.npz", y=np.arange(50), X=X)
    with open_pool(tmp_path / "X.npz") as pool:
        assert pool.X.filename == tmp_path / "X.npz"
