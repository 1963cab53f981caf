"""Routed: experts asked one after another, until a router says that one more would not help (RIDE's second stage).

Source: Wang et al., "Long-tailed Recognition by Routing Diverse Distribution-Aware Experts", ICLR 2021, section 3.3:
after k experts, ``r_k = FC[ top(zbar_k) ; relu(W_k f_k / ||f_k||) ]`` from the sorted largest mean logits so far and the
k-th expert's features; the next expert is asked where ``r_k > 0``.

| symbol | here |
|---|---|
| the number of sorted logits (30) | ``top``, at most C |
| W_k (16 rows) | ``looks[k]``, ``hidden`` |
| FC, shared by all k | ``decide`` |

Differs from the authors' code in the mean, which is weighted where the experts are (SADE).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.heads.experts import Experts
from longtail.part import Part, part


class Routed(nn.Module):
    """``features -> logits [B, C]``: the mean of all experts in training, of those asked in eval mode.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        inner: the experts; None makes fresh ones.
        top: logits that the router sees.
        hidden: width of its layer.

    Raises:
        ValueError: ``inner`` has other sizes, ``top`` or ``hidden`` is below 1.
    """

    def __init__(
        self,
        feature_dim: int,
        num_classes: int,
        inner: Experts | None = None,
        top: int = 30,
        hidden: int = 16,
    ) -> None:
        super().__init__()
        inner = Experts(feature_dim, num_classes) if inner is None else inner
        if (inner.in_features, inner.out_features) != (feature_dim, num_classes):
            raise ValueError(
                f"inner maps {inner.in_features} features to {inner.out_features} classes, not "
                f"{feature_dim} to {num_classes}"
            )
        if top < 1 or hidden < 1:
            raise ValueError(f"top={top} and hidden={hidden} must be at least 1")
        self.in_features, self.out_features, self.top = feature_dim, num_classes, min(top, num_classes)
        self.inner = inner
        widths = [int(b.out_features) for b in inner.branches][:-1]  # type: ignore[arg-type]
        self.looks = nn.ModuleList(nn.Linear(w, hidden) for w in widths)
        self.decide = nn.Linear(self.top + hidden, 1)
        self.trained_elsewhere = tuple(n for n, _ in self.named_parameters() if not n.startswith("inner."))
        self.spec: Part[Any] = part(
            Routed, feature_dim=feature_dim, num_classes=num_classes, inner=inner.spec, top=top, hidden=hidden
        )

    def more(self, k: int, own: Tensor, mean: Tensor) -> Tensor:
        """r_k ``[B]``, the log-odds that more experts would help, from expert k's features and the mean so far."""
        look = torch.relu(self.looks[k](F.normalize(own, dim=-1)))
        r: Tensor = self.decide(torch.cat([mean.topk(self.top, -1).values, look], -1))
        return r.squeeze(-1)

    def all(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean logits of the first k experts for every k, ``[B, K, C]``, and r ``[B, K - 1]``."""
        k_all, w = len(self.inner.branches), self.inner.weights
        owns, logits = zip(*(self.inner.expert(k, features) for k in range(k_all)))
        means = (w[:, None] * torch.stack(logits, 1)).cumsum(1) / w.cumsum(0)[:, None]
        rs = [self.more(k, owns[k], means[:, k]) for k in range(k_all - 1)]
        return means, torch.stack(rs, 1) if rs else means.new_zeros(len(means), 0)

    def route(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``[B, C]`` of the experts asked, and how many that were, int64 ``[B]``; the others are not computed."""
        w = self.inner.weights
        own, logits = self.inner.expert(0, features)
        total, asked = w[0] * logits, torch.ones(len(logits), dtype=torch.int64, device=logits.device)
        rows = torch.arange(len(logits), device=logits.device)
        for k in range(1, len(self.inner.branches)):
            rows = rows[self.more(k - 1, own, total[rows] / w[:k].sum()) > 0]
            if not len(rows):
                break
            own, logits = self.inner.expert(k, features[rows])
            total = total.index_add(0, rows, w[k] * logits)
            asked[rows] = k + 1
        return total / w.cumsum(0)[asked - 1, None], asked

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.inner(features) if self.training else self.route(features)[0]
        return logits
