"""The folder of a comparison: who may have it, and what is in it."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skdal import CoreSetSampler, RandomSampler
from skdal.experiments import compare, folder, lock, read_results
from skdal.experiments.folder import check_folder, open_folder, run_path
from skdal.experiments.lock import folder_locked, is_locked
from skdal.experiments.run_file import RunFile
from skdal.experiments.settings import experiment_of

X, Y = load_iris(return_X_y=True)
DATA = {"X": X[::2], "y": Y[::2], "X_test": X[1::2], "y_test": Y[1::2]}
SIZES = {"n_initial": 5, "n_instances": 5, "n_queries": 2}
needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")


def run(directory, names="a", **params):
    params = {**DATA, **SIZES, "n_repeats": 2, **params}
    samplers = params.pop("samplers", dict.fromkeys(names, RandomSampler()))
    estimator = params.pop("estimator", DecisionTreeClassifier())
    return compare(samplers, estimator, **params, directory=directory)


class Failing(GaussianNB):
    def fit(self, X, y):
        raise FloatingPointError("not today")


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"n_queries": 50}, ValueError, "255 labels, more than the 75 rows of X; lower one"),
        ({"samplers": {"a": RandomSampler(), "b": RandomSampler}}, TypeError, r"samplers\['b'\]="),
        ({"samplers": {"b": LogisticRegression()}}, TypeError, r"samplers\['b'\]=Logistic"),
        ({"samplers": {0: RandomSampler()}}, TypeError, "name 0 of a sampler is no str; .* '0'"),
        ({"estimator": GaussianNB}, TypeError, "estimator=GaussianNB is a class"),
        ({"y": np.where(np.arange(75) == 3, -1, Y[::2])}, ValueError, "1 rows as unlabeled"),
        ({"y_test": Y[1::2][:-1]}, ValueError, "inconsistent numbers"),
        ({"n_jobs": 0}, ValueError, "n_jobs == 0"),
    ],
)
def test_a_wrong_call_leaves_no_trace(tmp_path, params, error, words):
    with pytest.raises(error, match=words):
        run(tmp_path / "new", **params)
    assert not (tmp_path / "new").exists()


def test_numbers_may_be_those_of_numpy(tmp_path):
    numbers = {name: np.int64(size) for name, size in SIZES.items()}
    numbers |= {"n_repeats": np.int32(2), "random_state": np.int64(0)}
    run(tmp_path, **numbers, divergence=np.bool_(False))
    # The same as others.
    assert len(run(tmp_path, resume=True)) == 6


def test_a_folder_without_a_step_may_be_taken(tmp_path):
    with pytest.raises(FloatingPointError):
        run(tmp_path, estimator=Failing())
    assert len(run(tmp_path, "b", n_repeats=1)) == 3
    assert {record["sampler"] for record in read_results(tmp_path)} == {"b"}
    with pytest.raises(ValueError, match="holds a comparison already"):
        run(tmp_path, "c")


@needs_locks
def test_a_folder_without_a_step_is_not_taken_from_who_is_at_work(tmp_path):
    with pytest.raises(FloatingPointError):
        run(tmp_path, estimator=Failing())
    with (
        RunFile(run_path(tmp_path, "a", 0)),
        pytest.raises(ValueError, match="holds a comparison already"),
    ):
        run(tmp_path)


def test_runs_without_settings_are_left_alone(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "notes.txt").write_text("mine")
    run(tmp_path)
    (tmp_path / "settings.json").unlink()
    (tmp_path / "results.csv").unlink()
    with pytest.raises(ValueError, match=r"holds runs, but no settings\.json"):
        run(tmp_path)
    assert (tmp_path / "runs" / "notes.txt").read_text() == "mine"


def test_workers_have_the_directory_of_the_caller(tmp_path, monkeypatch):
    # The workers of loky go on, in the directory that they were started in.
    (tmp_path / "before").mkdir()
    monkeypatch.chdir(tmp_path / "before")
    with parallel_config(backend="loky"):
        run(None, n_jobs=2)
        (tmp_path / "now").mkdir()
        monkeypatch.chdir(tmp_path / "now")
        run("out", n_jobs=2)
    assert list((tmp_path / "before").iterdir()) == []
    assert len(read_results(tmp_path / "now" / "out")) == 6


def read_slowly(monkeypatch):
    read = folder._comparison_in

    def slowly(path):
        found = read(path)
        time.sleep(0.2)
        return found

    monkeypatch.setattr(folder, "_comparison_in", slowly)


@needs_locks
def test_who_extends_a_folder_at_the_same_time_loses_nothing(tmp_path, monkeypatch):
    experiment = experiment_of(GaussianNB(), DATA, SIZES)
    together = Barrier(3)

    def extend(name):
        together.wait()
        open_folder(tmp_path, experiment, {name: RandomSampler()}, 1, resume=True)

    open_folder(tmp_path, experiment, {"first": RandomSampler()}, 1, resume=False)
    read_slowly(monkeypatch)
    threads = [Thread(target=extend, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert sorted(settings["samplers"]) == ["a", "b", "c", "first"]
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


@needs_locks
def test_two_cannot_begin_at_once(tmp_path, monkeypatch):
    experiment = experiment_of(GaussianNB(), DATA, SIZES)
    together, refused = Barrier(2), []
    read_slowly(monkeypatch)

    def begin(name):
        together.wait()
        try:
            open_folder(tmp_path, experiment, {name: RandomSampler()}, 1, resume=False)
        except ValueError as error:
            refused.append(str(error))

    threads = [Thread(target=begin, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert "holds a comparison already" in refused[0]


@needs_locks
def test_one_at_a_time_is_in_a_locked_folder(tmp_path):
    inside, most = [], []

    def enter():
        for _ in range(20):
            with folder_locked(tmp_path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 80
    assert list(tmp_path.iterdir()) == []


@needs_locks
def test_without_locks_it_goes_on_with_a_warning(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="cannot be locked: No locks available. See to it"):
        results = run(tmp_path)
    assert len(results) == 6
    assert not is_locked(run_path(tmp_path, "a", 0))


@needs_locks
def test_other_errors_of_a_lock_are_errors(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        run(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Input/output error"):
        is_locked(tmp_path / "file")


def test_a_folder_can_be_checked_without_being_changed(tmp_path):
    samplers = {"a": RandomSampler()}
    experiment = experiment_of(DecisionTreeClassifier(), DATA, SIZES)
    check_folder(tmp_path / "new", experiment, samplers)
    assert not (tmp_path / "new").exists()
    run(tmp_path)
    before = (tmp_path / "settings.json").read_bytes()
    check_folder(tmp_path, experiment, samplers | {"b": RandomSampler()})
    with pytest.raises(ValueError, match=r"sampler 'a' is Random.*, not CoreSet"):
        check_folder(tmp_path, experiment, {"a": CoreSetSampler()})
    with pytest.raises(ValueError, match="n_queries is 2, not 1"):
        check_folder(tmp_path, experiment | {"n_queries": 1}, samplers)
    assert (tmp_path / "settings.json").read_bytes() == before


def changed(path, **sections):
    settings = json.loads((path / "settings.json").read_text())
    for name, change in sections.items():
        change(settings[name])
    (path / "settings.json").write_text(json.dumps(settings))


def test_a_folder_from_before_may_be_resumed(tmp_path):
    run(tmp_path, samplers={"a": CoreSetSampler()})

    def without_parameter(samplers):
        samplers["a"] = samplers["a"].replace(", two_rounds='auto'", "")

    changed(tmp_path, experiment=lambda e: e.pop("checksums"), samplers=without_parameter)
    with pytest.raises(ValueError, match="Its checksum is"):
        run(tmp_path, samplers={"a": CoreSetSampler()}, resume=True, y_test=Y[1::2][::-1])
    with pytest.raises(ValueError, match="sampler 'a' is"):
        run(tmp_path, samplers={"a": CoreSetSampler(two_rounds=True)}, resume=True)
    assert len(run(tmp_path, samplers={"a": CoreSetSampler()}, resume=True)) == 6
    # From now on it says which array differs.
    with pytest.raises(ValueError, match="Its checksum of y_test is"):
        run(tmp_path, samplers={"a": CoreSetSampler()}, resume=True, y_test=Y[1::2][::-1])


def test_a_version_that_was_not_noted_is_no_other_one(tmp_path, monkeypatch):
    run(tmp_path)
    versions = folder.environment()
    for number in ("1.0", "1.0", "1.1"):
        noted = versions | {"scikit-activeml": number}
        monkeypatch.setattr(folder, "environment", lambda _, noted=noted: noted)
        if number == "1.1":
            with pytest.warns(UserWarning, match=r"another environment: scikit-activeml 1\.0 bef"):
                run(tmp_path, resume=True)
        else:
            run(tmp_path, resume=True)
    assert len(json.loads((tmp_path / "settings.json").read_text())["environments"]) == 3


def test_long_names(tmp_path):
    names = ["Ж" * 56, "Ж" * 55 + "Щ"]
    assert len(run(tmp_path, samplers=dict.fromkeys(names, RandomSampler()))) == 12
    assert {record["sampler"] for record in read_results(tmp_path)} == set(names)
    assert max(len(os.fsencode(path.name)) for path in (tmp_path / "runs").iterdir()) < 255
    assert run_path(Path("made"), "a" * 200, 0).name == "a" * 200 + "-0.jsonl"
