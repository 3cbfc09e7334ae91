from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skdal import (
    CoreSetSampler,
    DeepFoolSampler,
    DiscriminativeSampler,
    ExpectedGradientLengthSampler,
    UncertaintySampler,
)
from skdal._fitting import fit_seeded
from skdal._seeding import seeded
from skdal._task_models import (
    CLASSIFIERS,
    NAMES,
    make_task_model,
    own_modules,
    rows_for,
    set_epochs,
    takes_images,
)
from skdal.datasets import load
from skdal.experiments.presets import make_sampler
from skdal.experiments.settings import described
from skdal.loop import initial_rows
from skdal.representation import representation

DIGITS = load("digits")


def test_names():
    assert NAMES == ("logistic", "mlp", "forest", "lenet", "vgg16", "ridge")
    assert all(is_classifier(make_task_model(name)) for name in CLASSIFIERS)
    for name in ("ridge", "mlp", "forest"):
        assert is_regressor(make_task_model(name, regression=True))
    assert isinstance(make_task_model("forest"), RandomForestClassifier)
    assert isinstance(make_task_model("forest", regression=True), RandomForestRegressor)


def test_parameters_after_the_name():
    assert make_task_model("mlp:hidden_layer_sizes=(5,)")[-1].hidden_layer_sizes == (5,)
    assert make_task_model("ridge:alpha=3", regression=True)[-1].alpha == 3
    assert make_task_model("logistic:commonscaler=passthrough")[0] == "passthrough"
    model = make_task_model("sklearn.svm.SVC:kernel=linear:C=3")
    assert isinstance(model, SVC)
    assert (model.kernel, model.C) == ("linear", 3)
    assert isinstance(make_task_model("sklearn.linear_model.Ridge"), Ridge)
    model = make_task_model("sklearn.svm.SVC:class_weight={0: 1, 1: 2}:C=3")
    assert (model.class_weight, model.C) == ({0: 1, 1: 2}, 3)


def test_networks_are_what_comparisons_on_disk_were_made_with():
    assert described(make_task_model("lenet:max_epochs=30")) == (
        "LeNetClassifier(batch_size=32, callbacks=None, class_weight=None, delay=None, "
        "device='auto', l2=0.0, lr=0.001, max_epochs=30, random_state=None, standardize=False, "
        "validation_fraction=0.2, verbose=0, warm_start=False)"
    )


