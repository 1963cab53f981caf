"""Log-loss skill: 1 - NLL / (NLL of saying the prior of each class every time).

1 is perfect, 0 is no better than the prior alone, and below 0 is worse than that. It is scikit-learn's
``d2_log_loss_score``. It can be compared across data sets and priors. The NLL cannot: where one class is common, it is
small by itself. Not defined where one class alone occurs.
"""

from __future__ import annotations

from torch import Tensor

from longtail.metrics.metric import NOT_DEFINED, Metric, Seen
from longtail.metrics.nll import NLL, nll


def nll_of_shares(seen: Seen) -> Tensor:
    """The NLL of the shares of the classes themselves: their entropy, in nats."""
    share = (seen.true / seen.total)[seen.occurs]
    return -(share * share.log()).sum()


def nll_skill(seen: Seen) -> Tensor:
    if int(seen.occurs.sum()) < 2:
        return NOT_DEFINED
    return 1 - nll(seen) / nll_of_shares(seen)


METRICS = (
    Metric(
        name="nll_skill",
        title="log-loss skill",
        meaning="The part of the NLL of the prior alone that is saved: 1 is perfect, 0 no better than the prior.",
        better="higher",
        needs="probabilities",
        weights="rows",
        of=nll_skill,
        sums=(NLL,),
        smooth=True,
        place=75,
        importance=8,
        short="skill",
    ),
)
