"""MetaSampled: how often each class is drawn is learnt beside the net, for its loss on balanced rows (BALMS).

Paper: Ren et al., "Balanced meta-softmax for long-tailed visual recognition", NeurIPS 2020, section 3.2: rows are drawn
with weight sigmoid(psi_y); psi moves so that the head, one step further on the rows drawn, is better on balanced ones.

| symbol | here |
|---|---|
| psi | ``psi``, one per class, at 0 first; a class is drawn with probability ~ n_c sigmoid(psi_c) |
| the rows to draw from | those that the first and the second stream have brought: shuffled and class-balanced |
| the balanced rows | the second stream |
| inner step | the head's, of size ``inner``, on the stage's loss (balanced softmax) |
| outer loss | cross-entropy of that head |
| Adam on psi | ``rate`` (0.01) |

A draw is a hard Gumbel softmax over the classes, whose gradient is the soft one's (straight through). Then any of the
rows at hand of that class. On several ranks psi follows the first rank's share.

Differs from the authors' code: it draws rows out of all N, which takes a table of B x N; here a class is drawn, and a
row of it from the 2 B that the streams have brought. Its inner step has the current learning rate; here ``inner``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from longtail.objectives._views import encode, views_of
from longtail.objectives.supervised import Batch, per_example

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8  # Adam's


class MetaSampled(nn.Module):
    """``loss(net(drawn), y)`` on as many rows as the first stream has.

    Args:
        loss: ``(logits, y) -> scalar`` with a ``reduction``, from the stage.
        counts: training examples per class (a fact).
        rate: of Adam on psi, at least 0; 0 leaves all classes at their natural rates.
        inner: size of the head's trial step, at least 0.

    Raises:
        ValueError: ``rate`` or ``inner`` is negative; in training: a stage without a second stream.
    """

    couples_batch = True
    psi: Tensor
    first: Tensor
    second: Tensor
    steps: Tensor
    log_counts: Tensor

    def __init__(self, loss: nn.Module, counts: Tensor, rate: float = 0.01, inner: float = 0.1) -> None:
        super().__init__()
        if not (rate >= 0 and inner >= 0):
            raise ValueError(f"rate={rate} and inner={inner} must be at least 0")
        self.loss, self.rate, self.inner = loss, rate, inner
        for name in ("psi", "first", "second"):
            self.register_buffer(name, torch.zeros(len(counts)))
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("log_counts", counts.clamp(min=1).float().log(), persistent=False)

    def forward(
        self, net: Any, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        if len(streams) != 2:
            raise ValueError(
                f"MetaSampled draws from two streams, the second class-balanced, and the stage has {len(streams)}"
            )
        (x_o, y_o), (x_b, y_b) = streams
        (o,), (b,) = (views_of(x, 1, "MetaSampled") for x in (x_o, x_b))
        f_o, f_b = encode(net.backbone, (o, b))
        f, y = torch.cat([f_o, f_b]), torch.cat([y_o, y_b])
        noise = torch.rand(2, len(y_o), len(self.psi), generator=generator, device=generator.device)
        gumbel = -(-noise[0].to(y.device).clamp_min(1e-20).log()).clamp_min(1e-20).log()
        psi = self.psi.detach().clone().requires_grad_()
        soft = (self.weights(psi, y) + gumbel).softmax(1)
        drawn = soft.detach().argmax(1)
        rows = of_class(drawn, y, noise[1, :, 0].to(y.device))
        chosen = soft.gather(1, drawn[:, None]).squeeze(1)
        chosen = chosen + (1 - chosen).detach()  # 1, with the soft draw's gradient
        self.learn(psi, self.outer(net.head, f[rows].detach(), y[rows], chosen, f_b.detach(), y_b))
        return {"loss": self.loss(net.head(f[rows]), y[rows])}

    def weights(self, psi: Tensor, y: Tensor) -> Tensor:
        """Log weight of each class ``[C]``; none for one that has no row in ``y``."""
        here = torch.bincount(y, minlength=len(psi)) > 0
        return torch.where(here, self.log_counts + F.logsigmoid(psi), -torch.inf)

    def outer(
        self, head: nn.Module, f: Tensor, y: Tensor, chosen: Tensor, f_b: Tensor, y_b: Tensor
    ) -> Tensor:
        """Cross-entropy on the balanced rows of the head one step further on the drawn ones, each times ``chosen``."""
        own = {n: p.detach().clone().requires_grad_() for n, p in head.named_parameters()}
        inside = per_example(self.loss, functional_call(head, own, (f,)), y)
        gradients = torch.autograd.grad((chosen * inside).mean(), list(own.values()), create_graph=True)
        further = {n: p - self.inner * g for (n, p), g in zip(own.items(), gradients)}
        return F.cross_entropy(functional_call(head, further, (f_b,)), y_b)

    def learn(self, psi: Tensor, outer: Tensor) -> None:
        """One step of Adam."""
        (gradient,) = torch.autograd.grad(outer, psi)
        with torch.no_grad():
            self.steps += 1
            self.first.lerp_(gradient, 1 - FIRST)
            self.second.lerp_(gradient.square(), 1 - SECOND)
            mean, square = self.first / (1 - FIRST**self.steps), self.second / (1 - SECOND**self.steps)
            self.psi -= self.rate * mean / (square.sqrt() + EPSILON)


def of_class(drawn: Tensor, y: Tensor, u: Tensor) -> Tensor:
    """For each class in ``drawn [B]`` the place in ``y`` of one of its rows, chosen by ``u [B]`` in [0, 1).

    >>> of_class(torch.tensor([1, 0, 1]), torch.tensor([1, 0, 1]), torch.tensor([0.0, 0.9, 0.6])).tolist()
    [0, 1, 2]
    """
    order, size = y.argsort(stable=True), torch.bincount(y)
    begin = size.cumsum(0) - size
    within = (u * size[drawn]).long().clamp(max=size[drawn] - 1)
    return order[begin[drawn] + within]
