"""What small-text can do, tried; see features.py."""

from __future__ import annotations

import importlib.metadata
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import small_text
from features import Found, absent, main, memory_of, no, partly, reads_global_state, yes
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from small_text import (
    PoolBasedActiveLearner,
    SklearnClassifierFactory,
    SklearnDataset,
    list_to_csr,
)

X, TRUTH = load_digits(return_X_y=True)
X /= 16
HIDDEN = np.where(np.arange(len(X)) < 100, TRUTH, small_text.LABEL_UNLABELED)
LABELED = np.arange(100)


def factory(n_classes: int = 10) -> Any:
    return SklearnClassifierFactory(LogisticRegression(max_iter=1000), n_classes)


def learner(strategy: Any = None, X: Any = X, y: Any = HIDDEN) -> Any:
    strategy = small_text.PredictionEntropy() if strategy is None else strategy
    dataset = SklearnDataset(X, np.asarray(y), target_labels=np.arange(10))
    loop = PoolBasedActiveLearner(factory(), strategy, dataset)
    loop.initialize_data(LABELED, TRUTH[LABELED])
    return loop


def chosen(strategy: Any = None, X: Any = X, n: int = 20, **params: Any) -> np.ndarray:
    rows = learner(strategy, X).query(num_samples=n, query_strategy_kwargs=params)
    assert len(set(rows.tolist())) == n
    assert not set(rows.tolist()) & set(LABELED.tolist())
    return rows


def newest() -> Found:
    import sklearn

    assert sklearn.__version__.startswith("1.9"), sklearn.__version__
    assert np.__version__.startswith("2.4"), np.__version__
    chosen()
    return yes()


def clone() -> Found:
    from sklearn.base import clone

    clone(small_text.PredictionEntropy())
    return yes()


def grid_search() -> Found:
    from sklearn.model_selection import GridSearchCV

    GridSearchCV(learner(), {"query_strategy": [None]}, cv=2).fit(X, TRUTH)
    return yes()


def pipeline() -> Found:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    make_pipeline(PCA(16), small_text.PredictionEntropy()).fit(X, TRUTH)
    return yes()


def sparse() -> Found:
    from scipy.sparse import csr_matrix

    chosen(X=csr_matrix(X))
    return yes()


def frame() -> Found:
    import pandas as pd

    chosen(X=pd.DataFrame(X))
    return yes()


def multi_label() -> Found:
    y = list_to_csr([[int(label)] for label in TRUTH], shape=(len(X), 10))
    dataset = SklearnDataset(X, y, target_labels=np.arange(10))
    multi = SklearnClassifierFactory(
        LogisticRegression(max_iter=1000), 10, kwargs={"multi_label": True}
    )
    loop = PoolBasedActiveLearner(
        multi, small_text.CategoryVectorInconsistencyAndRanking(), dataset
    )
    start = np.arange(300)
    loop.initialize_data(start, y[start])
    assert len(set(loop.query(num_samples=5).tolist())) == 5
    return yes()


def batch() -> Found:
    doubled = np.vstack([X[:100], np.repeat(X[100:140], 5, axis=0)])
    for strategy, params in (
        (small_text.PredictionEntropy(), {}),
        (small_text.GreedyCoreset(), {"embeddings": doubled}),
    ):
        dataset = SklearnDataset(doubled, np.zeros(len(doubled), int), target_labels=np.arange(10))
        loop = PoolBasedActiveLearner(factory(), strategy, dataset)
        loop.initialize_data(LABELED, TRUTH[LABELED])
        rows = loop.query(num_samples=60, query_strategy_kwargs=params)
        assert len(set(rows.tolist())) == 60, f"{type(strategy).__name__} takes rows twice"
    return yes()


def discriminative() -> Any:
    return small_text.DiscriminativeActiveLearning(factory(2), 5, pbar=None)


