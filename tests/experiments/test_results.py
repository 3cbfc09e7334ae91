from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from skdal.experiments import summarize, write_csv
from skdal.experiments.results import curves
from skdal.metrics import area_under_learning_curve


def made(scores, *, n_labels=(10, 20, 40)):
    """Return results with these scores, by sampler and repeat."""
    return [
        {
            "sampler": name,
            "repeat": repeat,
            "n_labels": n,
            "score": score,
            "fit_seconds": 1.0,
            "query_seconds": 0.0 if n == n_labels[0] else 2.0,
            "rows": np.arange(n),
        }
        for name, runs in scores.items()
        for repeat, run in enumerate(runs)
        for n, score in zip(n_labels, run, strict=True)
    ]


LEVELS = {"random": [0.5, 0.6, 0.4, 0.7], "other": [0.6, 0.65, 0.55, 0.75]}
FLAT = made({name: [[level] * 3 for level in levels] for name, levels in LEVELS.items()})


def test_areas_and_paired_differences():
    random, other = summarize(FLAT)
    assert (random["sampler"], random["n_repeats"]) == ("random", 4)
    assert random["area"] == pytest.approx(0.55)
    assert math.isnan(random["difference"])
    differences = np.subtract(LEVELS["other"], LEVELS["random"])
    interval = ttest_1samp(differences, 0).confidence_interval(0.95)
    assert other["difference"] == pytest.approx(differences.mean())
    assert (other["low"], other["high"]) == pytest.approx((interval.low, interval.high))


def test_final_scores_and_seconds():
    (line,) = summarize(made({"random": [[0.1, 0.2, 0.5], [0.1, 0.2, 0.7]]}))
    assert line["final_score"] == pytest.approx(0.6)
    assert line["query_seconds"] == 2.0  # the start is no query
    assert line["fit_seconds"] == 1.0


def test_standard_deviations_and_the_difference_at_the_end():
    lines = summarize(
        made({"random": [[0.1, 0.2], [0.1, 0.4]], "x": [[0.1, 0.4], [0.1, 0.5]]}, n_labels=(10, 20))
    )
    assert lines[0]["final_score_sd"] == pytest.approx(np.std([0.2, 0.4], ddof=1))
    assert lines[0]["area_sd"] == pytest.approx(np.std([0.15, 0.25], ddof=1))
    assert math.isnan(lines[0]["final_difference"])
    assert lines[1]["final_difference"] == pytest.approx(0.15)
    interval = ttest_1samp([0.2, 0.1], 0).confidence_interval(0.95)
    assert (lines[1]["final_low"], lines[1]["final_high"]) == pytest.approx(tuple(interval))
    assert math.isnan(summarize(made({"random": [[0.1, 0.2, 0.3]]}))[0]["final_score_sd"])


def test_curves_begin_where_every_run_of_the_sampler_has_a_score():
    late, early = [math.nan, 0.2, 0.4], [0.1, 0.2, 0.4]
    results = made({"a": [late, early], "b": [early, early]})
    assert [curves(results)["a"][repeat][0].tolist() for repeat in (0, 1)] == [[20, 40]] * 2
    assert [line["n_labels_from"] for line in summarize(results)] == [20, 10]
    assert [line["n_labels_to"] for line in summarize(results)] == [40, 40]


def test_a_sampler_without_scores_at_first_changes_no_other():
    alone = made({"random": [[0.1, 0.3, 0.4]] * 2, "b": [[0.1, 0.2, 0.4]] * 2})
    late = made({"late": [[math.nan, 0.2, 0.4]] * 2})
    with_late = summarize(alone + late)
    assert str(with_late[:2]) == str(summarize(alone))
    # Its own difference is over the span that both have.
    assert with_late[2]["difference"] == pytest.approx(0.3 - 0.35)


def test_a_score_that_is_missing_in_the_middle_is_refused():
    results = made({"a": [[0.1, math.nan, 0.4]]})
    with pytest.raises(ValueError, match="Repeat 0 of sampler 'a' has no score with 20 labels"):
        summarize(results)


