"""Class by class: the confusion matrix, recall, precision, F1, and recall by frequency group (many, medium,
few).

Groups: Liu et al., *Large-Scale Long-Tailed Recognition in an Open World* (OLTR), CVPR 2019; the thresholds
used since are Kang et al.'s (*Decoupling*, ICLR 2020): many > 100, few < 20 training images. Differs from the
authors' code in that a group without a class is nan; Kang et al.'s returns 0, which reads like a failure.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from longtail.metrics.inputs import ArrayLike, as_labels, as_probs, as_tensor
from longtail.metrics.weighting import class_weights


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
    probs: ArrayLike, y: ArrayLike, *, prior: ArrayLike | None = None, decisions: ArrayLike | None = None
) -> dict[str, Tensor]:
    """Recall, precision and F1 of each class, float64 ``[C]``, and support, int64 ``[C]`` (examples,
    unweighted).

    Recall does not depend on the prior; precision and F1 are those expected under it. A class without an
    example has recall nan, one never decided for precision nan, one with neither F1 nan.

    Args:
        probs: ``[N, C]``.
        prior: the deployment prior, ``[C]``; None is the evaluation set's own.
        decisions: class indices, ``[N]``; None takes the most probable class.

    >>> per_class([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])["recall"].tolist()
    [1.0, 0.5]
    """
    p = as_probs(probs)
    c = p.shape[1]
    labels = as_labels(y, c, length=len(p)).to(p.device)
    chosen = p.argmax(1) if decisions is None else as_labels(decisions, c, "decisions", len(p)).to(p.device)
    support = torch.bincount(labels, minlength=c)
    table = confusion(labels, chosen, c, class_weights(support, prior)[labels])
    scores = from_sums(table.diagonal(), table.sum(1), table.sum(0))
    plain = confusion(labels, chosen, c).diagonal() / support  # defined even where the prior is 0
    return {**scores, "recall": plain, "support": support}


def from_sums(hits: Tensor, true: Tensor, decided: Tensor) -> dict[str, Tensor]:
    """Recall, precision and F1 ``[C]`` from weighted hits, true and decided totals; 0/0 is nan."""
    return {"recall": hits / true, "precision": hits / decided, "f1": 2 * hits / (true + decided)}


def group_recall(recall: Tensor, groups: Mapping[str, Tensor]) -> dict[str, float]:
    """Mean recall of the classes of each group; classes with nan are left out, and a group with none left is
    nan.

    >>> group_recall(torch.tensor([0.75, torch.nan]), {"many": torch.tensor([0]), "few": torch.tensor([1])})
    {'many': 0.75, 'few': nan}
    """
    return {
        name: float(recall[as_tensor(g).long().to(recall.device)].nanmean()) for name, g in groups.items()
    }
