"""What the estimators share: class weights and the prior they leave in the probabilities, and threads."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
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


def threads_limited(threads: int) -> AbstractContextManager[Any]:
    """Limit the threads of BLAS and OpenMP inside the block."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=threads)


def first_present(labels: Labels) -> int:
    """The lowest class that occurs."""
    return int(torch.nonzero(labels.counts)[0])
