"""How the command ends: with its files whole, and with what went wrong in a line."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

from tests._query import QUICK, X, words  # noqa: E402

pytestmark = pytest.mark.usefixtures("here")

COMMAND = [sys.executable, "-m", "skdal.cli", "query"]


def test_a_file_that_comes_into_being_during_the_query_stays(call, tmp_path, monkeypatch):
    from skdal import tables

    choose = tables.choose_rows

    def slow(*args, **options):
        (tmp_path / "batch.csv").write_text("my labels")
        return choose(*args, **options)

    monkeypatch.setattr(tables, "choose_rows", slow)
    args = ["query", "pool.npy", "labels.csv", "-n", 3, *QUICK, "-o", "batch.csv"]
    result = call(*args)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: batch.csv came into being in the meantime")
    assert (tmp_path / "batch.csv").read_text() == "my labels"
    assert call(*args, "--force").exit_code == 0


@pytest.mark.skipif(os.name == "nt", reason="links take rights on Windows")
def test_links(call, tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    link.symlink_to(real)
    args = ["query", "pool.npy", "-n", 3, *QUICK, "-o", "link.csv"]
    result = call(*args)
    assert result.exit_code == 2
    assert "link.csv exists" in words(result.stderr)
    assert call(*args, "--force").exit_code == 0
    assert link.is_symlink()
    assert real.read_text().startswith("row,")


def test_what_can_be_known_is_told_before_the_work(call, monkeypatch):
    from skdal import tables

    monkeypatch.setattr(tables, "open_pool", None)
    result = call("query", "pool.npy", "-o", "x" * 300 + ".csv")
    assert result.exit_code == 2
    assert "cannot be made or written to: File name too long" in words(result.stderr)
    result = call("query", "pool.npy", "--items", "missing.csv")
    assert result.exit_code == 1
    assert "missing.csv" in result.stderr
    with open("items.csv", "w") as file:
        file.write("id,annotator\n0,me\n")
    result = call("query", "pool.npy", "--items", "items.csv", "--format", "label-studio")
    assert result.exit_code == 1
    assert "items.csv has the columns annotator" in result.stderr


def test_a_query_that_fails_leaves_no_folder(call):
    result = call("query", "pool.npy", "missing.csv", "-o", "new/folder/batch.csv")
    assert result.exit_code == 1
    assert not os.path.exists("new")
    long = "x" * 240 + ".csv"
    assert call("query", "pool.npy", "-n", 2, *QUICK, "-o", f"new/folder/{long}").exit_code == 0
    assert os.listdir("new/folder") == [long]


def test_only_an_error_of_numbers_reads_the_whole_pool(call):
    bad = X.copy()
    bad[150, 5], bad[1234, 5] = np.nan, np.nan
    np.save("nan.npy", bad)
    with open("labels.csv", "a") as file:
        file.write("1234,\n")
    result = call("query", "nan.npy", "labels.csv", "-n", 5000, *QUICK)
    assert "n_instances=5000 is more than" in result.stderr
    options = ["--sampler", "uncertainty", "--estimator", "sklearn.svm.LinearSVC"]
    assert "LinearSVC" in call("query", "nan.npy", "labels.csv", *options).stderr
    bad[33, 5], bad[150, 5] = np.inf, np.nan
    with open("labels.csv", "w") as file:
        file.write("row,label\n1,a\n33,\n")
    np.save("nan.npy", bad)
    result = call("query", "nan.npy", "labels.csv", "--sampler", "core-set")
    # Row 33 comes before, but cannot be labeled.
    assert "\nError: Row 150 of nan.npy holds NaN or infinity" in result.stderr


def test_a_number_that_is_too_large_names_its_row(call):
    bad = X.copy()
    bad[1234, 5] = 1e39
    np.save("large.npy", bad)
    with np.errstate(over="ignore"):
        result = call("query", "large.npy", "labels.csv", "-n", 3)
    assert result.exit_code == 1
    assert "Error: Row 1234 of large.npy holds a number too large for 32 bits" in result.stderr


def test_errors_of_several_lines_and_of_memory_are_one(call, monkeypatch):
    from skdal import tables

    for error in (ValueError("one\n  two"), MemoryError("one two")):

        def fail(*args, error=error, **options):
            raise error

        monkeypatch.setattr(tables, "choose_rows", fail)
        result = call("query", "pool.npy")
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        assert "one two" in result.stderr


def test_a_pool_that_changes_during_the_query(call, monkeypatch):
    from skdal import tables

    choose = tables.choose_rows

    def slow(*args, **options):
        os.utime("pool.npy", ns=(0, 0))
        return choose(*args, **options)

    monkeypatch.setattr(tables, "choose_rows", slow)
    result = call("query", "pool.npy", "-n", 3, *QUICK, "-o", "batch.csv")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: pool.npy was written to while it was read")
    assert not os.path.exists("batch.csv")


def test_a_batch_is_printed_in_utf_8():
    with open("pool.csv", "w", encoding="utf-8") as file:
        file.write("id,a\n\u732b,1\n\u017elu,2\n")
    run = subprocess.run(
        [*COMMAND, "pool.csv", "-n", "2", *QUICK],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=100,
    )
    lines = list(csv.DictReader(run.stdout.decode("utf-8").splitlines()))
    assert {line["id"] for line in lines} == {"\u732b", "\u017elu"}


@pytest.mark.skipif(os.name == "nt", reason="shells of Windows cannot close it")
def test_standard_output_that_is_closed():
    for more in ([], ["--status"]):
        run = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "pool.npy", "-n", "2", *QUICK, *more],
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
        )
        assert run.returncode == 1
        assert run.stderr == "Error: Standard output is closed; name a file by --output.\n"


def test_a_full_disk_leaves_no_half_file(call, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "batch.csv").write_text("mine")
    before = sorted(os.listdir())
    args = ["-n", 3, *QUICK, "-o", "batch.csv", "--force"]
    result = call("query", "pool.npy", "labels.csv", *args)
    assert result.exit_code == 1
    assert result.stderr == "Error: batch.csv cannot be written: No space left on device.\n"
    assert (tmp_path / "batch.csv").read_text() == "mine"
    assert sorted(os.listdir()) == before


# What a user's own module may do, while it is waited for.
MODULE = """
import os, time
from pathlib import Path
from sklearn.linear_model import LogisticRegression
from skdal.tables import copies

