from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from skdal import cli

TINY = ["compare", "digits", "--estimator", "logistic", "--samplers", "discriminative-logistic"]
TINY += ["--initial", "20", "--batch-size", "10", "--queries", "1", "--repeats", "1"]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Return a folder with a comparison."""
    path = tmp_path_factory.mktemp("played") / "out"
    result = CliRunner().invoke(cli.make_app(), [*TINY, "--output", str(path)])
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture
def folder(played, tmp_path, monkeypatch):
    """Return a copy of it, in a place whose name is short."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(played, tmp_path / "out")


def said(result):
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--initial", 21], "it was begun with --initial 20, not 21; go on with 20."),
        (["--batch-size", 11], "it was begun with --batch-size 10, not 11; go on with 10."),
        (["--queries", 2], "it was begun with --queries 1, not 2; go on with 1."),
        (["--seed", 1], "it was begun with --seed 0, not 1; go on with 0."),
        (["--divergence"], "it was begun without --divergence; leave it out."),
        (["--estimator", "logistic:C=2"], "its task model had C=1.0, not 2; go on with the --est"),
        (
            ["--estimator", "mlp"],
            "its task model was CommonScaler with LogisticRegression, not CommonScaler with MLPCla",
        ),
    ],
)
def test_what_differs_is_told_by_its_option(call, folder, more, words, dry):
    told = said(call(*TINY, *more, "--output", "out", "--resume", *dry))
    assert f"out holds another comparison: {words}" in told
    assert told.count("--force") == 1
    for internal in ("n_", "random_state", "directory"):
        assert internal not in told


def test_other_data(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.RandomState(0)
    X, y = rng.rand(100, 3), np.arange(100) % 2
    np.savez("mine.npz", X=X, y=y)
    args = ["compare", "mine.npz", *TINY[2:], "--output", "out", "--test-size"]
    assert call(*args, "0.2").exit_code == 0
    told = said(call(*args, "0.3", "--resume"))
    assert "it has 80 rows to choose from, not 70; go on with the data and the --test-size" in told
    np.savez("mine.npz", X=X + 1, y=y)
    assert "X is not what it was begun with; go on with the same DATA" in said(
        call(*args, "0.2", "--resume")
    )


def test_other_parameters_of_a_sampler(call, folder):
    settings = json.loads((folder / "settings.json").read_text())
    text = settings["samplers"]["discriminative-logistic"]
    settings["samplers"]["discriminative-logistic"] = text.replace(
        "n_mini_queries=10", "n_mini_queries=20"
    )
    (folder / "settings.json").write_text(json.dumps(settings))
    told = said(call(*TINY, "--output", "out", "--resume"))
    assert "sampler discriminative-logistic had n_mini_queries=20, not 10; go on" in told
    assert "--samplers" in told


def test_other_errors_of_the_folder_name_it_as_typed(call, folder):
    (folder / "settings.json").unlink()
    told = said(call(*TINY, "--output", "out", "--resume"))
    assert "out holds results.csv, but no settings.json" in told
    assert "directory=" not in told
