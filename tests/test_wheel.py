"""What is built of the package, and what is installed by it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import skdal

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
NAME = f"skdal-{skdal.__version__}"
BUILD = "import sys; from hatchling import build; build.build_{}(sys.argv[1])"


def run(*command, cwd):
    # As in the shell of somebody else: nothing leads here.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(part) for part in command]
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """Return the folder of programs of an environment that can build, and has no skdal."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "hatchling>=1.27", cwd=folder)
    return scripts


@pytest.fixture(scope="module")
def dist(scripts, tmp_path_factory):
    """Return a folder with the wheel and the source distribution of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    for kind in ("wheel", "sdist"):
        run(scripts / "python", "-c", BUILD.format(kind), folder, cwd=ROOT)
    return folder


def wheel_in(folder):
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


def test_what_is_in_the_wheel(dist):
    assert sorted(path.name for path in dist.iterdir()) == [
        f"{NAME}-py3-none-any.whl",
        f"{NAME}.tar.gz",
    ]
    held = wheel_in(dist)
    info = {name for name in held if name.startswith(f"{NAME}.dist-info/")}
    sources = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("skdal/**/*.py")}
    # The package and nothing else: no tests, no benchmarks, no examples.
    assert set(held) - info == sources | {"skdal/py.typed"}
    assert f"{NAME}.dist-info/licenses/LICENSE" in info
    assert b"skdal = skdal.cli:main" in held[f"{NAME}.dist-info/entry_points.txt"]
    told = Parser().parsestr(held[f"{NAME}.dist-info/METADATA"].decode())
    assert told["Version"] == skdal.__version__
    assert told["Requires-Python"] == ">=3.11"
    assert told["License-Expression"] == "BSD-3-Clause"
    assert {"cli", "query", "plot", "dask", "interop"} <= set(told.get_all("Provides-Extra"))
    assert told.get_payload().startswith("# skdal")


def test_the_source_distribution_builds_the_same_wheel(dist, scripts, tmp_path):
    with tarfile.open(dist / f"{NAME}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / NAME
    for name in ("tests/_samplers.py", "constraints.txt", "CHANGELOG.md", "conftest.py", "LICENSE"):
        assert (source / name).is_file()
    (tmp_path / "again").mkdir()
    run(scripts / "python", "-c", BUILD.format("wheel"), tmp_path / "again", cwd=source)
    assert wheel_in(tmp_path / "again") == wheel_in(dist)


def test_it_is_installed_and_works_elsewhere(dist, scripts, tmp_path):
    python = scripts / "python"
    (wheel,) = dist.glob("*.whl")
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    # What it needs is here already; an editable skdal that is here, too, is not found by it.
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", where, cwd=tmp_path).strip())
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    code = "import skdal; print(skdal.__file__, *skdal.__all__); skdal.DiscriminativeSampler()"
    file, *names = run(python, "-c", code, cwd=tmp_path).split()
    assert Path(file) == packages / "skdal" / "__init__.py"
    assert names == skdal.__all__
    assert run(scripts / "skdal", "--version", cwd=tmp_path) == f"skdal {skdal.__version__}\n"
    shown = run(scripts / "skdal", "--help", cwd=tmp_path)
    assert all(command in shown for command in ("query", "compare", "rank"))
    (tmp_path / "pool.csv").write_text("a,b\n0,1\n1,0\n5,5\n", encoding="utf-8")
    assert "\n2," in run(scripts / "skdal", "query", "pool.csv", "-n", "2", cwd=tmp_path)
