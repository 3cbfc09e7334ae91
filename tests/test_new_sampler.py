"""A sampler that is added as CONTRIBUTING.md says: one file, and one line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FILE = '''
"""Rows far from all that is known."""

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skdal._parts import map_rows
from skdal._pool import as_matrix, take
from skdal._ranking import top
from skdal.base import BaseSampler


class FarAwaySampler(BaseSampler):
    """Choose the rows farthest from the mean of the labeled ones.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Of rows that are equally far.

    Examples
    --------
    >>> from skdal import FarAwaySampler
    >>> FarAwaySampler().fit([[0], [1], [5]], [0, -1, -1]).query()
    array([2])
    """

    def __init__(self, *, random_state=None):
        self.random_state = random_state

    def _fit(self, X, y):
        self.mean_ = as_matrix(take(X, self.labeled_rows_)).mean(axis=0)

    def _distances(self, X):
        return np.linalg.norm(as_matrix(X) - self.mean_, axis=1)

    def _select(self, X, rows, n_instances, random_state):
        scores = map_rows(self._distances, X, rows)
        best = top(scores, n_instances, random_state)
        return Bunch(rows=rows[best], scores=scores[best])

    def score_samples(self, X):
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        return map_rows(self._distances, X, np.arange(len(X)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags
'''
LINE = "from skdal.samplers.far_away import FarAwaySampler as FarAwaySampler\n"

# One of each kind; all of them are for those who have a minute.
SOME = (
    "check_fit_check_is_fitted or check_methods_subset_invariance or test_same_seed_same_rows "
    "or test_every_marker or test_images or test_pickle or test_n_instances_is_no_count"
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Return a copy of the package and its tests, with a new sampler in it."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("skdal", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, folder)
    (folder / "skdal" / "samplers" / "far_away.py").write_text(FILE.lstrip(), encoding="utf-8")
    lines = folder / "skdal" / "samplers" / "__init__.py"
    head, rest = lines.read_text(encoding="utf-8").split("from skdal.samplers.mc_dropout", 1)
    lines.write_text(f"{head}{LINE}from skdal.samplers.mc_dropout{rest}", encoding="utf-8")
    return folder


def run(clone, *args):
    """Run Python in the copy, and return what it printed."""
    # Coverage is not measured of the copy.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, *args],
        cwd=clone,
        env={**env, "PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_tests(clone, *args):
    out = run(clone, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args)
    assert "failed" not in out
    return int(re.search(r"(\d+) passed", out)[1])


def test_it_is_public(clone):
    code = (
        "import sys, skdal\n"
        "from skdal import FarAwaySampler\n"
        "assert 'FarAwaySampler' in skdal.__all__ and 'FarAwaySampler' in dir(skdal)\n"
        "assert not {'torch', 'skorch', 'pulp', 'matplotlib'} & set(sys.modules)\n"
        "print(skdal.__file__, FarAwaySampler())"
    )
    assert run(clone, "-c", code) == f"{clone / 'skdal' / '__init__.py'} FarAwaySampler()\n"


def test_it_has_a_name_on_the_command_line(clone):
    (clone / "pool.csv").write_text("a,b\n0,0\n1,1\n9,9\n2,2\n", encoding="utf-8")
    (clone / "labels.csv").write_text("row,label\n0,x\n", encoding="utf-8")
    query = ["query", "pool.csv", "labels.csv", "-n", "1", "--sampler", "far-away"]
    assert run(clone, "-m", "skdal.cli", *query).splitlines()[1].startswith("2,")


def test_common_tests_run_over_it(clone):
    chosen = f"FarAwaySampler and ({SOME})"
    assert run_tests(clone, "tests/test_common.py", "-k", chosen) > 15


@pytest.mark.slow
def test_every_common_test_runs_over_it(clone):
    files = ["test_common.py", "test_large_pools.py", "experiments/test_presets.py"]
    paths = [f"tests/{file}" for file in files]
    assert run_tests(clone, *paths, "-k", "FarAwaySampler or far-away") > 150
    assert run_tests(clone, "skdal/samplers/far_away.py") == 1


@pytest.mark.slow
def test_type_checkers_see_it(clone):
    pytest.importorskip("mypy", reason="`make lint` installs it")
    (clone / "use.py").write_text(
        "import skdal\nreveal_type(skdal.FarAwaySampler)\nreveal_type(skdal.ActiveLearner)\n",
        encoding="utf-8",
    )
    out = run(clone, "-m", "mypy", "--follow-imports=silent", "use.py")
    assert "skdal.samplers.far_away.FarAwaySampler" in out
    assert "skdal.learner.active.ActiveLearner" in out
