"""What the estimators share: class weights, and the prior they leave in the probabilities."""

from __future__ import annotations

from torch import Tensor

from longtail.labels import Labels


def check_weight(class_weight: str | None) -> None:
    """Raises ValueError unless None or "balanced"."""
    if class_weight not in (None, "balanced"):
        raise ValueError(f"class_weight={class_weight!r} must be None or 'balanced'")


def prior_of(labels: Labels, class_weight: str | None) -> Tensor:
    """The prior that probabilities assume after training on ``labels`` with these weights, float64 ``[C]``.

    "balanced" weighs an example by N / (K n_c), so every class that occurs has the same total weight.

    >>> prior_of(Labels.of([0, 0, 0, 1], num_classes=3), "balanced").tolist()
    [0.5, 0.5, 0.0]
    """
    if class_weight is None:
        return labels.prior
    return uniform(labels)


def uniform(labels: Labels) -> Tensor:
    """The same probability for every class that occurs, float64 ``[C]``."""
    present = (labels.counts > 0).double()
    return present / present.sum()
