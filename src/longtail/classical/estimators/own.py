"""An estimator of your own: any classifier with ``fit`` and ``predict_proba``, in scikit-learn's manner.

It is built anew for each fit, so no fit knows of another. It gets the rows as the house encodes them, float64 ``[N, d]``
or a CSR matrix, and class indices 0..C-1 (a class without training rows is absent). A ``random_state`` that is None, its
own or one inside, is set from the seed; an ``n_jobs`` that is set becomes the number of threads that are allowed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.classical.estimators.weighting import uniform
from longtail.classical.head import Fitted
from longtail.classical.inputs import matrix, rows_of
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs, SparseRows
from longtail.labels import Labels
from longtail.net import Net
from longtail.prior import Prior

NAMED = ("natural", "balanced")


class Own:
    """Args:
        estimator: not fitted.
        prior: the class prior that its probabilities assume: "natural" (the training frequencies), "balanced", one
            probability per class in their order, or by name. None where it is not known: then it is fitted on rows left
            out.
        smoothing: how much the training frequencies count beside the estimator's probabilities; see
            :class:`longtail.classical.head.Fitted`.

    >>> from sklearn.naive_bayes import GaussianNB
    >>> x = torch.tensor([[0.0], [1.0], [8.0], [9.0]])
    >>> net, prior = Own(GaussianNB(), prior="natural").fit(x, Labels.of([0, 0, 1, 1]), seed=0)
    >>> net(x).argmax(1).tolist(), prior.tolist()
    ([0, 0, 1, 1], [0.5, 0.5])
    """

    def __init__(self, estimator: Any, prior: Any = None, smoothing: float = 0.0) -> None:
        if isinstance(prior, str) and prior not in NAMED:
            raise ValueError(
                f"prior={prior!r} must be 'natural', 'balanced', probabilities by class, or None"
            )
        self.estimator, self.prior, self.smoothing = estimator, prior, smoothing

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Fit: a net giving log-probabilities, and the prior they assume.

        Raises:
            ValueError: the estimator does not take these rows (the message is its own), or a prior of other classes.
        """
        prior = self._prior(labels)
        backbone = rows_of(x)
        model = prepared(self.estimator, seed, threads)
        try:
            with threads_limited(threads):
                model.fit(matrix(backbone(x)), labels.y.numpy())
        except (TypeError, ValueError) as why:
            if isinstance(x, SparseRows) and ("parse" in str(why) or "dense" in str(why)):
                raise ValueError(
                    f"{type(model).__name__}: {why} The rows are n-grams, a sparse matrix of {x.num_columns} columns: "
                    "put TruncatedSVD(100) before it with make_pipeline"
                ) from why
            raise
        head = Fitted.of(
            model, labels, backbone.out_features, classes=classes_of(model, labels), smoothing=self.smoothing
        )
        return Net(backbone, head), prior

    def _prior(self, labels: Labels) -> Tensor | None:
        if self.prior == "balanced":
            return uniform(labels)
        return None if self.prior is None else Prior.of(self.prior, labels.classes).resolve(labels.classes)


def prepared(estimator: Any, seed: int, threads: int) -> Any:
    """The estimator with each ``random_state`` that is None drawn from the seed, and ``n_jobs`` bounded.

    >>> from sklearn.ensemble import BaggingClassifier
    >>> prepared(BaggingClassifier(n_jobs=-1), seed=0, threads=1).get_params()["n_jobs"]
    1
    """
    if not hasattr(estimator, "get_params"):
        return estimator
    random, changes = np.random.RandomState(seed), {}
    for name, value in sorted(estimator.get_params(deep=True).items()):
        last = name.rpartition("__")[2]
        if last == "random_state":
            drawn = int(random.randint(2**31 - 1))
            if value is None:
                changes[name] = drawn
        elif last == "n_jobs" and value is not None:
            changes[name] = threads
    return estimator.set_params(**changes) if changes else estimator


def classes_of(model: Any, labels: Labels) -> Any:
    """The class of each column of its ``predict_proba``: ``classes_``, or the classes that occur, in order.

    Raises:
        ValueError: ``classes_`` are others than those that it was fitted on.
    """
    present = torch.nonzero(labels.counts).flatten()
    found = getattr(model, "classes_", None)
    if found is None:
        return present
    try:
        classes = torch.as_tensor(np.asarray(found).astype(np.int64))
    except (TypeError, ValueError):
        classes = torch.empty(0)
    if sorted(classes.tolist()) != present.tolist():
        raise ValueError(
            f"{type(model).__name__}.classes_ is {found}, and it was fitted on {present.tolist()}"
        )
    return classes
