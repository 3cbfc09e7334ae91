"""What ``skdal query`` says of calls and files that do not go."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests._query import QUICK, X, words

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

pytestmark = pytest.mark.usefixtures("here")


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
            ],
        ),
        (["pool.npy", "--estimator", "tree"], ["--estimator", "'tree'", "logistic, mlp, forest"]),
        (["pool.npy", "--estimator", "a.B"], ["--estimator", "cannot be imported"]),
        (["pool.npy", "--estimator", "ridge"], ["--estimator", "is not the name of a classifier"]),
        (["pool.npy", "-o", "batch.txt"], ["--format", "'txt' is no format", "csv, json"]),
        (["pool.npy", "-o", "batch"], ["--format", "batch does not tell the format", ".csv"]),
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
        (
            ["pool.npy", "none.csv"],
            "There is no file none.csv. As long as there are no labels leave it out",
        ),
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
