from __future__ import annotations

import csv
import json
import os
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdal.experiments.presets import SAMPLER_NAMES
from skdal.tables.estimators import NAMES

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

X, y = load_digits(return_X_y=True)
QUICK = ["--sampler", "random"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Be in a folder with a pool; short names are not broken by the box of a message."""
    monkeypatch.chdir(tmp_path)
    np.save("pool.npy", X)
    write_labels(range(100))
    return tmp_path


def write_labels(rows, name="labels.csv"):
    with open(name, "w", encoding="utf-8") as file:
        file.write("row,label\n" + "".join(f"{row},{y[row]}\n" for row in rows))


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [int(line["row"]) for line in csv.DictReader(file)]


def words(text):
    return " ".join(text.replace("│", " ").split())


def test_help_names_what_there_is(call):
    result = call("query", "--help")
    assert result.exit_code == 0
    for name in [*SAMPLER_NAMES, *NAMES, ".npy", ".npz", ".parquet", ".csv", "label-studio"]:
        assert name in words(result.stdout)
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "query" in call("--help").stdout


def test_a_query_writes_its_rows(call, tmp_path):
    result = call("query", "pool.npy", "labels.csv", "-n", 20, "-o", "new/batch.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout == "Wrote 20 rows to label in new/batch.csv\n"
    assert result.stderr == ""
    text = (tmp_path / "new" / "batch.csv").read_text(encoding="utf-8")
    assert text.startswith("row,id,rank,score\n")
    rows = rows_of("new/batch.csv")
    assert len(set(rows)) == 20
    assert min(rows) > 99
    assert os.listdir("new") == ["batch.csv"]


@pytest.mark.parametrize("output", [[], ["--output", "-"]])
def test_without_output_they_are_printed(call, tmp_path, output):
    before = sorted(os.listdir())
    result = call("query", "pool.npy", "labels.csv", "-n", 3, *QUICK, *output)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 4
    assert call("query", "pool.npy", "labels.csv", "-n", 3, *QUICK).stdout == result.stdout
    other = call("query", "pool.npy", "labels.csv", "-n", 3, *QUICK, "--seed", 1)
    assert other.stdout != result.stdout
    assert sorted(os.listdir()) == before


def test_every_kind_of_pool_gives_the_same_rows(call):
    np.savez("stored.npz", X=X, y=y)
    np.savez_compressed("packed.npz", embeddings=X, y=y)
    np.save("images.npy", X.reshape(-1, 8, 8))
    parquet.write_table(pa.table({"vector": list(X)}), "lists.parquet")
    names = [f"x{number}" for number in range(64)]
    wide = pa.table({**dict(zip(names, X.T, strict=True)), "label": y})
    parquet.write_table(wide, "wide.parquet")
    with open("wide.csv", "w", newline="") as file:
        csv.writer(file).writerows([names, *X.astype(int).tolist()])

    def query(pool):
        options = ["-n", 8, "--estimator", "logistic", "--sampler", "uncertainty"]
        result = call("query", pool, "labels.csv", *options)
        assert result.exit_code == 0, result.output
        return [line.split(",")[0] for line in result.stdout.splitlines()]

    expected = query("pool.npy")
    for pool in ["stored.npz", "packed.npz", "images.npy", "lists.parquet", "wide.parquet"]:
        assert query(pool) == expected
    assert query("wide.csv") == expected


def test_what_is_left_out_is_told(call):
    parquet.write_table(pa.table({"vector": list(X), "label": y}), "pool.parquet")
    result = call("query", "pool.parquet", "labels.csv", "-n", 3, *QUICK)
    assert result.stderr == "Note: Columns that are not used: label.\n"


def test_the_loop_from_no_label_to_the_end_of_the_budget(call):
    def play(name):
        with open(name, "w", encoding="utf-8") as labels:
            labels.write("row,label\n")
        asked = []
        for round_ in range(5):
            options = ["-n", 40, "--estimator", "logistic", "--sampler", "uncertainty"]
            result = call("query", "pool.npy", name, *options, "-o", "batch.csv", "--force")
            assert result.exit_code == 0, result.output
            assert ("core-set" in result.stderr) == (round_ == 0)
            rows = rows_of("batch.csv")
            asked += rows
            with open(name, "a", encoding="utf-8") as labels:
                # Every tenth row is one that nobody can tell.
                labels.writelines(f"{row},{'' if row % 10 == 0 else y[row]}\n" for row in rows)
        return asked

    asked = play("one.csv")
    assert len(set(asked)) == len(asked) == 200
    assert any(row % 10 == 0 for row in asked[:160])
    assert play("two.csv") == asked
    result = call("query", "pool.npy", "one.csv", "--status")
    assert f"Labeled {sum(row % 10 > 0 for row in asked)}" in words(result.stdout)


def test_no_labels_at_all(call):
    result = call("query", "pool.npy", "-n", 30)
    assert result.exit_code == 0
    assert result.stderr == (
        "Note: No row has a label yet, so the rows are a core-set of rows drawn at random.\n"
    )
    rows = [int(line.split(",")[0]) for line in result.stdout.splitlines()[1:]]
    assert len(np.unique(y[rows])) > 6


def test_several_label_files_and_batches(call):
    write_labels(range(50), "one.csv")
    write_labels(range(40, 1790), "two.csv")
    result = call("query", "pool.npy", "one.csv", "two.csv", "-n", 7, *QUICK)
    rows = [int(line.split(",")[0]) for line in result.stdout.splitlines()[1:]]
    assert sorted(rows) == list(range(1790, 1797))


def test_ids(call):
    names = [f"img-{number}" for number in range(len(X))]
    with open("ids.txt", "w") as file:
        file.write("\n".join(names) + "\n")
    with open("labels.csv", "w") as file:
        file.write("id,label\n" + "".join(f"img-{row},{y[row]}\n" for row in range(1795)))
    result = call("query", "pool.npy", "labels.csv", "--ids", "ids.txt", "-n", 2, *QUICK)
    lines = list(csv.DictReader(result.stdout.splitlines()))
    assert sorted(line["id"] for line in lines) == ["img-1795", "img-1796"]
    parquet.write_table(pa.table({"file": names, "vector": list(X)}), "pool.parquet")
    with open("labels.csv", "w") as file:
        file.write("file,digit\n" + "".join(f"img-{row},{y[row]}\n" for row in range(1795)))
    options = ["-n", 2, *QUICK, "--id-column", "file", "--label-column", "digit"]
    for pool in (["pool.parquet", "--columns", "vector"], ["pool.npy", "--ids", "ids.txt"]):
        result = call("query", *pool[:1], "labels.csv", *pool[1:], *options)
        assert list(csv.DictReader(result.stdout.splitlines())) == lines


def test_there_and_back_through_label_studio(call, tmp_path):
    with open("items.csv", "w") as file:
        file.write("id,text\n" + "".join(f"{row},number {row}\n" for row in range(len(X))))
    options = ["--format", "label-studio", "--items", "items.csv", "-o", "tasks.json"]
    assert call("query", "pool.npy", "-n", 30, *options).exit_code == 0
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    rows = [task["data"]["skdal_row"] for task in tasks]
    assert tasks[3]["data"]["text"] == f"number {rows[3]}"
    assert [task["data"]["skdal_rank"] for task in tasks] == list(range(1, 31))
    for number, task in enumerate(tasks):
        value = {"choices": [str(y[task["data"]["skdal_row"]])]}
        result = [{"from_name": "digit", "to_name": "t", "type": "choices", "value": value}]
        is_skipped = number == 0
        task |= {"id": number + 1, "annotations": [{"result": result, "was_cancelled": is_skipped}]}
    (tmp_path / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    result = call("query", "pool.npy", "export.json", "-n", 1700, *QUICK)
    assert result.exit_code == 0
    again = [int(line.split(",")[0]) for line in result.stdout.splitlines()[1:]]
    assert not set(again) & set(rows)
    shown = words(call("query", "pool.npy", "export.json", "--status").stdout)
    assert "Labeled 29 Cannot be labeled 1 Unlabeled 1,767" in shown


def test_json_and_items(call, tmp_path):
    (tmp_path / "items.csv").write_text("id,url\n" + "".join(f"{i},u{i}\n" for i in range(1797)))
    args = ["labels.csv", "-n", 2, *QUICK, "-o", "batch.json", "--items", "items.csv"]
    assert call("query", "pool.npy", *args).exit_code == 0
    found = json.loads((tmp_path / "batch.json").read_text())
    assert list(found[0]) == ["row", "id", "rank", "score", "url"]
    assert found[0]["url"] == f"u{found[0]['row']}"
    assert found[0]["score"] is None


def test_a_regression(call, tmp_path):
    with open("ink.csv", "w") as file:
        file.write("row,label\n" + "".join(f"{row},{X[row].mean()}\n" for row in range(40)))
    args = ["query", "pool.npy", "ink.csv", "-n", 2]
    for options in (["--regression", "--estimator", "ridge"], ["--estimator", "sklearn.svm.SVR"]):
        result = call(*args, *options)
        assert result.exit_code == 0, result.output
    result = call("query", "pool.npy", "ink.csv", "--regression", "--status")
    assert f"Labels from {X[:40].mean(axis=1).min():.4g} to " in words(result.stdout)
    result = call("query", "pool.npy", "labels.csv", "--regression", "-n", 2, *QUICK)
    assert result.exit_code == 0
    (tmp_path / "labels.csv").write_text("row,label\n3,cat\n")
    result = call("query", "pool.npy", "labels.csv", "--regression", *QUICK)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Line 2 of labels.csv has the label 'cat', which is no")


def test_the_status(call):
    with open("labels.csv", "a") as file:
        file.write("100,\n")
    result = call("query", "pool.npy", "labels.csv", "--status")
    assert result.exit_code == 0
    text = words(result.stdout)
    for part in [
        *("Pool pool.npy", "1,797 of 64 float64", "Labeled 100", "Cannot be labeled 1"),
        *("Unlabeled 1,696", "1: 12", "8: 8", "H-divergence 0.", "upper limit", "(95 %), p = "),
        *("100 labeled rows against 100 others", "Covering radius 49.78"),
    ]:
        assert part in text
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert call("query", "pool.npy", "labels.csv", "--status").stdout == result.stdout
    text = words(call("query", "pool.npy", "--status").stdout)
    assert "Labeled 0" in text
    assert text.count("not measured") == 2


def test_the_status_of_a_large_pool_says_what_it_is_of(call, monkeypatch):
    monkeypatch.setattr("skdal.tables.status._MAX_COVERED", 500)
    text = words(call("query", "pool.npy", "labels.csv", "--status").stdout)
    assert "or more: of 500 rows drawn at random" in text


def test_the_status_of_many_classes_and_a_name_with_brackets(call, tmp_path):
    np.save("[bold].npy", np.random.RandomState(0).rand(30, 2, 2))
    text = "".join(f"{row},class {row}\n" for row in range(25))
    (tmp_path / "labels.csv").write_text(f"row,label\n{text}")
    text = words(call("query", "[bold].npy", "labels.csv", "--status").stdout)
    assert "Pool [bold].npy" in text
    assert "30 of 2 x 2 float64" in text
    assert "and 5 with no more" in text


def test_a_file_is_replaced_only_by_force(call, tmp_path):
    path = tmp_path / "batch.csv"
    path.write_text("mine")
    args = ["query", "pool.npy", "labels.csv", "-n", 3, *QUICK, "-o", "batch.csv"]
    result = call(*args)
    assert result.exit_code == 2
    assert "batch.csv exists; choose another name, or replace it by --force" in words(result.stderr)
    assert path.read_text() == "mine"
    assert call(*args, "--force").exit_code == 0
    assert path.read_text().startswith("row,")


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["pool.npy", "--sampler", "rnd"], ["--sampler", "'rnd' is no sampler", "random"]),
        (["pool.npy", "--sampler", "random:k=1"], ["--sampler", "no parameter 'k'"]),
        (
            ["pool.npy", "--sampler", "uncertainty"],
            [
                "--estimator",
                "there is none",
                "Task models: logistic",
                "Samplers without one: discriminative, core-set, random",
                "logistic, mlp, forest, ridge",
            ],
        ),
        (["pool.npy", "--estimator", "tree"], ["--estimator", "'tree'", "logistic, mlp, forest"]),
        (["pool.npy", "--estimator", "a.B"], ["--estimator", "cannot be imported"]),
        (["pool.npy", "--estimator", "ridge"], ["--estimator", "is not the name of a classifier"]),
        (["pool.npy", "-o", "batch.txt"], ["--format", "'txt' is no format", "csv, json"]),
        (["pool.npy", "--format", "xml"], ["--format", "'xml' is no format"]),
        (
            ["pool.npy", "-o", "pool.npy", "--force", "--format", "csv"],
            ["one of the files to read"],
        ),
        (
            ["pool.npy", "labels.csv", "-o", "labels.csv", "--force"],
            ["--output", "labels.csv is one of the files to read"],
        ),
        (["pool.npy", "-o", "folder.csv", "--force"], ["folder.csv is a folder"]),
        (["pool.npy", "-o", "pool.npy/batch.csv"], ["--output", "cannot be made or written to"]),
        (["pool.npy", "-n", "0"], ["-n"]),
        ([], ["POOL"]),
    ],
)
def test_a_wrong_call_says_what_is_right(call, tmp_path, args, parts):
    (tmp_path / "folder.csv").mkdir()
    result = call("query", *args)
    assert result.exit_code == 2
    for part in parts:
        assert part in words(result.stderr)


def with_nan(row):
    bad = X.copy()
    bad[row, 5] = np.nan
    return bad


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none.npy"], "There is no file none.npy."),
        (["pool.npy", "none.csv"], "No such file or directory: 'none.csv'"),
        (["pickle.npy"], "pickle.npy holds Python objects as a pickle, which can run any code"),
        (["cut.npy"], "cut.npy is cut off: of 920,064 bytes of numbers it holds 4,872"),
        (["cut.npz"], "cut.npz is no .npz file, or is cut off"),
        (["cut.parquet"], "cut.parquet cannot be read as Parquet: "),
        (["nulls.parquet"], "Row 3 of nulls.parquet has no value in column 'a'"),
        (["twice.parquet"], "The id 'x' is there twice in twice.parquet, for the rows 0 and 2"),
        (["nan.npy", "labels.csv"], "Row 1234 of nan.npy holds NaN or infinity"),
        (["nan.npy", "labels.csv", "--status"], "Row 1234 of nan.npy holds NaN or infinity"),
        (["pool.npy", "far.csv"], "Line 2 of far.csv has the row 1797, but the pool has rows"),
        (["pool.npy", "--items", "labels.csv"], "labels.csv has the columns row, label; its"),
        (["pool.npy", "-n", "1798"], "n_instances=1798 is more than the 1797 rows"),
        (["pool.npy", "--key", "X"], "pool.npy has no names to find the key of an array by"),
    ],
)
def test_bad_input_is_told_in_one_line(call, tmp_path, args, message):
    np.save("pickle.npy", np.array([[None]], dtype=object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "pool.npy").read_bytes()[:5000])
    np.savez("whole.npz", X=X)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:5000])
    parquet.write_table(pa.table({"a": [1.0, 2.0, 3.0, None]}), "nulls.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "nulls.parquet").read_bytes()[:-20])
    parquet.write_table(pa.table({"id": ["x", "y", "x"], "a": [1, 2, 3]}), "twice.parquet")
    np.save("nan.npy", with_nan(1234))
    (tmp_path / "far.csv").write_text("row,label\n1797,3\n")
    sampler = ["--sampler", "core-set"]
    result = call("query", *args, *sampler, *([] if "--status" in args else ["-o", "batch.csv"]))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert not (tmp_path / "batch.csv").exists()


def test_a_model_that_does_not_go_is_told_in_one_line(call):
    options = ["--sampler", "mc-dropout", "--estimator", "mlp"]
    result = call("query", "pool.npy", "labels.csv", *options)
    assert result.exit_code == 1
    assert "no active dropout layer" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_package_is_told_in_one_line(call, monkeypatch):
    parquet.write_table(pa.table({"a": [1.0]}), "pool.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = call("query", "pool.parquet", "-n", 1)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: pool.parquet takes pyarrow, which is not installed.")


def test_rows_with_nan_that_cannot_be_labeled_do_no_harm(call):
    np.save("nan.npy", with_nan(1234))
    with open("labels.csv", "a") as file:
        file.write("1234,\n")
    result = call("query", "nan.npy", "labels.csv", "--sampler", "core-set", "-n", 3)
    assert result.exit_code == 0, result.output
    assert call("query", "nan.npy", "labels.csv", "--status").exit_code == 0
