"""Temporary copies of pools."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from skdal.tables import arrays, columns, copies
from tests._pools import X, read, write_csv, write_parquet

pa = pytest.importorskip("pyarrow")

pytestmark = pytest.mark.usefixtures("nothing_is_left")


class Counted(copies.Copy):
    """Remembers how much was written at a time."""

    sizes: list[int]

    def opened(self, n_bytes=0):
        type(self).sizes = []
        manager = super().opened(n_bytes)
        enter = manager.__enter__

        def counting(self=manager):
            file = enter()
            write = file.write

            class Writer:
                def write(self, data):
                    Counted.sizes.append(memoryview(data).nbytes)
                    return write(data)

            return Writer()

        class Manager:
            __enter__ = staticmethod(counting)
            __exit__ = staticmethod(manager.__exit__)

        return Manager()


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".wide.parquet", ".csv"])
def test_copies_are_made_a_little_at_a_time(tmp_path, monkeypatch, suffix):
    limit = 2**14
    monkeypatch.setattr(arrays, "_CHUNK", limit)
    monkeypatch.setattr(columns, "_BATCH", limit)
    monkeypatch.setattr(columns, "_BLOCK", limit)
    many = np.tile(X, (200, 1))
    path = tmp_path / f"X{suffix}"
    if suffix == ".npz":
        np.savez_compressed(path, X=many)
    elif suffix == ".csv":
        write_csv(path, "a,b,c,d", many)
    elif suffix == ".parquet":
        # One row group: it must not be read at once.
        write_parquet(path, vector=list(many))
    else:
        write_parquet(path, **dict(zip("abcd", many.T, strict=True)))
    monkeypatch.setattr("skdal.tables.pool.Copy", Counted)
    np.testing.assert_array_equal(read(path)[0], many)
    assert sum(Counted.sizes) == many.nbytes
    assert max(Counted.sizes) <= limit
    assert len(Counted.sizes) > 8


def test_no_room_for_a_copy_is_known_before_it_is_made(tmp_path, monkeypatch):
    write_parquet(tmp_path / "X.parquet", vector=list(X))
    np.savez_compressed(tmp_path / "X.npz", X=X)
    usage = copies.shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(copies.shutil, "disk_usage", lambda path: usage)
    for name in ("X.parquet", "X.npz"):
        with pytest.raises(OSError, match=r"takes 1,600 bytes, but .* has 100 left; .* set TMPDIR"):
            read(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="files of Windows have no such limit")
def test_a_disk_that_fills_up_while_the_copy_is_made(tmp_path):
    many = np.tile(X, (100, 1))
    np.savez_compressed(tmp_path / "X.npz", X=many)
    write_csv(tmp_path / "X.csv", "a,b,c,d", many)
    write_parquet(tmp_path / "X.parquet", vector=list(many))
    folder = tmp_path / "temporary"
    folder.mkdir()
    code = (
        "import resource, sys\n"
        "from skdal.tables import open_pool\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        with open_pool(path):\n"
        "            pass\n"
        "    except OSError as error:\n"
        "        print(error)\n"
    )
    paths = [tmp_path / f"X{suffix}" for suffix in (".npz", ".csv", ".parquet")]
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *paths],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.stdout.count(f"cannot be written in {folder}: ") == 3, run.stderr
    assert run.stdout.count("set TMPDIR") == 3
    assert list(folder.iterdir()) == []


def test_a_tmpdir_that_is_passed_over(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "X.npz", X=X)
    np.savez(tmp_path / "stored.npz", X=X)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(OSError, match=r"TMPDIR is .*missing, where no temporary copy"):
        read(tmp_path / "X.npz")
    assert len(read(tmp_path / "stored.npz")[0]) == 50  # which needs none
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert len(read(tmp_path / "X.npz")[0]) == 50
