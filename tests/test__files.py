import os

import pytest

from skdal._files import written_whole


def test_replaced_at_the_end_only(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with written_whole(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def _fail_halfway(path, error):
    with written_whole(path) as temporary:
        temporary.write_text("ne")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error):
        _fail_halfway(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def _write(path, existing):
    with written_whole(path, existing=existing) as temporary:
        temporary.write_text("new")


def test_nothing_is_replaced_that_came_into_being_in_the_meantime(tmp_path):
    path = tmp_path / "a.txt"
    _write(path, "refuse")
    assert path.read_text() == "new"
    path.unlink()

    def write_twice():
        with written_whole(path, existing="refuse") as temporary:
            temporary.write_text("new")
            path.write_text("of somebody else")

    with pytest.raises(FileExistsError):
        write_twice()
    assert path.read_text() == "of somebody else"
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_where_a_file_has_one_name_alone(tmp_path, monkeypatch):
    def link(*args):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "a.txt"
    _write(path, "refuse")
    assert path.read_text() == "new"
    with pytest.raises(FileExistsError):
        _write(path, "refuse")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions, and rarely links")
def test_an_update_keeps_permissions_and_follows_a_link(tmp_path):
    (tmp_path / "other").mkdir()
    path, link = tmp_path / "other" / "a.txt", tmp_path / "link.txt"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    with pytest.raises(FileExistsError):
        _write(link, "refuse")
    _write(link, "update")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    with pytest.raises(FileExistsError):
        _write(link, "refuse")  # which leads nowhere now


def test_a_long_name(tmp_path):
    path = tmp_path / ("\u00e4" * 120 + ".txt")
    _write(path, "replace")
    assert list(tmp_path.iterdir()) == [path]
