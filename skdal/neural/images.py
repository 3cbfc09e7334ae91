"""The paper's task models: networks for images, with the settings of its experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from skdal.neural.classifier import NeuralClassifier
from skdal.neural.modules import VGG16, LeNet


class _ImageClassifier(NeuralClassifier):
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        name: constraints
        for name, constraints in NeuralClassifier._parameter_constraints.items()
        if name not in ("module", "module_params", "stop_accuracy")
    }

    def __init__(
        self,
        *,
        standardize: bool = False,
        lr: float = 1e-3,
        batch_size: int = 32,
        max_epochs: int = 150,
        validation_fraction: float = 0.2,
        delay: int | None = None,
        l2: float = 0.0,
        class_weight: Mapping[Any, float] | str | None = None,
        callbacks: list[Any] | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.standardize = standardize
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.delay = delay
        self.l2 = l2
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.verbose = verbose
        self.device = device
        self.random_state = random_state


class LeNetClassifier(_ImageClassifier):
    """The paper's task model for MNIST: a small convolutional network.

    :class:`~skdal.neural.LeNet` under the settings of the paper's experiments [1]_ and the
    code released with it: Adam in batches of 32 for 150 epochs, from scratch at every fit. A
    fifth of the labeled rows is held out, and the weights of the epoch that did best on them
    are kept, of the epochs after the 50th.

    Parameters
    ----------
    standardize : bool, default=False
        Whether the network first subtracts the training rows' mean and divides by their
        standard deviation, pixel by pixel.

    lr : float, default=1e-3
        Learning rate of Adam.

    batch_size : int, default=32
        Rows of a training batch.

    max_epochs : int, default=150
        Passes over the training rows at most.

    validation_fraction : float, default=0.2
        Share of the rows, of every class alike, that is held out of the training. The weights
        of the epoch with the best accuracy on them are kept, of equal ones the latest. 0 keeps
        the last epoch's.

    delay : int or None, default=None
        Number of epochs at the beginning whose weights are not kept. None is 50, or a third
        of ``max_epochs`` where that is less.

    l2 : float, default=0.0
        Times the sum of the squared weights, it is added to the loss. Biases do not count.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as everywhere in scikit-learn.

    callbacks : list or None, default=None
        Further callbacks of skorch; see :class:`~skdal.neural.NeuralClassifier`.

    warm_start : bool, default=False
        Whether a second call of ``fit`` goes on with the weights of the first.

    verbose : int, default=0
        Whether to print a line every epoch.

    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device.

    random_state : int, RandomState instance or None, default=None
        Fixes the initial weights, the validation part and the order of the rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    net_ : skorch.NeuralNetClassifier
        The trained network.

    n_iter_ : int
        Epochs of the last call of ``fit``.

    train_accuracy_ : float
        Share of right predictions while the last epoch trained.

    best_epoch_ : int
        The epoch whose weights were kept. Only with a validation part.

    validation_accuracy_ : float
        Accuracy on the validation part after that epoch. Only with a validation part.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347, section 5.1 and the released code.

    Examples
    --------
    Images of 8x8 are too small for two blocks of convolution and pooling, so each pixel
    becomes four.

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdal.neural import LeNetClassifier
    >>> digits = load_digits(n_class=3)
    >>> X = np.kron(digits.images / 16, np.ones((2, 2)))
    >>> model = LeNetClassifier(max_epochs=3, random_state=0).fit(X, digits.target)
    >>> X.shape, model.validation_accuracy_ > 0.9
    ((537, 16, 16), True)
    """

    module = LeNet


class VGG16Classifier(_ImageClassifier):
    """The paper's task model for CIFAR-10: VGG-16 with batch normalization.

    :class:`~skdal.neural.VGG16` under the settings of the paper's experiments [1]_ and the
    code released with it: Adam in batches of 32 for 400 epochs, L2 regularization of all
    weights, from scratch at every fit, no augmentation. A fifth of the labeled rows is held
    out, and the weights of the epoch that did best on them are kept, of the epochs after the
    50th.

    Parameters
    ----------
    standardize : bool, default=False
        Whether the network first subtracts the training rows' mean and divides by their
        standard deviation, pixel by pixel.

    lr : float, default=1e-3
        Learning rate of Adam.

    batch_size : int, default=32
        Rows of a training batch.

    max_epochs : int, default=400
        Passes over the training rows at most.

    validation_fraction : float, default=0.2
        Share of the rows, of every class alike, that is held out of the training. The weights
        of the epoch with the best accuracy on them are kept, of equal ones the latest. 0 keeps
        the last epoch's.

    delay : int or None, default=None
        Number of epochs at the beginning whose weights are not kept. None is 50, or a third
        of ``max_epochs`` where that is less.

    l2 : float, default=5e-4
        Times the sum of the squared weights, it is added to the loss. Biases and the
        parameters of normalization do not count.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as everywhere in scikit-learn.

    callbacks : list or None, default=None
        Further callbacks of skorch; see :class:`~skdal.neural.NeuralClassifier`.

    warm_start : bool, default=False
        Whether a second call of ``fit`` goes on with the weights of the first.

    verbose : int, default=0
        Whether to print a line every epoch.

    device : str, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU; or a torch device.

    random_state : int, RandomState instance or None, default=None
        Fixes the initial weights, the validation part and the order of the rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    net_ : skorch.NeuralNetClassifier
        The trained network.

    n_iter_ : int
        Epochs of the last call of ``fit``.

    train_accuracy_ : float
        Share of right predictions while the last epoch trained.

    best_epoch_ : int
        The epoch whose weights were kept. Only with a validation part.

    validation_accuracy_ : float
        Accuracy on the validation part after that epoch. Only with a validation part.

    References
    ----------
    .. [1] Gissin and Shalev-Shwartz, "Discriminative Active Learning", 2019,
       arXiv:1907.06347, section 5.1 and the released code.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdal.neural import VGG16Classifier
    >>> digits = load_digits(n_class=2)
    >>> X = np.kron(digits.images[:20] / 16, np.ones((4, 4)))
    >>> model = VGG16Classifier(max_epochs=1, random_state=0).fit(X, digits.target[:20])
    >>> X.shape, model.predict(X).shape
    ((20, 32, 32), (20,))
    """

    module = VGG16

    def __init__(
        self,
        *,
        standardize: bool = False,
        lr: float = 1e-3,
        batch_size: int = 32,
        max_epochs: int = 400,
        validation_fraction: float = 0.2,
        delay: int | None = None,
        l2: float = 5e-4,
        class_weight: Mapping[Any, float] | str | None = None,
        callbacks: list[Any] | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(
            standardize=standardize,
            lr=lr,
            batch_size=batch_size,
            max_epochs=max_epochs,
            validation_fraction=validation_fraction,
            delay=delay,
            l2=l2,
            class_weight=class_weight,
            callbacks=callbacks,
            warm_start=warm_start,
            verbose=verbose,
            device=device,
            random_state=random_state,
        )
