"""The page of benchmarks is what its results give, and names what there is."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a module of the benchmarks."""
    if not SCRIPTS.is_dir():
        pytest.skip("there are no benchmarks")
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module


@pytest.fixture
def page(module):
    return module("_page")


def test_the_page_is_what_the_results_give(page):
    written = page.written(page.read_results())
    assert page.PAGE.read_text() == written, "run `python benchmarks/table.py --page`"


def test_page_is_made_without_measuring(module, page, monkeypatch, tmp_path):
    table = module("table")
    monkeypatch.setattr(table, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(table.subprocess, "run", lambda *_args, **_kwargs: pytest.fail("measured"))
    table.main(["--page"])
    assert (tmp_path / "page.md").read_text() == page.written(page.read_results())


def test_a_value_that_misses_its_goal_is_bold(page):
    records = page.read_results()
    assert "**" not in page.cells(line(page, 3.0), records)[3]
    assert page.cells(line(page, 2.0), records)[3] == "**2 x**"


def line(page, value):
    """Return a line whose goal is at least 3."""
    return page.Line("what", "dal", lambda _: value, lambda _: "", "how", at_least=3)


def test_what_has_no_results_is_not_measured(page):
    assert page.cells(line(page, 2.0), {})[2] == "not measured"

    def missing(_):
        raise page.NotMeasuredError

    not_asked = page.Line("what", "dal", missing, lambda _: "", "how")
    assert page.cells(not_asked, page.read_results())[2] == "not measured"


def test_lines_are_read_from_runs_that_there_are(module, page):
    table = module("table")
    names = {line.name for lines in page.SECTIONS.values() for line in lines}
    assert names <= {*table.RUNS, *page.LONGER}
    assert set(page.PACKAGES) <= set(table.RUNS)


def test_scripts_of_the_runs_exist(module):
    table = module("table")
    scripts = {run.arguments[0] for run in table.RUNS.values()}
    assert {script for script in scripts if not (SCRIPTS / script).is_file()} == set()


def test_every_package_has_an_answer_for_every_feature(module, page):
    keys = module("features").KEYS
    for name, record in page.read_results().items():
        if name in page.PACKAGES:
            answers = record["results"][name]
            assert list(answers) == keys, name
            assert {answer["answer"] for answer in answers.values()} <= {"yes", "partly", "no"}


# From Python 3.12 on, where the runner of tests has threads.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_try_is_alone_and_its_failure_is_the_note(module):
    features = module("features")

    def fails():
        raise ValueError("for a reason")

    assert features.tried(features.yes) == features.yes()
    assert features.tried(fails) == features.no("ValueError: for a reason")


@pytest.mark.parametrize(("draws", "touched"), [(True, True), (False, False)])
def test_global_state_is_watched(module, draws, touched):
    import numpy as np

    def query():
        return np.random.rand(3) if draws else np.arange(3)

    state = np.random.get_state()
    assert module("features").reads_global_state(query) is touched
    np.random.set_state(state)


def test_a_name_is_found_in_a_package(module):
    features = module("features")
    assert "GreedyBALD" not in features.named("skdal.samplers", "bald")
    assert "CoreSetSampler" in features.named("skdal.samplers", "core_?set")
