"""What every sampler promises, whatever the pool and its labels look like."""

from __future__ import annotations

import pickle
import random
import tempfile
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DeepFoolSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    RandomSampler,
    UncertaintySampler,
)
from skdal.acquisition import AcquisitionSampler

pd = pytest.importorskip("pandas")
pytest.importorskip("hypothesis", reason="`make test` installs it")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra.numpy import arrays  # noqa: E402

QUICK = LogisticRegression(max_iter=1000)
SAMPLERS = {
    "random": RandomSampler(),
    "core-set": CoreSetSampler(),
    "core-set-mip": CoreSetSampler(method="mip", tolerance=0.3),
    "discriminative": DiscriminativeSampler(QUICK, n_mini_queries=2),
    "discriminative-pool": DiscriminativeSampler(QUICK, candidates="pool", selection="top"),
    "uncertainty": UncertaintySampler(QUICK),
    "deepfool": DeepFoolSampler(QUICK),
    "egl": ExpectedGradientLengthSampler(QUICK),
    "combined": CombinedSampler([("a", RandomSampler()), ("b", CoreSetSampler())]),
}
FREE_OF_LABELS = [n for n, s in SAMPLERS.items() if not isinstance(s, AcquisitionSampler)]

# The same few examples in every run; and many, in each run others, for those who have minutes.
settings.register_profile("ci", max_examples=10, derandomize=True, deadline=None, database=None)
settings.register_profile("many", max_examples=100, deadline=None, database=None)
profiles = pytest.mark.parametrize(
    "profile", ["ci", pytest.param("many", marks=pytest.mark.slow)], ids=str
)


def for_all(profile, **strategies):
    """Run a check right away, over examples of what it takes."""

    def run(check):
        settings(settings.get_profile(profile))(given(**strategies)(check))()

    return run


@dataclass(frozen=True)
class Pool:
    """Rows, their classes, and which of them are known."""

    X: np.ndarray
    classes: np.ndarray
    is_labeled: np.ndarray
    n_instances: int
    seed: int

    @property
    def y(self):
        return np.where(self.is_labeled, self.classes, -1)

    @property
    def n_known_classes(self):
        return len(np.unique(self.classes[self.is_labeled]))


