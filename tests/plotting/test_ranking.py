from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr

from skdal.plotting import RankingDisplay
from skdal.plotting.ranking import figure_size


def made(n_rows=2000):
    a, b, c = np.random.RandomState(0).rand(3, n_rows)
    return {"first": a, "like first": a + 0.1 * b, "unlike": c}


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


def test_every_pair_has_a_panel_with_its_coefficient(ax):
    scores = made()
    display = RankingDisplay.from_scores(scores, ax=ax)
    pairs = [("first", "like first"), ("first", "unlike"), ("like first", "unlike")]
    assert list(display.correlations) == list(display.images_) == pairs
    for panel, (a, b) in zip(display.ax_, pairs, strict=True):
        expected = spearmanr(scores[a], scores[b]).statistic
        assert display.correlations[a, b] == pytest.approx(expected)
        assert panel.get_title() == f"Spearman {expected:.2f}"
    assert display.figure_ is ax.figure


def test_rank_1_is_the_largest_score_and_equal_ones_share_theirs(ax):
    display = RankingDisplay.from_scores({"a": [0.5, 2, 0.5, 1], "b": [1, 2, 3, 4]}, ax=ax)
    assert_array_equal(display.ranks["a"], [3.5, 1, 3.5, 2])
    assert_array_equal(display.ranks["b"], [4, 3, 2, 1])


def test_the_first_sampler_lies_along_the_horizontal_axis(ax):
    # The rows that b puts first, a puts last.
    display = RankingDisplay.from_scores({"a": range(100), "b": range(0, -100, -1)}, ax=ax)
    density = display.images_["a", "b"].get_array()
    assert ax.get_xlabel() == "Rank by a"
    assert ax.get_ylabel() == "Rank by b"
    assert_array_equal(density, np.fliplr(np.diag(density[:, ::-1].diagonal())))
    skewed = {"a": [3, 2, 1, 0], "b": [2, 3, 1, 0]}
    density = RankingDisplay.from_scores(skewed, ax=Figure().subplots(), n_bins=4)
    assert_array_equal(density.images_["a", "b"].get_array() > 0, np.eye(4)[[1, 0, 2, 3]])


def test_density_is_1_where_rankings_are_independent(ax):
    display = RankingDisplay.from_scores(made(20_000), ax=ax)
    density = {pair: image.get_array() for pair, image in display.images_.items()}
    for values in density.values():
        assert values.mean() == pytest.approx(1)
    assert density["first", "unlike"].std() < 0.5 < density["first", "like first"].std()


@pytest.mark.parametrize(("n_rows", "n_bins"), [(20, 5), (1000, 10), (20_000, 40)])
def test_bins_leave_rows_enough_for_a_cell(ax, n_rows, n_bins):
    display = RankingDisplay.from_scores(made(n_rows), ax=ax)
    assert display.images_["first", "unlike"].get_array().shape == (n_bins, n_bins)


def test_no_row_is_lost(ax):
    rounded = {name: np.round(values, 1) for name, values in made(500).items()}
    display = RankingDisplay.from_scores(rounded, ax=ax, n_bins=7)
    for image in display.images_.values():
        assert image.get_array().sum() * 500 / 7**2 == pytest.approx(500)


def test_all_panels_share_the_shades_and_these_are_readable_in_greyscale(ax):
    display = RankingDisplay.from_scores(made(), ax=ax)
    first, *others = display.images_.values()
    assert all(image.norm is first.norm for image in others)
    assert display.colorbar_.mappable is first
    colors = first.cmap(np.linspace(0, 1, 50))[:, :3]
    assert (np.diff(colors @ [0.299, 0.587, 0.114]) < 0).all()


def test_the_color_bar_says_what_the_shades_are(ax):
    display = RankingDisplay.from_scores(made(), ax=ax)
    label = display.colorbar_.ax.get_ylabel()
    assert label == "Rows of a cell, relative to\nindependent rankings (= 1)"


def test_long_names_are_broken_at_their_colons(ax):
    a, b, _ = made().values()
    RankingDisplay.from_scores({"a:n=5": a, "b:n=5:m=3": b}, ax=ax)
    assert ax.get_xlabel() == "Rank by a:\nn=5"
    assert ax.get_ylabel() == "Rank by b:\nn=5:\nm=3"


def test_the_triangle_names_every_row_and_column_once(ax):
    display = RankingDisplay.from_scores(made(), ax=ax)
    labels = [(panel.get_xlabel(), panel.get_ylabel()) for panel in display.ax_]
    assert labels == [
        ("", "Rank by like first"),
        ("Rank by first", "Rank by unlike"),
        ("Rank by like first", ""),
    ]


