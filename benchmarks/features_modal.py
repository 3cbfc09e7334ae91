"""What modAL can do, tried; see features.py."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from features import Found, absent, main, memory_of, no, partly, reads_global_state, yes
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge

X, TRUTH = load_digits(return_X_y=True)
X /= 16
MODEL = LogisticRegression(max_iter=1000)


def learner(X: Any = X, strategy: Any = None, model: Any = MODEL) -> Any:
    from modAL.models import ActiveLearner
    from modAL.uncertainty import uncertainty_sampling

    return ActiveLearner(
        model,
        query_strategy=uncertainty_sampling if strategy is None else strategy,
        X_training=X[:100],
        y_training=TRUTH[:100],
    )


def chosen(strategy: Any = None, X: Any = X, n: int = 20, model: Any = MODEL) -> np.ndarray:
    rows = learner(X, strategy, model).query(X[100:], n_instances=n)[0]
    assert len(set(np.asarray(rows).tolist())) == n
    return np.asarray(rows)


def newest() -> Found:
    import sklearn

    assert sklearn.__version__.startswith("1.9"), sklearn.__version__
    return loop()


def clone() -> Found:
    from sklearn.base import clone

    copy = clone(learner())
    assert copy.get_params()["estimator"].max_iter == 1000
    return yes()


def grid_search() -> Found:
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(learner(), {"estimator__C": [0.1, 1]}, cv=2, error_score="raise")
    search.fit(X[:600], TRUTH[:600])
    return yes()


def pipeline() -> Found:
    from modAL.uncertainty import uncertainty_sampling
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    chosen(model=make_pipeline(PCA(16), LogisticRegression(max_iter=1000)))
    make_pipeline(PCA(16), uncertainty_sampling).fit(X, TRUTH)
    return yes()


def sparse() -> Found:
    from scipy.sparse import csr_matrix

    chosen(X=csr_matrix(X))
    return yes()


def frame() -> Found:
    import pandas as pd

    table = pd.DataFrame(X)
    rows = learner(table).query(table[100:], n_instances=20)[0]
    assert len(set(rows)) == 20
    return partly("DataFrames; labeled rows and pool are separate tables, no NaN")


def regression() -> Found:
    from modAL.models import ActiveLearner

    def by_distance(model: Any, pool: Any, n_instances: int = 1) -> Any:
        return np.argsort(-np.abs(model.predict(pool)))[:n_instances]

    target = X[:, 20] + X[:, 30]
    loop = ActiveLearner(
        Ridge(), query_strategy=by_distance, X_training=X[:50], y_training=target[:50]
    )
    rows = loop.query(X[50:], n_instances=10)[0]
    loop.teach(X[50:][rows], target[50:][rows])
    return partly("a loop; the strategy is one's own, or by a committee or Gaussian process")


def multi_label() -> Found:
    from modAL.multilabel import min_confidence
    from sklearn.multiclass import OneVsRestClassifier

    many = np.eye(10, dtype=int)[TRUTH]
    from modAL.models import ActiveLearner

    loop = ActiveLearner(
        OneVsRestClassifier(MODEL),
        query_strategy=min_confidence,
        X_training=X[:100],
        y_training=many[:100],
    )
    assert len(set(loop.query(X[100:], n_instances=5)[0])) == 5
    return yes()


def batch() -> Found:
    doubled = np.vstack([X[:100], np.repeat(X[100:140], 5, axis=0)])
    chosen(X=doubled, n=40)
    return yes()


def seed() -> Found:
    """Ties are broken by numpy's global state, and only there."""
    np.random.seed(0)
    first = chosen()
    np.random.seed(1)
    assert np.array_equal(first, chosen())
    from modAL.uncertainty import uncertainty_sampling

    ties = partial(uncertainty_sampling, random_tie_break=True)
    rows = []
    doubled = np.vstack([X[:100], np.repeat(X[100:101], 200, axis=0)])
    for number in (0, 1):
        np.random.seed(number)
        rows.append(chosen(ties, doubled, 10))
    assert not np.array_equal(*rows)
    return partly("by row number; random ties hang on numpy's global state")


