"""Unknown priors in ``predict``: how frequent the classes are is estimated on the rows that are to be predicted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from longtail.prior import Prior, Said
from longtail.run import Outcome
from longtail.run.unknown import check_experts, estimated, off_on_held, weigh_experts

WORDS = ("estimated", "experts")
"""What ``prior`` may be in ``predict`` alone: the prior by EM; or the weights of a recipe's experts, by agreement."""
SHOWN = 12
FAR = 0.2
"""An estimate that is so far off on held-out rows is not to be trusted."""


@dataclass(frozen=True)
class Found:
    """What a model says of rows.

    Attributes:
        outcome: that says it.
        prior: that it says it under; None: its decisions are taken as they are.
        probabilities: float32 ``[N, C]``.
        about: what was found of the prior, as plain numbers; empty where the caller said it.
        notes: the same in words.
    """

    outcome: Outcome
    prior: Prior | None
    probabilities: Tensor
    about: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def decide(self, of: Any) -> Tensor:
        """Classes ``[N]``; ``of`` has the values of each column that the costs name."""
        if self.prior is None:
            return self.outcome.but(thresholds=None, aimed=None).decide(self.probabilities, "natural", of)
        return self.outcome.decide(self.probabilities, self.prior, of)


def check_word(outcome: Outcome, prior: Said) -> str | None:
    """The word, where the prior is left to be found; None where it is said.

    Raises:
        ValueError: the model cannot do it.
    """
    word = prior if isinstance(prior, str) and prior in WORDS else None
    if word == "experts":
        check_experts(outcome.net)
    return word


def said_under(outcome: Outcome, encoded: Any, word: str | None, deploy: Prior | None) -> Found:
    """What a model says of rows, under a prior or where that is left to be found.

    Raises:
        ValueError: too few rows, or rows that the experts cannot be asked about twice.
    """
    if word == "experts":
        outcome, weights = weigh_experts(outcome, encoded)
        shares = ", ".join(f"{w:.2f}" for w in weights)
        said = (
            f"experts weighed {shares}, as two views of these {len(encoded):,} rows agree most; they are decided by as "
            "they are, without a prior"
        )
        probabilities = torch.softmax(outcome.logits(encoded).double(), -1).float()
        return Found(outcome, None, probabilities, {"experts": list(weights)}, (said,))
    logits = outcome.logits(encoded)
    if word is None:
        assert deploy is not None
        return Found(outcome, deploy, outcome.probabilities(logits, deploy))
    made = estimated(outcome.meaning, logits)
    prior, names = Prior.given(made.prior), outcome.classes.names
    about = {
        "prior": dict(zip(names, made.prior)), "low": dict(zip(names, made.low)), "high": dict(zip(names, made.high)),
        "level": made.level, "method": made.method, "rows": len(logits), "off_on_held": off_on_held(outcome),
    }  # fmt: skip
    return Found(outcome, prior, outcome.probabilities(logits, prior), about, in_words(about, outcome))


def in_words(about: dict[str, Any], outcome: Outcome) -> tuple[str, ...]:
    """An estimate in words: the classes that it says most of, beside what they were in training."""
    names, natural = outcome.classes.names, outcome.classes.prior.tolist()
    order = sorted(range(len(names)), key=lambda k: -about["prior"][names[k]])
    each = [
        f"{names[k]} {about['prior'][names[k]]:.3f} [{about['low'][names[k]]:.3f}, {about['high'][names[k]]:.3f}], "
        f"in training {natural[k]:.3f}"
        for k in order[:SHOWN]
    ]
    more = f"; and {len(order) - SHOWN} more classes" if len(order) > SHOWN else ""
    said = (
        f"class frequencies estimated on these {about['rows']:,} rows, without their labels (EM; in brackets "
        f"{100 * about['level']:.0f} % intervals, which hold where the probabilities are true and nothing but the "
        "frequencies changed): "
    )
    off = about["off_on_held"]
    if off is None:
        return (said + "; ".join(each) + more,)
    trust = "Do not trust the estimate" if off > FAR else "The method was tried"
    tried = f"{trust}: on held-out training rows, weighted to equal frequencies, it gives {off:.0%} to other classes"
    return said + "; ".join(each) + more, tried
