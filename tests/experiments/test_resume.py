"""A comparison that is broken off goes on as if nothing had happened."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skdal import RandomSampler, UncertaintySampler
from skdal.experiments import compare, read_results
from skdal.experiments.folder import run_path
from skdal.experiments.run_file import RunFile

X, Y = load_iris(return_X_y=True)
DATA = {"X": X[::2], "y": Y[::2], "X_test": X[1::2], "y_test": Y[1::2]}
SAMPLERS = {"random": RandomSampler(), "uncertainty": UncertaintySampler()}


def run(directory=None, **params):
    params = {"n_initial": 5, "n_instances": 5, "n_queries": 3, "n_repeats": 2, **DATA, **params}
    samplers = params.pop("samplers", SAMPLERS)
    estimator = params.pop("estimator", DecisionTreeClassifier(max_features=1))
    return compare(samplers, estimator, **params, directory=directory)


def without_seconds(results):
    return [
        {
            name: value.tolist() if name in ("rows", "class_counts") else value
            for name, value in record.items()
            if "seconds" not in name
        }
        for record in results
    ]


UNDISTURBED = without_seconds(run())


def lines_of(directory):
    return {path.name: path.read_bytes() for path in (Path(directory) / "runs").iterdir()}


def test_a_directory_changes_no_result_and_holds_them(tmp_path):
    results = run(tmp_path / "new")
    assert without_seconds(results) == UNDISTURBED
    assert without_seconds(read_results(tmp_path / "new")) == UNDISTURBED
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "results.csv",
        "runs",
        "settings.json",
    ]
    with (tmp_path / "new" / "results.csv").open(encoding="utf-8", newline="") as file:
        assert [float(row["score"]) for row in csv.DictReader(file)] == [
            record["score"] for record in results
        ]


def test_every_step_is_on_disk_before_the_next_begins(tmp_path):
    seen = []

    class Watching(GaussianNB):
        def fit(self, X, y):
            seen.append(sum(text.count(b"\n") for text in lines_of(tmp_path).values()))
            return super().fit(X, y)

    run(tmp_path, estimator=Watching())
    assert seen == list(range(16))


@pytest.mark.parametrize("torn", [b"", b'{"sampler": "random", "rep', b"\0\0"])
@pytest.mark.parametrize("n_lines", range(5))
def test_it_goes_on_from_any_step(tmp_path, n_lines, torn):
    run(tmp_path)
    (tmp_path / "results.csv").unlink()
    for name in SAMPLERS:
        path = run_path(tmp_path, name, 1)
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:n_lines]) + torn)
    assert without_seconds(run(tmp_path, resume=True)) == UNDISTURBED
    assert (tmp_path / "results.csv").exists()


def test_what_is_done_is_not_played_again(tmp_path):
    run(tmp_path)
    before = lines_of(tmp_path)

    class Forbidden(DecisionTreeClassifier):
        def fit(self, X, y):
            raise AssertionError("It was trained again.")

    # The same to its settings.
    Forbidden.__name__ = "DecisionTreeClassifier"
    estimator = Forbidden(max_features=1)
    assert without_seconds(run(tmp_path, resume=True, estimator=estimator)) == UNDISTURBED
    assert lines_of(tmp_path) == before


def test_more_samplers_and_repeats_extend_it(tmp_path):
    few = run(tmp_path, samplers={"uncertainty": UncertaintySampler()}, n_repeats=1)
    many = run(tmp_path, resume=True)
    assert without_seconds(many) == UNDISTURBED
    assert [r["fit_seconds"] for r in few] == [
        r["fit_seconds"] for r in many if (r["sampler"], r["repeat"]) == ("uncertainty", 0)
    ]
    # Fewer of them take nothing away.
    fewer = run(tmp_path, resume=True, samplers={"random": RandomSampler()}, n_repeats=1)
    assert len(fewer) == 4
    assert len(read_results(tmp_path)) == 16


def test_only_runs_that_are_done_are_results(tmp_path):
    run(tmp_path)
    path = run_path(tmp_path, "random", 0)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    run_path(tmp_path, "random", 1).unlink()
    assert {record["sampler"] for record in read_results(tmp_path)} == {"uncertainty"}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_initial": 6}, "n_initial is 5, not 6"),
        ({"n_queries": 2}, "n_queries is 3, not 2"),
        ({"random_state": 1}, "random_state is 0, not 1"),
        ({"divergence": True}, "divergence is False, not True"),
        ({"estimator": GaussianNB()}, "estimator is DecisionTree"),
        ({"samplers": {"uncertainty": UncertaintySampler(measure="margin")}}, "'uncertainty' is"),
        ({"y_test": DATA["y_test"][::-1]}, "checksum of y_test is"),
        ({"X": DATA["X"][:-1], "y": DATA["y"][:-1]}, "n_rows is 75, not 74"),
    ],
)
def test_another_comparison_is_refused(tmp_path, params, words):
    run(tmp_path)
    before = lines_of(tmp_path), (tmp_path / "settings.json").read_bytes()
    with pytest.raises(ValueError, match=f"holds another comparison.*{words}"):
        run(tmp_path, resume=True, **params)
    assert (lines_of(tmp_path), (tmp_path / "settings.json").read_bytes()) == before


def test_without_resume_what_is_there_is_left_alone(tmp_path):
    run(tmp_path)
    before = lines_of(tmp_path), (tmp_path / "settings.json").read_bytes()
    with pytest.raises(ValueError, match="resume=True"):
        run(tmp_path, random_state=1)
    assert (lines_of(tmp_path), (tmp_path / "settings.json").read_bytes()) == before


@pytest.mark.parametrize("resume", [False, True])
def test_files_of_unknown_origin_are_left_alone(tmp_path, resume):
    (tmp_path / "results.csv").write_text("mine")
    with pytest.raises(ValueError, match=r"holds results\.csv, but no settings\.json"):
        run(tmp_path, resume=resume)
    assert (tmp_path / "results.csv").read_text() == "mine"


def test_resume_may_also_begin(tmp_path):
    assert without_seconds(run(tmp_path / "new", resume=True)) == UNDISTURBED


def test_other_versions_are_said_and_noted(tmp_path):
    run(tmp_path)
    path = tmp_path / "settings.json"
    settings = json.loads(path.read_text())
    settings["environments"][0]["torch"] = "1.0"
    path.write_text(json.dumps(settings))
    with pytest.warns(UserWarning, match=r"torch 1\.0 before"):
        run(tmp_path, resume=True)
    assert len(json.loads(path.read_text())["environments"]) == 2
    run(tmp_path, resume=True)


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"experiment": 1, "samplers": 2}',
        {"n_repeats": None},
        {"n_repeats": "2"},
        {"environments": []},
        {"environments": [5]},
        {"samplers": ["random"]},
        {"experiment": {}},
    ],
)
def test_damaged_settings(tmp_path, text):
    run(tmp_path)
    path = tmp_path / "settings.json"
    if isinstance(text, dict):
        text = json.dumps(json.loads(path.read_text()) | text).encode()
    path.write_bytes(text)
    for read in (lambda: run(tmp_path, resume=True), lambda: read_results(tmp_path)):
        with pytest.raises(ValueError, match=r"settings\.json is .*choose another .* --force"):
            read()


def test_a_damaged_line(tmp_path):
    run(tmp_path)
    path = run_path(tmp_path, "random", 0)
    path.write_bytes(b"{}}\n" + path.read_bytes())
    with pytest.raises(ValueError, match=r"Line 1 of .* is damaged"):
        run(tmp_path, resume=True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([], "no step of a run"),
        (None, "no step of a run"),
        ({}, "it has no sampler"),
        ({"score": ...}, "it has no score"),
        ({"rows": ...}, "it has no rows"),
        ({"score": "0.5"}, "its score is no number"),
        ({"n_labels": 5.0}, "its n_labels is no count"),
        ({"repeat": True}, "its repeat is no count"),
        ({"sampler": 3}, "its sampler is no text"),
        ({"rows": [0, 1, 2, 3]}, "its n_labels is 5, but there are 4 rows"),
        ({"rows": [0, 1, 2, 3, 3]}, "labels a row for the second time"),
        ({"rows": [0, 1, 2, 3, -1]}, "its rows is no list of counts"),
        ({"rows": [0, 1, 2, 3, 10**30]}, "its rows is no list of counts"),
        ({"class_counts": "2 3 0"}, "its class_counts is no list of counts"),
    ],
)
def test_a_line_that_is_no_step(tmp_path, line, words):
    run(tmp_path)
    path = run_path(tmp_path, "random", 0)
    if line:
        line = json.loads(path.read_bytes().splitlines()[0]) | line
        line = {name: value for name, value in line.items() if value is not ...}
    path.write_text(json.dumps(line) + "\n")
    for read in (lambda: run(tmp_path, resume=True), lambda: read_results(tmp_path)):
        with pytest.raises(ValueError, match=f"Line 1 of .* is damaged: .*{words}.*Remove the"):
            read()


@pytest.mark.parametrize(("sampler", "repeat"), [("random", 1), ("uncertainty", 0)])
def test_the_file_of_another_run(tmp_path, sampler, repeat):
    run(tmp_path)
    path = run_path(tmp_path, "random", 0)
    path.write_bytes(run_path(tmp_path, sampler, repeat).read_bytes())
    for read in (lambda: run(tmp_path, resume=True), lambda: read_results(tmp_path)):
        with pytest.raises(ValueError, match=r"random-0\.jsonl holds another run"):
            read()


def test_a_row_that_the_data_do_not_have(tmp_path):
    run(tmp_path)
    path = run_path(tmp_path, "random", 0)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()][:2]
    lines[1]["rows"][0] = 99_999
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ValueError, match=r"random-0\.jsonl holds another run"):
        run(tmp_path, resume=True)


def test_no_results_where_there_is_no_comparison(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no settings\.json"):
        read_results(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_who_comes_second_waits_for_the_first(tmp_path):
    path = tmp_path / "random-0.jsonl"
    code = (
        "import sys; from pathlib import Path; from skdal.experiments.run_file import RunFile\n"
        "print('ready', flush=True)\n"
        "with RunFile(Path(sys.argv[1])) as file: print(len(file.records))"
    )
    with RunFile(path) as file:
        command = [sys.executable, "-c", code, str(path)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        other = subprocess.Popen(command, **pipes, text=True)
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(2)
        step = {"sampler": "random", "repeat": 0, "n_labels": 1, "score": 0.5}
        file.append(step | {"fit_seconds": 0.1, "query_seconds": 0.1, "rows": [3]})
    told, warned = other.communicate(timeout=60)
    assert told == "1\n"
    assert f"Another process plays the run of {path}; this one waits for it." in warned


COMMAND = """
import sys, warnings
warnings.simplefilter("ignore")
from sklearn.neural_network import MLPClassifier
from skdal import RandomSampler, UncertaintySampler
from skdal.datasets import load
from skdal.experiments import compare
if __name__ == "__main__":
    compare(
        {"random": RandomSampler(), "uncertainty": UncertaintySampler()},
        MLPClassifier((32,), max_iter=30), **load("digits"), n_initial=20, n_instances=10,
        n_queries=5, n_repeats=2, n_jobs=int(sys.argv[2]), directory=sys.argv[1], resume=True,
    )
"""


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_kill_9_at_random_moments(tmp_path, n_jobs):
    def begin(name, jobs=n_jobs):
        command = [sys.executable, "-c", COMMAND, str(tmp_path / name), str(jobs)]
        return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})

    assert begin("undisturbed", 1).wait(100) == 0
    expected = without_seconds(read_results(tmp_path / "undisturbed"))
    rng = random.Random(n_jobs)
    runs = tmp_path / "killed" / "runs"

    def n_steps():
        return sum(path.read_bytes().count(b"\n") for path in runs.glob("*"))

    for _ in range(3):
        process = begin("killed")
        enough = n_steps() + rng.randint(1, 4)
        while n_steps() < enough:
            assert process.poll() is None
            time.sleep(0.005)
        time.sleep(rng.random() / 20)
        process.kill()
        process.wait()
    assert n_steps() < 24
    assert begin("killed").wait(100) == 0
    assert without_seconds(read_results(tmp_path / "killed")) == expected
