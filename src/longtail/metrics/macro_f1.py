"""Macro F1: the mean F1 of the classes with an example or a decision, as scikit-learn's.

``macro_f1_argmax`` is that of the most probable class, where another rule decides (tuned thresholds).
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.metric import Batch, Metric, Seen, Sum, Terms
from longtail.metrics.sums import DECIDED, HITS


def f1_of(hits: Tensor, true: Tensor, decided: Tensor) -> Tensor:
    """F1 ``[C]`` from weighted hits, true and decided totals; nan for a class with neither example nor decision.

    >>> f1_of(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0])).tolist()
    [0.6666666865348816, nan]
    """
    both = true + decided
    return torch.where(both > 0, 2 * hits / torch.where(both > 0, both, 1.0), torch.nan)


def f1(seen: Seen) -> Tensor:
    return f1_of(seen["hits"], seen.true, seen["decided"])


def macro_f1(seen: Seen) -> Tensor:
    return f1(seen).nanmean()


def _best_hits(batch: Batch) -> Terms:
    return batch.y, batch.right


def _best(batch: Batch) -> Terms:
    return batch.top[1], None


BEST_HITS = Sum("best_hits", ("class",), _best_hits)
BEST = Sum("best", ("class",), _best)


def macro_f1_argmax(seen: Seen) -> Tensor:
    return f1_of(seen["best_hits"], seen.true, seen["best"]).nanmean()


METRICS = (
    Metric(
        name="macro_f1",
        title="macro F1",
        meaning="Mean over classes of the balance between recall and precision.",
        better="higher",
        needs="decisions",
        weights="rows",
        of=macro_f1,
        sums=(HITS, DECIDED),
        smooth=True,
        by_class=("f1", f1),
        place=30,
        importance=40,
    ),
    Metric(
        name="macro_f1_argmax",
        title="macro F1, most probable class",
        meaning="Macro F1 where the most probable class decides, in place of tuned thresholds.",
        better="higher",
        needs="probabilities",
        weights="rows",
        of=macro_f1_argmax,
        sums=(BEST_HITS, BEST),
        smooth=True,
        place=35,
        importance=1,
    ),
)
