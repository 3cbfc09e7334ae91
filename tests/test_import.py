from __future__ import annotations

import subprocess
import sys

import pytest

import skdal

HEAVY = ("torch", "skorch", "pulp", "matplotlib", "skactiveml")


def _loaded_after(code: str) -> set[str]:
    code += f"\nimport sys; print([name for name in {HEAVY} if name in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return set(eval(out))


@pytest.mark.parametrize(
    "code",
    [
        "import skdal",
        "import skdal; dir(skdal); skdal.__version__",
        "import skdal; skdal.RandomSampler(random_state=0).fit([[0], [1]], [0, -1]).query()",
        "import skdal._labels, skdal._pool, skdal.base, skdal.metrics",
        "import skdal.tables",
    ],
)
def test_import_is_light(code):
    assert _loaded_after(code) == set()


def test_torch_is_loaded_where_it_is_needed():
    assert "torch" in _loaded_after("import skdal; skdal.MLPDiscriminator")


def test_another_discriminator_needs_no_torch():
    code = (
        "from sklearn.linear_model import LogisticRegression\n"
        "from skdal import DiscriminativeSampler\n"
        "DiscriminativeSampler(LogisticRegression()).fit([[0], [1], [2]], [0, -1, -1]).query()"
    )
    assert _loaded_after(code) == set()


def test_what_interop_lacks(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("skdal.interop")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "skactiveml", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .*'\.\[interop\]'"):
        import skdal.interop  # noqa: F401


def test_public_names():
    for name in skdal.__all__:
        assert name in dir(skdal)
        assert getattr(skdal, name) is not None
    assert {"DiscriminativeSampler", "MLPDiscriminator", "RandomSampler"} <= set(skdal.__all__)
    assert skdal.DiscriminativeSampler is skdal.DiscriminativeSampler


def test_dir_is_sorted_and_whole_before_anything_is_loaded():
    code = (
        "import skdal\n"
        "assert dir(skdal) == sorted(dir(skdal))\n"
        "assert set(skdal.__all__) <= set(dir(skdal))"
    )
    assert _loaded_after(code) == set()


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'skdal' has no attribute 'NoSampler'"):
        skdal.NoSampler  # noqa: B018
    with pytest.raises(ImportError, match="NoSampler"):
        from skdal import NoSampler  # noqa: F401
