"""The ids of a pool."""

from __future__ import annotations

import numpy as np
import pytest

from skdal.tables import columns
from skdal.tables.ids import Ids
from tests._pools import NAMES, X, read, write_csv, write_parquet

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def test_integers_are_ids_too(tmp_path):
    _, ids, _ = read(write_parquet(tmp_path / "X.parquet", id=np.arange(50) * 7, a=X[:, 0]))
    assert ids.find(["49", "50"]).tolist() == [7, -1]


def test_categories_are_ids_too(tmp_path):
    table = {"id": pa.array(NAMES).dictionary_encode(), "a": X[:, 0]}
    _, ids, _ = read(write_parquet(tmp_path / "X.parquet", **table))
    assert ids.find(["row-49", "row-50"]).tolist() == [49, -1]


def test_ids_from_a_text_file(tmp_path):
    np.save(tmp_path / "X.npy", X)
    path = tmp_path / "ids.txt"
    path.write_text("\ufeff" + "\r\n".join(NAMES), encoding="utf-8")
    assert read(tmp_path / "X.npy", ids=path)[1].find(NAMES).tolist() == list(range(50))
    path.write_text("\n".join(NAMES[:-1]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"ids\.txt has 49 lines, but the pool has 50 rows"):
        read(tmp_path / "X.npy", ids=path)
    path.write_text("\n".join([*NAMES[:-1], "row-7"]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"'row-7' is there twice in .*, for the rows 7 and 49"):
        read(tmp_path / "X.npy", ids=path)
    path.write_text("\n".join([*NAMES[:-2], "", "b"]), encoding="utf-8")
    with pytest.raises(ValueError, match="Row 48 has no id"):
        read(tmp_path / "X.npy", ids=path)
    path.write_bytes(b"\xff\xfe\n" * 50)
    with pytest.raises(ValueError, match="UTF-8"):
        read(tmp_path / "X.npy", ids=path)


def test_many_long_ids(tmp_path, monkeypatch):
    names = [f"s3://bucket/images/{number * 7919 % 5000:09d}.png" for number in range(5000)]
    np.save(tmp_path / "X.npy", np.zeros((5000, 1)))
    (tmp_path / "ids.txt").write_text("".join(f"{name}\n" for name in names))
    ids = read(tmp_path / "X.npy", ids=tmp_path / "ids.txt")[1]
    assert ids.find(names[70:60:-1]).tolist() == list(range(70, 60, -1))
    assert [ids[row] for row in range(5000)] == names
    monkeypatch.setattr(columns, "_BATCH", 1000)
    ids = read(write_parquet(tmp_path / "X.parquet", id=names, a=np.zeros(5000)))[1]
    assert ids.find([*names, "x" * 99]).tolist() == [*range(5000), -1]


def test_an_id_twice(tmp_path):
    names = [*NAMES[:-1], "row-3"]
    path = write_parquet(tmp_path / "X.parquet", id=names, a=X[:, 0])
    with pytest.raises(ValueError, match=r"'row-3' is there twice in .*X\.parquet, for the rows 3"):
        read(path)
    path = write_csv(tmp_path / "X.csv", "id,a", zip(names, X[:, 0], strict=True))
    with pytest.raises(ValueError, match=r"'row-3' is there twice in .*X\.csv, for the rows 3"):
        read(path)


def test_ids_that_are_no_text(tmp_path):
    ids = pa.array([b"a", b"\xff"]).view(pa.string())
    parquet.write_table(pa.table({"id": ids, "a": [1.0, 2.0]}), tmp_path / "X.parquet")
    with pytest.raises(ValueError, match=r"Column 'id' of .*X\.parquet holds b'\\xff'"):
        read(tmp_path / "X.parquet")


def test_ids_whose_hashes_are_the_same_are_told_apart(monkeypatch):
    monkeypatch.setattr("skdal.tables.ids.hash", len, raising=False)
    found = Ids(["ab", "c", "de", "f", "ä"], "ids.txt").close()
    assert found.find(["de", "f", "xy", "", "ab", "ä"]).tolist() == [2, 3, -1, -1, 0, 4]
    with pytest.raises(ValueError, match=r"'de' is there twice in ids\.txt, for the rows 2 and 4"):
        Ids(["ab", "c", "de", "f", "de", "c"], "ids.txt").close()
