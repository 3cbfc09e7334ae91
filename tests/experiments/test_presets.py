from __future__ import annotations

import numpy as np
import pytest

from skdal import DiscriminativeSampler
from skdal._task_models import make_task_model
from skdal.base import BaseSampler
from skdal.datasets import load
from skdal.experiments import compare
from skdal.experiments.presets import (
    DEFAULT,
    PRESETS,
    SAMPLER_NAMES,
    SAMPLERS,
    make_sampler,
)


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_name_makes_a_new_sampler(name):
    sampler = make_sampler(name)
    assert isinstance(sampler, BaseSampler)
    assert sampler is not make_sampler(name)


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match=r"'rnd' is no sampler; choose among .*random"):
        make_sampler("rnd")


def test_parameters_after_the_name():
    sampler = make_sampler("discriminative:n_mini_queries=3:warm_start=False:candidates=pool")
    assert sampler.get_params() == DiscriminativeSampler().get_params() | {
        "n_mini_queries": 3,
        "warm_start": False,
        "candidates": "pool",
    }
    assert make_sampler("discriminative").n_mini_queries == 10
    preset = PRESETS["mnist-100"]
    assert preset.make_sampler("discriminative").n_mini_queries == 20
    assert preset.make_sampler("discriminative:pool_ratio=5").n_mini_queries == 20
    assert preset.make_sampler("discriminative:n_mini_queries=3").n_mini_queries == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("random:size=3", "'random' has no parameter 'size', .* among random_state"),
        ("random:", "'random:' has '' after a colon, .* write random:parameter=value"),
        ("random:=3", "'random' has no parameter ''"),
        ("core-set:metric", "has 'metric' after a colon, .* write core-set:metric=value"),
        ("core-set:metric=", "The 'metric' parameter .* Got ''"),
        ("core-set:metric=taxi", "The 'metric' parameter .* Got 'taxi'"),
        ("core-set:max_candidates=1.5", "The 'max_candidates' parameter .* Got 1.5"),
        ("discriminative:discriminator__lr=1", "has no parameter 'discriminator__lr'"),
    ],
)
def test_bad_parameters_after_the_name(name, message):
    with pytest.raises(ValueError, match=message):
        make_sampler(name)


@pytest.mark.parametrize("name", sorted(set(SAMPLER_NAMES) - set(SAMPLERS)))
def test_strategies_of_scikit_activeml(name):
    pytest.importorskip("skactiveml", reason="needs scikit-activeml; `make test` installs it")
    sampler = make_sampler(f"{name}:max_candidates=60")
    assert sampler.max_candidates == 60
    results = compare(
        {name: sampler}, make_task_model("logistic"), **load("digits"), n_queries=1, n_repeats=1
    )
    assert results[-1]["n_labels"] == 50


@pytest.mark.parametrize("preset", [DEFAULT, *PRESETS.values()])
def test_presets_name_what_there_is(preset):
    make_task_model(preset.estimator)
    for name in [*SAMPLERS, *preset.samplers]:
        preset.make_sampler(name)


def test_presets_are_those_of_the_figures():
    ends = {
        name: preset.n_initial + preset.n_queries * preset.n_instances
        for name, preset in PRESETS.items()
    }
    assert ends == {
        "mnist-10": 900,
        "mnist-100": 2100,
        "mnist-1000": 3100,
        "cifar10-1000": 15000,
        "cifar10-5000": 25000,
        "cifar10-10000": 25000,
    }
    assert PRESETS["mnist-10"].make_sampler("discriminative").n_mini_queries == 20
    assert PRESETS["cifar10-5000"].make_sampler("deepfool").clip == (0, 1)
    assert PRESETS["cifar10-5000"].make_sampler("deepfool", images=False).clip is None


@pytest.mark.slow
# Of a network of a single epoch.
@pytest.mark.filterwarnings("ignore:DeepFool changed the class of:UserWarning")
def test_the_preset_for_cifar10_runs_on_the_cpu(tmp_path):
    rng = np.random.RandomState(0)
    y = np.arange(260) % 4
    X = rng.randint(0, 128, (260, 3, 32, 32)).astype(np.uint8)
    X[np.arange(260), 0, 8 * y] += 127
    preset = PRESETS["cifar10-5000"]
    samplers = {name: preset.make_sampler(name) for name in preset.samplers}
    for sampler in samplers.values():
        quick = {"max_candidates": 16, "n_passes": 5}
        sampler.set_params(**{k: quick[k] for k in quick.keys() & sampler.get_params().keys()})
    model = make_task_model(f"{preset.estimator}:max_epochs=1")
    results = compare(
        samplers,
        model,
        X[:200],
        y[:200],
        X[200:],
        y[200:],
        n_initial=20,
        n_instances=10,
        n_queries=1,
        n_repeats=1,
        directory=tmp_path,
    )
    assert [record["n_labels"] for record in results] == [20, 30] * 7
    assert all(0 <= record["score"] <= 1 for record in results)
