from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.naive_bayes import GaussianNB

from skdal import BudgetedLearner, RandomSampler, label_efficiency_score
from tests.learner._shared import TRUTH, Counting, EnoughLabels, X

callback = pytest.importorskip("sklearn.callback")


class Watch:
    """A callback that notes what it is told."""

    def __init__(self, stop_at=None, raise_at=None):
        self.stop_at, self.raise_at, self.told, self.models = stop_at, raise_at, [], []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        assert len(X) == len(y)
        self.told.append(f"end {context.task_name} {context.task_id}")
        self.models.append(fitted_estimator)
        if context.task_name == "query" and context.task_id == self.raise_at:
            raise RuntimeError("no more")
        return context.task_name == "query" and context.task_id == self.stop_at


def learner(**params):
    params = {"budget": 40, "n_instances": 10, "keep_models": True, "random_state": 0} | params
    return BudgetedLearner(params.pop("estimator", GaussianNB()), RandomSampler(), **params)


def test_a_query_is_a_task():
    watch = Watch()
    fitted = learner().set_callbacks(watch).fit(X, TRUTH)
    queries = [f"{word} query {number}" for number in range(4) for word in ("begin", "end")]
    assert watch.told == ["setup", "begin fit 0", *queries, "end fit 0", "teardown"]
    for model, step, trained in zip(watch.models, fitted.history_, fitted.models_, strict=False):
        assert len(model.labeled_rows_) == step["n_labels"]
        assert len(model.history_) == fitted.history_.index(step) + 1
        np.testing.assert_array_equal(model.predict_proba(X), trained.predict_proba(X))


def test_callbacks_change_nothing():
    plain = learner().fit(X, TRUTH)
    watched = learner().set_callbacks(Watch()).fit(X, TRUTH)
    np.testing.assert_array_equal(plain.labeled_rows_, watched.labeled_rows_)
    assert vars(plain).keys() == vars(watched).keys() - {"_skl_callbacks"}


def test_scores_of_every_step():
    monitor = callback.ScoringMonitor(scoring="accuracy")
    fitted = learner().set_callbacks(monitor).fit(X, TRUTH)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "query"]
    assert scores == [model.score(X, TRUTH) for model in fitted.models_]


def test_scores_are_weighted_as_the_fit_is():
    weights = np.linspace(0.01, 1, 150) ** 3
    with config_context(enable_metadata_routing=True):
        model = GaussianNB().set_fit_request(sample_weight=True)
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        monitor = callback.ScoringMonitor(scoring={"score": scorer})
        fitted = learner(estimator=model).set_callbacks(monitor)
        fitted.fit(X, TRUTH, sample_weight=weights)
        scores = [row["score"] for row in monitor.get_logs().data if row["task_name"] == "query"]
        expected = [model.score(X, TRUTH, sample_weight=weights) for model in fitted.models_]
    assert scores == expected
    assert scores != [model.score(X, TRUTH) for model in fitted.models_]


def test_the_mean_over_the_labels_so_far():
    monitor = callback.ScoringMonitor(scoring={"area": label_efficiency_score})
    watch = Watch()
    with pytest.raises(ValueError, match="at least one query"):
        learner().set_callbacks(monitor).fit(X, TRUTH)
    fitted = learner().set_callbacks(watch).fit(X, TRUTH)
    assert [len(model.models_) for model in watch.models] == [1, 2, 3, 4, 4]
    last = label_efficiency_score(watch.models[2], X, TRUTH)
    assert last == label_efficiency_score(learner(budget=30).fit(X, TRUTH), X, TRUTH)
    assert last != label_efficiency_score(fitted, X, TRUTH)


def test_the_start_is_chosen_within_the_first_task():
    told = []

    class Start(RandomSampler):
        def fit(self, X, y):
            told.append(list(watch.told))
            return super().fit(X, y)

    watch = Watch()
    learner(initial_sampler=Start()).set_callbacks(watch).fit(X, TRUTH)
    assert told[0][-1] == "begin query 0"


def test_a_progress_bar(capsys):
    pytest.importorskip("rich")
    fitted = learner().set_callbacks(callback.ProgressBar()).fit(X, TRUTH)
    assert len(fitted.history_) == 4
    assert "BudgetedLearner" in capsys.readouterr().out


def test_a_callback_may_stop_the_loop():
    watch = Watch(stop_at=1)
    fitted = learner().set_callbacks(watch).fit(X, TRUTH)
    assert [step["n_labels"] for step in fitted.history_] == [10, 20]
    assert len(fitted.models_) == 2
    assert watch.told[-2:] == ["end fit 0", "teardown"]
    expected = learner().fit(X, TRUTH)
    np.testing.assert_array_equal(fitted.labeled_rows_, expected.labeled_rows_[:20])


def test_a_stopping_rule_ends_the_fit_in_good_order():
    watch = Watch()
    learner(stopping=EnoughLabels(20)).set_callbacks(watch).fit(X, TRUTH)
    assert watch.told[-3:] == ["end query 1", "end fit 0", "teardown"]


@pytest.mark.parametrize("broken", ["callback", "training", "labels"])
def test_an_error_tears_down_and_leaves_the_learner_as_it_was(broken):
    watch = Watch(raise_at=2 if broken == "callback" else None)
    Counting.raises = None
    fitted = learner(estimator=Counting()).fit(X, TRUTH).set_callbacks(watch)
    before = dict(vars(fitted))
    Counting.raises = RuntimeError("no more") if broken == "training" else None
    try:
        with pytest.raises((RuntimeError, ValueError), match=r"no more|y has 149 rows"):
            fitted.fit(X, TRUTH[1:] if broken == "labels" else TRUTH)
    finally:
        Counting.raises = None
    assert watch.told[-1] == "teardown" if broken != "labels" else not watch.told
    assert vars(fitted) == before


def test_no_model_is_nothing_to_predict_with():
    watch = Watch()
    y = np.r_[np.zeros(100, dtype=int), np.ones(50, dtype=int)]
    learner(n_initial=[0, 1]).set_callbacks(watch).fit(X, y)
    assert watch.models[0] is None
    assert watch.models[-1] is not None


def test_copies():
    watch = Watch()
    set_up = learner().set_callbacks(watch)
    for copied in (clone(set_up), copy.deepcopy(set_up), pickle.loads(pickle.dumps(set_up))):
        assert len(copied.fit(X, TRUTH).history_) == 4
    # A clone has the very same callbacks, as scikit-learn has it.
    assert watch.told.count("setup") == watch.told.count("teardown") == 1
