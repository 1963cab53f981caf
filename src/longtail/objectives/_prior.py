"""The prior of logits whose head one loss trains, on one of a stage's streams."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def prior_of(stage: Any, labels: Any, stream: int) -> Tensor | None:
    """The prior that a stage's loss gives the logits when it is fed by one of its streams."""
    facts = {
        "counts": labels.counts,
        "prior": labels.prior,
        "num_classes": labels.num_classes,
        "labels": labels,
    }
    if not hasattr(stage.loss, "build") or not hasattr(stage.streams[stream], "build"):
        return None  # a switch: on its way from one prior to another
    seen = stage.streams[stream].build(**facts).class_distribution(labels, 1.0)
    prior: Tensor | None = stage.loss.build(**facts).logit_prior(seen)
    return prior