def test_a_reference_is_held_against_all_others(ax):
    scores = made()
    display = RankingDisplay.from_scores(scores, reference="like first", ax=ax)
    assert list(display.correlations) == [("first", "like first"), ("unlike", "like first")]
    labels = [(panel.get_xlabel(), panel.get_ylabel()) for panel in display.ax_]
    assert labels == [("Rank by first", "Rank by like first"), ("Rank by unlike", "")]
    assert_allclose(
        list(display.correlations.values()),
        [spearmanr(scores[name], scores["like first"])[0] for name in ("first", "unlike")],
    )


def test_five_others_take_a_second_line():
    import matplotlib.pyplot as plt

    scores = dict(zip("abcdef", np.random.RandomState(0).rand(6, 100), strict=True))
    display = RankingDisplay.from_scores(scores, reference="a")
    try:
        assert display.figure_ is plt.gcf()
        places = [panel.get_subplotspec() for panel in display.ax_]
        assert [(p.rowspan.start, p.colspan.start) for p in places] == [
            (0, 0), (0, 1), (0, 2), (0, 3), (1, 0),
        ]  # fmt: skip
        assert [panel.get_ylabel() for panel in display.ax_] == [
            "Rank by a", "", "", "", "Rank by a",
        ]  # fmt: skip
    finally:
        plt.close("all")


def test_given_axes_are_used_and_labeled_one_by_one():
    axes = Figure().subplots(1, 3)
    display = RankingDisplay.from_scores(made(), ax=axes)
    assert list(display.ax_) == list(axes)
    assert all(panel.get_xlabel() and panel.get_ylabel() for panel in axes)
    with pytest.raises(ValueError, match="ax holds 2 axes, but there are 3 pairs"):
        display.plot(list(axes[:2]))


def test_image_kw_takes_precedence_and_plot_can_be_repeated(ax):
    display = RankingDisplay.from_scores(made(), ax=ax)
    again = display.plot(Figure().subplots(), image_kw={"cmap": "Greys"})
    assert again is display
    assert display.images_["first", "unlike"].get_cmap().name == "Greys"
    assert display.figure_ is not ax.figure


def test_the_ends_of_the_scale_may_be_set(ax):
    display = RankingDisplay.from_scores(made(), ax=ax, image_kw={"vmin": 0.5, "vmax": 3})
    assert display.colorbar_.norm.vmin == 0.5
    assert display.colorbar_.norm.vmax == 3


def test_one_axes_must_have_a_place_that_is_free(ax):
    with pytest.raises(ValueError, match=r"no place in a grid.*figure\.subplots"):
        RankingDisplay.from_scores(made(), ax=Figure().add_axes((0, 0, 1, 1)))
    display = RankingDisplay.from_scores(made(), ax=ax)
    n_axes = len(ax.figure.axes)
    with pytest.raises(ValueError, match="drawn on before"):
        display.plot(ax)
    display.plot(display.ax_)
    assert len(ax.figure.axes) == n_axes
    assert [len(panel.images) for panel in display.ax_] == [1] * len(display.ax_)


def test_the_size_of_a_figure_is_that_of_its_panels():
    import matplotlib.pyplot as plt

    display = RankingDisplay.from_scores(made())
    try:
        assert_allclose(display.figure_.get_size_inches(), figure_size(len(made()), False))
        assert figure_size(7, True) == (4 * 2.3 + 1, 2 * 2.3 + 0.5)
    finally:
        plt.close("all")


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_figure_can_be_saved(ax, tmp_path, suffix):
    display = RankingDisplay.from_scores(made(200), ax=ax)
    display.figure_.savefig(tmp_path / f"rankings.{suffix}")
    assert (tmp_path / f"rankings.{suffix}").stat().st_size > 1000


def test_constant_scores_have_no_coefficient(ax):
    display = RankingDisplay.from_scores({"a": np.ones(50), "b": np.arange(50)}, ax=ax)
    assert ax.get_title() == "Spearman nan"
    assert display.images_["a", "b"].get_array().sum() > 0


@pytest.mark.parametrize(
    ("scores", "settings", "words"),
    [
        ({"a": [1, 2]}, {}, "two at least"),
        ({"a": [1, 2], "b": [1, 2, 3]}, {}, r"scores\['b'\] has the shape \(3,\)"),
        ({"a": [1, 2], "b": [1, np.nan]}, {}, r"scores\['b'\] holds NaN"),
        ({"a": [1, 2], "b": [2, 1]}, {"reference": "c"}, "reference='c' is none of .* a, b"),
    ],
)
def test_wrong_scores_are_refused(ax, scores, settings, words):
    with pytest.raises(ValueError, match=words):
        RankingDisplay.from_scores(scores, ax=ax, **settings)


def test_without_matplotlib_the_error_names_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        RankingDisplay.from_scores(made(50))
