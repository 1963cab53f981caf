"""Supervised contrastive loss. Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, eq. 2 (the log
inside the mean).

Equation: ``L_i = -(1/|P_i|) sum_{p in P_i} log( exp(f_i f_p / T) / sum_{a != i} exp(f_i f_a / T) )``, over
all views of all samples.

=================  =========================
symbol             argument
=================  =========================
tau                ``temperature``
tau_base           ``base_temperature``: the loss is multiplied by T / T_base; None for no factor
P_i                the items with the anchor's label, itself excluded
(contrast mode)    ``anchors``: ``"all"`` views or the ``"first"`` of each sample
=================  =========================

Use it to train features, in the contrastive branch of a hybrid network, with two views of each image.

Differs from the authors' code in nothing: features are taken as they come (normalise them), and an anchor
without a positive counts as 0 in the mean. It takes ``(features, labels)``, not logits. Contrasts are those
of this process's batch.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from longtail.losses._checks import check_finite
from longtail.losses._contrast import (
    bounded,
    check_base,
    check_features,
    masked_logsumexp,
    mean_of,
    reduced_anchors,
    similarity,
    without_self,
)  # fmt: skip
from longtail.losses._reduce import Reduction

Anchors = Literal["all", "first"]


def supcon(
    features: Tensor,
    labels: Tensor,
    *,
    temperature: float = 0.1,
    base_temperature: float | None = None,
    anchors: Anchors = "all",
    reduction: Reduction = "mean",
) -> Tensor:
    """Supervised contrastive loss.

    Args:
        features: unit vectors ``[B, V, D]``, V views of each sample.
        labels: class indices ``[B]``.
        temperature: of the similarities, > 0.
        base_temperature: multiply by ``temperature / base_temperature``; None does not.
        anchors: ``"all"`` views, or the ``"first"`` of each sample only.
        reduction: over anchors, view after view: ``"none"``, ``"mean"`` or ``"sum"``.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> f = torch.eye(2).unsqueeze(1).repeat(1, 2, 1)  # two samples, two equal views of each
    >>> round(supcon(f, torch.tensor([0, 1]), temperature=1.0).item(), 4)  # log(e + 2) - 1
    0.5514
    """
    check_base(base_temperature)
    check_finite(
        temperature=temperature,
    )
    check_features(features, labels, 3, temperature, reduction)
    if anchors not in ("all", "first"):
        raise ValueError(f"anchors={anchors!r} is unknown; choose 'all' or 'first'")
    batch, views, _ = features.shape
    items, y = bounded(features).transpose(0, 1).flatten(0, 1), labels.repeat(views)
    rows = batch * views if anchors == "all" else batch
    s = similarity(items[:rows], items) / temperature
    others = without_self(rows, len(items), s.device)
    positive = others & (y[:rows].unsqueeze(1) == y)
    loss = masked_logsumexp(s, others) - mean_of(s, positive)
    loss = torch.where(positive.any(1), loss, 0.0)
    if base_temperature is not None:
        loss = loss * (temperature / base_temperature)
    return reduced_anchors(loss, reduction)


class SupCon(nn.Module):
    """Supervised contrastive loss; arguments as in :func:`supcon`.

    >>> SupCon()(torch.eye(4).reshape(2, 2, 4), torch.tensor([0, 0])).shape
    torch.Size([])
    """

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        base_temperature: float | None = None,
        anchors: Anchors = "all",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        check_base(base_temperature)
        check_finite(
            temperature=temperature,
        )
        self.temperature, self.base_temperature = temperature, base_temperature
        self.anchors: Anchors = anchors
        self.reduction: Reduction = reduction

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        return supcon(
            features,
            labels,
            temperature=self.temperature,
            base_temperature=self.base_temperature,
            anchors=self.anchors,
            reduction=self.reduction,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: it trains features, not logits."""
        return None
