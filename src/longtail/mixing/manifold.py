"""Manifold mixup: mix what a chosen module of the net puts out, instead of the inputs.

Verma et al., *Manifold mixup: better representations by interpolating hidden states*, ICML 2019, eq. 1; at
the pooled features in the bag of tricks (Zhang et al., AAAI 2021).

| paper | here |
|---|---|
| layer k | ``module``: a dotted name inside the net; "backbone" is the pooled features |
| lam ~ Beta(alpha, alpha) | ``alpha`` |

*Differs from the authors' code in* one fixed layer, as the bag of tricks has it, where Verma et al. draw the
layer each step. It mixes features of anything that has a net, so text and sparse rows too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from longtail.mixing.draws import beta, blend, check_alpha


class ManifoldMixup:
    """Draws as :class:`Mixup` does, leaves ``x`` alone, and mixes the output of ``module`` in the next
    forward pass.

    Call ``attach(net)`` once; the draw of ``mix(x, y, generator)`` is used by the first forward pass after
    it.

    Args:
        alpha: shape of Beta(alpha, alpha).
        module: dotted name of the submodule whose output is mixed.
        per_sample: one lam an example (``[B]``) instead of one a batch (scalar).

    Raises:
        ValueError: ``alpha`` is not above 0; the net has no such module.
        RuntimeError: no forward pass used the last draw.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    >>> mix = ManifoldMixup(module="0")
    >>> handle = mix.attach(net)
    >>> x, y_a, y_b, lam = mix(torch.rand(3, 4), torch.tensor([0, 1, 1]), torch.Generator().manual_seed(0))
    >>> net(x).shape
    torch.Size([3, 2])
    """

    def __init__(self, alpha: float = 1.0, module: str = "backbone", per_sample: bool = False) -> None:
        self.alpha, self.module, self.per_sample = check_alpha(alpha), module, per_sample
        self._pending: tuple[Tensor, Tensor] | None = None

    def attach(self, net: nn.Module) -> RemovableHandle:
        """Hook the module; ``.remove()`` on what comes back undoes it."""
        modules = dict(net.named_modules())
        if not self.module or self.module not in modules:
            known = ", ".join(name for name in modules if name and name.count(".") < 2)
            raise ValueError(f"module={self.module!r} is not in the net; there are: {known}")
        return modules[self.module].register_forward_hook(self._mix)

    def _mix(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        if self._pending is None:
            return output
        (partner, lam), self._pending = self._pending, None
        return blend(output, partner, lam)

    def __call__(self, x: Any, y: Tensor, generator: torch.Generator) -> tuple[Any, Tensor, Tensor, Tensor]:
        if self._pending is not None:
            self._pending = None
            raise RuntimeError(
                f"no forward pass used the last draw: call attach(net) first (module={self.module!r})"
            )
        lam = beta(self.alpha, (len(y),) if self.per_sample else (), generator)
        partner = torch.randperm(len(y), generator=generator, device=generator.device)
        self._pending = (partner, lam)
        return x, y, y[partner], lam
