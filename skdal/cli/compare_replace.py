"""What --force of ``skdal compare`` replaces, kept until the new call is known to be right."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Self

_ASIDE = ".replaced"


class Replaced:
    """Puts the files of a comparison aside, and back where the new one comes to nothing.

    The new one is known to be right once a sampler has made a query. If it ends before that by an
    error or Ctrl-C, what it wrote goes, and the files of before come back. Other files of the
    folder are left alone.

    Parameters
    ----------
    output : pathlib.Path or None
        The folder. If None, nothing is done.

    files : iterable of str
        Names of files that a comparison writes, besides those under ``runs``.

    force : bool
        Whether there is anything to replace.

    Attributes
    ----------
    restored : bool
        Whether the files are back.
    """

    def __init__(self, output: Path | None, files: Iterable[str], *, force: bool) -> None:
        self._output = output
        self._names = list(files)
        self._force = force
        self.restored = False

    def __enter__(self) -> Self:
        if self._output is not None and self._force:
            _move(self._output, self._output / _ASIDE, self._names)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._output is None:
            return
        aside = self._output / _ASIDE
        if kind is None or (self._force and any(map(_has_query, _runs(self._output)))):
            # Also what a call left that was killed.
            shutil.rmtree(aside, ignore_errors=True)
        elif self._force:
            for file in _files(self._output, self._names):
                file.unlink()
            self.restored = bool(_files(aside, self._names))
            _move(aside, self._output, self._names)
            shutil.rmtree(aside, ignore_errors=True)


def _runs(folder: Path) -> list[Path]:
    # What else there may be was not made by a comparison.
    return [file for file in (folder / "runs").glob("*.jsonl") if file.is_file()]


def _files(folder: Path, names: list[str]) -> list[Path]:
    return [file for file in (folder / name for name in names) if file.is_file()] + _runs(folder)


def _move(source: Path, target: Path, names: list[str]) -> None:
    for file in _files(source, names):
        to = target / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, to)


def _has_query(file: Path) -> bool:
    # The first step is the start.
    return file.read_bytes().count(b"\n") > 1
