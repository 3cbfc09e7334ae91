"""Every example runs, without a network, and draws."""

import runpy
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from sklearn.model_selection import StratifiedKFold

from skdal import experiments

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
# They show files and commands.
WITHOUT_FIGURE = {"plot_query.py"}


@pytest.fixture
def shown(monkeypatch):
    """Count the figures that ``plt.show`` would show."""
    figures = []

    def show():
        for number in plt.get_fignums():
            figure = plt.figure(number)
            figure.canvas.draw()
            figures.append(figure)
        plt.close("all")

    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", show)
    yield figures
    plt.close("all")


@pytest.fixture
def _offline(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no network in tests")

    monkeypatch.setattr("skdal.datasets.fetch_openml", refuse)


@pytest.fixture
def _short(monkeypatch):
    """Repeat less often than a conclusion needs; `make docs` runs the examples as they are."""

    def compare(*args, n_repeats, **kwargs):
        return play(*args, n_repeats=2, **kwargs)

    play = experiments.compare
    monkeypatch.setattr(experiments, "compare", compare)
    once = partial(StratifiedKFold, shuffle=True)
    monkeypatch.setattr(
        "sklearn.model_selection.RepeatedStratifiedKFold",
        lambda *, n_repeats, **kwargs: once(**kwargs),
    )


@pytest.mark.usefixtures("_offline", "_short")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example(path, capsys, shown):
    if path.name in ("plot_cluster.py", "plot_dask.py"):
        pytest.importorskip("distributed")
    runpy.run_path(str(path))
    out = capsys.readouterr().out
    assert out
    if path.name == "plot_mnist.py":
        assert "take the place of MNIST" in out
    plt.show()  # what the script leaves open, as the gallery does
    assert bool(shown) == (path.name not in WITHOUT_FIGURE)
