"""Causal: a multi-head normalised classifier that, at test time, removes what the running mean feature
contributes.

Source: Tang et al., "Long-Tailed Classification by Keeping the Good and Removing the Bad Momentum Causal
Effect", NeurIPS 2020 (De-confound-TDE). With f and w_j cut into K parts,
``z_j = tau/K sum_k f^k/||f^k|| . w_j^k / (||w_j^k|| + gamma)`` in training, ``m <- mu m + mean(f)`` on the
side; at test ``f^k/||f^k||`` becomes ``f^k/||f^k|| - alpha cos(f^k, d^k) d^k``, d^k the direction of m's
k-th part.

| symbol | here |
|---|---|
| K, tau, gamma | ``parts``, ``scale``, ``gamma`` |
| alpha | ``alpha`` (CIFAR-10 1.0, CIFAR-100 1.5, ImageNet-LT 3.0; may be changed after training) |
| mu, m | ``momentum``, ``mean`` (a buffer) |

Differs from the authors' code in mu, which there follows the learning rate outside CIFAR; only m's direction
matters. Zero features give zero logits (there: NaN). On several ranks the batch mean is averaged over them. K need
not divide d (there it must).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from longtail.part import Part, part


def causal_logits(
    features: Tensor,
    weight: Tensor,
    mean: Tensor | None = None,
    parts: int = 2,
    scale: float = 16.0,
    gamma: float = 0.03125,
    alpha: float = 1.5,
) -> Tensor:
    """Logits ``[B, C]`` of ``features [B, d]`` and ``weight [C, d]``; with ``mean [d]`` its direction is
    removed.

    >>> f, w = torch.tensor([[3.0, 4.0]]), torch.eye(2)
    >>> causal_logits(f, w, parts=1, scale=1.0, gamma=0.0).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    >>> causal_logits(f, w, torch.tensor([9.0, 0.0]), parts=1, scale=1.0, gamma=0.0, alpha=1.0).tolist()
    [[0.0, 0.800000011920929]]
    """
    f = F.normalize(cut(features, parts), dim=-1)
    w = cut(weight, parts)
    w = w / (w.norm(dim=-1, keepdim=True) + gamma)
    if mean is not None:
        d = F.normalize(cut(mean.to(f.dtype), parts), dim=-1)
        f = f - alpha * (f * d).sum(-1, keepdim=True) * d
    return scale / parts * F.linear(f.flatten(-2), w.flatten(-2))


def cut(x: Tensor, parts: int) -> Tensor:
    """``x [..., d]`` in K parts ``[..., K, d / K]``; parts that are one shorter than others end in a zero.

    >>> cut(torch.tensor([1.0, 2.0, 3.0]), 2).tolist()
    [[1.0, 2.0], [3.0, 0.0]]
    """
    if x.shape[-1] % parts == 0:
        return x.unflatten(-1, (parts, -1))
    pieces = x.tensor_split(parts, -1)
    return torch.stack([F.pad(p, (0, pieces[0].shape[-1] - p.shape[-1])) for p in pieces], -2)


class Causal(nn.Module):
    """``features [B, d] -> logits [B, C]``: plain in training, with the mean direction removed in eval mode.

    Args:
        feature_dim: d (a fact), at least ``parts``.
        num_classes: C (a fact).
        parts: K; the parts are as even as d allows.
        scale: tau > 0.
        gamma: added to the weight norms.
        alpha: how much is removed; 0 removes nothing.
        momentum: mu in [0, 1).

    Raises:
        ValueError: a number out of range, or more parts than features.
    """

    mean: Tensor
    differs_in_eval = True

    def __init__(
        self,
        feature_dim: int,
        num_classes: int,
        parts: int = 2,
        scale: float = 16.0,
        gamma: float = 0.03125,
        alpha: float = 1.5,
        momentum: float = 0.9,
    ) -> None:
        super().__init__()
        if not 1 <= parts <= feature_dim:
            raise ValueError(f"parts={parts} must lie in 1..feature_dim={feature_dim}")
        if not scale > 0 or not gamma >= 0 or not alpha >= 0 or not 0 <= momentum < 1:
            raise ValueError(
                f"scale={scale}, gamma={gamma}, alpha={alpha}, momentum={momentum}: out of range: "
                "need scale > 0, gamma and alpha from 0 on, momentum in [0, 1)"
            )
        self.in_features, self.out_features = feature_dim, num_classes
        self.parts, self.scale, self.gamma = parts, scale, gamma
        self.alpha, self.momentum = alpha, momentum
        self.weight = nn.Parameter(torch.empty(num_classes, feature_dim))
        nn.init.uniform_(self.weight, -(feature_dim**-0.5), feature_dim**-0.5)
        self.register_buffer("mean", torch.zeros(feature_dim))
        self.spec: Part[Any] = part(
            Causal,
            feature_dim=feature_dim,
            num_classes=num_classes,
            parts=parts,
            scale=scale,
            gamma=gamma,
            alpha=alpha,
            momentum=momentum,
        )

    def forward(self, features: Tensor) -> Tensor:
        if self.training:
            self.update(features)
        mean = None if self.training else self.mean
        return causal_logits(features, self.weight, mean, self.parts, self.scale, self.gamma, self.alpha)

    @torch.no_grad()
    def update(self, features: Tensor) -> None:
        """``mean <- momentum * mean + mean over the batch`` of the raw features ``[B, d]``; an empty batch
        is skipped.
        """
        if len(features) == 0:
            return
        batch = features.mean(0).to(self.mean.dtype)
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(batch)
            batch /= distributed.get_world_size()
        self.mean.mul_(self.momentum).add_(batch)
