from __future__ import annotations

import os
import subprocess
import sys

import pytest

import skdal
from skdal import cli, datasets


def test_the_version(call):
    result = call("--version")
    assert result.exit_code == 0
    assert result.stdout == f"skdal {skdal.__version__}\n"


def test_ctrl_c_exits_with_130(monkeypatch):
    def interrupt(name, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "load", interrupt)
    monkeypatch.setattr(sys, "argv", ["skdal", "compare", "digits"])
    with pytest.raises(SystemExit) as error:
        cli.main()
    assert error.value.code == 130


def test_ctrl_c_while_it_starts_exits_with_130(monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "make_app", interrupt)
    with pytest.raises(SystemExit) as error:
        cli.main()
    assert error.value.code == 130


def test_another_missing_package_is_not_explained_away(monkeypatch):
    monkeypatch.setitem(sys.modules, "skdal.experiments.presets", None)
    with pytest.raises(ModuleNotFoundError, match="presets"):
        cli.main()


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_packages_the_message_names_the_cure(monkeypatch, missing):
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(sys, "argv", ["skdal", "--help"])
    with pytest.raises(SystemExit, match=rf'needs {missing}.*pip install "\.\[cli\]"'):
        cli.main()


def test_help_does_not_wait_for_torch():
    code = (
        "import sys\nsys.argv = ['skdal', 'compare', '--help']\nfrom skdal.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'skorch', 'matplotlib'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    assert run.stdout.splitlines()[-1] == "[]"


TINY = ["compare", "digits", "--estimator", "logistic", "--samplers", "random", "--initial", "10"]
TINY += ["--queries", "1", "--repeats", "2"]


def test_a_terminal_without_a_character_shows_the_table():
    run = subprocess.run(
        [sys.executable, "-m", "skdal.cli", *TINY],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    assert " ? " in run.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no such device")
def test_output_that_cannot_be_written_is_an_error_in_words():
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "skdal.cli", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
        )
    assert run.returncode == 1
    assert run.stderr.startswith("Error: [Errno 28]")
    assert run.stderr.count("\n") == 1
