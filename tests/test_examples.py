"""Every example runs."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example(path, capsys):
    if path.name == "plot_cluster.py":
        pytest.importorskip("distributed")
    runpy.run_path(str(path))
    assert capsys.readouterr().out
