"""The benchmark of DAL's settings, where the benchmarks are: they are no part of the package."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from skdal.experiments.settings import described

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def ablation(monkeypatch):
    if not BENCHMARKS.is_dir():
        pytest.skip("there are no benchmarks")
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("ablation")


def test_the_autoencoder_is_trained_once(ablation, tmp_path, monkeypatch):
    X = np.random.RandomState(0).rand(20, 28, 28).astype(np.float32)
    path = tmp_path / "new" / "autoencoder.safetensors"
    first = ablation.trained_autoencoder(X, 1, path)
    fit = ablation.ConvAutoencoder.fit
    fitted = []
    monkeypatch.setattr(
        ablation.ConvAutoencoder, "fit", lambda *args: fitted.append(1) or fit(*args)
    )
    again = ablation.trained_autoencoder(X, 1, path)
    assert not fitted
    assert (first.transform(X) == again.transform(X)).all()
    texts = [described(ablation.variants(model)["autoencoder"]) for model in (first, again)]
    assert texts[0] == texts[1]
    # Other epochs are another one.
    assert ablation.trained_autoencoder(X, 2, path).max_epochs == 2
    assert fitted


@pytest.mark.parametrize("repeats", [1, 2])
def test_the_table_has_no_nan(ablation, repeats):
    names = ["random", ablation.REFERENCE]
    results = [
        {
            **{"sampler": name, "repeat": repeat, "n_labels": n, "score": 0.5 + repeat / 10},
            **{"fit_seconds": 1.0, "query_seconds": 2.0},
        }
        for name in names
        for repeat in range(repeats)
        for n in (100, 200)
    ]
    random, reference = ablation.rows(results)
    assert "nan" not in str(random + reference)
    assert reference[3] == "-"
    assert random[3].startswith("+0.0000")
    assert ("[" in random[3]) == (repeats == 2)
