from __future__ import annotations

import math
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from sklearn.datasets import load_iris, make_regression
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetClassifier

from skdal import RandomSampler
from skdal.experiments import compare, summarize

X, Y = load_iris(return_X_y=True)
DATA = {"X": X[::2], "y": Y[::2], "X_test": X[1::2], "y_test": Y[1::2]}
MODEL = DecisionTreeClassifier(max_features=1)
SMALL = {"n_initial": 5, "n_instances": 5, "n_queries": 3}


def run(names="ab", **params):
    samplers = {name: RandomSampler() for name in names}
    params = {**DATA, **SMALL, "n_repeats": 2, **params}
    return compare(samplers, params.pop("estimator", MODEL), **params)


def what_was_done(results, sampler, repeat):
    return [
        (record["n_labels"], record["score"], record["rows"].tolist())
        for record in results
        if (record["sampler"], record["repeat"]) == (sampler, repeat)
    ]


def test_one_tidy_record_for_every_training():
    table = pd.DataFrame(run())
    assert list(table) == [
        "sampler",
        "repeat",
        "n_labels",
        "score",
        "fit_seconds",
        "query_seconds",
        "class_counts",
        "class_entropy",
        "rows",
    ]
    assert len(table) == 2 * 2 * 4
    for _, curve in table.groupby(["sampler", "repeat"]):
        assert curve["n_labels"].tolist() == [5, 10, 15, 20]
        assert len(np.unique(np.concatenate(curve["rows"].tolist()))) == 20
    assert table["score"].between(0, 1).all()


def test_within_a_repeat_all_start_alike_and_go_on_alone():
    results = run(n_repeats=3)
    starts = set()
    for repeat in range(3):
        a, b = (what_was_done(results, name, repeat) for name in "ab")
        assert a[0] == b[0]
        assert a[1][2] != b[1][2]
        starts.add(tuple(a[0][2]))
    assert len(starts) == 3


class Layers(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Linear(4, 3), torch.nn.Softmax(-1))


class Shy(NeuralNetClassifier):
    """A skorch net whose score tells two networks apart, however alike they predict."""

    def score(self, X, y):
        return float(self.predict_proba(X)[0, 0])


def test_a_skorch_net_starts_alike_too():
    net = Shy(Layers, max_epochs=2, train_split=None, verbose=0)
    data = {name: DATA[name].astype(np.float32) for name in ("X", "X_test")}
    results = run(estimator=net, **data)
    starts = set()
    for repeat in range(2):
        a, b = (what_was_done(results, name, repeat) for name in "ab")
        assert a[0] == b[0]
        assert a[1][2] != b[1][2]
        starts.add(a[0][1])
    assert len(starts) == 2
    alone = run("b", estimator=net, **data)
    assert what_was_done(alone, "b", 1) == what_was_done(results, "b", 1)


def test_another_sampler_or_repeat_changes_no_other_run():
    few, many = run("b"), run("cab", n_repeats=3)
    for repeat in range(2):
        assert what_was_done(few, "b", repeat) == what_was_done(many, "b", repeat)


def test_the_seed_fixes_everything():
    first, again, other = run(), run(), run(random_state=1)
    assert what_was_done(first, "a", 1) == what_was_done(again, "a", 1)
    assert what_was_done(first, "a", 1)[0] != what_was_done(other, "a", 1)[0]


def test_scores_are_those_of_the_models_on_the_test_rows():
    for record in run(estimator=GaussianNB(), n_repeats=1, n_queries=1)[:1]:
        rows = record["rows"]
        model = GaussianNB().fit(DATA["X"][rows], DATA["y"][rows])
        assert record["score"] == model.score(DATA["X_test"], DATA["y_test"])


def test_a_regressor():
    X, y = make_regression(60, 3, random_state=0)
    results = run(estimator=Ridge(), X=X, y=y, X_test=X, y_test=y, n_repeats=1)
    assert results[3]["score"] > 0.9


def test_class_counts_are_those_of_the_batch():
    for record in run(n_repeats=1):
        expected = np.bincount(DATA["y"][record["rows"]], minlength=3)
        assert record["class_counts"].tolist() == expected.tolist()
        share = expected[expected > 0] / expected.sum()
        assert record["class_entropy"] == pytest.approx(-(share * np.log(share)).sum())


def test_a_regressor_has_no_class_counts():
    X, y = make_regression(60, 3, random_state=0)
    record = run(estimator=Ridge(), X=X, y=y, X_test=X, y_test=y, n_repeats=1)[0]
    assert "class_counts" not in record


def test_without_a_model_there_is_no_score():
    results = run(n_initial=1, n_repeats=1)
    assert [math.isnan(record["score"]) for record in results[:2]] == [True, False]
    assert all(0 < line["area"] < 1 for line in summarize(results))


class Largest(RandomSampler):
    """Takes rows that are easily told from the rest."""

    def query(self, X=None, n_instances=1):
        sizes = DATA["X"][self.pool_rows_].sum(axis=1)
        return self.pool_rows_[np.argsort(-sizes)[:n_instances]]


def test_divergence():
    samplers = {"random": RandomSampler(), "far": Largest()}
    sizes = {"n_initial": 10, "n_instances": 15, "n_queries": 2, "n_repeats": 1}
    results = compare(samplers, GaussianNB(), **DATA, **sizes, divergence=True)
    by_name = {name: [r for r in results if r["sampler"] == name] for name in samplers}
    assert by_name["far"][-1]["divergence"] > by_name["random"][-1]["divergence"] + 0.5
    assert list(results[0])[-2:] == ["divergence", "rows"]


def test_jobs_change_nothing():
    alone, together = run(n_repeats=3), run(n_repeats=3, n_jobs=2)
    assert [(r["sampler"], r["repeat"]) for r in alone] == [
        (r["sampler"], r["repeat"]) for r in together
    ]
    for name in "ab":
        for repeat in range(3):
            assert what_was_done(alone, name, repeat) == what_was_done(together, name, repeat)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_backend_without_generators_plays_the_same():
    with parallel_config(backend="multiprocessing"):
        there = run(n_jobs=2)
    here = run()
    for name in "ab":
        assert what_was_done(here, name, 1) == what_was_done(there, name, 1)


def test_the_progress_bar_counts_the_trainings_of_jobs_too(capsys):
    with parallel_config(backend="threading"):
        run(verbose=1, n_jobs=2)
    assert "16/16" in capsys.readouterr().err


@pytest.mark.slow
def test_a_cluster_of_dask_plays_the_same():
    distributed = pytest.importorskip("distributed")
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as c,
        distributed.Client(c),
    ):
        # Those of a library that is shut down.
        warnings.simplefilter("ignore")
        with parallel_config(backend="dask"):
            there = run()
    here = run()
    for name in "ab":
        assert what_was_done(here, name, 1) == what_was_done(there, name, 1)


def test_the_progress_bar_counts_trainings(capsys):
    run(verbose=1)
    assert "16/16" in capsys.readouterr().err
    run()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"names": ""}, "samplers is empty"),
        ({"n_queries": 0}, "'n_queries' parameter"),
        ({"n_repeats": 0}, "'n_repeats' parameter"),
        ({"random_state": None}, "'random_state' parameter"),
        ({"n_queries": 50}, "255 labels, more than the 75 rows"),
        ({"estimator": "mlp"}, "'estimator' parameter"),
        ({"n_jobs": 0}, "n_jobs == 0"),
    ],
)
def test_what_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        run(**params)
