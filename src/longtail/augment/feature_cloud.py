"""Feature clouds: features of tail classes spread about their class centre as far as those of head classes.

Liu et al., *Deep representation learning on long-tailed data: a learnable embedding augmentation perspective*
(LEAP), CVPR 2020,
sections 3.2-3.4. The angle between a feature and its class centre has variance s_k**2 in class k; where that lies below
the head classes' s_h**2, each feature is turned by alpha ~ N(0, s_h**2 - s_k**2), so that the cloud's angle has
variance s_h**2.

| paper | here |
|---|---|
| head classes | ``head``: counts above it; None takes the flexible form: all classes' mean variance |
| centre c_k, moving average | ``momentum`` |
| memory of angles | ``memory`` angles a class |

No code was published. *Differs from the paper in* turning the feature itself, away from or towards its centre in the
plane of the two, so that any loss can follow; there the angle to the class weight is changed inside ArcFace or CosFace.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.by_class import by_class


def spread(features: Tensor, centers: Tensor, alpha: Tensor) -> Tensor:
    """Turn each feature by ``alpha`` away from its centre, keeping its norm; the angle stays in [0, pi].

    Args:
        features, centers: ``[B, D]``; alpha: radians ``[B]``, negative towards the centre.

    >>> spread(torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([-torch.pi / 4])).round(decimals=3)
    tensor([[1.4140, 0.0000]])
    """
    c = F.normalize(centers, dim=1)
    along = (features * c).sum(1, keepdim=True)
    across = features - along * c
    length = across.norm(dim=1, keepdim=True)
    angle = (torch.atan2(length, along) + alpha[:, None]).clamp(0, torch.pi)
    norm = features.norm(dim=1, keepdim=True)
    turned = norm * (torch.cos(angle) * c + torch.sin(angle) * across / length.clamp(min=1e-12))
    return torch.where(length > 1e-6 * norm, turned, features)  # a feature on its centre has no plane


class FeatureCloud(nn.Module):
    """Follows centres and angles in training, and spreads the features of narrow classes; the identity in evaluation.

    Classes with fewer than two remembered angles, and head classes, keep their features. Statistics carry no gradient,
    and are those of this process (ranks are not averaged).

    Args:
        counts: training examples of each class, ``[C]`` (a fact).
        feature_dim: D (a fact).
        head: see above.
        momentum: of the centres.
        memory: angles remembered a class.

    Raises:
        ValueError: ``momentum`` outside [0, 1), ``memory`` below 2, no class above ``head``.

    >>> cloud = FeatureCloud(torch.tensor([100, 3]), feature_dim=4)
    >>> cloud(torch.rand(6, 4), torch.tensor([0, 0, 0, 0, 1, 1]), torch.Generator().manual_seed(0)).shape
    torch.Size([6, 4])
    """

    centers: Tensor
    angles: Tensor
    seen: Tensor
    is_head: Tensor

    def __init__(
        self,
        counts: Tensor,
        feature_dim: int,
        head: int | None = None,
        momentum: float = 0.9,
        memory: int = 64,
    ) -> None:
        super().__init__()
        if not 0 <= momentum < 1 or memory < 2:
            raise ValueError(f"momentum={momentum} must lie in [0, 1) and memory={memory} be at least 2")
        is_head = torch.as_tensor(by_class("counts", counts)) > (-1 if head is None else head)
        if not bool(is_head.any()):
            raise ValueError(f"head={head}: no class has more examples; lower it or use None")
        self.flexible, self.momentum, self.memory = head is None, momentum, memory
        self.register_buffer("centers", torch.zeros(len(counts), feature_dim))
        self.register_buffer("angles", torch.zeros(len(counts), memory))
        self.register_buffer("seen", torch.zeros(len(counts), dtype=torch.int64))
        self.register_buffer("is_head", is_head)

    def variances(self) -> Tensor:
        """Variance of the remembered angles of each class, ``[C]``; nan below two."""
        known = torch.arange(self.memory, device=self.seen.device) < self.seen[:, None]
        n = known.sum(1)
        mean = (self.angles * known).sum(1) / n.clamp(min=1)
        squares = ((self.angles - mean[:, None]) ** 2 * known).sum(1)
        return torch.where(n >= 2, squares / (n - 1).clamp(min=1), torch.nan)

    @torch.no_grad()
    def update(self, features: Tensor, y: Tensor) -> None:
        """Move the centres of the classes in the batch and remember its angles."""
        unit = F.normalize(features.detach().to(self.centers.dtype), dim=1)
        n = torch.bincount(y, minlength=len(self.centers))
        mean = torch.zeros_like(self.centers).index_add_(0, y, unit) / n.clamp(min=1)[:, None]
        keep = torch.where(self.seen > 0, self.momentum, 0.0)[:, None]
        self.centers.copy_(torch.where(n[:, None] > 0, keep * self.centers + (1 - keep) * mean, self.centers))
        angle = (unit * F.normalize(self.centers[y], dim=1)).sum(1).clamp(-1, 1).acos()
        order = y.argsort(stable=True)  # the number of each example among those of its class
        within = torch.empty_like(y)
        within[order] = torch.arange(len(y), device=y.device) - (n.cumsum(0) - n)[y[order]]
        last = n[y] - within <= self.memory  # of more than fit, the last
        slot = (self.seen[y] + within) % self.memory
        self.angles[y[last], slot[last]] = angle[last]
        self.seen += n

    def forward(self, features: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        if not self.training:
            return features
        self.update(features, y)
        variance = self.variances()
        target = variance[self.is_head].nanmean()
        lacking = (target - variance).clamp(min=0).nan_to_num(0.0)
        if not self.flexible:
            lacking = torch.where(self.is_head, 0.0, lacking)
        noise = torch.randn(len(y), generator=generator, device=y.device)
        return spread(
            features, self.centers[y].to(features.dtype), (noise * lacking[y].sqrt()).to(features.dtype)
        )
