"""Chance: a model that is worse than a guess on the very rows it was trained on is broken, whatever a table says."""

from __future__ import annotations

import torch

from longtail.examples import Examples
from longtail.run import Outcome

ROWS = 10_000
"""Training rows that are looked at, evenly spread."""
ERRORS = 4
"""Standard errors below a guess that chance is believed to reach: one run in 30,000 that has learnt nothing goes below.
At three it is one in 700, and a large table has as many."""


class WorseThanChance(RuntimeError):
    """A model is worse than a guess on its own training rows."""


def check_learnt(outcome: Outcome, data: Examples) -> None:
    """Is the outcome at least as good as a guess on the rows it was trained on?

    Balanced accuracy of the most probable class: 1 / K for a guess, and for a model that has learnt nothing. It must not
    lie :data:`ERRORS` standard errors below.

    Raises:
        WorseThanChance: it does.
    """
    rows = torch.arange(0, len(data), max(1, -(-len(data) // ROWS)))
    logits, y = outcome.logits(data.source.take(rows)), data.labels.y[rows]
    if outcome.prior_source != "none":
        logits = outcome.probabilities(logits, "balanced").log()
    counts = torch.bincount(y, minlength=data.labels.num_classes).double()
    right = torch.bincount(y[logits.argmax(1) == y], minlength=len(counts)).double()
    present = counts > 0
    recall, n = right[present] / counts[present], counts[present]
    k = len(n)
    guess = 1 / k
    error = float((guess * (1 - guess) / n).sum().sqrt()) / k
    if k > 1 and float(recall.mean()) < guess - ERRORS * error:
        raise WorseThanChance(
            f"on its own training rows its balanced accuracy is {float(recall.mean()):.3f}, and a guess has {guess:.3f}: "
            "it has learnt to tell the classes apart the wrong way round, or not for these data; take another recipe, or "
            "other settings of this one"
        )
