"""Importance weights: an evaluation set drawn under one class prior, read as if drawn under another.

Under label shift p(x | y) stays, so E_target[f] = E_eval[f * target(y) / eval(y)] (Saerens et al., 2002).
With ``freq`` the evaluation set's own frequencies the weights sum to N, and every weighted mean is the
self-normalised estimate.

A class without an evaluation example cannot be estimated at all: its mass is spread over the classes that are
present, in proportion to their prior. A class with prior 0 weighs nothing and is left out of means over
classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.by_class import by_class
from longtail.metrics.inputs import ArrayLike, as_labels, as_prior, as_tensor


def class_weights(counts: ArrayLike, prior: ArrayLike | None) -> Tensor:
    """The weight of one example of each class, float64 ``[C]``; 0 for a class without examples.

    Args:
        counts: examples of each class in the *evaluation* set, or the sums of their weights, ``[C]``.
        prior: the class distribution of the deployment, ``[C]``; None is the evaluation set's own (all
            weights 1).

    Raises:
        ValueError: no class has both an example and a positive prior.

    >>> class_weights([90, 10], [0.5, 0.5]).tolist()
    [0.5555555555555556, 5.0]
    """
    n = as_tensor(by_class("counts", counts)).double()
    present = n > 0
    if prior is None:
        return present.double()
    target = torch.where(present, as_prior(prior, len(n)).to(n.device), 0.0)
    if not float(target.sum()) > 0:
        raise ValueError(
            "prior gives all its mass to classes without an example: there is nothing to estimate it from"
        )
    return torch.where(present, target / target.sum() * n.sum() / torch.where(present, n, 1.0), 0.0)


def importance(y: ArrayLike, prior: ArrayLike) -> Tensor:
    """One weight an example, float64 ``[N]``, summing to N.

    >>> importance([0, 0, 0, 1], [0.5, 0.5]).tolist()
    [0.6666666666666666, 0.6666666666666666, 0.6666666666666666, 2.0]
    """
    prior = by_class("prior", prior)
    c = len(as_tensor(prior))
    labels = as_labels(y, c)
    return class_weights(torch.bincount(labels, minlength=c), prior)[labels]
