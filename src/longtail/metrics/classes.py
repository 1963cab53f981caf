"""Class by class: the confusion matrix, and what each class's own scores are."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.evaluate import see
from longtail.metrics.inputs import ArrayLike, as_labels, as_tensor
from longtail.metrics.metric import Seen
from longtail.metrics.room import found


def confusion(
    y: ArrayLike, decisions: ArrayLike, num_classes: int, weight: ArrayLike | None = None
) -> Tensor:
    """Sums of weights by true class (rows) and decision (columns), float64 ``[C, C]``.

    >>> confusion([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    labels = as_labels(y, num_classes)
    chosen = as_labels(decisions, num_classes, "decisions", len(labels)).to(labels.device)
    w = None if weight is None else as_tensor(weight).double().to(labels.device)
    flat = torch.bincount(labels * num_classes + chosen, weights=w, minlength=num_classes**2)
    return flat.double().view(num_classes, num_classes)


def per_class(
    probs: ArrayLike,
    y: ArrayLike,
    *,
    prior: ArrayLike | None = None,
    decisions: ArrayLike | None = None,
    weight: ArrayLike | None = None,
) -> dict[str, Tensor]:
    """The scores of each class: ``recall``, ``precision``, ``f1``, ``roc_auc`` and ``average_precision`` (the class
    against the rest), float64 ``[C]``; and ``support``, int64 ``[C]`` (examples, unweighted).

    Recall does not depend on the prior; the others are those expected under it. A class without an example has recall
    nan, one never decided for precision nan, one with neither F1 nan.

    Args:
        probs: ``[N, C]``.
        prior: the deployment prior, ``[C]``; None is the evaluation set's own.
        decisions: class indices, ``[N]``; None takes the most probable class.
        weight: one weight an example, ``[N]``; None is 1.

    >>> per_class([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])["recall"].tolist()
    [1.0, 0.5]
    """
    metrics = [m for m in found().values() if m.by_class is not None]
    seen, _ = see(probs, y, metrics, prior=prior, decisions=decisions, weight=weight)
    c = len(seen.class_weight)
    return {**of_each(seen), "support": torch.bincount(as_labels(y, c), minlength=c)}


def of_each(seen: Seen) -> dict[str, Tensor]:
    """The scores of each class, float64 ``[C]``, from what every metric is computed from."""
    return {
        **{
            m.by_class[0]: m.by_class[1](seen)
            for m in found().values()
            if m.by_class is not None and all(s.name in seen.sums for s in m.sums)
        },
        "recall": seen["plain_hits"] / seen["count"],  # defined even where the prior is 0
        "precision": seen["hits"] / seen["decided"],
    }
