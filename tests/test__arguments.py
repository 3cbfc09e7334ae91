from __future__ import annotations

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression

from skdal import RandomSampler, UncertaintySampler
from skdal._arguments import checked_arguments
from skdal.divergence import h_divergence_test
from skdal.experiments import compare, rank

X = np.arange(80.0).reshape(40, 2)
Y = np.arange(40) % 2


@checked_arguments({"estimator": [LogisticRegression], "n_rows": [int]})
def trained(estimator, n_rows=40, *others):
    """Train it."""
    return estimator.fit(X[:n_rows], Y[:n_rows])


def test_an_argument_is_refused_by_its_name_and_that_of_the_function():
    for call in (lambda: trained(LogisticRegression(), "4"), lambda: trained(estimator=None)):
        with pytest.raises(ValueError, match=r"The '(n_rows|estimator)' parameter of trained"):
            call()


def test_the_model_keeps_its_name():
    with pytest.raises(ValueError, match=r"The 'C' parameter of LogisticRegression .* Got -1"):
        trained(LogisticRegression(C=-1))


def test_a_wrong_call_is_a_type_error():
    with pytest.raises(TypeError, match="estimator"):
        trained()


def test_it_is_still_the_function():
    assert trained.__name__ == "trained"
    assert trained.__doc__ == "Train it."
    assert trained(LogisticRegression(), 30).n_features_in_ == 2


def test_the_switch_of_scikit_learn_turns_it_off():
    with config_context(skip_parameter_validation=True), pytest.raises(AttributeError):
        trained(None)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: compare(
            {"a": RandomSampler()}, model, X, Y, X, Y, n_queries=1, n_instances=5
        ),
        lambda model: rank({"a": UncertaintySampler()}, model, X, Y),
        lambda model: h_divergence_test(X, Y, model, n_permutations=19),
    ],
    ids=["compare", "rank", "h_divergence_test"],
)
def test_what_a_model_refuses_is_not_said_of_the_function(call):
    with pytest.raises(ValueError, match="parameter of LogisticRegression"):
        call(LogisticRegression(C=-1.0))
