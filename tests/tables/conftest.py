from __future__ import annotations

import tempfile

import pytest


@pytest.fixture
def nothing_is_left(tmp_path_factory, monkeypatch):
    """See that temporary files are gone at the end."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []
