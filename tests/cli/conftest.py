from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from skdal import cli
from tests._query import X, write_labels


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    return lambda *args: CliRunner().invoke(cli.make_app(), [str(arg) for arg in args])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Be in a folder with a pool and labels; short names are not broken by the box of a message."""
    monkeypatch.chdir(tmp_path)
    np.save("pool.npy", X)
    write_labels(range(100))
    return tmp_path
