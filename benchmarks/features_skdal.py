"""What skdal can do, tried; see features.py."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from features import Found, absent, main, memory_of, no, partly, reads_global_state, yes
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge

import skdal

X, TRUTH = load_digits(return_X_y=True)
X /= 16
Y = np.where(np.arange(len(X)) < 100, TRUTH, -1)
MODEL = LogisticRegression(max_iter=1000)


def dal(**params: Any) -> Any:
    return skdal.DiscriminativeSampler(MODEL, random_state=0, **params)


def chosen(sampler: Any, X: Any = X, y: Any = Y, n: int = 20) -> np.ndarray:
    """Query, and check that the rows are different and unlabeled."""
    rows = sampler.fit(X, y).query(n_instances=n)
    assert len(set(rows)) == n
    assert not set(rows) & set(np.flatnonzero(np.asarray(y) >= 0))
    return rows


def works(sampler: Any) -> Found:
    chosen(sampler)
    return yes()


def newest() -> Found:
    import sklearn

    assert sklearn.__version__.startswith("1.9"), sklearn.__version__
    assert np.__version__.startswith("2.4"), np.__version__
    return works(dal())


def clone() -> Found:
    from sklearn.base import clone

    for each in (dal(), skdal.ActiveLearner(MODEL, dal())):
        assert str(clone(each).get_params()) == str(each.get_params())
    return yes()


def grid_search() -> Found:
    from sklearn.model_selection import GridSearchCV

    learner = skdal.BudgetedLearner(MODEL, dal(), budget=60, n_instances=20, random_state=0)
    search = GridSearchCV(learner, {"sampler__n_mini_queries": [1, 5]}, cv=2, error_score="raise")
    assert search.fit(X[:600], TRUTH[:600]).best_score_ > 0.5
    return yes()


def pipeline() -> Found:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    fitted = make_pipeline(PCA(16), dal()).fit(X, Y)
    assert len(fitted[-1].query(n_instances=20)) == 20
    return yes()


def sparse() -> Found:
    from scipy.sparse import csr_array

    return works_with(csr_array(X))


def by_default() -> Found:
    chosen(skdal.DiscriminativeSampler(random_state=0), X[:300], Y[:300])
    return yes()


def works_with(X: Any) -> Found:
    chosen(dal(), X)
    chosen(skdal.UncertaintySampler(MODEL), X)
    return yes()


def frame() -> Found:
    import pandas as pd

    table = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    chosen(dal(), table, pd.Series(np.where(Y < 0, np.nan, 0.5)))
    return yes()


def regression(outputs: int = 1) -> Found:
    target = X[:, 20] + X[:, 30]
    hidden = np.where(Y < 0, np.nan, target)
    if outputs > 1:
        hidden = np.column_stack([hidden] * outputs)
        target = np.column_stack([target] * outputs)
    learner = skdal.ActiveLearner(Ridge(), dal()).fit(X, hidden)
    rows = learner.query(n_instances=10)
    assert learner.teach(rows, target[rows]).score(X, target) > 0.5
    return yes()


def multi_label() -> Found:
    regression(outputs=3)
    return partly("numbers; not several classes")


def batch() -> Found:
    doubled = np.repeat(X[:60], 5, axis=0)
    y = np.where(np.arange(300) < 50, np.repeat(TRUTH[:60], 5), -1)
    for sampler in (dal(), skdal.CoreSetSampler(), skdal.UncertaintySampler(MODEL)):
        chosen(sampler, doubled, y, 100)
    return yes()


def seed() -> Found:
    for sampler in (dal(), skdal.RandomSampler(random_state=0)):
        assert np.array_equal(chosen(sampler), chosen(sampler))
    return yes()


def global_state() -> Found:
    assert not reads_global_state(lambda: chosen(dal()))
    default = skdal.DiscriminativeSampler(random_state=0, n_mini_queries=2)
    assert not reads_global_state(lambda: chosen(default, X[:300], Y[:300]))
    return yes()


def cold_start() -> Found:
    chosen(skdal.CoreSetSampler(random_state=0), y=np.full(len(X), -1))
    return yes()


def loop() -> Found:
    learner = skdal.ActiveLearner(MODEL, dal()).fit(X, Y)
    rows = learner.query(n_instances=20)
    assert learner.teach(rows, TRUTH[rows]).score(X, TRUTH) > 0.5
    return yes()


def kept() -> Found:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "labels.json")
        learner = skdal.ActiveLearner(MODEL, dal(), labels_path=path).fit(X, Y)
        rows = learner.query(n_instances=20)
        learner.teach(rows, TRUTH[rows])
        again = skdal.ActiveLearner(MODEL, dal(), labels_path=path).fit(X, Y)
        assert len(again.labels_) == 120
    return yes()


def stop() -> Found:
    rule = skdal.DivergenceStop(random_state=0)
    learner = skdal.BudgetedLearner(MODEL, dal(), budget=200, n_instances=50, stopping=rule)
    learner.fit(X, TRUTH)
    return yes("one, which asks for no labels")


def robust_core_set() -> Found:
    sampler = skdal.CoreSetSampler(method="mip", n_outliers=2, time_limit=20, random_state=0)
    rows, details = sampler.fit(X[:500], Y[:500]).query(n_instances=20, return_details=True)
    assert len(rows) == 20
    assert 0 < details.lower_bound <= details.radius
    return yes()


def network() -> Any:
    from skdal.neural import LeNetClassifier

    return LeNetClassifier(max_epochs=2, random_state=0)


def on_images(sampler: Any) -> Found:
    images = np.kron(X.reshape(-1, 8, 8), np.ones((2, 2)))[:400]
    chosen(sampler, images, Y[:400], 10)
    return yes()


def by_peer(strategy: str, estimator: Any = MODEL, n: int = 20) -> Found:
    import skactiveml.pool

    from skdal.interop import SkactivemlSampler

    sampler = SkactivemlSampler(getattr(skactiveml.pool, strategy)(), estimator, random_state=0)
    chosen(sampler, X[: 105 + n], Y[: 105 + n], n)
    return partly("that of scikit-activeml, by an adapter")


def committee() -> Found:
    import skactiveml.pool
    from sklearn.naive_bayes import GaussianNB

    from skdal.interop import SkactivemlSampler

    sampler = SkactivemlSampler(
        skactiveml.pool.QueryByCommittee(), query_params={"ensemble": [MODEL, GaussianNB()]}
    )
    chosen(sampler, X[:400], Y[:400])
    return partly("that of scikit-activeml, by an adapter")


def density() -> Found:
    chosen(skdal.UncertaintySampler(MODEL, max_candidates=200, random_state=0))
    return no("only random candidates of the pool")


def memmap() -> Found:
    def query(X: Any, labels: Any) -> None:
        chosen(dal(), X, np.r_[labels, np.full(len(X) - len(labels), -1)])
        chosen(skdal.UncertaintySampler(MODEL), X, np.r_[labels, np.full(len(X) - 100, -1)])

    return memory_of(query)


def dask() -> Found:
    import dask.array as da

    return works_with(da.from_array(X, chunks=(500, 64)))


def command_line() -> Found:
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "pool.npy"), X)
        command = ["query", "pool.npy", "-n", "20", "-o", "batch.csv"]
        subprocess.run(
            [sys.executable, "-c", "from skdal.cli import main; main()", *command],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        assert len(Path(folder, "batch.csv").read_text().splitlines()) == 21
    return yes()


def label_studio() -> Found:
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "pool.npy"), X)

        def query(*words: str) -> None:
            subprocess.run(
                [sys.executable, "-c", "from skdal.cli import main; main()", "query", *words],
                check=True,
                cwd=folder,
                stdout=subprocess.DEVNULL,
            )

        query("pool.npy", "-n", "5", "-o", "tasks.json", "--format", "label-studio")
        tasks = json.loads(Path(folder, "tasks.json").read_text())
        assert len(tasks) == 5
        for number, task in enumerate(tasks):
            result = {"type": "choices", "value": {"choices": [str(number % 2)]}}
            result |= {"from_name": "label", "to_name": "row"}
            task |= {"id": number, "annotations": [{"id": number, "result": [result]}]}
        Path(folder, "export.json").write_text(json.dumps(tasks))
        query("pool.npy", "export.json", "-n", "5", "-o", "batch.csv")
        assert len(Path(folder, "batch.csv").read_text().splitlines()) == 6
    return yes()


TRIES = {
    **{
        f.__name__: f
        for f in (newest, clone, grid_search, pipeline, sparse, frame, regression, multi_label)
    },
    **{f.__name__: f for f in (batch, seed, global_state, cold_start, loop, kept, stop)},
    "uncertainty": lambda: works(skdal.UncertaintySampler(MODEL)),
    "dal": by_default,
    "mini_queries": lambda: works(dal(n_mini_queries=5)),
    "core_set": lambda: works(skdal.CoreSetSampler()),
    "robust_core_set": robust_core_set,
    "mc_dropout": lambda: on_images(skdal.MCDropoutSampler(network(), n_passes=5, random_state=0)),
    "egl": lambda: on_images(skdal.ExpectedGradientLengthSampler(network())),
    "deepfool": lambda: on_images(skdal.DeepFoolSampler(network())),
    "badge": partial(by_peer, "Badge"),
    "typiclust": partial(by_peer, "TypiClust", None),
    "committee": committee,
    "error_reduction": partial(by_peer, "MonteCarloEER", n=1),
    "density": density,
    "stream": absent("skdal", "stream"),
    "annotators": absent("skdal", "annotator"),
    "cost": absent("skdal", "cost"),
    "text_models": absent("skdal", "transformers|bert"),
    **{f.__name__: f for f in (memmap, dask, command_line, label_studio)},
}

if __name__ == "__main__":
    main(__file__, TRIES)
