"""Skilled: three experts, each taught to assume another class prior: natural, balanced, inverted (SADE).

Paper: Zhang et al., "Self-Supervised Aggregation of Diverse Experts for Test-Agnostic Long-Tailed Recognition", NeurIPS
2022, equations 1 to 3: ``CE(z_1) + CE(z_2 + log pi) + CE(z_3 + log pi - tau log pi_inv)``.

| symbol | here |
|---|---|
| pi, pi_inv | rows of :func:`longtail.weights.expert_priors` |
| tau (lambda in the paper) | ``tau`` |

Expert k is trained on ``z_k + log pi - log prior_k``, so that z_k assumes prior_k; the mean of the logits therefore
assumes ``prod_k prior_k ** w_k``, normalised: a closed form, whatever the weights w.

Differs from the authors' code in classes of equal size, which share one value of pi_inv.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.objectives.diverse import each_expert
from longtail.objectives.supervised import Batch
from longtail.prior import same
from longtail.roles import ClaimsPrior
from longtail.weights import expert_priors

TAU = 2.0
NAMES = ("forward", "uniform", "backward")


class Skilled(nn.Module):
    """``loss(z_k + log pi - log prior_k, y)`` for each of three experts, as three terms.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage: cross-entropy.
        counts: training examples per class (a fact).
        tau: how far the third expert is inverted; 0 makes it as balanced as the second.

    Raises:
        ValueError: ``tau`` is negative; in training: a net of another number of experts.
    """

    shift: Tensor

    ignores_progress = True

    def __init__(self, loss: nn.Module, counts: Tensor, tau: float = TAU) -> None:
        super().__init__()
        if tau < 0:
            raise ValueError(f"tau={tau} must not be negative")
        self.loss = loss
        self.priors = expert_priors(counts, tau=tau)
        log = self.priors.log()
        self.register_buffer("shift", (log[0] - log).float(), persistent=False)

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        logits = each_expert(net, x, "Skilled")
        if logits.shape[1] != len(NAMES):
            raise ValueError(f"Skilled needs three experts, and the net has {logits.shape[1]}")
        shifted = logits + self.shift
        return {name: self.loss(shifted[:, k], y) for k, name in enumerate(NAMES)}

    def assumes(self, seen: Tensor) -> Tensor | None:
        """The prior of the experts' plain mean, where the loss leaves the natural prior; else None."""
        claimed = self.loss.assumes(seen) if isinstance(self.loss, ClaimsPrior) else None
        if claimed is None or not same(claimed, self.priors[0]):
            return None
        return self.priors.log().mean(0).softmax(0)
