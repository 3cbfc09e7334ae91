"""Files of all kinds as pools."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from skdal.tables import open_pool
from tests._pools import X, read, write_csv, write_parquet

pa = pytest.importorskip("pyarrow")

pytestmark = pytest.mark.usefixtures("nothing_is_left")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".csv"])
def test_foreign_files(tmp_path, suffix):
    path = tmp_path / f"X{suffix}"
    path.write_bytes(np.random.RandomState(0).bytes(3000))
    with pytest.raises(ValueError, match=f"X{suffix}"):
        read(path)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("X.npy", {"key": "X"}, "no names to find the key of an array by: 'X'"),
        ("X.npy", {"id_column": "id"}, "no names to find a column of ids by"),
        ("X.npz", {"columns": ["a"]}, "no names to find columns by"),
        ("X.npz", {"key": "Z"}, "has no array 'Z'; choose among X"),
        ("X.csv", {"key": "X"}, "no names to find the key"),
        ("X.csv", {"columns": ["a", "q"]}, "has no column 'q'; choose among id, a, text"),
        ("X.csv", {"columns": ["text"]}, "Column 'text' of .* is of type string; choose columns"),
        ("X.csv", {"id_column": "q"}, "has no column 'q'"),
        ("X.csv", {"id_column": "id", "ids": "ids.txt"}, "leave out one of them"),
        ("X.pkl", {}, r"must end in one of \.npy, \.npz, \.parquet, \.csv, \.tsv"),
        ("folder.npy", {}, "is no file, but a folder"),
        ("flat.npy", {}, r"has the shape \(3,\); it must have at least one row and one column"),
        ("empty.npy", {}, r"has the shape \(0, 4\)"),
        ("texts.npy", {}, "has the dtype <U1"),
        ("complex.npy", {}, "has the dtype complex128"),
        ("two.npz", {}, "holds a, b, and 2 arrays with two dimensions"),
    ],
)
def test_what_cannot_be_opened(tmp_path, name, options, words):
    np.save(tmp_path / "X.npy", X)
    np.savez(tmp_path / "X.npz", X=X)
    write_csv(tmp_path / "X.csv", "id,a,text", [[1, 2.5, "x"]])
    (tmp_path / "X.pkl").write_bytes(pickle.dumps(X))
    (tmp_path / "folder.npy").mkdir()
    np.save(tmp_path / "flat.npy", np.arange(3))
    np.save(tmp_path / "empty.npy", X[:0])
    np.save(tmp_path / "texts.npy", np.array([["a"]]))
    np.save(tmp_path / "complex.npy", X + 1j)
    np.savez(tmp_path / "two.npz", a=X, b=X)
    with pytest.raises(ValueError, match=words):
        read(tmp_path / name, **options)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*X\.npy"):
        read(tmp_path / "X.npy")


def test_without_pyarrow(tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", X)
    np.savez_compressed(tmp_path / "X.npz", X=X)
    write_csv(tmp_path / "X.csv", "a,b,c,d", X)
    write_parquet(tmp_path / "X.parquet", vector=list(X))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert len(read(tmp_path / "X.npy")[0]) == len(read(tmp_path / "X.npz")[0]) == 50
    for name in ("X.csv", "X.parquet"):
        with pytest.raises(ModuleNotFoundError, match=r'takes pyarrow.*pip install "\.\[query\]"'):
            read(tmp_path / name)


def test_an_error_in_the_block_is_no_error_of_the_pool(tmp_path):
    write_csv(tmp_path / "X.csv", "a,b,c,d", X)
    with pytest.raises(KeyboardInterrupt), open_pool(Path(tmp_path, "X.csv")):
        raise KeyboardInterrupt
