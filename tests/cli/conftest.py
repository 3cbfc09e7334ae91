from __future__ import annotations

import pytest
from typer.testing import CliRunner

from skdal import cli


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    return lambda *args: CliRunner().invoke(cli.make_app(), [str(arg) for arg in args])