def seed() -> Found:
    """There is no seed to give but numpy's own."""
    rows = []
    for _ in range(2):
        np.random.seed(0)
        rows.append(chosen(discriminative()))
    assert np.array_equal(*rows)
    return partly("by numpy's global state alone")


def global_state() -> Found:
    assert reads_global_state(lambda: chosen(discriminative()))
    return no("strategies draw from it")


def cold_start() -> Found:
    from small_text import random_initialization

    assert len(random_initialization(X, n_samples=20)) == 20
    return partly("random rows")


def loop() -> Found:
    own = learner()
    rows = own.query(num_samples=20)
    own.update(TRUTH[rows])
    predicted = own.classifier.predict(own.dataset)
    assert (predicted == TRUTH).mean() > 0.5
    return yes()


def kept() -> Found:
    own = learner()
    rows = own.query(num_samples=20)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "learner.pkl")
        own.save(path)
        again = PoolBasedActiveLearner.load(path)
    again.update(TRUTH[rows])
    return partly("`save` pickles the whole learner, when one asks for it")


def stop() -> Found:
    rule = small_text.KappaAverage(10, window_size=2)
    predicted = learner().classifier.predict(learner().dataset)
    assert [rule.stop(predictions=predicted) for _ in range(4)][-1]
    return yes("five")


def dal() -> Found:
    chosen(discriminative())
    return yes("no stop; takes the largest probabilities of the pool")


def core_set() -> Found:
    chosen(small_text.GreedyCoreset(), embeddings=np.vstack([X[100:], X[:100]]))
    return yes()


def of_networks(name: str) -> Found:
    """Import what needs torch; it works on classifiers of small-text for texts."""
    from small_text.integrations.pytorch.query_strategies import strategies

    assert hasattr(strategies, name)
    return partly("of its text classifiers; imported, not run")


def bald() -> Found:
    assert hasattr(small_text, "BALD")
    return partly("BALD, of its text classifiers; imported, not run")


def density() -> Found:
    chosen(small_text.SubsamplingQueryStrategy(small_text.PredictionEntropy(), 200))
    return no("random subsets, anchors and clusters")


def text_models() -> Found:
    name = "small_text.integrations.transformers"
    extras = importlib.metadata.metadata("small-text").get_all("Provides-Extra")
    assert "transformers" in extras, extras
    assert importlib.util.find_spec(name)
    return partly("with its extra of that name; found, not run")


def memmap() -> Found:
    def query(X: Any, labels: Any) -> None:
        dataset = SklearnDataset(X, np.zeros(len(X), int), target_labels=np.arange(2))
        loop = PoolBasedActiveLearner(factory(2), small_text.PredictionEntropy(), dataset)
        loop.initialize_data(LABELED, labels)
        loop.query(num_samples=20)

    return memory_of(query)


ABSENT = {
    "regression": "regress",
    "robust_core_set": "mip|robust",
    "deepfool": "fool|adversar",
    "typiclust": "typi",
    "committee": "committee",
    "error_reduction": "error_?reduction",
    "stream": "stream",
    "annotators": "annotator",
    "cost": "cost",
    "dask": "dask",
    "command_line": "cli$|__main__",
    "label_studio": "studio",
}
TRIES = {
    **{f.__name__: f for f in (newest, clone, grid_search, pipeline, sparse, frame, multi_label)},
    **{f.__name__: f for f in (batch, seed, global_state, cold_start, loop, kept, stop)},
    **{f.__name__: f for f in (dal, core_set, density, text_models, memmap)},
    "uncertainty": lambda: yes() if len(chosen()) else no(),
    "mini_queries": lambda: yes() if len(chosen(discriminative())) else no(),
    "mc_dropout": bald,
    "egl": lambda: of_networks("ExpectedGradientLength"),
    "badge": lambda: of_networks("BADGE"),
    **{key: absent("small_text", pattern) for key, pattern in ABSENT.items()},
}

if __name__ == "__main__":
    main(__file__, TRIES)
