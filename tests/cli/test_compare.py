from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from rich.console import Console
from sklearn.dummy import DummyClassifier
from sklearn.utils import Bunch

from skdal import datasets, experiments
from skdal._task_models import CLASSIFIERS
from skdal.cli.compare_forecast import forecast
from skdal.cli.compare_output import table
from skdal.experiments import estimate
from skdal.experiments.presets import PRESETS, SAMPLER_NAMES

TINY = ["compare", "digits", "--estimator", "logistic", "--samplers", "random"]
TINY += ["--initial", "10", "--batch-size", "10", "--queries", "2", "--repeats", "2"]


def test_help_names_what_there_is(call):
    result = call("compare", "--help")
    assert result.exit_code == 0
    for name in [
        *SAMPLER_NAMES,
        *CLASSIFIERS,
        *PRESETS,
        *datasets.NAMES,
        "--force",
        "default: 20,",
    ]:
        assert name in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_run_prints_a_table_and_writes_its_files(call, tmp_path):
    output = tmp_path / "new" / "folder"
    result = call(*TINY, "--output", output)
    assert result.exit_code == 0, result.output
    assert "random" in result.stdout
    assert "10 to 30 labels, mean of 2 runs" in result.stdout
    assert max(map(len, result.stdout.splitlines()[:-1])) <= 80
    assert "6/6" in result.stderr
    assert sorted(path.name for path in output.iterdir()) == [
        "learning-curve.png",
        "learning-curve.svg",
        "results.csv",
        "runs",
        "settings.json",
    ]
    with (output / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["n_labels"]) for row in rows] == [10, 20, 30] * 2
    assert (output / "learning-curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_seed_fixes_the_scores(call, tmp_path):
    def scores(name, seed):
        assert call(*TINY, "--seed", seed, "--output", tmp_path / name).exit_code == 0
        with (tmp_path / name / "results.csv").open(encoding="utf-8") as file:
            return [(row["score"], row["rows"]) for row in csv.DictReader(file)]

    assert scores("a", 0) == scores("b", 0) != scores("c", 1)


def test_without_output_nothing_is_written(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(*TINY).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_results_are_replaced_only_by_force(call, tmp_path, monkeypatch):
    results = tmp_path / "results.csv"
    results.write_text("mine")
    result = call(*TINY, "--output", tmp_path)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert results.read_text() == "mine"
    assert call(*TINY, "--output", tmp_path, "--force").exit_code == 0
    assert results.read_text().startswith("sampler,")
    result = call(*TINY, "--output", tmp_path)
    assert result.exit_code == 2
    assert "--resume" in result.stderr
    assert call(*TINY, "--seed", "1", "--output", tmp_path, "--force").exit_code == 0


def test_resume_goes_on(call, tmp_path):
    def rows():
        with (tmp_path / "results.csv").open(encoding="utf-8") as file:
            return [tuple(row.values()) for row in csv.DictReader(file)]

    assert call(*TINY, "--output", tmp_path).exit_code == 0
    first = rows()
    more = ["--samplers", "random,uncertainty", "--repeats", "3"]
    result = call(*TINY, *more, "--output", tmp_path, "--resume", "--dry-run")
    assert "18 trainings of the task model in 6 runs.\n6 of them are done." in result.stdout
    assert " s by random, " in result.stdout
    result = call(*TINY, "--output", tmp_path, "--resume", "--dry-run")
    assert result.stdout.endswith("\n6 of them are done.\n")
    assert call(*TINY, *more, "--output", tmp_path, "--resume").exit_code == 0
    assert len(rows()) == 18
    assert set(first) < set(rows())
    result = call(*TINY, "--initial", "11", "--output", tmp_path, "--resume")
    assert result.exit_code == 2
    assert "begun with --initial 10, not 11" in " ".join(result.stderr.replace("│", " ").split())


def test_names_may_carry_parameters(call, tmp_path):
    name = "core-set:max_candidates=5000:metric=cosine"
    names = ["--samplers", f"random,{name}", "--output", tmp_path]
    result = call(*TINY, *names, "--repeats", "1")
    assert result.exit_code == 0, result.output
    for words in [" core-set: ", " max_candidates=5000: ", " metric=cosine "]:
        assert words in result.stdout
    files = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert files == ["core-set%3Amax_candidates%3D5000%3Ametric%3Dcosine-0.jsonl", "random-0.jsonl"]
    before = [path.read_bytes() for path in sorted((tmp_path / "runs").iterdir())]
    result = call(*TINY, *names, "--resume")
    assert result.exit_code == 0, result.output
    assert "mean of 2 runs" in result.stdout
    after = sorted((tmp_path / "runs").iterdir())
    assert [path.read_bytes() for path in after if path.name.endswith("-0.jsonl")] == before
    assert "max_candidates=5000" in (tmp_path / "learning-curve.svg").read_text()
    assert {record["sampler"] for record in experiments.read_results(tmp_path)} == {"random", name}


def test_a_comma_in_brackets_parts_no_names(call):
    result = call(*TINY, "--samplers", "random,deepfool:clip=(-99,99)", "--dry-run")
    assert result.exit_code == 0, result.output
    assert " s by deepfool:clip=(-99,99)." in result.stdout


@pytest.mark.parametrize(("size", "rows"), [("0.2", 12), ("15", 15)])
def test_a_test_part_is_held_out(call, tmp_path, size, rows):
    rng = np.random.RandomState(0)
    np.savez(tmp_path / "mine.npz", X=rng.rand(60, 3), y=np.arange(60) % 2)
    args = ["compare", tmp_path / "mine.npz", *TINY[2:], "--test-size", size]
    result = call(*args, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())["experiment"]
    assert (settings["n_rows"], settings["n_test_rows"]) == (60 - rows, rows)
    # Another seed of the runs, the same part.
    assert call(*args, "--output", tmp_path / "more", "--seed", "1").exit_code == 0
    more = json.loads((tmp_path / "more" / "settings.json").read_text())["experiment"]
    assert more["checksum"] == settings["checksum"]


def test_without_a_test_part_the_cure_is_named(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", X=np.eye(60), y=np.arange(60) % 2)
    result = call("compare", "mine.npz")
    assert result.exit_code == 2
    assert "--test-size 0.2" in result.stderr
    # Who only ranks needs none.
    rank = ["--estimator", "logistic", "--samplers", "uncertainty,egl"]
    assert call("rank", "mine.npz", *rank).exit_code == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is something else there")
def test_ctrl_c_leaves_nothing_behind(tmp_path):
    args = ["compare", "digits", "--jobs", "2", "--queries", "30", "--output", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "skdal.cli", *args, "--samplers", "discriminative-raw"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell in the background has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    # The second query of a worker at least.
    while not any(path.read_bytes().count(b"\n") > 1 for path in tmp_path.glob("runs/*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    error = process.communicate(timeout=100)[1]
    assert process.returncode == 130
    assert "--resume" in error
    for word in ["leaked", "Traceback", "Warning"]:
        assert word not in error


def test_jobs(call, tmp_path):
    def rows(name):
        with (tmp_path / name / "results.csv").open(encoding="utf-8") as file:
            return [(row["sampler"], row["score"], row["rows"]) for row in csv.DictReader(file)]

    asked = []
    for jobs in (1, 2):
        result = call(*TINY, "--jobs", jobs, "--output", tmp_path / str(jobs))
        assert result.exit_code == 0, result.output
        asked.append(rows(str(jobs)))
    assert asked[0] == asked[1]


def test_jobs_are_handed_on(call, monkeypatch):
    found = []

    def compare(*args, n_jobs, **kwargs):
        found.append(n_jobs)
        raise ValueError("That is enough.")

    monkeypatch.setattr(experiments, "compare", compare)
    call(*TINY, "--jobs", "2")
    assert found == [2]


def test_ctrl_c_tells_how_to_go_on(call, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments, "compare", interrupt)
    result = call(*TINY, "--output", tmp_path)
    assert result.exit_code == 130
    assert "--resume" in result.stderr


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_model_of_ones_own_and_its_warnings(call, tmp_path, monkeypatch, jobs):
    name = f"my_slow_model_{jobs}"
    (tmp_path / f"{name}.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class Slow(LogisticRegression):\n"
        "    def __init__(self, max_iter=2):\n"
        "        super().__init__(max_iter=max_iter)\n"
    )
    monkeypatch.chdir(tmp_path)
    # Workers of an earlier test do not know this folder.
    get_reusable_executor().shutdown(wait=True)
    result = call(*TINY, "--estimator", f"{name}.Slow", "--jobs", jobs)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("Warning: lbfgs failed to converge") == 1
    # Of each training.
    assert result.stderr.count("Warned 6 times: lbfgs failed to converge") == 1
    assert "linear_model" not in result.stderr


def test_a_dry_run_tells_what_there_is_to_do(call, tmp_path):
    result = call(*TINY, "--output", tmp_path / "new", "--dry-run")
    assert result.exit_code == 0
    assert "6 trainings of the task model in 2 runs." in result.stdout
    lines = [line.split(":")[0] for line in result.stdout.splitlines()[1:4]]
    assert lines == ["Trainings", "Queries", "Total"]
    for words in ["One on 20 labels", "One takes ", " s by random", "with 1 job", "estimates"]:
        assert words in result.stdout
    assert "query of random" in result.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("initial", "batch"), [(1, 1), (8, 1190)])
def test_a_dry_run_of_extreme_sizes(call, initial, batch):
    sizes = ["--initial", initial, "--batch-size", batch, "--queries", "1"]
    names = ["--samplers", "random,uncertainty,discriminative-raw:n_mini_queries=1"]
    result = call(*TINY, *sizes, *names, "--dry-run")
    assert result.exit_code == 0, result.output


def test_a_dry_run_counts_the_queries_that_are_left(monkeypatch):
    monkeypatch.setattr(estimate, "query_seconds", lambda sampler, *_, **__: sampler)
    monkeypatch.setattr(estimate, "scoring_seconds", lambda *_: 5.0)
    model = DummyClassifier()
    monkeypatch.setattr(
        estimate, "time_training", lambda *_, **__: estimate.Training(model, np.arange(3), 10.0)
    )
    sizes = {"n_initial": 10, "n_instances": 10, "n_queries": 4}
    lines = forecast({"a": 1000.0, "b": 1.0}, model, Bunch(X=0, y=0, X_test=0, y_test=0), sizes,
                     {"a": [0, 3], "b": [1, 5]}, 1)  # fmt: skip
    assert lines[:2] == ["20 trainings of the task model in 4 runs.", "9 of them are done."]
    # 11 trainings are left; 4 and 2 queries of a, 4 of b.
    assert lines[2].startswith("Trainings: about 3 min. One on 30 labels, half way, takes 10 s, ")
    assert lines[3] == "Queries: about 2 h. One takes 17 min by a, 1 s by b."
    assert lines[4].startswith("Total: about 2 h with 1 job")


def test_a_preset_with_data_and_options_of_ones_own(call, tmp_path):
    digits = datasets.load("digits")
    images = np.kron(digits.X.reshape(-1, 8, 8) * 15, np.ones((2, 2))).astype(np.uint8)
    path = tmp_path / "own.npz"
    np.savez(
        path, X=images[:300], y=digits.y[:300], X_test=images[300:400], y_test=digits.y[300:400]
    )
    options = ["--initial", "30", "--batch-size", "10", "--queries", "1", "--repeats", "1"]
    args = ["compare", path, "--preset", "mnist-100", *options, "--epochs", "2"]
    result = call(*args, "--samplers", "random,discriminative", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert settings["experiment"]["estimator"].startswith("LeNetClassifier(")
    assert "n_mini_queries=20" in settings["samplers"]["discriminative"]


def test_what_a_sampler_cannot_work_with_is_said(call):
    for more in ([], ["--dry-run"]):
        result = call(*TINY, "--samplers", "mc-dropout", *more)
        assert result.exit_code == 1
        assert "no active dropout layer" in result.stderr


def write_data(path, **changes):
    rng = np.random.RandomState(0)
    data = {"X": rng.rand(60, 3), "y": np.arange(60) % 2}
    data |= {"X_test": rng.rand(20, 3), "y_test": np.arange(20) % 2}
    np.savez(path, **data | changes)
    return path


def with_a_gap(n_rows, row, value):
    X = np.random.RandomState(0).rand(n_rows, 3)
    X[row, 1] = value
    return X


@pytest.mark.parametrize("command", ["compare", "rank"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"X": with_a_gap(60, 7, np.nan)}, ["Row 7 of X of", "mine.npz"]),
        ({"X_test": with_a_gap(20, 3, np.inf)}, ["Row 3 of X_test of", "infinite"]),
        ({"y_test": np.full(20, 5)}, ["No class of y_test", "mine.npz", "5 is in y_test"]),
    ],
)
def test_data_that_no_task_model_takes_are_refused(
    call, tmp_path, monkeypatch, command, changes, words
):
    # A short name, which the box of the message does not break.
    monkeypatch.chdir(tmp_path)
    write_data(Path("mine.npz"), **changes)
    result = call(command, "mine.npz")
    assert result.exit_code == 2
    for word in words:
        assert word in " ".join(result.stderr.replace("│", " ").split())


def test_a_full_disk_is_told_with_the_way_to_go_on(call, tmp_path, monkeypatch):
    def fail(*args, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(experiments, "compare", fail)
    result = call(*TINY, "--output", tmp_path)
    assert result.exit_code == 1
    assert "Error: [Errno 28] No space left on device\n" in result.stderr
    assert f"What is done is in {tmp_path}" in result.stderr
    assert "--resume" in result.stderr


@pytest.mark.parametrize(
    "error",
    [
        FloatingPointError("The train_loss is nan"),
        MemoryError(),
        RuntimeError("CUDA out of memory"),
        TypeError("unsupported operand"),
        ValueError("a wrong value"),
    ],
)
def test_the_way_to_go_on_is_told_whatever_stops_it(call, tmp_path, monkeypatch, error):
    def fail(*args, **settings):
        raise error

    monkeypatch.setattr(experiments, "compare", fail)
    result = call(*TINY, "--output", tmp_path)
    assert result.exit_code == 1
    assert f"What is done is in {tmp_path}; once that is mended, go on by" in result.stderr
    # What is no error of data, settings or files keeps its traceback.
    assert (result.exception is error) == (not isinstance(error, ValueError))
    result = call(*TINY)
    assert "--resume" not in result.stderr


def files_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_force_replaces_nothing_by_a_call_that_cannot_work(call, tmp_path):
    assert call(*TINY, "--output", tmp_path).exit_code == 0
    (tmp_path / "runs" / "notes.txt").write_text("mine")
    before = files_in(tmp_path)
    result = call(*TINY, "--samplers", "mc-dropout", "--output", tmp_path, "--force")
    assert result.exit_code == 1
    assert "no active dropout layer" in result.stderr
    assert f"Nothing was replaced in {tmp_path}." in result.stderr
    assert "--resume" not in result.stderr
    assert files_in(tmp_path) == before
    result = call(*TINY, "--samplers", "uncertainty", "--output", tmp_path, "--force")
    assert result.exit_code == 0, result.output
    after = files_in(tmp_path)
    assert {path.name for path in after} == {
        *("notes.txt", "results.csv", "settings.json", "learning-curve.png", "learning-curve.svg"),
        *("uncertainty-0.jsonl", "uncertainty-1.jsonl"),
    }
    assert not any(after[path] == before.get(path) for path in after if path.name != "notes.txt")


def test_force_that_is_broken_off_leaves_the_new_one(call, tmp_path, monkeypatch):
    assert call(*TINY, "--output", tmp_path).exit_code == 0
    play = experiments.compare

    def half(samplers, *args, **settings):
        play({"random": samplers["random"]}, *args, **settings)
        raise MemoryError

    monkeypatch.setattr(experiments, "compare", half)
    more = ["--samplers", "random,uncertainty", "--seed", "1", "--output", tmp_path]
    result = call(*TINY, *more, "--force")
    assert "go on by the same command with --resume in place of --force." in result.stderr
    # The figures of before are none of the new runs.
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "results.csv",
        "runs",
        "settings.json",
    ]
    monkeypatch.undo()
    assert call(*TINY, *more, "--resume").exit_code == 0
    assert not (tmp_path / ".replaced").exists()


def test_a_dry_run_of_another_comparison_is_refused(call, tmp_path):
    assert call(*TINY, "--output", tmp_path).exit_code == 0
    for more in (["--queries", "1"], ["--seed", "1"], ["--estimator", "mlp"]):
        result = call(*TINY, *more, "--output", tmp_path, "--resume", "--dry-run")
        assert result.exit_code == 2
        assert "holds another comparison" in " ".join(result.stderr.replace("│", " ").split())


def test_the_span_is_that_of_the_scores():
    console = Console(width=80, file=StringIO())
    console.print(table([line(), line(sampler="late", n_labels_from=50)]))
    text = " ".join(console.file.getvalue().split())
    assert "20 to 200 labels" in text
    assert "That of late begins at 50 labels" in text


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_what_is_wrong_with_a_run_file_is_said(call, tmp_path, more):
    assert call(*TINY, "--output", tmp_path).exit_code == 0
    path = tmp_path / "runs" / "random-1.jsonl"
    path.write_text("null\n")
    result = call(*TINY, "--output", tmp_path, "--resume", *more)
    assert result.exit_code == 1
    assert f"Error: Line 1 of {path} is damaged: it is no step of a run" in result.stderr
    path.unlink()
    path.mkdir()
    result = call(*TINY, "--output", tmp_path, "--resume", *more)
    assert result.exit_code == 1
    assert "Error: " in result.stderr
    assert str(path) in result.stderr
    # Even this is no reason for a traceback.
    assert call(*TINY, "--output", tmp_path, "--force").exit_code == 1


def test_a_narrow_terminal_cuts_nothing(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    rank = ["rank", "digits", "--estimator", "logistic", "--samplers", "uncertainty,egl"]
    for args, words in [(TINY, ["Difference to random", " ± "]), (rank, ["Spearman"])]:
        result = call(*args)
        assert result.exit_code == 0
        assert "…" not in result.stdout
        for word in words:
            assert word in result.stdout


def line(**changes):
    return {
        "sampler": "expected-gradient-length",
        "area": 0.9141,
        "difference": 0.03,
        "low": -0.004,
        "high": 0.064,
        "n_repeats": 5,
        "n_labels_from": 20,
        "n_labels_to": 200,
        "final_score": 0.96,
        "final_score_sd": 0.0123,
        "query_seconds": 4.2,
    } | changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["0.914", "+0.030 [-0.004, +0.064]", "0.960 ± 0.012", "4.200"]),
        ({"low": math.nan}, ["+0.030 "]),
        ({"difference": math.nan}, [" - "]),
        ({"query_seconds": 1234.567}, ["1235"]),
        ({"final_score_sd": math.nan}, ["0.960 "]),
    ],
)
def test_a_line_of_the_table_fits_80_columns(changes, words):
    console = Console(width=80, file=StringIO())
    console.print(table([line(**changes)]))
    text = console.file.getvalue()
    assert "20 to 200 labels" in text
    for word in ["expected-gradient-length", *words]:
        assert word in text
    assert "nan" not in text
    assert "…" not in text


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["compare", "digit"], ["digits"]),
        ([*TINY, "--samplers", "random,rnd"], ["'rnd'", "discriminative"]),
        ([*TINY, "--samplers", ""], ["--samplers", "'' is no sampler"]),
        (["compare"], ["skdal compare digits"]),
        ([*TINY, "--queries", "2000"], ["1198", "at most 118"]),
        ([*TINY, "--initial", "1190"], ["--batch-size", "1198", "8 at most"]),
        ([*TINY, "--batch-size", "1189"], ["--batch-size", "1198", "1188 at most"]),
        ([*TINY, "--initial", "1198"], ["--initial", "1197 at most"]),
        ([*TINY, "--repeats", "0"], ["--repeats"]),
        ([*TINY, "--jobs", "0"], ["--jobs"]),
        ([*TINY, "--epochs", "5"], ["not trained in epochs"]),
        ([*TINY, "--test-size", "0.2"], ["--test-size", "its own test part"]),
        ([*TINY, "--test-size", "1.5"], ["--test-size", "'1.5'", "0.2", "200"]),
        ([*TINY, "--test-size", "a"], ["--test-size", "'a'", "0.2", "200"]),
        ([*TINY, "--preset", "mnist"], ["mnist-100"]),
        ([*TINY, "--resume"], ["--output"]),
        ([*TINY, "--output", "x", "--resume", "--force"], ["--force"]),
        ([*TINY, "--estimator", "forests"], ["logistic", "dotted path"]),
        ([*TINY, "--estimator", "sklearn.linear_model.Ridge"], ["is no classifier"]),
        ([*TINY, "--estimator", "logistic:c=1"], ["--estimator", "no parameter 'c'"]),
        ([*TINY, "--output", __file__], ["--output"]),
        ([*TINY, "--output", f"{__file__}/folder"], ["cannot be made"]),
    ],
)
def test_a_wrong_call_says_what_is_right(call, args, words):
    result = call(*args)
    assert result.exit_code == 2
    for word in words:
        assert word in " ".join(result.stderr.replace("│", " ").split())


def test_rows_are_numbered_as_in_the_file(call, tmp_path):
    X = np.random.RandomState(0).rand(40, 3)
    X[3, 1] = np.nan
    np.savez(tmp_path / "bad.npz", X=X, y=np.arange(40) % 2)
    for size in ("0.2", "0.4", "12"):
        result = call("compare", str(tmp_path / "bad.npz"), "--test-size", size)
        assert result.exit_code == 2
        assert "Row 3 of X of" in " ".join(result.output.replace("│", " ").split())


def test_a_regression_is_refused_in_a_line(call, tmp_path):
    rng = np.random.RandomState(0)
    np.savez(tmp_path / "values.npz", X=rng.rand(40, 3), y=rng.rand(40))
    for command in (["compare", "--test-size", "0.2", "--dry-run"], ["rank"]):
        result = call(command[0], str(tmp_path / "values.npz"), *command[1:])
        assert result.exit_code == 2
        output = " ".join(result.output.replace("│", " ").split())
        assert "is continuous, and the task models are classifiers" in output
