"""What ALiPy can do, tried; see features.py.

It asks for names that Python 3.10 took out of `collections`. All tries but that of the newest
versions put the one back that strategies need.
"""

from __future__ import annotations

import collections
import collections.abc
import tempfile
from pathlib import Path
from typing import Any

import alipy.query_strategy as strategies
import numpy as np
from alipy import ToolBox
from alipy.index import IndexCollection
from features import Found, absent, main, memory_of, no, partly, reads_global_state, yes
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

X, TRUTH = load_digits(return_X_y=True)
X, TRUTH = X[:400] / 16, TRUTH[:400]
collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
LABELED, POOL = list(range(100)), list(range(100, 400))


def model() -> Any:
    return LogisticRegression(max_iter=1000).fit(X[:100], TRUTH[:100])


def chosen(strategy: Any, n: int = 20, pool: Any = POOL, **params: Any) -> list[int]:
    rows = strategy.select(LABELED, pool, batch_size=n, **params)
    assert len(set(rows)) == n
    assert set(rows) <= set(POOL)
    return list(rows)


def uncertainty() -> Found:
    chosen(strategies.QueryInstanceUncertainty(X, TRUTH), model=model())
    return yes()


def newest() -> Found:
    import sklearn

    del collections.Iterable
    assert sklearn.__version__.startswith("1.9"), sklearn.__version__
    assert np.__version__.startswith("2.4"), np.__version__
    return uncertainty()


def clone() -> Found:
    from sklearn.base import clone

    clone(strategies.QueryInstanceUncertainty(X, TRUTH))
    return yes()


def grid_search() -> Found:
    from sklearn.model_selection import GridSearchCV

    strategy = strategies.QueryInstanceUncertainty(X, TRUTH)
    GridSearchCV(strategy, {"measure": ["entropy", "margin"]}, cv=2).fit(X, TRUTH)
    return yes()


def pipeline() -> Found:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    make_pipeline(PCA(16), strategies.QueryInstanceUncertainty(X, TRUTH)).fit(X, TRUTH)
    return yes()


def sparse() -> Found:
    from scipy.sparse import csr_matrix

    chosen(strategies.QueryInstanceUncertainty(csr_matrix(X), TRUTH), model=model())
    return yes()


def frame() -> Found:
    import pandas as pd

    hidden = pd.Series(np.where(np.arange(400) < 100, TRUTH, np.nan))
    chosen(strategies.QueryInstanceUncertainty(pd.DataFrame(X), hidden), model=model())
    return yes()


def multi_label() -> Found:
    from alipy.index import MultiLabelIndexCollection

    many = 2 * np.eye(10, dtype=int)[TRUTH[:40]] - 1
    pairs = [(row, label) for row in range(40) for label in range(10)]
    labeled, pool = (
        MultiLabelIndexCollection(some, label_size=10) for some in (pairs[:200], pairs[200:])
    )
    strategy = strategies.QueryMultiLabelQUIRE(X[:40], many, train_idx=np.arange(40))
    assert strategy.select(labeled, pool)
    return yes()


def batch() -> Found:
    doubled = np.vstack([X[:100], np.repeat(X[100:160], 5, axis=0)])
    strategy = strategies.QueryInstanceUncertainty(doubled, np.r_[TRUTH[:100], np.zeros(300, int)])
    chosen(strategy, 60, model=model())
    return yes()


def seed() -> Found:
    rows = []
    for _ in range(2):
        np.random.seed(0)
        rows.append(chosen(strategies.QueryInstanceRandom(), pool=IndexCollection(POOL)))
    assert np.array_equal(*rows)
    return partly("by numpy's global state alone")


def global_state() -> Found:
    assert reads_global_state(
        lambda: chosen(strategies.QueryInstanceRandom(), pool=IndexCollection(POOL))
    )
    return no("strategies draw from it")


def cold_start() -> Found:
    rows = strategies.QueryInstanceRandom().select([], IndexCollection(POOL), batch_size=5)
    assert len(set(rows)) == 5
    return partly("random rows")


def box() -> Any:
    made = ToolBox(y=TRUTH, X=X, query_type="AllLabels")
    made.split_AL(test_ratio=0.3, initial_label_rate=0.2, split_count=1)
    return made