def global_state() -> Found:
    if reads_global_state(lambda: chosen()):
        return no()
    return partly("not where ties are broken at random")


def cold_start() -> Found:
    from modAL.models import ActiveLearner
    from modAL.uncertainty import uncertainty_sampling

    loop = ActiveLearner(MODEL, query_strategy=uncertainty_sampling)
    assert len(set(loop.query(X, n_instances=20)[0])) == 20
    # All rows of an untrained model are equally uncertain.
    return partly("the last rows of the pool, or random ones")


def loop() -> Found:
    own = learner()
    rows = own.query(X[100:], n_instances=20)[0]
    own.teach(X[100:][rows], TRUTH[100:][rows])
    assert own.score(X, TRUTH) > 0.5
    return yes()


def committee() -> Found:
    from modAL.models import ActiveLearner, Committee
    from sklearn.naive_bayes import GaussianNB

    members = [
        ActiveLearner(model, X_training=X[:100], y_training=TRUTH[:100])
        for model in (MODEL, GaussianNB())
    ]
    assert len(set(Committee(members).query(X[100:], n_instances=5)[0])) == 5
    return yes()


def error_reduction() -> Found:
    from modAL.expected_error import expected_error_reduction

    loop = learner(X[:115], expected_error_reduction)
    assert len(loop.query(X[100:112], n_instances=2)[0]) == 2
    return yes()


def density() -> Found:
    from modAL.density import information_density

    assert len(information_density(X[100:300])) == 200
    return partly("a measure of density, to build one's own with; ranked batches")


def mc_dropout() -> Found:
    from modAL.dropout import mc_dropout_bald
    from modAL.models import DeepActiveLearner
    from skorch import NeuralNetClassifier
    from torch import from_numpy, nn

    module = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 10))
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, train_split=None, verbose=0, max_epochs=2
    )
    loop = DeepActiveLearner(net, query_strategy=mc_dropout_bald)
    loop.teach(from_numpy(X[:100].astype(np.float32)), from_numpy(TRUTH[:100]))
    rows = loop.query(from_numpy(X[100:300].astype(np.float32)), n_instances=5)[0]
    assert len(set(np.asarray(rows).tolist())) == 5
    return yes()


def stream() -> Found:
    from modAL.uncertainty import classifier_uncertainty

    own = learner()
    assert classifier_uncertainty(own, X[100:101]).shape == (1,)
    return yes("by a measure and a threshold of one's own")


def memmap() -> Found:
    from modAL.models import ActiveLearner
    from modAL.uncertainty import uncertainty_sampling

    def query(X: Any, labels: Any) -> None:
        ActiveLearner(
            MODEL, query_strategy=uncertainty_sampling, X_training=X[:100], y_training=labels
        ).query(X[100:], n_instances=20)

    return memory_of(query)


ABSENT = {
    "kept": "save|resume|persist|checkpoint",
    "stop": "stop",
    "dal": "discriminative",
    "mini_queries": "discriminative",
    "core_set": "core_?set|k_?center",
    "robust_core_set": "core_?set|k_?center",
    "egl": "gradient|egl",
    "deepfool": "fool|adversar",
    "badge": "badge",
    "typiclust": "typi",
    "annotators": "annotator",
    "cost": "cost",
    "text_models": "transformers|bert",
    "dask": "dask",
    "command_line": "[._]cli$|__main__",
    "label_studio": "studio",
}
TRIES = {
    **{
        f.__name__: f
        for f in (newest, clone, grid_search, pipeline, sparse, frame, regression, multi_label)
    },
    **{f.__name__: f for f in (batch, seed, global_state, cold_start, loop, committee)},
    **{f.__name__: f for f in (error_reduction, density, mc_dropout, stream, memmap)},
    "uncertainty": lambda: yes() if len(chosen()) else no(),
    **{key: absent("modAL", pattern) for key, pattern in ABSENT.items()},
}

if __name__ == "__main__":
    main(__file__, TRIES)
