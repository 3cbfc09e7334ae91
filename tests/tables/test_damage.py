"""Pools in files that are damaged, or made to do harm."""

from __future__ import annotations

import io
import os
import tempfile
import warnings
import zipfile

import numpy as np
import pytest

from skdal.tables import open_pool
from skdal.tables.checks import check_all_finite, check_unchanged

X = np.random.RandomState(0).normal(size=(50, 4))


def read(path, **options):
    with open_pool(path, **options) as pool:
        return np.array(pool.X)


def npy(header, version=(1, 0), size=None):
    """Return an array file with a header of one's own."""
    text = header.encode() + b"\n"
    length = len(text) if size is None else size
    head = b"\x93NUMPY" + bytes(version) + length.to_bytes(2 if version[0] == 1 else 4, "little")
    return head + text + b"\0" * 1000


def fields(shape="(5, 4)", descr="'<f8'"):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy("{'descr': ("), r"is cut off or damaged"),
        (npy(fields(descr="('<f8',)")), r"is cut off or damaged"),
        (npy(fields(), (2, 0), 2**32 - 1), r"has a header of 4,294,967,295 bytes"),
        (npy(" " * 20_000 + fields(), (2, 0)), r"has a header of 20,"),
        (npy(fields(), (9, 9)), r"has version 9\.9 of the format, which is not known"),
        (npy(fields("(-3, -2)")), r"has the shape \(-3, -2\)"),
        (npy(fields("(True, 2)")), r"has the shape \(True, 2\)"),
        (npy(fields(f"(5, {'1, ' * 60})")), r"no more than 32 dimensions"),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_headers(tmp_path, content, words, suffix):
    path = tmp_path / f"X{suffix}"
    if suffix == ".npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("X.npy", content)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"X{suffix} .*{words}|X{suffix} {words}"):
        read(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_compressed_bytes(tmp_path, kind):
    file = io.BytesIO()
    np.save(file, X)
    with zipfile.ZipFile(tmp_path / "X.npz", "w", kind) as archive:
        archive.writestr("X.npy", file.getvalue())
    whole = (tmp_path / "X.npz").read_bytes()
    np.testing.assert_array_equal(read(tmp_path / "X.npz"), X)
    for place in range(45, len(whole) - 150, 90):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "X.npz").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"X\.npz"):
            read(tmp_path / "X.npz")


def test_a_directory_of_an_archive_that_leads_nowhere(tmp_path):
    np.savez(tmp_path / "X.npz", X=X)
    damaged = bytearray((tmp_path / "X.npz").read_bytes())
    end = damaged.rindex(b"PK\x05\x06")
    damaged[end + 16 : end + 20] = b"\xff" * 4
    (tmp_path / "X.npz").write_bytes(damaged)
    with pytest.raises(ValueError, match=r"X\.npz is damaged"):
        read(tmp_path / "X.npz")


def test_two_members_of_one_name(tmp_path):
    file = io.BytesIO()
    np.save(file, X)
    with zipfile.ZipFile(tmp_path / "X.npz", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("X.npy", file.getvalue())
        archive.writestr("X.npy", file.getvalue())
    with pytest.raises(ValueError, match=r"X\.npz has two members 'X\.npy'"):
        read(tmp_path / "X.npz")


def test_a_file_that_changes_while_it_is_read(tmp_path):
    np.save(tmp_path / "X.npy", X)
    with open_pool(tmp_path / "X.npy") as pool:
        check_unchanged(pool)
        os.utime(tmp_path / "X.npy", ns=(0, 0))
        with pytest.raises(ValueError, match=r"X\.npy was written to while it was read"):
            check_unchanged(pool)


def test_rows_that_are_left_out_may_hold_anything(tmp_path):
    bad = X.copy()
    bad[31, 2], bad[40, 0] = np.nan, 1e39
    np.save(tmp_path / "X.npy", bad)
    with open_pool(tmp_path / "X.npy") as pool:
        with pytest.raises(ValueError, match=r"Row 40 of .*X\.npy holds a number too large for 32"):
            check_all_finite(pool, np.array([31]))
        check_all_finite(pool, np.array([31, 40]))


def test_a_tmpdir_that_is_passed_over(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "X.npz", X=X)
    np.savez(tmp_path / "stored.npz", X=X)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(OSError, match=r"TMPDIR is .*missing, where no temporary copy"):
        read(tmp_path / "X.npz")
    assert len(read(tmp_path / "stored.npz")) == 50  # which needs none
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert len(read(tmp_path / "X.npz")) == 50
