"""MomentumContrast: two views of an image agree against a queue of others; no label is used (MoCo-v2, SSP).

Papers: He et al., "Momentum contrast for unsupervised visual representation learning", CVPR 2020, equation 1 and
algorithm 1; Chen et al., "Improved baselines with momentum contrastive learning" (MoCo-v2), 2020, for the projection and
the views; as pre-training on long-tailed data, Yang and Xu, NeurIPS 2020.

| symbol | here |
|---|---|
| q, k+ | first view through the backbone, second through its slow copy |
| queue, K | ``queue``: the last keys (65,536 on ImageNet-LT there) |
| m | ``momentum`` |
| tau | ``temperature`` |
| MLP | ``dim``; one hidden layer as wide as the features |

Differs from the authors' code in the order of batches, which is not shuffled between devices: on several ranks BatchNorm
sees a rank's own share, and the queue holds the first rank's keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.objectives._momentum import KeyEncoder, Queue
from longtail.objectives._views import projector, unit, views_of
from longtail.objectives.supervised import Batch


def info_nce(q: Tensor, k: Tensor, others: Tensor, temperature: float = 0.2) -> Tensor:
    """``-log exp(q k / T) / (exp(q k / T) + sum_j exp(q n_j / T))``, the mean over the batch.

    Args:
        q, k: unit vectors ``[B, dim]`` of two views.
        others: unit vectors ``[K, dim]``.
        temperature: T > 0.

    >>> q = torch.eye(2)
    >>> round(info_nce(q, q, -q[:1], temperature=1.0).item(), 4)  # log(1 + e^-2) and log(1 + e^-1), averaged
    0.2201
    """
    own = (q * k).sum(1, keepdim=True)
    s = torch.cat([own, q @ others.T], 1) / temperature
    return (torch.logsumexp(s, 1) - s[:, 0]).mean()


class MomentumContrast(nn.Module):
    """InfoNCE of two views, keys from a slow copy of the backbone.

    Args:
        net: the stage's net at its start, whose backbone is copied (a fact).
        feature_dim: d (a fact).
        dim: of the embeddings.
        queue: number of keys kept.
        momentum: of the slow copy.
        temperature: T > 0.

    Raises:
        ValueError: ``momentum`` outside [0, 1), ``queue`` below 1, ``temperature`` not above 0.
    """

    couples_batch = True
    ignores_progress = True

    def __init__(
        self,
        net: nn.Module,
        feature_dim: int,
        dim: int = 128,
        queue: int = 1024,
        momentum: float = 0.999,
        temperature: float = 0.2,
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature={temperature} must be above 0")
        self.project = projector(feature_dim, feature_dim, dim, norm=False)
        self.key = KeyEncoder(net.backbone, self.project, momentum)  # type: ignore[arg-type]
        self.queue, self.temperature = Queue(queue, dim), temperature

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        one, two = views_of(streams[0][0], 2, "MomentumContrast")
        backbone: nn.Module = net.backbone  # type: ignore[assignment]
        self.key.follow(backbone, self.project)
        q, k = unit(self.project(backbone(one))), self.key(two)
        others, _ = self.queue.read()
        self.queue.push(k)
        return {"contrast": info_nce(q, k, others, self.temperature)}