@st.composite
def pools(draw):
    n_rows = draw(st.integers(2, 24))
    shape = (n_rows, draw(st.integers(1, 4)))
    # Whole numbers, which every dtype can hold, with rows that are equal among them.
    X = draw(arrays(np.int8, shape, elements=st.integers(0, 9))).astype(float)
    n_labeled = draw(st.integers(1, n_rows - 1) | st.sampled_from([1, n_rows - 1]))
    order = draw(st.permutations(range(n_rows)))
    return Pool(
        X=X,
        classes=draw(arrays(np.int64, n_rows, elements=st.integers(0, draw(st.integers(0, 3))))),
        is_labeled=np.isin(np.arange(n_rows), order[:n_labeled]),
        n_instances=draw(st.integers(1, n_rows - n_labeled)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def global_state():
    return joblib.hash((np.random.get_state(), torch.get_rng_state().numpy(), random.getstate()))


def same(one, other):
    """Tell whether an input is equal to its copy, whose caches and strides may be others."""
    if hasattr(one, "equals"):
        return one.equals(other) and np.all(one.dtypes == other.dtypes)
    if isinstance(one, np.ndarray):
        one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    return joblib.hash(one) == joblib.hash(other)


def rows_of(sampler, pool: Pool, X: Any = None, y: Any = None) -> list[int]:
    """Fit and query, and look at all that a query promises. None: it says why it cannot."""
    X, y = pool.X if X is None else X, pool.y if y is None else y
    sampler = clone(sampler).set_params(random_state=pool.seed)
    before, state = deepcopy((X, y)), global_state()
    if isinstance(sampler, AcquisitionSampler) and pool.n_known_classes == 1:
        with pytest.raises(ValueError, match="labeled rows are all of one class"):
            sampler.fit(X, y)
        return []
    rows = sampler.fit(X, y).query(n_instances=pool.n_instances)
    assert global_state() == state
    assert same(X, before[0])
    assert same(y, before[1])
    assert rows.dtype.kind == "i"
    assert rows.shape == (pool.n_instances,)
    assert len(set(rows.tolist())) == pool.n_instances
    assert not pool.is_labeled[rows].any()
    if hasattr(sampler, "score_samples"):
        assert np.isfinite(sampler.score_samples(X)).all()
    return rows.tolist()


@profiles
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_query(name, profile):
    @for_all(profile, pool=pools())
    def check(pool):
        sampler = SAMPLERS[name]
        expected = rows_of(sampler, pool)
        np.random.rand(3)
        assert rows_of(sampler, pool) == expected
        if not expected:
            return
        fitted = clone(sampler).set_params(random_state=pool.seed).fit(pool.X, pool.y)
        for again in (
            fitted,
            clone(fitted).fit(pool.X, pool.y),
            pickle.loads(pickle.dumps(fitted)),
        ):
            assert again.query(n_instances=pool.n_instances).tolist() == expected
        n_pool = int((~pool.is_labeled).sum())
        for n_instances in (0, n_pool + 1):
            with pytest.raises(ValueError, match=f"n_instances={n_instances}"):
                fitted.query(n_instances=n_instances)


def _mixed(pool):
    y = pool.classes.astype(object)
    markers = np.array([None, np.nan, -1, pd.NA, np.float32("nan"), np.int8(-1)], dtype=object)
    hidden = np.flatnonzero(~pool.is_labeled)
    y[hidden] = markers[hidden % len(markers)]
    return y


LABELS = {
    "int8": lambda pool: pool.y.astype(np.int8),
    "list": lambda pool: pool.y.tolist(),
    "float": lambda pool: np.where(pool.is_labeled, pool.classes, np.nan),
    "float32": lambda pool: np.where(pool.is_labeled, pool.classes, np.nan).astype(np.float32),
    "None": lambda pool: np.where(pool.is_labeled, pool.classes.astype(object), None),
    "mixed": _mixed,
    "words": lambda pool: np.where(
        pool.is_labeled, np.array(list("abcd"), dtype=object)[pool.classes], None
    ),
    "nullable": lambda pool: pd.Series(pool.classes, dtype="Int64").where(pool.is_labeled),
    "categorical": lambda pool: (
        pd.Series(list("abcd"))[pool.classes]
        .reset_index(drop=True)
        .where(pool.is_labeled)
        .astype("category")
    ),
}


@profiles
@pytest.mark.parametrize("name", SAMPLERS)
def test_what_labels_look_like_does_not_matter(name, profile):
    @for_all(profile, pool=pools(), kind=st.sampled_from(list(LABELS)))
    def check(pool, kind):
        sampler = SAMPLERS[name]
        assert rows_of(sampler, pool, y=LABELS[kind](pool)) == rows_of(sampler, pool)


@profiles
@pytest.mark.parametrize("name", FREE_OF_LABELS)
def test_what_labels_say_does_not_matter_without_a_task_model(name, profile):
    numbers = st.floats(-1e6, 1e6, width=32).filter(lambda value: value != -1)

    @for_all(profile, pool=pools(), data=st.data())
    def check(pool, data):
        expected = rows_of(SAMPLERS[name], pool)
        for shape in (len(pool.X), (len(pool.X), 2)):
            y = data.draw(arrays(float, shape, elements=numbers))
            y[~pool.is_labeled] = np.nan
            assert rows_of(SAMPLERS[name], pool, y=y) == expected


def _memmap(X):
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "X.npy", X)
        # Where it is mapped, it may be removed.
        return np.load(Path(folder) / "X.npy", mmap_mode="r")


SAME = {
    "list": np.ndarray.tolist,
    "columns": np.asfortranarray,
    "every other": lambda X: np.repeat(X, 2, axis=0)[::2],
    "backwards": lambda X: X[::-1].copy()[::-1],
    "frame": lambda X: pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])]),
    "memmap": _memmap,
}
OTHERS = {
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "int8": lambda X: X.astype(np.int8),
    "uint64": lambda X: X.astype(np.uint64),
    "bool": lambda X: X > 4,
    "object": lambda X: X.astype(object),
    "csr": sp.csr_matrix,
    "csc": sp.csc_array,
    "frame of bools and floats": lambda X: (
        pd.DataFrame(X).rename(columns=str).assign(flag=X[:, 0] > 4)
    ),
}


@profiles
@pytest.mark.parametrize("name", SAMPLERS)
def test_kinds_of_pools(name, profile):
    @for_all(
        profile,
        pool=pools(),
        same=st.sampled_from(list(SAME)),
        other=st.sampled_from(list(OTHERS)),
    )
    def check(pool, same, other):
        sampler = SAMPLERS[name]
        assert rows_of(sampler, pool, SAME[same](pool.X)) == rows_of(sampler, pool)
        if other not in ("csr", "csc") or get_tags(sampler).input_tags.sparse:
            rows_of(sampler, pool, OTHERS[other](pool.X))


@profiles
@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "random"])
def test_what_is_no_number_is_refused(name, profile):
    bad = st.sampled_from([np.nan, np.inf, -np.inf, "a", None, "2020-01-01", object()])

    @for_all(profile, pool=pools(), value=bad, row=st.integers(0, 23))
    def check(pool, value, row):
        X = pool.X.astype(object)
        X[row % len(X), 0] = value
        sampler = clone(SAMPLERS[name])
        with pytest.raises((TypeError, ValueError)):
            sampler.fit(X, pool.y).query(n_instances=pool.n_instances)


@profiles
@pytest.mark.parametrize("name", ["random", "core-set", "combined"])
def test_numbers_of_any_size(name, profile):
    scales = st.sampled_from([1e-300, 1e-160, 1e-30, 1e30, 1e150, 1e300])

    @for_all(profile, pool=pools(), scale=scales)
    def check(pool, scale):
        rows_of(SAMPLERS[name], pool, X=pool.X * scale)
