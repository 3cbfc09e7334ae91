"""How any classifier is made to discriminate: seeds, balance, warm start, log-odds.

Labeled rows are class 0, unlabeled rows class 1. A discriminator is any scikit-learn or
skorch classifier, or a Pipeline that ends in one; whatever has to be done differently for
one kind or another is done here and nowhere else.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.validation import has_fit_parameter

from skdal._pool import as_matrix, stack
from skdal._seeding import MAX_SEED, unseeded
from skdal._torch import is_skorch, torch_random_state_kept
from skdal.metrics import h_divergence
from skdal.representation import representation

_SCORES = ("decision_function", "predict_log_proba", "predict_proba")


class Discriminator:
    """A classifier that is trained, again and again, to tell labeled rows from unlabeled ones.

    Parameters
    ----------
    classifier : classifier or None
        Cloned. None is :class:`~skdal.MLPDiscriminator`.

    warm_start : bool
        Whether a later call of :meth:`fit` goes on with the weights of the one before,
        whatever the classifier's own ``warm_start`` says. A classifier without such weights
        (a forest, say) is trained from scratch all the same. So is one that has
        ``partial_fit`` alone: naive Bayes, say, would go on counting rows of U that are gone.

    random_state : int, RandomState instance or None
        Seeds every ``random_state`` parameter, nested ones too, that is None; anew for every
        training from scratch.

    Attributes
    ----------
    model : classifier
        The clone.

    unlabeled_log_odds : ndarray of float of shape (n_unlabeled,)
        Scores of the unlabeled rows of the last :meth:`fit`.

    train_accuracy : float
        Share of all rows of the last :meth:`fit` that the trained model puts right.

    h_divergence : float
        How far it tells the two sets apart, see :func:`~skdal.metrics.h_divergence`.

    n_epochs : int or None
        Epochs or iterations of the last :meth:`fit`, where the model counts them.

    Raises
    ------
    ValueError
        If ``classifier`` is no classifier, or gives nothing to rank rows by.
    """

    def __init__(self, classifier: Any, *, warm_start: bool, random_state: Any) -> None:
        if classifier is None:
            from skdal.neural.discriminator import MLPDiscriminator

            classifier = MLPDiscriminator()
        if (
            isinstance(classifier, type)
            or not hasattr(classifier, "__sklearn_tags__")
            or not is_classifier(classifier)
        ):
            raise ValueError(
                f"discriminator={classifier!r} is no classifier; pass an instance of a "
                "scikit-learn or skorch classifier, a Pipeline that ends in one, or None."
            )
        if not any(hasattr(classifier, method) for method in _SCORES):
            raise ValueError(
                f"discriminator={classifier!r} has none of {', '.join(_SCORES)}, so it cannot "
                "say how surely a row is unlabeled; choose a classifier that has one."
            )
        self.warm_start = warm_start
        self.model = clone(classifier)
        if isinstance(self._last, FrozenEstimator):
            raise ValueError(
                f"discriminator={classifier!r} is frozen, but every mini-query trains it anew; "
                "pass the classifier itself."
            )
        # A state of its own: a copy of the discriminator goes on as the discriminator would.
        seed = check_random_state(random_state).randint(MAX_SEED)
        self._random_state = np.random.RandomState(seed)
        self._unseeded = unseeded(self.model)
        self._balance_by_parameter()

    @property
    def _last(self) -> Any:
        return self.model[-1] if isinstance(self.model, Pipeline) else self.model

    @property
    def _prefix(self) -> str:
        return f"{self.model.steps[-1][0]}__" if isinstance(self.model, Pipeline) else ""

    def _balance_by_parameter(self) -> None:
        params = self._last.get_params(deep=False)
        if params.get("class_weight", "absent") is None:
            self._last.set_params(class_weight="balanced")
        self._weight_name = _criterion_weight(self._last) if is_skorch(self._last) else None

    def fit(self, Z_labeled: Any, Z_unlabeled: Any) -> Self:
        """Train the model to tell two sets of rows apart.

        Parameters
        ----------
        Z_labeled : array or CSR matrix of shape (n_labeled, n_features)
            Representation of labeled rows.

        Z_unlabeled : array or CSR matrix of shape (n_unlabeled, n_features)
            Representation of unlabeled rows.

        Returns
        -------
        self
            Trained.
        """
        Z = stack(Z_labeled, Z_unlabeled)
        is_unlabeled = np.arange(Z.shape[0]) >= Z_labeled.shape[0]
        y = is_unlabeled.astype(np.int64)
        goes_on = self.warm_start and self._carries_weights()
        if "warm_start" in self._last.get_params(deep=False):
            # Also where the user set it: it would make a forest keep its old trees.
            self._last.set_params(warm_start=goes_on)
        if not goes_on:
            # Another start for each training from scratch, or all would share its whims.
            seeds = {name: self._random_state.randint(MAX_SEED) for name in self._unseeded}
            self.model.set_params(**seeds)
        if is_skorch(self._last):
            self._fit_skorch(Z, y)
        else:
            self.model.fit(Z, y, **self._sample_weight(y))
        log_odds = self.log_odds(Z)
        self.unlabeled_log_odds = log_odds[is_unlabeled]
        predicted = log_odds > 0
        self.train_accuracy = float((predicted == is_unlabeled).mean())
        self.h_divergence = h_divergence(is_unlabeled, predicted)
        self.n_epochs = self._n_epochs()
        return self

    def _carries_weights(self) -> bool:
        """Tell a warm start that goes on with weights from one that only adds trees."""
        has_warm_start = "warm_start" in self._last.get_params(deep=False)
        weights = ("coef_", "coefs_", "net_", "module_")
        return has_warm_start and any(hasattr(self._last, name) for name in weights)

    def _sample_weight(self, y: np.ndarray) -> dict[str, np.ndarray]:
        has_class_weight = "class_weight" in self._last.get_params(deep=False)
        if has_class_weight or not has_fit_parameter(self._last, "sample_weight"):
            return {}
        return {f"{self._prefix}sample_weight": compute_sample_weight("balanced", y)}

    def _fit_skorch(self, Z: Any, y: np.ndarray) -> None:
        from skorch import NeuralNetBinaryClassifier

        from skdal.neural.net import pass_on_interrupts, torch_seed

        net = self._last
        if net.callbacks is None:
            # It is to fit all of L, where skorch would keep a fifth for validation; but a
            # user's callback may ask for that fifth.
            net.set_params(train_split=None)
        self._epochs_before = len(net.history) if net.warm_start else 0
        self._balance_criterion(y)
        target = y.astype(np.float32) if isinstance(net, NeuralNetBinaryClassifier) else y
        seed = self._random_state.randint(MAX_SEED)
        # A net of skorch does not shuffle unless told to, and batches of one class mislead it.
        order = self._random_state.permutation(len(y))
        with torch_seed(seed, str(net.device or "cpu")), pass_on_interrupts(net):
            self.model.fit(Z[order].astype(np.float32), target[order])

    def _balance_criterion(self, y: np.ndarray) -> None:
        import torch

        if self._weight_name is None:
            return
        net = self._last
        weight = compute_class_weight("balanced", classes=np.array([0, 1]), y=y)
        if self._weight_name == "pos_weight":
            weight = weight[1] / weight[0]
        value = torch.tensor(weight, dtype=torch.float32)
        if net.initialized_ and net.warm_start:
            # set_params would begin with a new optimizer.
            getattr(net.criterion_, self._weight_name).copy_(value)
        else:
            net.set_params(**{f"criterion__{self._weight_name}": value})

    def _n_epochs(self) -> int | None:
        if is_skorch(self._last):
            return len(self._last.history) - self._epochs_before
        n_iter = getattr(self._last, "n_iter_", None)
        return None if n_iter is None else int(np.max(n_iter))

    def log_odds(self, Z: Any) -> np.ndarray:
        """Return the log-odds of being unlabeled, or what the model has in their place.

        Parameters
        ----------
        Z : array or sparse matrix of shape (n_rows, n_features)
            Representation of the rows.

        Returns
        -------
        ndarray of float of shape (n_rows,)
            Finite. The difference of the logits of a skorch net or an MLPClassifier; else, of
            the first that the model has, ``decision_function`` as it is (log-odds for
            logistic models, a margin for others), or the log-odds by ``predict_log_proba``
            or ``predict_proba``. Only these last two know an end, about 708 to either side
            in float64.

        Raises
        ------
        ValueError
            If a score is no finite number.
        """
        log_odds = self._log_odds(Z)
        if log_odds.shape != (Z.shape[0],):
            raise ValueError(
                f"discriminator={self.model!r} returned scores of shape {log_odds.shape} for "
                f"{Z.shape[0]} rows; it must know two classes and return one score a row."
            )
        if not np.isfinite(log_odds).all():
            raise ValueError(
                f"discriminator={self.model!r} returned scores that are not finite; scale its "
                "input, regularize it or lower its learning rate."
            )
        return log_odds

    def _log_odds(self, Z: Any) -> np.ndarray:
        last = self._last
        if is_skorch(last) or isinstance(last, MLPClassifier):
            if isinstance(self.model, Pipeline) and len(self.model) > 1:
                Z = as_matrix(self.model[:-1].transform(Z))
            return _skorch_log_odds(last, Z) if is_skorch(last) else _mlp_log_odds(last, Z)
        if hasattr(self.model, "decision_function"):
            return np.asarray(self.model.decision_function(Z), dtype=float)
        if hasattr(self.model, "predict_log_proba"):
            with np.errstate(divide="ignore"):  # log(0) is clipped next
                log_proba = np.asarray(self.model.predict_log_proba(Z))
            tiny = np.finfo(log_proba.dtype).tiny
            log_proba = log_proba.clip(min=np.log(tiny))
            return log_proba[:, 1] - log_proba[:, 0]
        return _log_odds(self.model.predict_proba(Z))


def _criterion_weight(net: Any) -> str | None:
    """Return the weight that a skorch net's criterion takes, None if the user has set it."""
    import torch

    names = {
        torch.nn.CrossEntropyLoss: "weight",
        torch.nn.NLLLoss: "weight",
        torch.nn.BCEWithLogitsLoss: "pos_weight",
    }
    name = names.get(net.criterion)
    return None if net.get_params(deep=False).get(f"criterion__{name}") is not None else name


def _skorch_log_odds(net: Any, Z: Any) -> np.ndarray:
    import torch

    Z = Z.astype(np.float32)
    with torch_random_state_kept():
        if isinstance(net.criterion_, torch.nn.CrossEntropyLoss):
            logits = net.forward(Z).numpy()
            return logits[:, 1] - logits[:, 0]
        if isinstance(net.criterion_, torch.nn.BCEWithLogitsLoss):
            return net.forward(Z).numpy().reshape(-1)
        return _log_odds(net.predict_proba(Z))


def _mlp_log_odds(model: MLPClassifier, Z: Any) -> np.ndarray:
    # Its probabilities are exactly 1 from log-odds of 37 on.
    return (representation(model, Z) @ model.coefs_[-1] + model.intercepts_[-1]).reshape(-1)


def _log_odds(proba: Any) -> np.ndarray:
    proba = np.asarray(proba)
    log_proba = np.log(proba.clip(min=np.finfo(proba.dtype).tiny))
    return log_proba[:, 1] - log_proba[:, 0]
