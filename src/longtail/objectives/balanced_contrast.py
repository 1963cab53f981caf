"""BalancedContrast: a classifier on one view, balanced contrast of two others with a prototype a class (BCL).

Paper: Zhu et al., "Balanced contrastive learning for long-tailed visual recognition", CVPR 2022, equation 10:
``L = alpha L_LC + beta L_BCL``; the losses are the stage's and ``longtail.losses.BalancedContrastive``.

| symbol | here |
|---|---|
| v1; v2, v3 | first view; second and third |
| L_LC, alpha | the stage's ``loss`` (logit-adjusted), weight 1 |
| L_BCL, beta | ``contrast``, ``weight`` (0.35 on ImageNet-LT) |
| prototypes | ``unit(MLP(w_c))`` of the head's weights ``[C, d]`` |
| MLP | ``hidden``, ``dim``: linear, BatchNorm, ReLU, linear; one for features, one for prototypes |

All views pass the backbone together, as there: BatchNorm sees them all. Differs from the authors' code in nothing that
we know of. On several ranks each contrasts within its share of the batch; the prototypes are there on each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.objectives._views import encode, projector, unit, views_of
from longtail.objectives.supervised import Batch
from longtail.roles import tensor_of


class BalancedContrast(nn.Module):
    """``loss(head(f_1), y) + weight contrast([v_2, v_3], y, prototypes)``.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage.
        contrast: ``(embeddings [B, 2, dim], y, prototypes [C, dim]) -> scalar``.
        feature_dim: d (a fact).
        weight: of the contrast.
        hidden, dim: of the projections; None is 8 d, at most 2,048.
    """

    couples_batch = True
    ignores_progress = True

    def __init__(
        self,
        loss: nn.Module,
        contrast: nn.Module,
        feature_dim: int,
        weight: float = 0.35,
        hidden: int | None = None,
        dim: int = 128,
    ) -> None:
        super().__init__()
        self.loss, self.contrast, self.weight = loss, contrast, weight
        self.project = projector(feature_dim, hidden, dim)
        self.prototype = projector(feature_dim, hidden, dim)

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        of_class = tensor_of(net.head, "weight")  # type: ignore[arg-type]
        if of_class is None or of_class.dim() != 2:
            raise ValueError(
                f"BalancedContrast makes prototypes of the head's weight [C, d], and {type(net.head).__name__} has "
                "none: use longtail.heads.Cosine or Linear"
            )
        first, *others = encode(net.backbone, views_of(x, 3, "BalancedContrast"))  # type: ignore[arg-type]
        v = unit(self.project(torch.cat(others))).reshape(len(others), len(y), -1).transpose(0, 1)
        contrast = self.contrast(v, y, unit(self.prototype(of_class)))
        return {
            "classes": self.loss(net.head(first), y),  # type: ignore[operator]
            "contrast": self.weight * contrast,
        }
