from __future__ import annotations

import csv
import math
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from sklearn.datasets import make_classification

from skdal import datasets, experiments
from skdal._task_models import CLASSIFIERS, make_task_model
from skdal.cli.rank import _table
from skdal.experiments import agreement, presets, rank
from skdal.experiments.presets import make_sampler

TINY = ["rank", "digits", "--estimator", "logistic", "--samplers", "uncertainty,egl"]
TINY += ["--rows", "50"]
FILES = ["rankings.png", "rankings.svg", "scores.csv"]


def test_help_names_what_there_is(call):
    result = call("rank", "--help")
    assert result.exit_code == 0
    for name in [
        "uncertainty",
        "deepfool",
        *CLASSIFIERS,
        *datasets.NAMES,
        ".npz",
        "scores.csv",
    ]:
        assert name in result.stdout
    assert "core-set" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_it_prints_a_table_and_writes_its_files(call, tmp_path):
    output = tmp_path / "new" / "folder"
    result = call(*TINY, "--repeats", 2, "--output", output)
    assert result.exit_code == 0, result.output
    assert "50 rows of digits, logistic on 20 labels" in result.stdout
    assert "Over 2 starts" in result.stdout
    assert max(map(len, result.stdout.splitlines()[:-1])) <= 80
    assert "4/4" in result.stderr
    assert sorted(path.name for path in output.iterdir()) == FILES
    assert (output / "rankings.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "<svg" in (output / "rankings.svg").read_text(encoding="utf-8")


def test_the_scores_are_those_of_the_library(call, tmp_path):
    assert call(*TINY, "--seed", 3, "--output", tmp_path).exit_code == 0
    data = datasets.load("digits")
    samplers = {name: make_sampler(name) for name in ("uncertainty", "egl")}
    settings = {"n_initial": 20, "n_rows": 50, "random_state": 3}
    results = rank(samplers, make_task_model("logistic"), data.X, data.y, **settings)
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["sampler"] for line in lines] == ["uncertainty"] * 50 + ["egl"] * 50
    assert [int(line["row"]) for line in lines[:50]] == results[0]["rows"].tolist()
    assert [float(line["score"]) for line in lines[50:]] == results[1]["scores"].tolist()


def test_the_table_has_the_coefficients(call):
    data = datasets.load("digits")
    samplers = {name: make_sampler(name) for name in ("uncertainty", "egl")}
    results = rank(samplers, make_task_model("logistic"), data.X, data.y, n_rows=50)
    result = call(*TINY)
    assert f" {agreement(results)[0]['spearman']:.2f} " in result.stdout
    assert "Min" not in result.stdout


def test_the_picture_says_that_it_is_of_one_start(call, tmp_path):
    for repeats, told in [(1, False), (2, True)]:
        output = tmp_path / str(repeats)
        assert call(*TINY, "--repeats", repeats, "--output", output).exit_code == 0
        # Text is drawn as paths, with the words in a comment before.
        picture = (output / "rankings.svg").read_text(encoding="utf-8")
        assert ("Only the first of 2 starts is drawn." in picture) == told


def test_long_names_are_not_cut(call, tmp_path):
    names = [f"discriminative:n_mini_queries={n}:candidates=pool" for n in (2, 3)]
    result = call(*TINY, "--samplers", ",".join(names), "--repeats", 2)
    assert result.exit_code == 0, result.output
    assert "…" not in result.stdout
    for words in ["n_mini_queries=2:", "n_mini_queries=3:", "candidates=pool"]:
        assert words in result.stdout


def test_a_file_of_ones_own_and_a_reference(call, tmp_path):
    X, y = make_classification(80, random_state=0)
    np.savez(tmp_path / "mine [bold].npz", X=X[:60], y=y[:60], X_test=X[60:], y_test=y[60:])
    args = ["--estimator", "logistic", "--reference", "egl", "--output", tmp_path / "out"]
    result = call("rank", tmp_path / "mine [bold].npz", *args)
    assert result.exit_code == 0, result.output
    assert "40 rows of mine [bold].npz" in result.stdout
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_networks_take_images_and_others_take_them_flat(call, tmp_path):
    rng = np.random.RandomState(0)
    X, y = rng.randint(256, size=(60, 12, 12), dtype=np.uint8), np.arange(60) % 2
    np.savez(tmp_path / "images.npz", X=X[:40], y=y[:40], X_test=X[40:], y_test=y[40:])
    for estimator in (["logistic"], ["lenet", "--epochs", "2"]):
        args = ["--samplers", "uncertainty,egl", "--estimator", *estimator]
        result = call("rank", tmp_path / "images.npz", *args)
        assert result.exit_code == 0, result.output
        assert "20 rows of images.npz" in result.stdout


