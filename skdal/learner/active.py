"""The learner for a person who labels."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils import check_random_state, indexable
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, validate_data

from skdal._binding import choose, fit_bound, refuse_strategies
from skdal._labels import labeled_values
from skdal._oracle import given_labels
from skdal._pool import append, check_kind, take
from skdal._seeding import MAX_SEED
from skdal.base import take_over
from skdal.learner.keeper import LabelKeeper
from skdal.learner.labels_file import LabelsFile
from skdal.learner.teaching import (
    as_rows,
    check_pool,
    check_rows,
    joined,
    known_rows,
    warn_of_new_classes,
)
from skdal.loop import LOOP_CONSTRAINTS, STOP, check_instances, check_weights


class ActiveLearner(LabelKeeper):
    """A classifier or regressor that says which rows to label next, and learns from the labels.

    ``query`` chooses rows, a person labels them, ``teach`` takes the labels and trains the task
    model anew. That is the loop, in one of two ways:

    * ``fit(X, y)`` gets all rows, with a marker in ``y`` where the label is unknown. ``query``
      returns row numbers of that X, and ``teach(rows, labels)`` takes them.
    * As in modAL: ``fit(X, y)`` gets labeled rows, ``query(X_pool)`` returns row numbers of the
      pool and the rows themselves, and ``teach(X_new, y_new)`` takes rows. A classifier needs
      rows of two classes to begin with, for the learner knows of no pool to find another in.

    Parameters
    ----------
    estimator : classifier or regressor
        The task model. ``fit`` and every ``teach`` train a fresh clone, once, on all labeled rows.

    sampler : sampler, Pipeline that ends in one, or None, default=None
        Chooses the rows. Where its ``estimator`` is None, it works with the learner's model, but
        not in a Pipeline, where it sees other features. None is ``DiscriminativeSampler()``.

    initial_sampler : sampler, Pipeline that ends in one, or None, default=None
        Chooses as long as there is no model: no row is labeled yet, or a classifier has seen a
        single class. It must do without labels. None is ``RandomSampler()``;
        ``CoreSetSampler()`` makes the first batch cover the pool.

    stopping : stopping rule or None, default=None
        What :meth:`should_stop` asks, such as :class:`~skdal.stopping.DivergenceStop`.

    labels_path : str, path-like or None, default=None
        A file that keeps the labels, and the rows asked for. ``teach`` has them on disk before it
        trains. ``fit`` reads them, if the file is there, and goes on where the loop was, whatever
        became of the process. It knows by some values of X whether it belongs to it.

    random_state : int, RandomState instance or None, default=None
        Seeds estimator and samplers wherever a ``random_state`` of theirs is None. With an int
        model and query depend on the labels alone, whether they came in one process or many.

    Attributes
    ----------
    estimator_ : estimator
        The task model, trained on all labeled rows. Not there as long as there is no model.

    labeled_rows_ : ndarray of int
        Labeled rows of X, in the order in which their labels came. Rows that were taught have
        the numbers after those of fit's X.

    labels_ : ndarray of shape (n_labeled,) or (n_labeled, n_outputs)
        Their labels.

    asked_rows_ : ndarray of int
        Rows that were asked for and have no label yet.

    classes_ : ndarray of shape (n_classes,)
        Labels that ``estimator_`` knows. Only if it is a classifier.

    n_features_in_ : int
        Second dimension of ``X`` seen in ``fit``, where it has one.

    feature_names_in_ : ndarray of str
        Column names of ``X`` seen in ``fit``, where it has some.

    Warns
    -----
    UserWarning
        If ``teach`` comes across a class that was unknown so far, which may be a slip. Where
        ``fit`` found no two classes to begin with, new ones are to be expected.

    See Also
    --------
    BudgetedLearner : Plays the loop by itself, to judge and to tune samplers.

    Notes
    -----
    A query trains nothing but the sampler. A ``teach`` that is interrupted while it trains has
    kept the labels; the next ``query`` or ``teach`` trains.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdal import ActiveLearner, UncertaintySampler
    >>> X, truth = load_iris(return_X_y=True)
    >>> y = np.full(len(X), -1)
    >>> y[::15] = truth[::15]
    >>> model = LogisticRegression(max_iter=1000)
    >>> learner = ActiveLearner(model, UncertaintySampler(), random_state=0).fit(X, y)
    >>> for _ in range(3):
    ...     rows = learner.query(n_instances=5)
    ...     learner = learner.teach(rows, truth[rows])  # a person labels them
    >>> len(learner.labeled_rows_), learner.score(X, truth) > 0.9
    (25, True)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": LOOP_CONSTRAINTS["estimator"],
        "sampler": [*LOOP_CONSTRAINTS["sampler"], None],
        "initial_sampler": LOOP_CONSTRAINTS["initial_sampler"],
        "stopping": LOOP_CONSTRAINTS["stopping"],
        "labels_path": [str, os.PathLike, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        sampler: Any = None,
        *,
        initial_sampler: Any = None,
        stopping: Any = None,
        labels_path: str | os.PathLike[str] | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sampler = sampler
        self.initial_sampler = initial_sampler
        self.stopping = stopping
        self.labels_path = labels_path
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, **params: Any) -> Self:
        """Train the task model on the labeled rows; the others are the pool.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or list, of n_rows rows
            All rows. They are kept, not copied.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Labels, with a marker where there is none: -1 (integers and objects), NaN (floats),
            None or NA (objects, pandas).

        **params : dict
            What the estimator's ``fit`` requests by metadata routing, such as
            ``sample_weight``: of ``n_rows`` rows, of which the labeled ones count.

        Returns
        -------
        self
            The fitted learner.

        Raises
        ------
        ValueError
            If ``y`` is not what it must be, or what ``labels_path`` holds contradicts it.
        TypeError
            If a parameter is a class, or a Pipeline ends in no sampler.
        """
        refuse_strategies(sampler=self.sampler, initial_sampler=self.initial_sampler)
        self._validate_params()
        check_instances(self.estimator, self.sampler, self.initial_sampler, self.stopping)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None; where "
                "no label is known yet, pass y=np.full(len(X), -1)."
            )
        # A fit that fails must leave the learner as it was, so another one is fitted first.
        fitted = type(self)(**self.get_params(deep=False))
        check_kind(X)
        validate_data(fitted, X, y, skip_check_array=True)
        n_rows = _num_samples(X)
        (fitted._X,) = indexable(X)
        mask = known_rows(self.estimator, y, n_rows)
        fitted._has_pool = not mask.all()
        fitted.labels_ = labeled_values(y, mask)
        fitted.labeled_rows_ = np.flatnonzero(mask)
        if is_classifier(self.estimator) and mask.any():
            check_classification_targets(fitted.labels_)
        fitted._asked = np.empty(0, dtype=int)
        fitted._params = self._routed("fit", params)
        check_weights(fitted._params, n_rows)
        fitted._file = None
        if self.labels_path is not None:
            fitted._resume(LabelsFile(self.labels_path, fitted._X))
        fitted._seed = check_random_state(self.random_state).randint(MAX_SEED)
        fitted._train()
        fitted._knew_classes = hasattr(fitted, "estimator_")
        take_over(self, fitted)
        return self

    def query(self, X_pool: Any = None, n_instances: int = 1) -> Any:
        """Choose the rows to label next.

        Parameters
        ----------
        X_pool : array-like of n_rows rows, default=None
            The pool. None is that of ``fit``: its unlabeled rows.

        n_instances : int, default=1
            How many rows to choose.

        Returns
        -------
        rows : ndarray of int of shape (n_instances,)
            Row numbers, each once, in the order of choice: of fit's X, or of ``X_pool``.

        instances : array-like of ``n_instances`` rows
            Only where ``X_pool`` is given, as in modAL: those rows of it.

        Raises
        ------
        ValueError
            If ``n_instances`` is no positive integer or more than the pool holds, the pool is
            empty, somebody else changed the file of ``labels_path``, or ``X_pool`` is given with
            ``labels_path``, which keeps row numbers of fit's X.
        OSError
            If that file cannot be written.
        TypeError
            If ``X_pool`` is a number: ``query(5)`` for ``query(n_instances=5)``.
        """
        self._check_has("labels_")
        if X_pool is not None:
            X_pool = self._checked_pool(X_pool)
            # Before anybody labels what teach would not take.
            if self._file is not None:
                self._refuse_rows()
        self._catch_up()
        labeled, y = self.labeled_rows_, self.labels_
        if X_pool is None:
            if not self._pool().any():
                raise ValueError(
                    "The pool is empty: every row of X is labeled. In fit, mark rows without a "
                    "label by -1, NaN or None in y (strings in an array of objects), or pass a "
                    "pool: query(X_pool)."
                )
            rows = choose(self._fitted_sampler(self._X, y, labeled), n_instances)
            self._note(rows)
            return rows
        if len(y):
            sampler = self._fitted_sampler(take(self._X, labeled), y, np.arange(len(y)))
            rows = choose(sampler, n_instances, X_pool)
        else:
            rows = choose(self._fitted_sampler(X_pool, y, labeled), n_instances)
        return rows, take(X_pool, rows)

    def _checked_pool(self, X_pool: Any) -> Any:
        check_pool(X_pool)
        validate_data(self, X_pool, reset=False, skip_check_array=True)
        return indexable(X_pool)[0]

    def teach(self, X: Any, y: ArrayLike) -> Self:
        """Record labels, and train the task model on all there are.

        Parameters
        ----------
        X : array-like of int of shape (n_new,), or array-like of n_new rows
            Row numbers of fit's X, asked for or not; or, as in modAL, rows that fit has not seen,
            which are put below those of fit's X. A one-dimensional array of integers is row
            numbers, anything else is rows.

        y : array-like of shape (n_new,) or (n_new, n_outputs)
            Their labels.

        Returns
        -------
        self
            The learner, trained again.

        Raises
        ------
        ValueError
            If a row is unknown, named twice or labeled already, a label is missing or goes with
            none of those before, or somebody else changed the file of ``labels_path``. Nothing
            has changed then.
        OSError
            If that file cannot be written. Nothing has changed then.

        Warns
        -----
        UserWarning
            If there is a class that was unknown so far, though ``fit`` had labels of several.
        """
        self._check_has("labels_")
        rows = as_rows(X)
        n_rows = _num_samples(self._X)
        new_X = self._X
        if rows is not None:
            check_rows(rows, n_rows, self.labeled_rows_, self._file)
            rows = rows.astype(int)
        else:
            self._refuse_rows()
            validate_data(self, X, reset=False, skip_check_array=True)
            (X,) = indexable(X)
            new_X = append(self._X, X)
            rows = np.arange(n_rows, _num_samples(new_X))
        y = given_labels(self.estimator, y, len(rows), cure="Leave those rows out.")
        labels = joined(self.estimator, self.labels_, y)
        if is_classifier(self.estimator) and self._knew_classes:
            warn_of_new_classes(self.labels_, y, self._file)
        if self._file is not None:
            self._file.add(rows=rows, labels=y)
        # The labels first: whatever happens to the training, they are there. All at once, so that
        # Ctrl-C does not come in between.
        rows = np.concatenate([self.labeled_rows_, rows])
        self.__dict__.update(_X=new_X, labels_=labels, labeled_rows_=rows)
        self._train()
        return self

    def should_stop(self, X_pool: Any = None) -> bool:
        """Ask the stopping rule whether labeling more is worth it.

        Parameters
        ----------
        X_pool : array-like of n_rows rows, default=None
            The pool. None is that of ``fit``: its unlabeled rows.

        Returns
        -------
        bool
            What the rule says; False as long as there is no model. The fitted rule, with its
            figures, is in ``stopping_`` afterwards.

        Raises
        ------
        ValueError
            If there is no stopping rule, or no pool: ``X_pool`` holds no rows, or is None although
            every row of fit's X came with a label.
        """
        self._check_has("labels_")
        if self.stopping is None:
            raise ValueError(
                "should_stop() asks the parameter stopping, which is None; pass one, as in "
                "ActiveLearner(..., stopping=DivergenceStop())."
            )
        X, rows = self._X, self.labeled_rows_
        if X_pool is not None:
            X = append(take(X, rows), self._checked_pool(X_pool))
            rows = np.arange(len(rows))
        elif not self._has_pool:
            # The rule would take it for a pool that is used up.
            raise ValueError(
                "should_stop() compares labeled rows with the pool, but every row of fit's X came "
                "with a label; pass the pool: should_stop(X_pool)."
            )
        self._catch_up()
        if not hasattr(self, "estimator_"):
            return False
        self.stopping_ = fit_bound(
            self.stopping, self.estimator_, X, self.labels_, rows, self._random_state(STOP)
        )
        return bool(self.stopping_.stop_)
