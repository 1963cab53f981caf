"""Open set: inputs of classes that training never saw are to be rejected as unknown, and the others classified.

Paper: Liu et al., "Large-Scale Long-Tailed Recognition in an Open World" (OLTR), CVPR 2019: reject where the largest
probability is below a threshold (.1 there); ``F = 2 P R / (P + R)``, ``P = TP / (TP + FP)``, ``R = TP / (TP + FN)``.

| symbol | here |
|---|---|
| TP | known inputs, accepted and classified right |
| FP | known inputs, classified wrong or rejected |
| FN | unknown inputs, accepted |
| probability threshold | ``threshold`` |

So P is the accuracy on the known inputs, and F counts an accepted unknown as something missed, as the authors' code has
it. Differs from it in nothing; where nothing is right, F is 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.inputs import ArrayLike, as_labels, as_probs, as_tensor

UNKNOWN = -1


def unknown_score(probs: ArrayLike) -> Tensor:
    """``1 - max_j p_j``, float64 ``[N]``: how little the most probable class convinces, in [0, 1 - 1/C].

    >>> unknown_score([[0.9, 0.1], [0.5, 0.5]]).round(decimals=3).tolist()
    [0.1, 0.5]
    """
    return 1 - as_probs(probs).amax(1)


def threshold_for(score: ArrayLike, rejected: float = 0.05, weight: ArrayLike | None = None) -> float:
    """The score above which that share of held-out *known* inputs is rejected; ``1 - threshold`` of OLTR's probability.

    The published .1 on the probability is made for a thousand classes; with few, nothing is ever below it.

    Args:
        score: unknown scores of held-out inputs of known classes, ``[N]``; rejected: in [0, 1).
        weight: how much each input counts, from 0 on, ``[N]``; None is equally.

    >>> threshold_for([0.1, 0.2, 0.3, 0.4], rejected=0.25)
    0.3
    >>> threshold_for([0.1, 0.2, 0.3, 0.4], rejected=0.25, weight=[1, 1, 3, 3])
    0.4
    """
    s = as_tensor(score).double().flatten()
    if not len(s) or not 0 <= rejected < 1:
        raise ValueError(
            f"score has {len(s)} entries and rejected={rejected}: need some, and a share in [0, 1)"
        )
    w = torch.ones_like(s) if weight is None else as_tensor(weight).double().flatten().to(s.device)
    if w.shape != s.shape or not bool((w >= 0).all()) or not float(w.sum()) > 0:
        raise ValueError(f"weight must be {len(s)} numbers from 0 on, not all 0")
    order = s.argsort()
    above = (w.sum() - w[order].cumsum(0)) / w.sum()  # the share that lies above each score
    return float(s[order[int((above > rejected + 1e-9).sum())]])


def open_set(
    probs: ArrayLike, y: ArrayLike, threshold: float = 0.9, score: ArrayLike | None = None
) -> dict[str, float]:
    """How well known inputs are classified and unknown ones rejected.

    | key | meaning |
    |---|---|
    | f_measure, precision, recall | as above |
    | known_accuracy | share of the known inputs that are accepted and right (the precision again) |
    | known_rejected | share of the known inputs that are rejected |
    | unknown_rejected | share of the unknown inputs that are rejected; nan without any |
    | auroc | probability that an unknown input scores higher than a known one (ties count half); nan without both |

    Args:
        probs: probabilities of the known classes, ``[N, C]``.
        y: class indices, -1 where the class is none of them, ``[N]``.
        threshold: an input is rejected where its score is above; .9 is OLTR's probability below .1.
        score: the unknown score ``[N]``; None is ``unknown_score(probs)``.

    Raises:
        ValueError: rows that are no probabilities, labels out of range, lengths that differ, no known input, or a score
            or threshold that is nan. TypeError: labels that are no integers.

    >>> p = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.55, 0.45]]
    >>> scores = open_set(p, [0, 1, 0, -1], threshold=0.42)
    >>> scores["f_measure"], scores["unknown_rejected"]
    (1.0, 1.0)
    """
    p = as_probs(probs)
    n, c = p.shape
    labels = as_labels(as_tensor(y) + 1, c + 1, length=n).to(p.device) - 1
    s = unknown_score(p) if score is None else as_tensor(score).double().to(p.device)
    if s.shape != (n,) or bool(s.isnan().any()) or threshold != threshold:
        raise ValueError(
            f"score has shape {tuple(s.shape)} and threshold={threshold}: need [{n}] numbers, no nan"
        )
    known = labels != UNKNOWN
    if not bool(known.any()):
        raise ValueError("y holds unknown inputs (-1) only: there must be known ones too")
    rejected = s > threshold
    right = known & ~rejected & (p.argmax(1) == labels)
    tp, fp = float(right.sum()), float((known & ~right).sum())
    fn = float((~known & ~rejected).sum())
    precision, recall = tp / (tp + fp), tp / max(tp + fn, 1.0)
    unknowns = int((~known).sum())
    return {
        "f_measure": 2 * precision * recall / max(precision + recall, 1e-300),
        "precision": precision,
        "recall": recall,
        "known_accuracy": precision,
        "known_rejected": float(rejected[known].double().mean()),
        "unknown_rejected": float(rejected[~known].double().mean()) if unknowns else float("nan"),
        "auroc": auroc(s[~known], s[known]) if unknowns else float("nan"),
    }


def auroc(high: Tensor, low: Tensor) -> float:
    """Probability that one of ``high`` lies above one of ``low``, ties counting half.

    >>> auroc(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 2.0]))
    0.875
    """
    order = low.sort().values
    below = torch.searchsorted(order, high) + torch.searchsorted(order, high, right=True)
    return float(below.double().mean() / (2 * len(low)))
