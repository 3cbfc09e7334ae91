from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from skdal.plotting import LearningCurveDisplay

SCORES = {"random": [[0.5, 0.6, 0.7], [0.7, 0.8, 0.7]], "other": [[0.6, 0.7, 0.9]] * 2}


def made(scores, n_labels=(10, 20, 30)):
    return [
        {"sampler": name, "repeat": repeat, "n_labels": n, "score": score}
        for name, runs in scores.items()
        for repeat, run in enumerate(runs)
        for n, score in zip(n_labels, run, strict=False)
    ]


@pytest.fixture
def ax():
    return Figure().subplots()


def test_lines_are_means_and_bands_one_standard_deviation(ax):
    display = LearningCurveDisplay.from_results(made(SCORES), ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert list(display.lines_) == ["random", "other"]
    x, y = display.lines_["random"].get_data()
    assert_allclose(x, [10, 20, 30])
    assert_allclose(y, [0.6, 0.7, 0.7])
    vertices = display.bands_["random"].get_paths()[0].vertices
    at_start = vertices[vertices[:, 0] == 10, 1]
    deviation = np.std([0.5, 0.7], ddof=1)
    assert_allclose([at_start.min(), at_start.max()], [0.6 - deviation, 0.6 + deviation])


def test_axes_and_legend_say_what_is_seen(ax):
    LearningCurveDisplay.from_results(made(SCORES), ax=ax, score_name="Accuracy")
    assert ax.get_xlabel() == "Labels"
    assert ax.get_ylabel() == "Accuracy (mean ± SD of 2 runs)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["random", "other"]


def many(n_curves=9, n_points=11, spread=0.1):
    rng = np.random.RandomState(0)
    names = [f"sampler {number}" for number in range(n_curves)]
    scores = {name: rng.rand() + spread * rng.rand(3, n_points) for name in names}
    return made(scores, range(10, 10 * n_points + 1, 10))


@pytest.mark.parametrize("n_points", [2, 3, 11, 80])
@pytest.mark.parametrize("n_curves", [4, 9])
def test_where_there_are_many_bands_are_bars_that_do_not_crowd(n_curves, n_points):
    ax = Figure(layout="constrained").subplots()
    display = LearningCurveDisplay.from_results(many(n_curves, n_points), ax=ax)
    over = {}
    for name, bars in display.bands_.items():
        (collection,) = bars[2]
        mean = dict(zip(*display.lines_[name].get_data(), strict=True))
        deviation = dict(zip(mean, display.scores[name].std(axis=0, ddof=1), strict=True))
        segments = collection.get_segments()
        assert len(segments) >= min(2, n_points)
        for (x, low), (_, high) in segments:
            over[x] = over.get(x, 0) + 1
            assert [low, high] == pytest.approx([mean[x] - deviation[x], mean[x] + deviation[x]])
    assert max(over.values()) <= (3 if n_points > 4 else n_curves)


def test_the_legend_of_many_is_beside_the_axes_best_first(tmp_path):
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    display = LearningCurveDisplay.from_results(many(), ax=ax)
    figure.savefig(tmp_path / "curve.png")
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    finals = [display.scores[name][:, -1].mean() for name in names]
    assert finals == sorted(finals, reverse=True)
    legend = ax.get_legend().get_window_extent()
    assert legend.x0 >= ax.get_window_extent().x1
    assert legend.x1 <= figure.bbox.x1
    # Without a layout it would be cut off there.
    display.plot(Figure().subplots())
    legend = display.ax_.get_legend()
    assert legend.get_window_extent().x1 <= display.ax_.get_window_extent().x1


def test_a_long_name_is_broken_at_its_colons(ax):
    name = "discriminative:n_mini_queries=5:candidates=pool"
    display = LearningCurveDisplay.from_results(made({name: [[0.5, 0.6, 0.7]] * 2}), ax=ax)
    assert list(display.lines_) == [name]
    (text,) = ax.get_legend().get_texts()
    assert text.get_text() == "discriminative:\nn_mini_queries=5:\ncandidates=pool"


def test_nine_curves_differ_in_color(ax):
    display = LearningCurveDisplay.from_results(many(), ax=ax)
    assert len({line.get_color() for line in display.lines_.values()}) == 9


def test_a_single_run_has_no_mean(ax):
    LearningCurveDisplay.from_results(made({"random": [[0.5, 0.6, 0.7]]}), ax=ax)
    assert ax.get_ylabel() == "Score"


def test_curves_differ_without_color(ax):
    names = [f"sampler {number}" for number in range(20)]
    results = made({name: [[0.5, 0.6, 0.7]] for name in names})
    display = LearningCurveDisplay.from_results(results, ax=ax)
    styles = {(line.get_linestyle(), line.get_marker()) for line in display.lines_.values()}
    assert len(styles) == 20


def test_the_first_colors_differ_in_lightness(ax):
    results = made({name: [[0.5, 0.6, 0.7]] for name in "ab"})
    display = LearningCurveDisplay.from_results(results, ax=ax)
    a, b = (
        np.dot(to_rgb(line.get_color()), [0.299, 0.587, 0.114]) for line in display.lines_.values()
    )
    assert abs(a - b) > 0.05


def test_line_kw_takes_precedence(ax):
    display = LearningCurveDisplay.from_results(made(SCORES), ax=ax, line_kw={"linewidth": 4})
    assert {line.get_linewidth() for line in display.lines_.values()} == {4}


def test_short_names_of_a_style_do_too(ax):
    own = {"c": "red", "ls": ":", "lw": 4, "ms": 9}
    display = LearningCurveDisplay.from_results(made(SCORES), ax=ax, line_kw=own)
    for line in display.lines_.values():
        assert to_rgb(line.get_color()) == (1, 0, 0)
        assert (line.get_linestyle(), line.get_linewidth(), line.get_markersize()) == (":", 4, 9)
    # A band has the color of its line.
    for band in display.bands_.values():
        assert_allclose(band.get_facecolor()[0][:3], [1, 0, 0])


def test_bands_and_bars_have_styles_of_their_own(ax):
    for key in ("facecolor", "fc", "color"):
        area = {key: "green", "alpha": 0.5}
        display = LearningCurveDisplay.from_results(made(SCORES), ax=ax, fill_between_kw=area)
        assert_allclose(display.bands_["random"].get_facecolor()[0], [0, 128 / 255, 0, 0.5], 1e-6)
    bars = {"ecolor": "red", "elinewidth": 3}
    display = LearningCurveDisplay.from_results(many(4), ax=ax, errorbar_kw=bars)
    (collection,) = display.bands_["sampler 0"][2]
    assert_allclose(collection.get_color()[0][:3], [1, 0, 0])
    assert collection.get_linewidth() == 3


def test_the_name_of_the_score_stays(ax):
    display = LearningCurveDisplay.from_results(made(SCORES), ax=ax, score_name="Accuracy")
    assert display.score_name == "Accuracy"
    assert display.plot(Figure().subplots()).ax_.get_ylabel().startswith("Accuracy (")
    display.plot(ax, score_name="Recall")
    assert ax.get_ylabel().startswith("Recall (")


@pytest.mark.parametrize("more", [0, 3])
def test_numbers_of_runs_that_differ_are_told(ax, more):
    one = {f"single {number}": [[0.6, 0.7, 0.9]] for number in range(1 + more)}
    display = LearningCurveDisplay.from_results(made(SCORES | one), ax=ax)
    assert ax.get_ylabel() == "Score (mean ± SD of 1 to 2 runs)"
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"random (2 runs)", "single 0 (1 run)"} <= set(texts)
    # A single run has no deviation, not one of 0.
    assert list(display.bands_) == ["random", "other"]