@pytest.mark.parametrize("name", ["logistic", "mlp"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_they_learn_digits_of_any_scale_without_a_warning(name, scale):
    for n_labels, least in [(20, 0.4), (200, 0.88)]:
        for seed in range(3):
            rows = initial_rows(DIGITS.y, n_labels, random_state=seed)
            model = seeded(make_task_model(name), seed)
            model.fit(scale * DIGITS.X[rows], DIGITS.y[rows])
            assert model.score(scale * DIGITS.X_test, DIGITS.y_test) > least


@pytest.mark.parametrize("name", ["logistic", "mlp"])
def test_they_learn_features_of_different_scales(name):
    X, y = load_breast_cancer(return_X_y=True)
    assert X.std(axis=0).max() > 1e5 * X.std(axis=0).min()
    for seed in range(3):
        rows = initial_rows(y, 60, random_state=seed)
        model = fit_seeded(make_task_model(name), X[rows], y[rows], seed)
        assert model.score(np.delete(X, rows, axis=0), np.delete(y, rows)) > 0.9


def test_mlp_lends_its_hidden_layer():
    rows = np.arange(60)
    model = fit_seeded(make_task_model("mlp"), DIGITS.X[rows], DIGITS.y[rows], 0)
    scaled = model[0].transform(DIGITS.X)
    hidden = np.maximum(0, scaled @ model[-1].coefs_[0] + model[-1].intercepts_[0])
    np.testing.assert_allclose(representation(model, DIGITS.X), hidden, atol=1e-6)
    y = np.where(np.arange(len(DIGITS.y)) < 60, DIGITS.y, -1)
    within = make_task_model("mlp:random_state=0")
    fitted = fit_seeded(within, DIGITS.X[rows], DIGITS.y[rows], 0)
    for sampler in (CoreSetSampler(), DiscriminativeSampler(random_state=0, n_mini_queries=1)):
        chosen = sampler.set_params(estimator=within).fit(DIGITS.X, y).query(n_instances=5)
        Z = representation(fitted, DIGITS.X)
        alone = sampler.set_params(estimator=None).fit(Z, y).query(n_instances=5)
        np.testing.assert_array_equal(chosen, alone)


@pytest.mark.parametrize("name", ["logistic", "mlp"])
@pytest.mark.parametrize(
    "sampler", [UncertaintySampler(), DeepFoolSampler(), ExpectedGradientLengthSampler()]
)
def test_samplers_see_through_the_scaling(name, sampler):
    rows = np.arange(60)
    y = np.where(np.arange(300) < 60, DIGITS.y[:300], -1)
    model = make_task_model(f"{name}:random_state=0")
    fitted = fit_seeded(model, DIGITS.X[rows], DIGITS.y[rows], 0)
    scaled = fitted[0].transform(DIGITS.X[:300])
    # Both are trained on the same, for the scaler has seen the labeled rows alone.
    through = clone(sampler).set_params(estimator=model).fit(DIGITS.X[:300], y)
    alone = clone(sampler).set_params(estimator=model[-1]).fit(scaled, y)
    scores = through.score_samples(DIGITS.X[:300])
    np.testing.assert_allclose(scores, alone.score_samples(scaled), rtol=1e-6)


def test_badge_sees_through_the_scaling():
    pytest.importorskip("skactiveml", reason="needs scikit-activeml; `make test` installs it")
    y = np.where(np.arange(200) < 60, DIGITS.y[:200], -1)
    sampler = make_sampler("badge").set_params(estimator=make_task_model("mlp"), random_state=0)
    assert len(set(sampler.fit(DIGITS.X[:200], y).query(n_instances=5))) == 5


def test_epochs():
    network, mlp = make_task_model("lenet"), make_task_model("mlp")
    set_epochs(network, 5)
    set_epochs(mlp, 6)
    assert (network.max_epochs, mlp[-1].max_iter) == (5, 6)
    assert make_task_model("vgg16").max_epochs == 400
    with pytest.raises(ValueError, match="LogisticRegression is not trained in epochs"):
        set_epochs(make_task_model("logistic"), 5)


class _WithoutTags:
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


def test_rows_of_images():
    X = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    assert rows_for(make_task_model("lenet"), X) is X
    rows = rows_for(make_task_model("logistic"), X)
    assert rows.shape == (2, 16)
    assert rows[1, 15] == np.float32(31 / 255)
    assert rows_for(make_task_model("mlp"), X.astype(float))[1, 15] == 31
    assert takes_images(make_pipeline(FunctionTransformer(), GaussianNB()))
    assert takes_images(make_pipeline(_WithoutTags(), GaussianNB()))
    assert not takes_images(make_task_model("logistic:commonscaler=passthrough"))
    assert not takes_images(Pipeline([("scaler", None), ("nb", GaussianNB())]))
    assert not takes_images(make_pipeline(StandardScaler(), MLPClassifier()))


def test_a_module_in_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "my_models_of_a_test.py").write_text(
        "from sklearn.svm import SVC\nmodel = SVC(C=7)\nclass Mine(SVC):\n    pass\n"
    )
    monkeypatch.chdir(tmp_path)
    before = sys.path.copy()
    assert make_task_model("my_models_of_a_test.model").C == 7
    assert make_task_model("my_models_of_a_test.Mine:C=2").C == 2
    assert make_task_model("my_models_of_a_test.model").C == 7, "the module was changed"
    assert sys.path == before
    with own_modules():
        assert sys.path == [*before, str(tmp_path)]


def test_the_path_of_modules_is_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # As `python -m` has it.
    monkeypatch.syspath_prepend(str(tmp_path))
    before = sys.path.copy()
    with own_modules():
        assert sys.path == before
    assert sys.path == before
    sys.path.remove(str(tmp_path))
    with own_modules():
        sys.path.remove(str(tmp_path))
    assert sys.path == before[1:]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("model = (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("{}['x']", "KeyError: 'x'"),
        ("raise RuntimeError('no device')", "RuntimeError: no device"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("class model:\n    def get_params(self): return {}", "neither a classifier nor a reg"),
        (
            "from sklearn.base import BaseEstimator\nclass model(BaseEstimator):\n"
            "    def __sklearn_tags__(self): raise RuntimeError('none')",
            "neither a classifier nor a regressor",
        ),
    ],
)
def test_a_module_that_cannot_be_imported(tmp_path, monkeypatch, content, words):
    (tmp_path / "my_broken_module.py").write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_broken_module", raising=False)
    with pytest.raises(ValueError, match=words):
        make_task_model("my_broken_module.model")


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("ridge", {}, "'ridge' is not the name of a classifier; choose among logistic, mlp, for"),
        ("logistic", {"regression": True}, "'logistic' is not the name of a regressor; choose amo"),
        ("svc", {}, "or give the dotted path of one, as in sklearn"),
        ("sklearn.svm.SVD", {}, r"'sklearn\.svm\.SVD' cannot be imported or made: .*SVD"),
        ("no_such_module.Model", {}, "be imported or made: ModuleNotFoundError: No module named"),
        ("logistic:steps=[]", {}, "sets steps=\\[\\], which does not go"),
        ("logistic:C", {}, "'logistic:C' has 'C' after a colon, .* write logistic:C=value"),
        ("logistic:", {}, "write logistic:parameter=value"),
        ("logistic:C=x", {}, r"not go: The 'C' parameter of LogisticRegression must .* 'x' inste"),
        ("forest:n_estimators=0", {}, "The 'n_estimators' parameter of RandomForestClassifier mu"),
        ("logistic:commonscaler=passthru", {}, "which does not go: it is no model any more"),
        ("logistic:class_weight={[1]}", {}, r"class_weight='\{\[1\]\}', which does not go"),
        (".", {}, "cannot be imported or made"),
        ("sklearn.ensemble.VotingClassifier", {}, "missing 1 required .* all have defaults"),
        ("sklearn.decomposition.PCA", {}, "neither a classifier nor a regressor"),
        ("math.pi", {}, "neither a classifier nor a regressor"),
        (
            "ridge",
            {},
            "'ridge' is not the name of a classifier; .* regressor: regression=True, or --r",
        ),
        (
            "tree",
            {"regression": True},
            "name of a regressor; .* sklearn.neighbors.KNeighborsRegressor.",
        ),
        ("sklearn.svm.SVC", {"regression": True}, "is a classifier; for a regression choose"),
        ("sklearn.svm.SVC:c=1", {}, "has no parameter 'c', which .* choose among C, break_ties"),
        ("logistic:penalties=l2", {}, "'logistic' has no parameter 'penalties'"),
    ],
)
def test_task_models_that_are_none(name, settings, words):
    with pytest.raises(ValueError, match=words):
        make_task_model(name, **settings)


def test_names_need_no_torch():
    code = (
        "import sys; from skdal._task_models import make_task_model; make_task_model('mlp'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_model_without_scaling_is_what_its_path_says():
    assert make_task_model("sklearn.linear_model.LogisticRegression").get_params() == (
        LogisticRegression().get_params()
    )
