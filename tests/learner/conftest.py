"""Nothing that a test noted is left for the next."""

from __future__ import annotations

import pytest

from tests.learner._shared import Counting, Spy


@pytest.fixture(autouse=True)
def _nothing_noted():
    Counting.n_fits, Counting.raises = 0, None
    Spy.fits.clear()
    Spy.seeds.clear()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.json"
