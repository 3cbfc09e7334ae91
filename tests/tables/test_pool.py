from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from skdal.tables import arrays, columns, copies, ids, open_pool
from skdal.tables.checks import check_all_finite

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

X = np.random.RandomState(0).normal(size=(50, 4))
NAMES = [f"row-{number}" for number in range(50)]


def write_parquet(path, **table):
    parquet.write_table(pa.table(table), path)
    return path


def write_csv(path, header, lines):
    text = "\n".join([header, *[",".join(map(str, line)) for line in lines]]) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def read(path, **options):
    with open_pool(path, **options) as pool:
        return np.array(pool.X), pool.ids, pool.notes


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


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


def test_integers_are_ids_too(tmp_path):
    _, ids, _ = read(write_parquet(tmp_path / "X.parquet", id=np.arange(50) * 7, a=X[:, 0]))
    assert ids.find(["49", "50"]).tolist() == [7, -1]


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


def test_a_pickle_is_refused(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, np.array([[1], ["a"]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"X\.npy holds Python objects as a pickle"):
        read(path)
    path.write_bytes(pickle.dumps(X))
    with pytest.raises(ValueError, match=r"X\.npy is a pickle"):
        read(path)
    np.savez(tmp_path / "X.npz", X=np.array([[1], ["a"]], dtype=object))
    with pytest.raises(ValueError, match=r"X of .*X\.npz holds Python objects as a pickle"):
        read(tmp_path / "X.npz")


def test_npy_that_is_cut_off(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, X)
    whole = path.read_bytes()
    for size in [0, 3, 8, 60, 200, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"{path.name} is (cut off|no \.npy file)"):
            read(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_that_is_damaged(tmp_path, save):
    path = tmp_path / "X.npz"
    save(path, X=X)
    whole = path.read_bytes()
    for size in [0, 50, len(whole) // 2, len(whole) - 10]:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"X\.npz is no \.npz file, or is cut off"):
            read(path)


def test_a_compressed_array_that_is_damaged_inside(tmp_path):
    path = tmp_path / "X.npz"
    np.savez_compressed(path, X=X)
    whole = bytearray(path.read_bytes())
    whole[900:920] = b"\0" * 20
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"X\.npz is damaged: .* Copy or write it again"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        file = io.BytesIO()
        np.save(file, X)
        archive.writestr("X.npy", file.getvalue()[:-8], zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"X of .*X\.npz is cut off"):
        read(path)


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


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".csv"])
def test_foreign_files(tmp_path, suffix):
    path = tmp_path / f"X{suffix}"
    path.write_bytes(np.random.RandomState(0).bytes(3000))
    with pytest.raises(ValueError, match=f"X{suffix}"):
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


def test_two_columns_of_one_name(tmp_path):
    with pytest.raises(ValueError, match="has two columns 'a'; rename one"):
        read(write_csv(tmp_path / "X.csv", "a,a", [[1, 2]]))


class Counted(copies.Copy):
    """Remembers how much was written at a time."""

    sizes: list[int]

    def opened(self, n_bytes=0):
        type(self).sizes = []
        manager = super().opened(n_bytes)
        enter = manager.__enter__

        def counting(self=manager):
            file = enter()
            write = file.write

            class Writer:
                def write(self, data):
                    Counted.sizes.append(memoryview(data).nbytes)
                    return write(data)

            return Writer()

        class Manager:
            __enter__ = staticmethod(counting)
            __exit__ = staticmethod(manager.__exit__)

        return Manager()


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".wide.parquet", ".csv"])
def test_copies_are_made_a_little_at_a_time(tmp_path, monkeypatch, suffix):
    limit = 2**14
    monkeypatch.setattr(arrays, "_CHUNK", limit)
    monkeypatch.setattr(columns, "_BATCH", limit)
    monkeypatch.setattr(columns, "_BLOCK", limit)
    many = np.tile(X, (200, 1))
    path = tmp_path / f"X{suffix}"
    if suffix == ".npz":
        np.savez_compressed(path, X=many)
    elif suffix == ".csv":
        write_csv(path, "a,b,c,d", many)
    elif suffix == ".parquet":
        # One row group: it must not be read at once.
        write_parquet(path, vector=list(many))
    else:
        write_parquet(path, **dict(zip("abcd", many.T, strict=True)))
    monkeypatch.setattr("skdal.tables.pool.Copy", Counted)
    np.testing.assert_array_equal(read(path)[0], many)
    assert sum(Counted.sizes) == many.nbytes
    assert max(Counted.sizes) <= limit
    assert len(Counted.sizes) > 8


def test_no_room_for_a_copy_is_known_before_it_is_made(tmp_path, monkeypatch):
    write_parquet(tmp_path / "X.parquet", vector=list(X))
    np.savez_compressed(tmp_path / "X.npz", X=X)
    usage = copies.shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(copies.shutil, "disk_usage", lambda path: usage)
    for name in ("X.parquet", "X.npz"):
        with pytest.raises(OSError, match=r"takes 1,600 bytes, but .* has 100 left; .* set TMPDIR"):
            read(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="files of Windows have no such limit")
def test_a_disk_that_fills_up_while_the_copy_is_made(tmp_path):
    many = np.tile(X, (100, 1))
    np.savez_compressed(tmp_path / "X.npz", X=many)
    write_csv(tmp_path / "X.csv", "a,b,c,d", many)
    write_parquet(tmp_path / "X.parquet", vector=list(many))
    folder = tmp_path / "temporary"
    folder.mkdir()
    code = (
        "import resource, sys\n"
        "from skdal.tables import open_pool\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        with open_pool(path):\n"
        "            pass\n"
        "    except OSError as error:\n"
        "        print(error)\n"
    )
    paths = [tmp_path / f"X{suffix}" for suffix in (".npz", ".csv", ".parquet")]
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *paths],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.stdout.count(f"cannot be written in {folder}: ") == 3, run.stderr
    assert run.stdout.count("set TMPDIR") == 3
    assert list(folder.iterdir()) == []


def test_the_numbers_of_a_file_that_is_mapped_are_not_looked_at(tmp_path):
    bad = X.copy()
    bad[31, 2] = np.nan
    np.save(tmp_path / "X.npy", bad)
    with open_pool(tmp_path / "X.npy") as pool:
        with pytest.raises(ValueError, match=r"Row 31 of .*X\.npy holds NaN or infinity"):
            check_all_finite(pool)
        pool.X = np.zeros((3, 2), dtype=np.uint8)
        check_all_finite(pool)


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


def test_ids_whose_hashes_are_the_same_are_told_apart(monkeypatch):
    monkeypatch.setattr("skdal.tables.ids.hash", len, raising=False)
    found = ids.Ids(["ab", "c", "de", "f", "ä"], "ids.txt").close()
    assert found.find(["de", "f", "xy", "", "ab", "ä"]).tolist() == [2, 3, -1, -1, 0, 4]
    with pytest.raises(ValueError, match=r"'de' is there twice in ids\.txt, for the rows 2 and 4"):
        ids.Ids(["ab", "c", "de", "f", "de", "c"], "ids.txt").close()
