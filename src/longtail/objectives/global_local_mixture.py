"""GlobalLocalMixture: mixup and cutmix of the same pairs agree in feature space, and the weight moves from a plain head
to a re-weighted one (GLMC).

Paper: Du et al., "Global and local mixture consistency cumulative learning for long-tailed visual recognitions", CVPR
2023: ``a [CE(z, Y)] + (1 - a) [CE(z_w, Y_w)] + c [-cos(p_1, sg z_2) - cos(p_2, sg z_1)]``, ``a = 1 - (T / T_max)^2``.

| symbol | here |
|---|---|
| pairs (o, r) | first and second stream, shuffled and re-sampled (class probability ~ n_j^(1 - k)) |
| mixup, cutmix | the same lam ~ Beta(1, 1) a batch; on rows of features, cutmix exchanges features |
| fc | a head of the objective's own |
| fc_cb | the net's head, which is what is kept |
| w_j ~ n_j^-q | ``power``, the weights adding up to C |
| c | ``weight`` |
| projection, predictor | one linear layer each, ``dim`` |

Differs from the authors' code in the label's share, which is that of the box after clipping, as cutmix has it (there lam
itself). On several ranks each mixes its own share.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.objectives._views import encode, views_of
from longtail.objectives.bilateral import cumulative
from longtail.objectives.supervised import Batch


def cut(x: Tensor, other: Tensor, lam: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """``x`` with a part of ``other`` in it, about ``1 - lam`` of it, and the share of ``x`` that is left.

    Images ``[B, C, H, W]`` exchange a box, rows ``[B, d]`` features.
    """
    u = torch.rand(2, generator=generator, device=generator.device).to(x.device)
    if x.dim() == 2:
        n = x.shape[1]
        order = torch.rand(n, generator=generator, device=generator.device).to(x.device).argsort()
        taken = order < ((1 - lam) * n).round()
        return torch.where(taken, other, x), 1 - taken.float().mean()
    inside = []
    for side, centre in zip(x.shape[2:], u):
        half = side * (1 - lam).sqrt() / 2
        place = torch.arange(side, device=x.device) + 0.5
        inside.append((place - centre * side).abs() < half)
    box = inside[0][:, None] & inside[1][None, :]
    return torch.where(box, other, x), 1 - box.float().mean()


class GlobalLocalMixture(nn.Module):
    """Two mixtures of two streams, two heads, and consistency between the mixtures.

    Args:
        feature_dim, num_classes, counts: facts.
        power: q of the class weights.
        weight: c of the consistency.
        dim: of projection and predictor.
    """

    takes = frozenset({"image", "rows"})
    couples_batch = True
    class_weight: Tensor

    def __init__(
        self,
        feature_dim: int,
        num_classes: int,
        counts: Tensor,
        power: float = 1.2,
        weight: float = 4.0,
        dim: int = 128,
    ) -> None:
        super().__init__()
        self.plain = nn.Linear(feature_dim, num_classes)
        self.project, self.predict = nn.Linear(feature_dim, dim), nn.Linear(dim, dim)
        w = counts.clamp(min=1).double() ** -power
        self.register_buffer("class_weight", (w * num_classes / w.sum()).float(), persistent=False)
        self.weight, self.num_classes = weight, num_classes

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        if len(streams) != 2:
            raise ValueError(f"GlobalLocalMixture needs two streams, and the stage has {len(streams)}")
        (x_o, y_o), (x_r, y_r) = streams
        (o,), (r,) = (views_of(x, 1, "GlobalLocalMixture") for x in (x_o, x_r))
        if not isinstance(o, Tensor):
            raise ValueError(
                "GlobalLocalMixture mixes images or dense features; bags of words it cannot mix: leave it out"
            )
        lam = torch.rand((), generator=generator, device=generator.device).to(o.device)
        part, share = cut(o, r, lam, generator)
        f = encode(net.backbone, (lam * o + (1 - lam) * r, part.to(torch.float32)))  # type: ignore[arg-type]
        targets = [F.one_hot(y, self.num_classes).to(f[0].dtype) for y in (y_o, y_r)]
        alpha, plain, weighted = cumulative(t), f[0].new_zeros(()), f[0].new_zeros(())
        for features, kept in zip(f, (lam, share)):
            soft = kept * targets[0] + (1 - kept) * targets[1]
            plain = plain + F.cross_entropy(self.plain(features), soft)
            logits = net.head(features)  # type: ignore[operator]
            weighted = weighted + F.cross_entropy(logits, soft * self.class_weight)
        z = [self.project(features) for features in f]
        p = [self.predict(v) for v in z]
        agree = torch.stack([F.cosine_similarity(p[i], z[1 - i].detach()) for i in (0, 1)]).mean(1).sum()
        return {
            "plain": alpha * plain,
            "weighted": (1 - alpha) * weighted,
            "consistency": -self.weight * agree,
        }
