from __future__ import annotations

import csv
import math
import subprocess
import sys
from io import StringIO
from typing import get_args, get_type_hints

import pytest
from rich.console import Console
from typer.testing import CliRunner

import skdal
from skdal import cli, datasets
from skdal.experiments.presets import ESTIMATORS, SAMPLERS

TINY = ["compare", "digits", "--estimator", "logistic", "--samplers", "random"]
TINY += ["--initial", "10", "--batch-size", "10", "--budget", "30", "--repeats", "2"]


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    return lambda *args: CliRunner().invoke(cli.make_app(), [str(arg) for arg in args])


def test_the_version(call):
    result = call("--version")
    assert result.exit_code == 0
    assert result.stdout == f"skdal {skdal.__version__}\n"


def test_help_names_what_there_is(call):
    result = call("compare", "--help")
    assert result.exit_code == 0
    for name in [*SAMPLERS, *ESTIMATORS, *datasets.NAMES, "--force", "default: 200"]:
        assert name in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_choices_are_those_of_the_library():
    command = cli.make_app().registered_commands[0].callback
    hints = get_type_hints(command)
    assert get_args(hints["dataset"]) == datasets.NAMES
    assert get_args(hints["estimator"]) == tuple(ESTIMATORS)


def test_a_run_prints_a_table_and_writes_its_files(call, tmp_path):
    output = tmp_path / "new" / "folder"
    result = call(*TINY, "--output", output)
    assert result.exit_code == 0, result.output
    assert "random" in result.stdout
    assert "10 to 30 labels, mean of 2 runs" in result.stdout
    assert max(map(len, result.stdout.splitlines()[:-1])) <= 80
    assert "6/6" in result.stderr
    assert sorted(path.name for path in output.iterdir()) == ["learning-curve.png", "results.csv"]
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


def line(**changes):
    return {
        "sampler": "expected-gradient-length",
        "area": 0.9141,
        "difference": 0.03,
        "low": -0.004,
        "high": 0.064,
        "final_score": 0.96,
        "query_seconds": 4.2,
    } | changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["0.914", "+0.030 [-0.004, +0.064]", "0.960", "4.200"]),
        ({"low": math.nan}, ["+0.030 "]),
        ({"difference": math.nan}, [" - "]),
    ],
)
def test_a_line_of_the_table_fits_80_columns(changes, words):
    console = Console(width=80, file=StringIO())
    console.print(cli._table([line(**changes)], "20 to 200 labels", 5))
    text = console.file.getvalue()
    for word in ["expected-gradient-length", *words]:
        assert word in text
    assert "nan" not in text
    assert "…" not in text


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["compare", "digit"], ["digits"]),
        ([*TINY, "--samplers", "random,rnd"], ["'rnd'", "discriminative"]),
        ([*TINY, "--budget", "35"], ["30 or 40"]),
        ([*TINY, "--budget", "10"], ["more than"]),
        ([*TINY, "--budget", "2000"], ["1198"]),
        ([*TINY, "--repeats", "0"], ["--repeats"]),
        ([*TINY, "--estimator", "forest"], ["logistic"]),
        ([*TINY, "--output", __file__], ["--output"]),
        ([*TINY, "--output", f"{__file__}/folder"], ["cannot be made"]),
    ],
)
def test_a_wrong_call_says_what_is_right(call, args, words):
    result = call(*args)
    assert result.exit_code == 2
    for word in words:
        assert word in " ".join(result.stderr.replace("│", " ").split())


def test_ctrl_c_exits_with_130(monkeypatch):
    def interrupt(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "load", interrupt)
    monkeypatch.setattr(sys, "argv", ["skdal", *TINY])
    with pytest.raises(SystemExit) as error:
        cli.main()
    assert error.value.code == 130


def test_ctrl_c_while_it_starts_exits_with_130(monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "make_app", interrupt)
    with pytest.raises(SystemExit) as error:
        cli.main()
    assert error.value.code == 130


def test_another_missing_package_is_not_explained_away(monkeypatch):
    monkeypatch.setitem(sys.modules, "skdal.experiments.presets", None)
    with pytest.raises(ModuleNotFoundError, match="presets"):
        cli.main()


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_packages_the_message_names_the_cure(monkeypatch, missing):
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(sys, "argv", ["skdal", "--help"])
    with pytest.raises(SystemExit, match=rf'needs {missing}.*pip install "\.\[cli\]"'):
        cli.main()


def test_help_does_not_wait_for_torch():
    code = (
        "import sys\nsys.argv = ['skdal', 'compare', '--help']\nfrom skdal.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'skorch', 'matplotlib'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    assert run.stdout.splitlines()[-1] == "[]"