def wait(*args, **settings):
    Path("reached").touch()
    time.sleep(100)

class InQuery(LogisticRegression):
    def fit(self, X, y):
        wait()

def in_write():
    os.fsync = wait
    return LogisticRegression(max_iter=3000)

def in_copy():
    copies.Copy.mapped = wait
    return LogisticRegression()

def __getattr__(name):
    return {"writing": in_write, "copying": in_copy}[name]()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal")
@pytest.mark.parametrize(
    ("place", "kind", "code"),
    [
        ("InQuery", "SIGINT", 130),
        ("copying", "SIGINT", 130),
        ("writing", "SIGTERM", 143),
        ("copying", "SIGHUP", 129),
        # Each takes seconds.
        pytest.param("writing", "SIGINT", 130, marks=pytest.mark.slow),
        pytest.param("InQuery", "SIGTERM", 143, marks=pytest.mark.slow),
    ],
)
def test_a_signal_leaves_no_half_file(tmp_path, place, kind, code):
    (tmp_path / "slow.py").write_text(MODULE)
    np.savez_compressed("pool.npz", X=X)
    parquet.write_table(pa.table({"vector": list(X)}), "pool.parquet")
    folder = tmp_path / "temporary"
    folder.mkdir()
    pool = "pool.parquet" if place == "copying" else "pool.npz"
    sampler = ["--sampler", "uncertainty", "--estimator", f"slow.{place}"]
    before = {*os.listdir(), "reached"}
    with subprocess.Popen(
        [*COMMAND, pool, "labels.csv", *sampler, "-n", "3", "-o", "batch.csv"],
        env=os.environ | {"TMPDIR": str(folder)},
        # A shell has background jobs ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        try:
            deadline = time.monotonic() + 100
            while not os.path.exists("reached") and run.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert len(os.listdir(folder)) == 1  # the copy of the pool
            run.send_signal(getattr(signal, kind))
            stdout, stderr = run.communicate(timeout=100)
        finally:
            run.kill()
    assert run.returncode == code, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    assert set(os.listdir()) - {"__pycache__"} == before
    assert os.listdir(folder) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no such device")
def test_output_that_cannot_be_written_is_an_error_in_words():
    command = [*COMMAND, "pool.npy", "-n", "3", *QUICK]
    with open("/dev/full", "w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=100)
    assert run.returncode == 1
    assert run.stderr == "Error: [Errno 28] No space left on device\n"
