"""SAM: the gradient at the worst point nearby, for flat minima; it helps tail classes most.

Foret et al., "Sharpness-aware minimization for efficiently improving generalization", ICLR 2021, equation 2:
e = rho g / ||g||, and the step uses the gradient at w + e. Adaptive: Kwon et al., "ASAM", ICML 2021, equation 7:
e = rho w^2 g / || |w| g ||. On long tails: Rangwani et al., "Escaping saddle points for effective generalization on
class-imbalanced data", NeurIPS 2022.

| paper | here |
|---|---|
| rho | ``rho`` (0.05; ASAM 0.5) |
| T_w = abs(w) | ``adaptive=True`` |

BatchNorm's running statistics do not move in the second pass. A loss with a state (GHM, seesaw) sees each batch twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class SAM:
    """``Stage(sharpness=part(SAM, rho=0.05))``; each step costs two.

    Args:
        rho: radius of the neighbourhood; 0 is the plain gradient.
        adaptive: measure the radius in units of each weight (ASAM).

    Raises:
        ValueError: ``rho`` is negative.

    >>> net = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.zeros_(net.weight)
    >>> net.weight.grad = torch.tensor([[3.0, 4.0]])
    >>> with SAM(rho=1.0).worst(net):
    ...     net.weight.detach().clone()
    tensor([[0.6000, 0.8000]])
    >>> net.weight.tolist()
    [[0.0, 0.0]]
    """

    def __init__(self, rho: float = 0.05, adaptive: bool = False) -> None:
        if rho < 0:
            raise ValueError(f"rho={rho} must be at least 0: the radius of the neighbourhood")
        self.rho, self.adaptive = rho, adaptive

    @contextmanager
    def worst(self, net: nn.Module) -> Iterator[None]:
        """Inside, the parameters that have a gradient stand at the worst point nearby, and BatchNorm does not count."""
        moved = [p for p in net.parameters() if p.grad is not None]
        norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._NormBase)]
        momenta = [m.momentum for m in norms]
        with torch.no_grad():
            grads = [p.grad * p.abs() if self.adaptive else p.grad for p in moved]  # type: ignore[operator]
            length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))  # type: ignore[arg-type]
            before = [p.detach().clone() for p in moved]
            for p, g in zip(moved, grads):
                p.add_((g * p.abs() if self.adaptive else g) * (self.rho / length.clamp(min=1e-12)))  # type: ignore[operator]
        for m in norms:
            m.momentum = 0.0
        try:
            yield
        finally:
            for m, momentum in zip(norms, momenta):
                m.momentum = momentum
            with torch.no_grad():
                for p, value in zip(moved, before):
                    p.copy_(value)
