"""ROC-AUC: the chance that a row of a class gets a higher probability of it than a row of another; ties count half.

One class against the rest, and the mean over the classes (macro one-vs-rest), as scikit-learn's ``roc_auc_score``. A
class is left out of the mean where it has no row, or all. ``roc_auc_rarest`` is that of the rarest class.
"""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.metric import Metric, Seen


def roc_aucs(seen: Seen) -> Tensor:
    """ROC-AUC of each class against the rest, ``[C]``; nan where the class has no row, or all."""
    assert seen.rows is not None
    r = seen.rows.ranked
    return r.mean(1 - (r.rest_above + r.rest_to) / 2 / r.rest[r.label])


def roc_auc(seen: Seen) -> Tensor:
    return roc_aucs(seen).nanmean()


def roc_auc_rarest(seen: Seen) -> Tensor:
    return roc_aucs(seen)[seen.rarest]


METRICS = (
    Metric(
        name="roc_auc",
        title="ROC-AUC",
        meaning="The chance that a row of a class gets a higher probability of it than another row; mean over classes.",
        better="higher",
        needs="order",
        weights="rows",
        of=roc_auc,
        by_class=("roc_auc", roc_aucs),
        place=64,
        importance=7,
    ),
    Metric(
        name="roc_auc_rarest",
        title="ROC-AUC, rarest class",
        meaning="The ROC-AUC of the rarest class against the rest.",
        better="higher",
        needs="order",
        weights="rows",
        of=roc_auc_rarest,
        place=65,
        importance=3,
        short="AUC, rarest",
    ),
)
