"""What scikit-activeml can do, tried; see features.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import skactiveml.pool as pool
from features import Found, absent, main, memory_of, no, partly, reads_global_state, yes
from skactiveml.classifier import SklearnClassifier
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

X, TRUTH = load_digits(return_X_y=True)
X /= 16
Y = np.where(np.arange(len(X)) < 100, TRUTH, np.nan)
FEW = slice(400)


def model(base: Any = None) -> Any:
    base = LogisticRegression(max_iter=1000) if base is None else base
    return SklearnClassifier(base, classes=np.arange(10), random_state=0)


def chosen(strategy: Any, X: Any = X, y: Any = Y, n: int = 20, **params: Any) -> np.ndarray:
    rows = strategy.query(X, y, batch_size=n, **params)
    assert len(set(rows)) == n
    assert np.isnan(np.asarray(y, dtype=float)[rows]).all()
    return rows


def uncertainty() -> Found:
    chosen(pool.UncertaintySampling(random_state=0), clf=model())
    return yes()


def newest() -> Found:
    import sklearn

    assert sklearn.__version__.startswith("1.9"), sklearn.__version__
    assert np.__version__.startswith("2.4"), np.__version__
    return uncertainty()


def clone() -> Found:
    from sklearn.base import clone

    for each in (pool.UncertaintySampling(random_state=0), model()):
        assert str(clone(each).get_params()) == str(each.get_params())
    return yes()


def grid_search() -> Found:
    from sklearn.model_selection import GridSearchCV

    strategy = pool.UncertaintySampling(random_state=0)
    search = GridSearchCV(strategy, {"method": ["entropy", "margin_sampling"]}, cv=2)
    search.fit(X[FEW], TRUTH[FEW])
    return yes()


def pipeline() -> Found:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    chosen(
        pool.UncertaintySampling(random_state=0), clf=model(make_pipeline(PCA(16), GaussianNB()))
    )
    fitted = make_pipeline(PCA(16), pool.CoreSet(random_state=0)).fit(X, Y)
    assert len(fitted[-1].query(batch_size=20)) == 20
    return yes()


def sparse() -> Found:
    from scipy.sparse import csr_array

    chosen(pool.UncertaintySampling(random_state=0), csr_array(X), clf=model())
    return yes()


def frame() -> Found:
    import pandas as pd

    table = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    chosen(pool.UncertaintySampling(random_state=0), table, pd.Series(Y), clf=model())
    return yes()


def regression() -> Found:
    from skactiveml.regressor import SklearnRegressor
    from sklearn.linear_model import Ridge

    hidden = np.where(np.arange(len(X)) < 100, X[:, 20], np.nan)
    chosen(pool.GreedySamplingX(random_state=0), X[FEW], hidden[FEW])
    strategy = pool.GreedySamplingTarget(random_state=0)
    chosen(strategy, X[FEW], hidden[FEW], reg=SklearnRegressor(Ridge()))
    return yes()


def multi_label() -> Found:
    many = np.where(np.arange(len(X))[:, None] < 100, np.eye(10)[TRUTH], np.nan)
    rows = pool.UncertaintySampling(random_state=0).query(X, many, clf=model(), batch_size=5)
    assert len(set(rows)) == 5
    return yes()


def batch() -> Found:
    doubled = np.repeat(X[:60], 5, axis=0)
    y = np.where(np.arange(300) < 50, np.repeat(TRUTH[:60], 5), np.nan)
    chosen(pool.UncertaintySampling(random_state=0), doubled, y, 100, clf=model())
    chosen(pool.CoreSet(random_state=0), doubled, y, 100)
    try:
        chosen(
            pool.BatchBALD(random_state=0), doubled, y, 20, ensemble=[model(), model(GaussianNB())]
        )
    except AssertionError:
        return partly("BatchBALD may take a row twice")
    return yes()


def of(name: str) -> dict[str, Any]:
    return {"estimator" if name == "Clue" else "clf": model()}


def seed() -> Found:
    rows = [chosen(pool.CoreSet(random_state=0), y=np.full(len(X), np.nan)) for _ in range(2)]
    assert np.array_equal(*rows)
    unseeded = False
    for name in ("Clue", "DropQuery"):
        several = []
        for number in range(3):
            np.random.seed(number)
            several.append(chosen(getattr(pool, name)(random_state=0), X[FEW], Y[FEW], **of(name)))
        unseeded |= any(set(rows) != set(several[0]) for rows in several)
    return partly("not Clue and DropQuery, whose clustering is unseeded") if unseeded else yes()


def global_state() -> Found:
    strategies = {"core-set": lambda: chosen(pool.CoreSet(random_state=0))}
    strategies["uncertainty"] = lambda: chosen(
        pool.UncertaintySampling(random_state=0), clf=model()
    )
    for name in ("Clue", "DropQuery"):
        strategies[name] = lambda name=name: chosen(
            getattr(pool, name)(random_state=0), X[FEW], Y[FEW], **of(name)
        )
    touched = [name for name, query in strategies.items() if reads_global_state(query)]
    if not touched:
        return yes()
    assert touched != list(strategies)
    return partly(f"not in {' and '.join(touched)}")


def cold_start() -> Found:
    chosen(pool.CoreSet(random_state=0), y=np.full(len(X), np.nan))
    return yes()


def discriminative() -> Found:
    discriminator = SklearnClassifier(LogisticRegression(), classes=[0, 1])
    strategy = pool.DiscriminativeAL(random_state=0)
    chosen(strategy, X[FEW], Y[FEW], discriminator=discriminator)
    return yes("refitted for every row; no share of the unlabeled rows, no stop")


def mini_queries() -> Found:
    names = pool.DiscriminativeAL().get_params()
    assert not {name for name in names if "mini" in name or "iter" in name}, names
    return no("a refit a row, or one for the batch")


def core_set() -> Found:
    chosen(pool.CoreSet(random_state=0))
    return yes()


def badge() -> Found:
    chosen(pool.Badge(random_state=0), clf=model())
    return yes()


def typiclust() -> Found:
    chosen(pool.TypiClust(random_state=0), X[FEW], Y[FEW])
    return yes()


def committee() -> Found:
    chosen(pool.QueryByCommittee(random_state=0), ensemble=[model(), model(GaussianNB())])
    return yes()


def error_reduction() -> Found:
    strategy = pool.MonteCarloEER(random_state=0)
    some = np.r_[0:40, 100:110]
    chosen(strategy, X[some], Y[some], 1, clf=model(GaussianNB()))
    return yes()


def density() -> Found:
    from skactiveml.classifier import ParzenWindowClassifier

    strategy = pool.ProbabilisticAL(random_state=0)
    clf = ParzenWindowClassifier(classes=np.arange(10))
    chosen(strategy, X[FEW], Y[FEW], clf=clf, utility_weight=np.ones(400))
    return yes("by the kernel of its own classifier, and weights one gives")


def mc_dropout() -> Found:
    chosen(pool.DropQuery(random_state=0), X[FEW], Y[FEW], clf=model())
    return partly("DropQuery drops features of the input; an ensemble of passes is one's own")


def egl() -> Found:
    from skactiveml.regressor import SklearnRegressor
    from sklearn.linear_model import Ridge

    hidden = np.where(np.arange(len(X)) < 100, X[:, 20], np.nan)
    strategy = pool.ExpectedModelChangeMaximization(random_state=0)
    chosen(strategy, X[FEW], hidden[FEW], 1, reg=SklearnRegressor(Ridge()))
    return partly("of linear regression; no network")


def stream() -> Found:
    from skactiveml.stream import FixedUncertainty

    strategy = FixedUncertainty(random_state=0, classes=np.arange(10))
    clf = model().fit(X[:100], TRUTH[:100])
    assert len(strategy.query(X[100:110], clf=clf)) <= 10
    return yes()


def annotators() -> Found:
    from skactiveml.pool.multiannotator import SingleAnnotatorWrapper

    y = np.full((400, 3), np.nan)
    y[:50] = TRUTH[:50, None]
    wrapper = SingleAnnotatorWrapper(pool.UncertaintySampling(random_state=0), random_state=0)
    pairs = wrapper.query(X[FEW], y, batch_size=5, clf=model())
    assert pairs.shape == (5, 2)
    return yes()


def cost() -> Found:
    costs = 1 - np.eye(10)
    chosen(pool.CostEmbeddingAL(np.arange(10), cost_matrix=costs, random_state=0), X[FEW], Y[FEW])
    return partly("of errors, not of rows")


def memmap() -> Found:
    def query(X: Any, labels: Any) -> None:
        y = np.r_[labels, np.full(len(X) - len(labels), np.nan)]
        clf = SklearnClassifier(LogisticRegression(), classes=[0, 1])
        chosen(pool.UncertaintySampling(random_state=0), X, y, clf=clf)

    return memory_of(query)


ABSENT = {
    "loop": "learner",
    "kept": "persist|resume|checkpoint",
    "stop": "stopping",
    "robust_core_set": "mip|integer|robust",
    "deepfool": "fool|adversar",
    "text_models": "transformers|bert",
    "dask": "dask",
    "command_line": "cli$|__main__",
    "label_studio": "studio",
}
TRIES = {
    **{
        f.__name__: f
        for f in (newest, clone, grid_search, pipeline, sparse, frame, regression, multi_label)
    },
    **{f.__name__: f for f in (batch, seed, global_state, cold_start, uncertainty, mini_queries)},
    **{f.__name__: f for f in (core_set, badge, typiclust, committee, error_reduction, density)},
    **{f.__name__: f for f in (mc_dropout, egl, stream, annotators, cost, memmap)},
    "dal": discriminative,
    **{key: absent("skactiveml", pattern) for key, pattern in ABSENT.items()},
}

if __name__ == "__main__":
    main(__file__, TRIES)
