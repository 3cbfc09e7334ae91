from __future__ import annotations

import pytest
from sklearn.base import is_classifier

from skdal._seeding import seeded
from skdal.base import BaseSampler
from skdal.datasets import load
from skdal.experiments.presets import ESTIMATORS, SAMPLERS, make_sampler
from skdal.loop import initial_rows


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_name_makes_a_new_sampler(name):
    sampler = make_sampler(name)
    assert isinstance(sampler, BaseSampler)
    assert sampler is not make_sampler(name)


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match=r"'rnd' is no sampler; choose among .*random"):
        make_sampler("rnd")


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_task_models_learn_digits_without_a_warning(name):
    digits = load("digits")
    assert is_classifier(ESTIMATORS[name])
    for n_labels, least in [(20, 0.4), (200, 0.88)]:
        for seed in range(3):
            rows = initial_rows(digits.y, n_labels, random_state=seed)
            model = seeded(ESTIMATORS[name], seed).fit(digits.X[rows], digits.y[rows])
            assert model.score(digits.X_test, digits.y_test) > least