def loop() -> Found:
    from alipy.experiment import AlExperiment

    experiment = AlExperiment(
        X,
        TRUTH,
        model=LogisticRegression(max_iter=1000),
        stopping_criteria="num_of_queries",
        stopping_value=2,
    )
    experiment.split_AL(split_count=1)
    experiment.set_query_strategy(strategy="QueryInstanceUncertainty", measure="entropy")
    experiment.set_performance_metric("accuracy_score")
    experiment.start_query(multi_thread=False)
    return partly("of known labels; with a person, tools for a loop of one's own")


def kept() -> Found:
    made = box()
    pool = made.get_split(0)[3]
    with tempfile.TemporaryDirectory() as folder:
        state = made.get_stateio(0, saving_path=folder, verbose=False)
        rows = pool.index[:2]
        state.add_state(made.State(select_index=rows, performance=0.5))
        state.save()
        assert list(Path(folder).iterdir())
    return partly("rows and performance of every step are pickled; the loop is one's own")


def stop() -> Found:
    made = box().get_stopping_criterion("num_of_queries", 5)
    assert not made.is_stop()
    return yes("queries, cost, share of the pool or time")


def core_set() -> Found:
    chosen(strategies.QueryInstanceCoresetGreedy(X, TRUTH, np.arange(400)))
    return yes()


def committee() -> Found:
    chosen(strategies.QueryInstanceQBC(X, TRUTH), model=model())
    return yes()


def error_reduction() -> Found:
    strategy = strategies.QueryExpectedErrorReduction(X, TRUTH)
    rows = strategy.select(LABELED, POOL[:5], model=model(), batch_size=1)
    assert len(rows) == 1
    return yes()


def density() -> Found:
    chosen(strategies.QueryInstanceGraphDensity(X, TRUTH, np.arange(400)))
    return yes()


def annotators() -> Found:
    from alipy.oracle import Oracle, Oracles

    several = Oracles()
    for number in range(3):
        several.add_oracle(f"person {number}", Oracle(labels=(TRUTH + number) % 2))
    strategy = strategies.QueryNoisyOraclesCEAL(X, TRUTH % 2, several, LABELED)
    binary = LogisticRegression(max_iter=1000).fit(X[:100], TRUTH[:100] % 2)
    rows = strategy.select(LABELED, POOL, eval_cost=False, model=binary)
    assert len(rows) == 2
    return yes()


def cost() -> Found:
    rows = strategies.QueryCostSensitiveHALC
    assert rows
    from alipy.query_strategy.cost_sensitive import select_Knapsack_01

    assert len(select_Knapsack_01(np.array([3.0, 1.0, 2.0]), np.array([2, 1, 1]), 2)) > 0
    return yes("of labels in a hierarchy")


def memmap() -> Found:
    def query(X: Any, labels: Any) -> None:
        strategy = strategies.QueryInstanceUncertainty(X, np.zeros(len(X), int))
        fitted = LogisticRegression().fit(X[:100], labels)
        strategy.select(LABELED, np.arange(100, len(X)), model=fitted, batch_size=20)

    return memory_of(query)


ABSENT = {
    "regression": "regress",
    "dal": "discriminative",
    "mini_queries": "discriminative",
    "robust_core_set": "mip|robust",
    "mc_dropout": "dropout",
    "egl": "gradient|egl",
    "deepfool": "fool|adversar",
    "badge": "badge",
    "typiclust": "typi",
    "stream": "stream",
    "text_models": "transformers|bert",
    "dask": "dask",
    "command_line": "cli$|__main__",
    "label_studio": "studio",
}
TRIES = {
    **{f.__name__: f for f in (newest, clone, grid_search, pipeline, sparse, frame, multi_label)},
    **{f.__name__: f for f in (batch, seed, global_state, cold_start, loop, kept, stop)},
    **{f.__name__: f for f in (uncertainty, core_set, committee, error_reduction, density)},
    **{f.__name__: f for f in (annotators, cost, memmap)},
    **{key: absent("alipy", pattern) for key, pattern in ABSENT.items()},
}

if __name__ == "__main__":
    main(__file__, TRIES)
