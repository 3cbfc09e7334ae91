"""Arrays in files that are damaged, or made to do harm."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile

import numpy as np
import pytest

from tests._pools import X, read

pytestmark = pytest.mark.usefixtures("nothing_is_left")


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


def test_a_pickle_is_refused(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, np.array([[1], ["a"]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"X\.npy holds Python objects as a pickle"):
        read(path)
    path.write_bytes(pickle.dumps(X))
    with pytest.raises(ValueError, match=r"X\.npy is a pickle"):
        read(path)
    np.savez(tmp_path / "X.npz", X=np.array([[1], ["a"]], dtype=object))
    with pytest.raises(ValueError, match=r"X of .*X\.npz holds Python objects as a pickle"):
        read(tmp_path / "X.npz")


def test_npy_that_is_cut_off(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, X)
    whole = path.read_bytes()
    for size in [0, 3, 8, 60, 200, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=rf"{path.name} is (cut off|no \.npy file)"):
            read(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_that_is_damaged(tmp_path, save):
    path = tmp_path / "X.npz"
    save(path, X=X)
    whole = path.read_bytes()
    for size in [0, 50, len(whole) // 2, len(whole) - 10]:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"X\.npz is no \.npz file, or is cut off"):
            read(path)


def test_a_compressed_array_that_is_damaged_inside(tmp_path):
    path = tmp_path / "X.npz"
    np.savez_compressed(path, X=X)
    whole = bytearray(path.read_bytes())
    whole[900:920] = b"\0" * 20
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"X\.npz is damaged: .* Copy or write it again"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        file = io.BytesIO()
        np.save(file, X)
        archive.writestr("X.npy", file.getvalue()[:-8], zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"X of .*X\.npz is cut off"):
        read(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_compressed_bytes(tmp_path, kind):
    file = io.BytesIO()
    np.save(file, X)
    with zipfile.ZipFile(tmp_path / "X.npz", "w", kind) as archive:
        archive.writestr("X.npy", file.getvalue())
    whole = (tmp_path / "X.npz").read_bytes()
    np.testing.assert_array_equal(read(tmp_path / "X.npz")[0], X)
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
