"""ProbabilisticContrast: each class of embeddings is a von Mises-Fisher distribution, and the contrast with endlessly
many of its members has a closed form (ProCo).

Paper: Du et al., "Probabilistic contrastive learning for long-tailed visual recognition", TPAMI 2024, proposition 2.

``l_j(v) = F(|kappa_j mu_j + v / T|) - F(kappa_j)``, ``F(k) = log I_nu(k) - nu log k``, ``nu = p / 2 - 1``; the loss is
``loss(head(f_1), y) + weight mean_view loss(l(v), y)``, with the stage's (logit-adjusted) loss.

| symbol | here |
|---|---|
| a_j | mean embedding of class j; kappa_j = p R / (1 - R^2), R = abs(a_j), at most 1e5 |
| T, p | ``temperature``, ``dim`` |
| alpha | ``weight`` |

Memory: two means a class, of the last pass over the data and of this one. Their sums are added up over ranks.

Differs from the authors' code in the Bessel function: theirs is Miller's recurrence, ours Debye's uniform expansion (DLMF
10.41.3) to the third order, wrong by less than 2e-9 for p = 128 (3e-8 for 64); in when a pass ends: after as many
examples as the training set has; and in the means being updated after the loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from longtail.objectives._views import encode, projector, unit, views_of
from longtail.objectives.supervised import Batch


def log_bessel(kappa: Tensor, nu: float) -> Tensor:
    """``log I_nu(kappa) - nu log kappa``, up to a constant that depends on ``nu`` alone; float64.

    >>> x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    >>> round(float(log_bessel(x, 3.0).diff()), 3)  # tables: log(I_3(2) / 8) - log I_3(1) = 0.182
    0.182
    """
    s = (1 + (kappa.double() / nu).square()).sqrt()
    t = 1 / s
    t2 = t.square()
    u1 = t * (3 - 5 * t2) / 24
    u2 = t2 * (81 - 462 * t2 + 385 * t2**2) / 1152
    u3 = t * t2 * (30375 - 369603 * t2 + 765765 * t2**2 - 425425 * t2**3) / 414720
    return nu * (s - torch.log1p(s)) - 0.5 * s.log() + torch.log1p(u1 / nu + u2 / nu**2 + u3 / nu**3)


def proco_logits(v: Tensor, mean: Tensor, temperature: float) -> Tensor:
    """Contrast logits ``[B, C]`` of unit embeddings ``v [B, p]`` and class means ``[C, p]`` of norm at most 1."""
    p = v.shape[1]
    r = mean.double().norm(dim=1)
    kappa = (p * r / (1 - r.square()).clamp(min=1e-12)).clamp(max=1e5)
    cos = v.double() @ (mean.double() / r.clamp(min=1e-12).unsqueeze(1)).T
    square = kappa.square() + 2 * kappa * cos / temperature + 1 / temperature**2
    nu = p / 2 - 1
    return log_bessel(square.clamp(min=1e-12).sqrt(), nu) - log_bessel(kappa, nu)


class ProbabilisticContrast(nn.Module):
    """A classifier on the first view; ProCo's contrast of two others.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage.
        feature_dim, num_classes, counts: facts.
        weight: alpha.
        temperature: T > 0.
        hidden, dim: of the projection; None is 8 d, at most 2,048. ``dim`` at least 4.

    Raises:
        ValueError: ``dim`` below 4, ``temperature`` not above 0.
    """

    sums: Tensor
    start: Tensor
    seen: Tensor

    ignores_progress = True
    prior_of_loss = True  # the head sees the loss on the first view alone

    def __init__(
        self,
        loss: nn.Module,
        feature_dim: int,
        num_classes: int,
        counts: Tensor,
        weight: float = 1.0,
        temperature: float = 0.1,
        hidden: int | None = None,
        dim: int = 128,
    ) -> None:
        super().__init__()
        if dim < 4 or temperature <= 0:
            raise ValueError(f"dim={dim} must be at least 4 and temperature={temperature} above 0")
        self.loss, self.weight, self.temperature = loss, weight, temperature
        self.project = projector(feature_dim, hidden, dim)
        self.examples = int(counts.sum())
        # [0] is the last pass with this one, which the loss reads; [1] is this pass. A class not seen yet counts as one
        # example of a random direction, of length 0.9.
        start = torch.cat([0.9 * unit(torch.randn(num_classes, dim)), torch.ones(num_classes, 1)], 1)
        self.register_buffer("sums", torch.stack([start, torch.zeros_like(start)]).double())
        self.register_buffer("start", start.double())
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        first, *others = encode(net.backbone, views_of(x, 3, "ProbabilisticContrast"))  # type: ignore[arg-type]
        v = unit(self.project(torch.cat(others)))
        mean = self.sums[0, :, :-1] / self.sums[0, :, -1:]
        logits = proco_logits(v, mean, self.temperature).to(first.dtype)
        classes = self.loss(net.head(first), y)  # type: ignore[operator]
        contrast = torch.stack([self.loss(part, y) for part in logits.split(len(y))]).mean()
        self._count(v.detach(), y.repeat(len(others)), len(y))
        return {"classes": classes, "contrast": self.weight * contrast}

    @torch.no_grad()
    def _count(self, v: Tensor, y: Tensor, examples: int) -> None:
        """Add a batch of embeddings; at the end of a pass, what was counted in it becomes the last pass."""
        rows = torch.cat([v, v.new_ones(len(v), 1)], 1).double()
        batch = torch.zeros_like(self.start).index_add_(0, y, rows)
        number = self.seen.new_tensor(examples)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(batch)
            dist.all_reduce(number)
        unseen = torch.eq(self.sums[0], self.start).all(1, keepdim=True)
        last = torch.where(unseen & (batch[:, -1:] > 0), batch, self.sums[0] + batch)
        this = self.sums[1] + batch
        self.seen += number
        over = self.seen >= self.examples
        fresh = torch.where(this[:, -1:] > 0, this, self.start)
        self.sums[0] = torch.where(over, fresh, last)
        self.sums[1] = torch.where(over, torch.zeros_like(this), this)
        self.seen.copy_(torch.where(over, torch.zeros_like(self.seen), self.seen))
