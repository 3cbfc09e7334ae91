"""The learner that plays the loop by itself, with the labels that it is given as the oracle."""

from __future__ import annotations

from math import ceil
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import validate_data
from tqdm.auto import tqdm

from skdal._binding import refuse_strategies
from skdal._pool import check_kind
from skdal.base import take_over
from skdal.learner.base import BaseLearner
from skdal.learner.callbacks import CallbackSupportMixin, Tasks, with_callbacks
from skdal.loop import LOOP_CONSTRAINTS, Step, check_instances, play


class BudgetedLearner(CallbackSupportMixin, BaseLearner):
    """A classifier or regressor that may look at only some of the labels it is given.

    ``fit(X, y)`` plays active learning with ``y`` as the oracle: train the task model on a
    random start, query the sampler, look up the labels of the rows that it chose, train
    again, until ``budget`` labels are used. What comes out is an ordinary classifier or
    regressor, so that a sampler can be judged and tuned by cross-validation.

    Parameters
    ----------
    estimator : classifier or regressor
        The task model. Every step trains a fresh clone on the labeled rows.

    sampler : sampler, Pipeline that ends in one, or None, default=None
        Chooses the rows. Where its ``estimator`` is None, it works with the model of the
        step, but not in a Pipeline, where it sees other features. None is
        ``DiscriminativeSampler()``; pass it explicitly to tune parameters such as
        ``sampler__n_mini_queries``.

    budget : int, default=100
        Labels to look at, those of the start included.

    n_initial : int or array-like of int, default=10
        The start: so many rows, chosen by ``initial_sampler``; or these rows of X.

    n_instances : int, default=10
        Rows of a query. The last one is smaller if need be.

    initial_sampler : sampler, Pipeline that ends in one, or None, default=None
        Chooses the start, when no label is known, such as ``CoreSetSampler()``, and goes on as
        long as a classifier has seen a single class. With None a classifier's start is drawn
        from all labels, one row of every class first and then in proportion. No labeler could
        do that, and where a class is rare it favors every sampler. ``RandomSampler()`` starts
        without labels, as :class:`ActiveLearner` does by default.

    stopping : stopping rule or None, default=None
        Ends the loop before the budget is used, such as
        :class:`~skdal.stopping.DivergenceStop`. It is asked after every training.

    keep_models : bool, default=False
        Whether to keep the model of every step in ``models_``, which
        :func:`~skdal.label_efficiency_score` asks for.

    random_state : int, RandomState instance or None, default=None
        Draws the start, and seeds estimator and sampler wherever a ``random_state`` of
        theirs is None, skorch nets included.

    verbose : int, default=0
        Whether to show a progress bar, which counts labels.

    Attributes
    ----------
    estimator_ : estimator
        The model of the last step, trained on all labeled rows.

    labeled_rows_ : ndarray of int of shape (budget,)
        Rows whose label was looked at, in the order of choice; fewer if ``stopping`` said so.

    history_ : list of dict
        For every step ``n_labels``, ``fit_seconds``, ``query_seconds`` and ``rows``, as in
        :class:`~skdal.loop.Step`; with ``stopping`` also ``stop``, what it said, and
        ``divergence`` and ``limit``, where the rule has them, NaN before there was a model.
        ``pandas.DataFrame(history_)`` makes a table of it.

    models_ : list of estimator or None
        The model of every step, None where a classifier had seen a single class. Only with
        ``keep_models=True``.

    stopping_ : stopping rule
        As it was fitted last. Only with ``stopping``; None if a callback ended the loop before
        there was a model.

    classes_ : ndarray of shape (n_classes,)
        Labels that ``estimator_`` knows. Only if it is a classifier. A class of ``y`` that the
        loop never came across is not among them; with ``initial_sampler=None`` and
        ``n_initial`` a number of at least that of the classes every one is.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``, where it has one.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    See Also
    --------
    ActiveLearner : The loop for a person who labels.
    skdal.loop.play : The same loop, one step at a time.

    Notes
    -----
    From scikit-learn 1.9 on it takes scikit-learn's callbacks, ``set_callbacks(ProgressBar())``:
    every query, with the training that follows, is a task. Callbacks of the task model are not
    told that they are in a loop: its trainings are fits of their own.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import BudgetedLearner, RandomSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = BudgetedLearner(
    ...     LogisticRegression(max_iter=1000), RandomSampler(), budget=30, random_state=0
    ... ).fit(X, y)
    >>> [step["n_labels"] for step in learner.history_]
    [10, 20, 30]
    >>> learner.score(X, y) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LOOP_CONSTRAINTS,
        "sampler": [*LOOP_CONSTRAINTS["sampler"], None],
        "keep_models": ["boolean"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        sampler: Any = None,
        *,
        budget: int = 100,
        n_initial: int | ArrayLike = 10,
        n_instances: int = 10,
        initial_sampler: Any = None,
        stopping: Any = None,
        keep_models: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.sampler = sampler
        self.budget = budget
        self.n_initial = n_initial
        self.n_instances = n_instances
        self.initial_sampler = initial_sampler
        self.stopping = stopping
        self.keep_models = keep_models
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(self, X: Any, y: ArrayLike, **params: Any) -> Self:
        """Play the loop until the budget is used.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or list, of n_rows rows
            Whatever the estimator and the sampler take.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            All labels.

        **params : dict
            What the estimator's ``fit`` requests by metadata routing, such as
            ``sample_weight``, of ``n_rows`` rows.

        Returns
        -------
        self
            The fitted learner.

        Raises
        ------
        ValueError, TypeError
            See :func:`~skdal.loop.play`.
        """
        refuse_strategies(sampler=self.sampler, initial_sampler=self.initial_sampler)
        self._validate_params()
        check_instances(self.estimator, self.sampler, self.initial_sampler, self.stopping)
        # A fit that fails must leave the learner as it was, so another one is fitted first.
        fitted = type(self)(**self.get_params(deep=False))
        check_kind(X)
        validate_data(fitted, X, y, skip_check_array=True)
        if getattr(fitted, "n_features_in_", None) == 0:
            # The model would say so too, but only after there are rows enough for it.
            raise ValueError(
                f"Found array with 0 feature(s) (shape={np.shape(X)}) while a minimum of 1 is "
                "required."
            )
        steps = play(
            self.estimator,
            self._sampler(),
            X,
            y,
            budget=self.budget,
            n_initial=self.n_initial,
            n_instances=self.n_instances,
            initial_sampler=self.initial_sampler,
            stopping=self.stopping,
            fit_params=self._routed("fit", params),
            random_state=self.random_state,
        )
        given = self.n_initial
        n_start = int(given) if isinstance(given, Integral) else len(np.asarray(given))
        n_steps = 1 + ceil((self.budget - n_start) / self.n_instances)
        tasks = Tasks(self, n_steps, X, y, params)
        fitted.history_ = []
        if self.keep_models:
            fitted.models_ = []
        with tqdm(total=self.budget, unit="label", disable=not self.verbose) as bar:
            for _ in range(n_steps):
                tasks.begin()
                step = next(steps)
                fitted._record(step)
                bar.update(len(step.rows))
                stop = tasks.end(_fitted_attributes(fitted))
                if stop or (step.stopping is not None and step.stopping.stop_):
                    break
        tasks.finish(_fitted_attributes(fitted))
        take_over(self, fitted)
        return self

    def _record(self, step: Step) -> None:
        record = {
            "n_labels": step.n_labels,
            "fit_seconds": step.fit_seconds,
            "query_seconds": step.query_seconds,
            "rows": step.rows,
        }
        if self.stopping is not None:
            record["stop"] = step.stopping is not None and bool(step.stopping.stop_)
            self.stopping_ = step.stopping
            for name in ("divergence", "limit"):
                # Only a rule that was asked shows what it has.
                if hasattr(step.stopping, f"{name}_"):
                    record[name] = float(getattr(step.stopping, f"{name}_"))
                    for earlier in self.history_:
                        earlier.setdefault(name, np.nan)
        self.history_.append(record)
        self.labeled_rows_ = np.concatenate([record["rows"] for record in self.history_])
        if step.model is not None:
            self.estimator_ = step.model
        if self.keep_models:
            self.models_.append(step.model)


def _fitted_attributes(learner: BudgetedLearner) -> dict[str, Any] | None:
    """Return what another learner needs to predict; None if there is no model yet."""
    if not hasattr(learner, "estimator_"):
        return None
    attributes = {name: value for name, value in vars(learner).items() if name.endswith("_")}
    # What a callback keeps must not grow with the loop.
    return {name: list(v) if isinstance(v, list) else v for name, v in attributes.items()}
