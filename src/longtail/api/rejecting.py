"""Rejecting in ``predict``: rows that are probably of none of the model's classes are given none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from longtail.data.predicted import NONE
from longtail.metrics import threshold_for, unknown_score
from longtail.run import Outcome


@dataclass(frozen=True)
class Reject:
    """A row is rejected where the largest of its probabilities is below a number.

    Attributes:
        below: that number; None finds it on held-out rows.
        rate: the share of held-out rows, which are of the model's classes, that is rejected.
    """

    below: float | None = None
    rate: float | None = None

    @classmethod
    def of(cls, outcome: Outcome, below: float | None, rate: float | None) -> Reject | None:
        """What was asked for; None: nothing is rejected.

        Raises:
            ValueError: both, a number out of range, a model that kept no held-out rows, or costs.
        """
        if below is None and rate is None:
            return None
        asked = f"reject_below={below}" if rate is None else f"reject_rate={rate}"
        least = 1 / outcome.classes.num_classes
        if below is not None and rate is not None:
            raise ValueError(f"reject_below={below} and reject_rate={rate}: give one of them")
        if outcome.costs is not None:
            raise ValueError(f"{asked}: the model decides by costs, and those say nothing of a rejected row")
        if NONE in outcome.classes.names:
            raise ValueError(
                f"{asked}: the model has a class {NONE!r}, which is what rejected rows are given"
            )
        if below is not None and not least < below < 1:
            raise ValueError(
                f"reject_below={below} must lie between {least:.3g} and 1: of {outcome.classes.num_classes} classes the "
                "largest probability is never below that"
            )
        if rate is not None and not 0 < rate < 1:
            raise ValueError(f"reject_rate={rate} must be a share between 0 and 1, such as 0.05")
        if rate is not None and outcome.held is None:
            raise ValueError(
                f"reject_rate={rate}: this model kept nothing of held-out rows to find the threshold on; train it again, "
                "or say the threshold: reject_below=0.5"
            )
        return cls(below, rate)

    def threshold(self, outcome: Outcome, prior: Tensor | None) -> float:
        """The largest probability below which a row is rejected, under a prior ``[C]``."""
        if self.below is not None:
            return self.below
        assert outcome.held is not None
        assert self.rate is not None
        assert prior is not None
        probabilities, weight = outcome.held.under(outcome.classes.prior, prior)
        return 1 - threshold_for(unknown_score(probabilities), self.rate, weight)

    def said(
        self, outcome: Outcome, prior: Tensor | None, below: float, rejected: Tensor
    ) -> tuple[dict[str, Any], str]:
        """What was done, as plain numbers and in words; with held-out rows, how many of the known classes it costs."""
        about: dict[str, Any] = {"score": "largest probability", "below": below, "rows": int(rejected.sum())}
        many = f"{about['rows']:,} of {len(rejected):,} rows"
        words = f"{many} are {NONE!r}: their largest probability is below {below:.3f}"
        if outcome.held is None or prior is None:
            return about, words
        probabilities, weight = outcome.held.under(outcome.classes.prior, prior)
        lost = rejected_by(below, probabilities).double()
        names, y = outcome.classes.names, outcome.held.y
        each = {names[k]: float(lost[y == k].mean()) for k in y.unique().tolist()}
        worst = max(each, key=lambda name: each[name])
        share = float((lost * weight).sum() / weight.sum())
        about |= {"held_out": share, "held_out_by_class": each}
        return about, (
            f"{words}. Of {len(y):,} held-out training rows that rejects {share:.1%}; of class {worst!r}, which it costs "
            f"most, {each[worst]:.0%}"
        )


def rejected_by(below: float, probabilities: Tensor) -> Tensor:
    """Bool ``[N]``: the rows whose largest probability is below.

    >>> import torch
    >>> rejected_by(0.7, torch.tensor([[0.9, 0.1], [0.6, 0.4]])).tolist()
    [False, True]
    """
    return probabilities.amax(1).double() < below
