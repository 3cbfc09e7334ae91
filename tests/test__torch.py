from __future__ import annotations

import subprocess
import sys

import torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from skdal._torch import is_network, is_skorch, last_step, torch_random_state_kept
from skdal.neural import NeuralClassifier


def test_what_is_a_network():
    net, model = NeuralNetClassifier(nn.Linear(1, 2)), LogisticRegression()
    assert is_skorch(net)
    assert is_network(net)
    assert is_network(NeuralClassifier())
    assert not is_skorch(NeuralClassifier())
    assert not is_network(model)
    assert not is_skorch(model)


def test_the_last_step():
    model = LogisticRegression()
    for form in (
        model,
        FrozenEstimator(model),
        make_pipeline(StandardScaler(), model),
        FrozenEstimator(make_pipeline(make_pipeline(StandardScaler(), FrozenEstimator(model)))),
    ):
        assert last_step(form) is model


def test_the_random_state_is_kept():
    before = torch.get_rng_state()
    with torch_random_state_kept():
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_imported():
    code = (
        "import sys\n"
        "from skdal._torch import is_network, torch_random_state_kept\n"
        "assert not is_network(1)\n"
        "with torch_random_state_kept(): pass\n"
        "assert 'torch' not in sys.modules and 'skorch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
