"""What ``skdal query`` chooses, and where it writes it."""

from __future__ import annotations

import csv
import json
import os

import numpy as np
import pytest

from skdal._task_models import NAMES
from skdal.experiments.presets import SAMPLER_NAMES
from tests._query import QUICK, X, rows_of, words, write_labels, y

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

pytestmark = pytest.mark.usefixtures("here")


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
        "Note: No row has a label yet, so core-set chooses, among rows drawn at random, and not "
        "discriminative.\n"
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


def test_a_pool_that_is_sorted_anew(call, tmp_path):
    names = [f"img-{number}" for number in range(len(X))]
    order = np.random.RandomState(0).permutation(len(X))
    for path, rows in (("old.parquet", np.arange(len(X))), ("new.parquet", order)):
        table = {"id": [names[row] for row in rows], "vector": list(X[rows])}
        parquet.write_table(pa.table(table), path)
    assert call("query", "old.parquet", "-n", 1700, *QUICK, "-o", "batch.csv").exit_code == 0
    with open("batch.csv") as file:
        lines = file.read().splitlines()
    labeled = {line.split(",")[1] for line in lines[1:]}
    (tmp_path / "batch.csv").write_text(
        "\n".join([f"{lines[0]},label", *(f"{line},a" for line in lines[1:])]) + "\n"
    )
    result = call("query", "new.parquet", "batch.csv", "-n", 97, *QUICK)
    assert result.exit_code == 0, result.output
    found = list(csv.DictReader(result.stdout.splitlines()))
    assert {line["id"] for line in found} == set(names) - labeled
    assert all(names[order[int(line["row"])]] == line["id"] for line in found)


def test_a_model_that_is_not_used_is_told(call):
    args = ["query", "pool.npy", "labels.csv", "-n", 3]
    result = call(*args, *QUICK, "--estimator", "forest")
    assert result.stderr == (
        "Note: random has no use for the task model forest, which is not trained.\n"
    )
    assert call(*args, *QUICK).stdout == result.stdout
    used = call(*args, "--sampler", "uncertainty", "--estimator", "forest:n_estimators=5")
    assert used.stderr == ""


@pytest.mark.filterwarnings("always")
def test_a_warning_is_a_line(call, tmp_path):
    (tmp_path / "hasty.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "model = LogisticRegression(max_iter=1)\n"
    )
    hasty = ["--sampler", "uncertainty", "--estimator", "hasty.model"]
    result = call("query", "pool.npy", "labels.csv", "-n", 3, *hasty)
    assert result.exit_code == 0, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Warning: lbfgs failed to converge")


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
    assert "Labeled 29, 1.6 % of the rows Cannot be labeled 1 Unlabeled 1,767" in shown


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