def test_without_any_score_there_is_no_area():
    results = made({"other": [[0.1, 0.2, 0.4]], "random": [[math.nan] * 3]})
    with pytest.raises(ValueError, match="two numbers or more"):
        summarize(results)


def test_unequal_spans_are_not_paired():
    short = made({"random": [[0.5, 0.6, 0.7]]})
    long = made({"other": [[0.5, 0.6, 0.7]]}, n_labels=(10, 20, 1000))
    with pytest.raises(ValueError, match="'other' and 'random' differ in n_labels, 10 to 1000 and"):
        summarize(short + long)
    twice = short + [record | {"sampler": "random", "repeat": 1} for record in long]
    with pytest.raises(ValueError, match="runs of sampler 'random' differ in n_labels"):
        summarize(twice)


def test_only_repeats_of_both_are_paired():
    results = [r for r in FLAT if (r["sampler"], r["repeat"]) != ("random", 0)]
    other = summarize(results)[1]
    expected = np.mean(np.subtract(LEVELS["other"], LEVELS["random"])[1:])
    assert other["difference"] == pytest.approx(expected)


def test_one_repeat_has_a_difference_but_no_interval():
    other = summarize([record for record in FLAT if record["repeat"] == 0])[1]
    assert other["difference"] == pytest.approx(0.1)
    assert math.isnan(other["low"])
    assert math.isnan(other["high"])


def test_another_baseline_or_none():
    assert summarize(FLAT, baseline="other")[0]["difference"] == pytest.approx(-0.0875)
    without = [record for record in FLAT if record["sampler"] != "random"]
    assert all(math.isnan(line["difference"]) for line in summarize(without))
    with pytest.raises(ValueError, match="baseline='Random' is none of the samplers random, other"):
        summarize(FLAT, baseline="Random")


def test_the_order_of_records_does_not_matter():
    shuffled = [*FLAT[::-1]]
    lines = {line["sampler"]: line for line in summarize(shuffled)}
    assert lines["other"]["difference"] == pytest.approx(summarize(FLAT)[1]["difference"])
    assert curves(shuffled)["random"][0][0].tolist() == [10, 20, 40]


def test_a_run_needs_two_points():
    with pytest.raises(ValueError, match="two numbers or more"):
        summarize([FLAT[0]])


def test_the_area_is_the_mean_over_the_span():
    assert area_under_learning_curve([10, 20, 40], [0.5, 0.5, 0.5]) == pytest.approx(0.5)
    # By hand: (10 * 0.6 + 20 * 0.8) / 30.
    assert area_under_learning_curve([10, 20, 40], [0.5, 0.7, 0.9]) == pytest.approx(22 / 30)


@pytest.mark.parametrize(
    ("n_labels", "scores", "message"),
    [
        ([10, 20], [0.5], "as long"),
        ([[10, 20]], [[0.5, 0.6]], "one-dimensional"),
        ([10], [0.5], "two numbers or more"),
        ([10, 10], [0.5, 0.6], "larger than the one before"),
        ([20, 10], [0.5, 0.6], "larger than the one before"),
    ],
)
def test_what_has_no_area(n_labels, scores, message):
    with pytest.raises(ValueError, match=message):
        area_under_learning_curve(n_labels, scores)


def test_a_csv_file_can_be_read_back(tmp_path):
    path = tmp_path / "results.csv"
    write_csv(FLAT, path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(FLAT)
    assert list(rows[0]) == list(FLAT[0])
    assert [float(row["score"]) for row in rows] == [record["score"] for record in FLAT]
    assert rows[0]["rows"] == " ".join(map(str, range(10)))
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.csv"]


def test_a_csv_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="unexpected"):
        write_csv([*FLAT, {"unexpected": 1}], path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.csv"]
    write_csv(FLAT, path)
    assert path.read_text() != "old"


def test_nothing_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="results is empty"):
        write_csv([], tmp_path / "results.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_csv_file_may_be_read_by_others_as_far_as_the_umask_allows(tmp_path):
    (tmp_path / "plain").touch()
    write_csv(FLAT, tmp_path / "results.csv")
    modes = {(tmp_path / name).stat().st_mode for name in ("plain", "results.csv")}
    assert len(modes) == 1
