"""Translated: rare rows give way to frequent ones that a trained net was led to take for the rare class (M2m).

Paper: Kim, Jeong and Shin, "M2m: Imbalanced classification via major-to-minor translation", CVPR 2020, equations 2 to 5:
``x* = argmin_x CE(g(x), k) + lam f_k0(x)``, begun at a row x0 of the more frequent class k0.

| symbol | here |
|---|---|
| g | the teacher, a net trained on the same rows, frozen |
| f | the net that trains, in evaluation mode meanwhile |
| a row of class k gives way | with probability 1 - n_k / max n |
| k0 | drawn from the batch by ``1 - beta^max(n_k0 - n_k, 0)`` |
| eta, T | ``step`` (a gradient of length 1 times it), ``steps`` |
| x* is rejected | where g's probability of k is below ``gamma``, or a coin of that same chance says so |
| warm-up | until ``start`` of the stage |

Lengths are in units of a pixel's range for images, which stay in 0..255; for rows, of the standard deviation of all
numbers in the batch, so that a step means as much whatever the scale. A column that holds categories is moved too.

Differs from the authors' code in the random start, which has the length ``noise`` in each row (theirs is scaled over
the batch).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.net import Net
from longtail.objectives._modes import evaluating
from longtail.objectives._views import views_of
from longtail.objectives.supervised import Batch

PIXELS = 255.0


class Translated(nn.Module):
    """``loss(net(x), y)`` where some rare rows of ``x`` are translated ones; ``y`` stays.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage.
        teachers: trained nets (a fact); one.
        counts: training examples per class (a fact).
        beta: in [0, 1]; nearer to 1, only much more frequent classes are translated. 1: none is.
        gamma: in [0, 1], the probability that g must reach.
        lam: weight of f's logit of the class that the row comes from, at least 0.
        steps: of the descent, at least 1.
        step: its length, above 0.
        noise: length of the random start, at least 0.
        start: progress in [0, 1) at which translation begins.

    Raises:
        ValueError: a number out of its range; another number of teachers; in training: inputs that are no tensor.
    """

    takes = frozenset({"image", "rows"})
    couples_batch = True  # a row is made from another of the batch
    counts: Tensor

    def __init__(
        self,
        loss: nn.Module,
        teachers: tuple[Net, ...],
        counts: Tensor,
        beta: float = 0.999,
        gamma: float = 0.9,
        lam: float = 0.5,
        steps: int = 10,
        step: float = 0.1,
        noise: float = 0.5,
        start: float = 0.0,
    ) -> None:
        super().__init__()
        if len(teachers) != 1:
            raise ValueError(f"Translated needs one teacher and has {len(teachers)}: set Recipe.teachers")
        for name, value in (("beta", beta), ("gamma", gamma)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name}={value} must lie in [0, 1]")
        if not (lam >= 0 and steps >= 1 and step > 0 and noise >= 0 and 0 <= start < 1):
            raise ValueError(
                f"lam={lam} and noise={noise} must be at least 0, steps={steps} at least 1, step={step} above 0, and "
                f"start={start} in [0, 1)"
            )
        self.loss, self.teachers = loss, teachers  # a tuple: the teacher is none of this module's parameters
        self.beta, self.gamma, self.lam = beta, gamma, lam
        self.steps, self.step, self.noise, self.start = steps, step, noise, start
        self.register_buffer("counts", counts.double(), persistent=False)

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        (x,) = views_of(x, 1, "Translated")
        if not isinstance(x, Tensor):  # said before the warm-up is spent
            raise ValueError(
                "Translated moves images or dense features by small steps; words it cannot: leave it out"
            )
        if t >= self.start:
            x = self.translate(net, x, y, generator)
        return {"loss": self.loss(net(x), y)}

    def translate(self, net: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """The batch ``x [B, ...]``, some rows of rare classes translated; its order and labels ``y`` stay."""

        def random(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=generator.device).to(y.device)

        n = self.counts[y]
        chance = 1 - self.beta ** (n[None, :] - n[:, None]).clamp(min=0)  # of row i from row j
        rare = random(len(y)).double() >= n / self.counts.max()
        at = torch.nonzero(rare & (chance.sum(1) > 0)).squeeze(1)
        if len(at) == 0:
            return x
        up_to = chance[at].cumsum(1)
        u = random(len(at)).double()[:, None] * up_to[:, -1:]
        seed = torch.searchsorted(up_to, u, right=True).squeeze(1).clamp(max=len(y) - 1)
        begin, k, k0 = x[seed].float(), y[at], y[seed]
        image = begin.dim() == 4
        unit = PIXELS if image else float(x.float().std(correction=0))
        direction = random(*begin.shape) - 0.5
        with evaluating(net):
            made = self.descend(net, begin + self.noise * unit * _unit(direction), k, k0, unit, image)
        with torch.no_grad():
            taken = self.teachers[0](made).softmax(1).gather(1, k[:, None]).squeeze(1) >= self.gamma
        taken &= random(len(at)).double() < chance[at, seed]
        out = x.to(made.dtype, copy=True)
        out[at[taken]] = made[taken]
        return out

    def descend(self, net: nn.Module, x: Tensor, k: Tensor, k0: Tensor, unit: float, image: bool) -> Tensor:
        """``steps`` steps from ``x`` towards what g takes for ``k`` and f less for ``k0``."""
        for _ in range(self.steps):
            x = (x.clamp(0, PIXELS) if image else x).detach().requires_grad_()
            aim = F.cross_entropy(self.teachers[0](x), k, reduction="sum")
            aim = aim + self.lam * net(x).gather(1, k0[:, None]).sum()
            (gradient,) = torch.autograd.grad(aim, x)
            x = x - self.step * unit * _unit(gradient)
        return (x.clamp(0, PIXELS) if image else x).detach()


def _unit(x: Tensor) -> Tensor:
    """Each row of length 1; one of zeros stays."""
    return F.normalize(x.flatten(1), dim=1).view_as(x)
