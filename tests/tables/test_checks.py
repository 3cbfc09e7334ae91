"""What is looked at in a pool once it is open."""

from __future__ import annotations

import os

import numpy as np
import pytest

from skdal.tables import open_pool
from skdal.tables.checks import check_all_finite, check_unchanged
from tests._pools import X

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def test_the_numbers_of_a_file_that_is_mapped_are_not_looked_at(tmp_path):
    bad = X.copy()
    bad[31, 2] = np.nan
    np.save(tmp_path / "X.npy", bad)
    with open_pool(tmp_path / "X.npy") as pool:
        with pytest.raises(ValueError, match=r"Row 31 of .*X\.npy holds NaN or infinity"):
            check_all_finite(pool)
        pool.X = np.zeros((3, 2), dtype=np.uint8)
        check_all_finite(pool)


def test_rows_that_are_left_out_may_hold_anything(tmp_path):
    bad = X.copy()
    bad[31, 2], bad[40, 0] = np.nan, 1e39
    np.save(tmp_path / "X.npy", bad)
    with open_pool(tmp_path / "X.npy") as pool:
        with pytest.raises(ValueError, match=r"Row 40 of .*X\.npy holds a number too large for 32"):
            check_all_finite(pool, np.array([31]))
        check_all_finite(pool, np.array([31, 40]))


def test_a_file_that_changes_while_it_is_read(tmp_path):
    np.save(tmp_path / "X.npy", X)
    with open_pool(tmp_path / "X.npy") as pool:
        check_unchanged(pool)
        os.utime(tmp_path / "X.npy", ns=(0, 0))
        with pytest.raises(ValueError, match=r"X\.npy was written to while it was read"):
            check_unchanged(pool)
