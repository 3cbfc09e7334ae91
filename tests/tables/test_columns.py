"""Pools in Parquet and CSV."""

from __future__ import annotations

import numpy as np
import pytest

from skdal.tables import columns
from tests._pools import NAMES, X, read, write_csv, write_parquet

pa = pytest.importorskip("pyarrow")

pytestmark = pytest.mark.usefixtures("nothing_is_left")


@pytest.mark.parametrize("kind", ["list", "large_list", "fixed"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64"])
def test_parquet_with_a_column_of_lists(tmp_path, kind, dtype):
    rows = (X * 10).astype(dtype)
    values = pa.array(rows.ravel())
    starts = np.arange(0, 204, 4)
    lists = {
        "list": lambda: pa.ListArray.from_arrays(starts.astype(np.int32), values),
        "large_list": lambda: pa.LargeListArray.from_arrays(starts, values),
        "fixed": lambda: pa.FixedSizeListArray.from_arrays(values, 4),
    }[kind]()
    path = write_parquet(tmp_path / "X.parquet", id=NAMES, vector=lists, size=np.arange(50))
    found, ids, notes = read(path)
    np.testing.assert_array_equal(found, rows)
    assert found.dtype == (np.float64 if dtype in ("float64", "int64") else np.float32)
    assert ids[49] == "row-49"
    assert ids.find(["row-3", "x"]).tolist() == [3, -1]
    assert notes == ["Columns that are not used: size."]


def test_parquet_with_a_column_for_each_number(tmp_path):
    table = {"name": NAMES, "label": np.arange(50), "a": X[:, 0], "b": np.arange(50)}
    path = write_parquet(tmp_path / "X.parquet", **table)
    found, ids, notes = read(path)
    np.testing.assert_array_equal(found, np.column_stack([X[:, 0], np.arange(50)]))
    assert ids is None
    assert notes == ["Columns that are not used: name, label."]
    found, ids, _ = read(path, id_column="name", columns=["b", "label"])
    assert found.tolist() == [[i, i] for i in range(50)]
    assert ids[7] == "row-7"


def test_csv(tmp_path):
    lines = [[i, f"{i:03d}", *X[i], f'"a, ""{i}""\n"', i % 3] for i in range(50)]
    # 1 and 2 look like integers, but not all of the column are.
    lines[0][2] = lines[1][2] = 1
    path = write_csv(tmp_path / "X.csv", ",id,a,b,c,d,text,label", lines)
    found, ids, notes = read(path)
    np.testing.assert_array_equal(found[2:], X[2:])
    assert ids[7] == "007"
    assert notes == ["Columns that are not used: text, label."]


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_other_delimiters_and_a_mark_of_utf_8(tmp_path, delimiter):
    path = tmp_path / "X.tsv"
    path.write_text("\ufeffid;a\nä;1\nb;2.5\n".replace(";", delimiter), encoding="utf-8")
    found, ids, _ = read(path)
    assert found.tolist() == [[1], [2.5]]
    assert ids[0] == "ä"


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_columns_that_are_cut_off(tmp_path, suffix):
    path = tmp_path / f"X{suffix}"
    if suffix == ".csv":
        write_csv(path, "a,b,c,d", X)
        whole, sizes = path.read_bytes(), [0, 500]
    else:
        write_parquet(path, vector=list(X))
        whole = path.read_bytes()
        sizes = [0, 3, len(whole) // 2, len(whole) - 1]
    for size in sizes:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"{path.name} cannot be read as (Parquet|CSV): "):
            read(path)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"v": [[1.0, 2.0], None, [1.0, 2.0]]}, "Row 1 of .* has no value in column 'v'"),
        ({"v": [[1.0, 2.0], [2.0, 3.0], [1.0, None]]}, "Row 2 of .* has a null in the list"),
        ({"v": [[1.0, 2.0], [2.0], [1.0, 2.0]]}, "Row 1 of .* has 1 numbers in column 'v', but"),
        ({"v": [[1.0, np.inf], [2.0, 1.0]]}, "Row 0 of .* holds inf in column 'v'"),
        ({"a": [1.0, 2.0], "b": [None, 1.0]}, "Row 0 of .* has no value in column 'b'"),
        ({"a": [1.0, np.nan], "b": [1.0, 1.0]}, "Row 1 of .* holds nan in column 'a'"),
        ({"a": [1.0, 2.0], "id": ["x", None]}, "Row 1 of .* has no value in column 'id'"),
        ({"a": [1.0, 2.0], "id": [0.5, 1.0]}, "Column 'id' of .* is of type double; ids must"),
        ({"a": ["x", "y"]}, "has no column of numbers to make rows of"),
        ({"v": [[1.0]], "w": [[1.0]]}, "has the columns v, w to make rows of"),
        ({"a": pa.array([], pa.float64())}, "has 0 rows"),
        ({"v": [[], []]}, "has no column of numbers"),
        ({"v": pa.array([[], []], pa.list_(pa.float32()))}, "has 2 rows of 0 numbers"),
    ],
)
def test_parquet_that_makes_no_pool(tmp_path, table, words):
    with pytest.raises(ValueError, match=words):
        read(write_parquet(tmp_path / "X.parquet", **table))


def test_the_row_of_a_null_is_counted_over_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "_BATCH", 100)
    rows = [*X.tolist()[:-1], [1.0, None, 2.0, 3.0]]
    path = write_parquet(tmp_path / "X.parquet", vector=rows)
    with pytest.raises(ValueError, match=r"Row 49 of .* has a null in the list"):
        read(path)
    rows = [*X.tolist()[:30], [1.0], *X.tolist()[31:]]
    with pytest.raises(ValueError, match=r"Row 30 of .* has 1 numbers"):
        read(write_parquet(tmp_path / "X.parquet", vector=rows))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([["x", 1], ["y", ""]], "Row 1 of .* has no value in column 'a'"),
        ([["x", 1], ["y", "nan"]], "Row 1 of .* has no value in column 'a'"),
        ([["x", 1], ["y", "inf"]], "Row 1 of .* holds inf in column 'a'"),
        ([["x", 1], ["", 2]], "Row 1 has no id"),
        ([["x", 1], ["y"]], "cannot be read as CSV"),
        ([["x", "one"], ["y", "two"]], "has no column of numbers"),
        ([], "has 0 rows"),
    ],
)
def test_csv_that_makes_no_pool(tmp_path, lines, words):
    with pytest.raises(ValueError, match=words):
        read(write_csv(tmp_path / "X.csv", "id,a", lines))


def test_a_text_far_down_in_a_column_of_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "_BLOCK", 2000)
    lines = [[i, i * 0.5] for i in range(2000)]
    lines[1900][1] = "much"
    with pytest.raises(ValueError, match=r"X\.csv cannot be read as CSV: .*much"):
        read(write_csv(tmp_path / "X.csv", "id,a", lines))


def test_an_empty_line_of_a_single_column_is_a_missing_value(tmp_path):
    with pytest.raises(ValueError, match=r"Row 1 of .*X\.csv has no value in column 'a'"):
        read(write_csv(tmp_path / "X.csv", "a", [[1], [""], [3]]))
    path = write_csv(tmp_path / "X.csv", "a,b", [[1, 2], [""], [3, 4]])
    assert read(path)[0].tolist() == [[1, 2], [3, 4]]
