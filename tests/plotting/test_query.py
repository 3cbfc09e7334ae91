from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import RandomSampler
from skdal.plotting import QueryDisplay

X = np.random.RandomState(0).randn(30, 2)
HALF = np.where(np.arange(30) % 2, -1, 0)


@pytest.fixture
def ax():
    return Figure().subplots()


def places(display, name):
    return np.asarray(display.points_[name].get_offsets())


def test_every_row_is_drawn_once_where_it_is(ax):
    display = QueryDisplay.from_arrays(X, [0, 1], [5, 3], ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert_array_equal(places(display, "labeled"), X[[0, 1]])
    assert_array_equal(places(display, "query"), X[[5, 3]])
    assert_array_equal(places(display, "pool"), np.delete(X, [0, 1, 3, 5], axis=0))
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["Pool (26)", "Labeled (2)", "Query (2)"]


def test_a_sampler_is_asked_and_left_as_it_was(ax):
    sampler = RandomSampler(random_state=0).fit(X, HALF)
    before = sampler.query(n_instances=4)
    display = QueryDisplay.from_sampler(sampler, X, 4, ax=ax)
    assert_array_equal(display.query_rows, before)
    assert_array_equal(display.labeled_rows, np.arange(0, 30, 2))
    assert_array_equal(sampler.query(n_instances=4), before)


def test_a_pipeline_may_end_in_the_sampler(ax):
    pipeline = make_pipeline(StandardScaler(), RandomSampler(random_state=0))
    display = QueryDisplay.from_sampler(pipeline.fit(X, HALF), X, 3, ax=ax)
    assert len(display.query_rows) == 3


@pytest.mark.parametrize("kind", ["images", "flat", "sparse"])
def test_more_features_are_projected(ax, kind):
    rows = np.random.RandomState(0).rand(30, 6) * np.arange(1, 7)
    expected = PCA(2, random_state=0).fit_transform(rows)
    given = {"images": rows.reshape(30, 2, 3), "flat": rows, "sparse": sp.csr_matrix(rows)}[kind]
    display = QueryDisplay.from_arrays(given, [0], [1], ax=ax)
    assert_allclose(np.abs(display.X), np.abs(expected), atol=1e-6)


def test_two_sparse_features_stay_as_they_are(ax):
    assert_array_equal(QueryDisplay.from_arrays(sp.csr_matrix(X), [0], [1], ax=ax).X, X)


def test_there_may_be_no_label_yet(ax):
    display = QueryDisplay.from_arrays(X, [], [2], ax=ax)
    assert len(places(display, "pool")) == 29


def test_the_kinds_differ_without_color(ax):
    display = QueryDisplay.from_arrays(X, [0, 1], [5, 3], ax=ax)
    points = list(display.points_.values())
    assert len({kind.get_paths()[0].vertices.shape for kind in points}) == 3
    assert len({kind.get_sizes()[0] for kind in points}) == 3
    lightness = [np.dot(to_rgb(kind.get_facecolor()[0]), [0.299, 0.587, 0.114]) for kind in points]
    assert np.diff(sorted(lightness)).min() > 0.1
    assert points[0].zorder < points[1].zorder < points[2].zorder


def test_scatter_kw_takes_precedence(ax):
    display = QueryDisplay.from_arrays(X, [0], [1], ax=ax, s=77)
    assert {kind.get_sizes()[0] for kind in display.points_.values()} == {77}


def test_short_names_of_a_style_do_too(ax):
    own = {"lw": 3, "ec": "red", "c": "green"}
    display = QueryDisplay.from_arrays(X, [0], [1], ax=ax, **own)
    for points in display.points_.values():
        assert points.get_linewidth() == 3
        assert_allclose(points.get_edgecolor()[0][:3], [1, 0, 0])
        assert_allclose(points.get_facecolor()[0][:3], [0, 128 / 255, 0])
    display.plot(ax, edgecolors="blue", linewidths=2, color="red")
    assert display.points_["pool"].get_linewidth() == 2


@pytest.mark.parametrize(
    ("labeled", "query", "words"),
    [
        ([0, 1], [1, 2], "Row 1 is in labeled_rows and in query_rows"),
        ([0, 0], [1], "labeled_rows names a row twice"),
        ([0], [1, 1], "query_rows names a row twice"),
    ],
)
def test_no_row_is_two_things(ax, labeled, query, words):
    with pytest.raises(ValueError, match=words):
        QueryDisplay.from_arrays(X, labeled, query, ax=ax)


def test_without_axes_a_new_figure_is_made_and_plot_can_be_repeated():
    import matplotlib.pyplot as plt

    display = QueryDisplay.from_arrays(X, [0], [1])
    axes = display.ax_
    try:
        assert axes is plt.gca()
        assert display.plot(Figure().subplots()).ax_ is not axes
    finally:
        plt.close("all")


def test_rows_must_be_those_of_fit(ax):
    sampler = RandomSampler().fit(X, HALF)
    with pytest.raises(ValueError, match="X has 29 rows, but that of fit had 30"):
        QueryDisplay.from_sampler(sampler, X[1:], ax=ax)
    with pytest.raises(NotFittedError):
        QueryDisplay.from_sampler(RandomSampler(), X, ax=ax)
    with pytest.raises(ValueError, match="n_instances=16 is more than the 15 rows"):
        QueryDisplay.from_sampler(sampler, X, 16, ax=ax)


@pytest.mark.parametrize("rows", [[30], [-1], [True, False], [0.5], [[1]]])
@pytest.mark.parametrize("name", ["labeled_rows", "query_rows"])
def test_wrong_rows_are_refused(ax, rows, name):
    given = {"labeled_rows": [0], "query_rows": [1]} | {name: rows}
    with pytest.raises(ValueError, match=rf"{name} must be row numbers of X, from 0 to 29"):
        QueryDisplay.from_arrays(X, **given, ax=ax)


def test_one_feature_is_too_few(ax):
    with pytest.raises(ValueError, match=r"shape \(30, 1\).*two numbers"):
        QueryDisplay.from_arrays(X[:, :1], [0], [1], ax=ax)


def test_without_matplotlib_the_error_names_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        QueryDisplay.from_arrays(X, [0], [1])


def test_displays_can_be_imported_without_matplotlib():
    code = (
        "import sys\nsys.modules['matplotlib'] = None\n"
        "from skdal.plotting import LearningCurveDisplay, QueryDisplay, RankingDisplay"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