def test_another_sampler_without_scores_takes_no_point_away(ax):
    late = {"late": [[np.nan, 0.7, 0.9]]}
    display = LearningCurveDisplay.from_results(made(SCORES | late), ax=ax)
    assert display.n_labels["random"].tolist() == [10, 20, 30]
    assert display.n_labels["late"].tolist() == [20, 30]


def test_without_axes_a_new_figure_is_made_and_plot_can_be_repeated():
    import matplotlib.pyplot as plt

    first = LearningCurveDisplay.from_results(made(SCORES))
    axes = first.ax_
    try:
        assert axes is plt.gca()
        assert first.plot(Figure().subplots()).ax_ is not axes
    finally:
        plt.close("all")


def test_a_figure_can_be_saved(ax, tmp_path):
    display = LearningCurveDisplay.from_results(made(SCORES), ax=ax)
    display.figure_.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_runs_of_a_sampler_must_agree(ax):
    results = made({"random": [[0.5, 0.6, 0.7], [0.5, 0.6]]})
    with pytest.raises(ValueError, match="runs of sampler 'random' differ"):
        LearningCurveDisplay.from_results(results, ax=ax)


def test_nothing_cannot_be_drawn(ax):
    with pytest.raises(ValueError, match="results is empty"):
        LearningCurveDisplay.from_results([], ax=ax)


def test_without_matplotlib_the_error_names_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        LearningCurveDisplay.from_results(made(SCORES))