def test_without_output_nothing_is_written(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(*TINY).exit_code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FILES)
def test_results_are_replaced_only_by_force(call, tmp_path, name):
    (tmp_path / name).write_text("mine")
    result = call(*TINY, "--output", tmp_path)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert (tmp_path / name).read_text() == "mine"
    assert call(*TINY, "--output", tmp_path, "--force").exit_code == 0
    assert (tmp_path / name).read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["rank", "digit"], ["DATA", "'digit'", "mnist", ".npz"]),
        (["rank", "missing.npz"], ["no file missing.npz"]),
        ([*TINY, "--samplers", "random,egl"], ["--samplers", "'random'", "no scores"]),
        ([*TINY, "--samplers", "core-set,egl"], ["'core-set'", "no scores"]),
        ([*TINY, "--samplers", "rnd,egl"], ["'rnd'", "uncertainty"]),
        ([*TINY, "--samplers", "egl,egl"], ["egl alone", "two"]),
        ([*TINY, "--reference", "deepfool"], ["--reference", "'deepfool'", "uncertainty,egl"]),
        ([*TINY, "--estimator", "forests"], ["--estimator", "'forests'", "logistic"]),
        ([*TINY, "--epochs", "5"], ["--epochs", "LogisticRegression is not trained in epochs"]),
        ([*TINY, "--initial", "1"], ["--initial"]),
        ([*TINY, "--initial", "1190"], ["--rows", "50", "1198", "8 at most"]),
        ([*TINY, "--initial", "1197"], ["--initial", "1196 at most"]),
        ([*TINY, "--clip", "0", "1"], ["--clip", "deepfool"]),
        ([*TINY, "--output", __file__], ["--output"]),
    ],
)
def test_a_wrong_call_says_what_is_right(call, args, words):
    result = call(*args)
    assert result.exit_code == 2
    for word in words:
        assert word in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize("command", ["compare", "rank"])
def test_what_is_not_installed_is_said(call, monkeypatch, command):
    def fail(kind):
        raise ImportError(f"{kind} needs more.")

    monkeypatch.setattr(presets, "_strategy", fail)
    result = call(command, "digits", "--samplers", "badge,egl")
    assert result.exit_code == 2
    assert "--samplers" in result.stderr
    assert "badge needs more." in result.stderr


def test_a_failed_download_is_no_traceback(call, monkeypatch):
    def fetch(*args, **settings):
        raise TimeoutError("timed out")

    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    result = call("rank", "mnist")
    assert result.exit_code == 2
    assert "timed out" in result.stderr


def test_the_table_fits_80_columns_and_shows_no_nan():
    name = "expected-gradient-length"
    line = {"sampler": name, "other": name, "spearman": math.nan, "min": -1.0, "max": math.nan}
    console = Console(width=80, file=StringIO())
    console.print(_table([line], 5))
    text = console.file.getvalue()
    assert text.count(name) == 2
    assert "nan" not in text
    assert "…" not in text


def write_data(path, **changes):
    X, y = make_classification(80, random_state=0)
    data = {"X": X[:60], "y": y[:60], "X_test": X[60:], "y_test": y[60:]}
    np.savez(path, **data | changes)
    return path


@pytest.mark.parametrize(
    ("labels", "code", "words"),
    [(-1, 1, ["Error: ", "-1"]), (0.5, 2, ["Invalid value for DATA", "continuous"])],
)
def test_data_that_cannot_be_ranked_are_an_error_in_words(call, tmp_path, labels, code, words):
    y = np.arange(60) % 2 + 0.0
    y[:30] += labels
    if labels == -1:
        y = y.astype(int)
    path = write_data(tmp_path / "mine.npz", y=y)
    result = call("rank", path, "--estimator", "logistic", "--samplers", "uncertainty,egl")
    assert result.exit_code == code
    for word in words:
        assert word in result.stderr


def test_a_full_disk_is_an_error_in_words(call, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(experiments, "write_scores", fail)
    result = call(*TINY, "--output", tmp_path)
    assert result.exit_code == 1
    assert "Error: [Errno 28] No space left on device\n" in result.stderr


def test_deepfool_stays_in_a_range(call, tmp_path):
    path = write_data(tmp_path / "mine.npz")
    model = "sklearn.linear_model.LogisticRegression"
    args = ["--estimator", model, "--samplers", "uncertainty,deepfool"]
    result = call("rank", path, *args, "--clip", "-9", "9")
    assert result.exit_code == 0, result.output
    named = ["--samplers", "uncertainty,deepfool:max_candidates=9"]
    assert call("rank", path, *args, *named, "--clip", "-9", "9").exit_code == 0
    result = call("rank", path, *args, "--clip", "1", "0")
    assert result.exit_code == 1
    assert "Error: clip=(1.0, 0.0) must be a pair" in result.stderr
    # Of the features as they are, which a model with a scaler does not get.
    result = call("rank", path, *args, "--estimator", "logistic", "--clip", "-9", "9")
    assert result.exit_code == 2
    assert "logistic scales the features" in result.stderr
