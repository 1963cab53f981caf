"""MaxNorm: no class's weight vector may be longer than a radius; after each step the longer ones are cut back to it.

Alshammari et al., "Long-tailed recognition via weight balancing", CVPR 2022: projected gradient descent onto
``||w_j||_2 <= t``. The nearest point of that ball is ``w_j min(1, t / ||w_j||)``.

| paper | here |
|---|---|
| t | ``radius``; left out, it is measured once on the head at the start of the stage: |
| | the shortest row and ``spread`` of the way to the longest |
| threshold .1 | ``spread`` |

Differs from the authors' code in nothing: the bias is free there too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail.roles import called, tensor_of


class MaxNorm:
    """``Stage(projection=part(MaxNorm))``: after each step the head's rows are at most ``radius`` long.

    Args:
        net: the stage's net at its start (a fact); its head measures the radius.
        spread: from 0, the shortest row's length there, to 1, the longest one's.
        radius: a length for all classes in place of the measured one; infinity sets no bound.

    Raises:
        ValueError: ``spread`` outside [0, 1]; ``radius`` is not above 0; the net's head has no row for each class.

    >>> from torch import nn
    >>> net = nn.ModuleDict({"head": nn.Linear(2, 2)})
    >>> net.head = net["head"]
    >>> _ = net.head.weight.data.copy_(torch.tensor([[3.0, 4.0], [0.6, 0.8]]))
    >>> MaxNorm(net, radius=2.5).project(net)
    >>> net.head.weight.tolist()
    [[1.5, 2.0], [0.6000000238418579, 0.800000011920929]]
    """

    def __init__(self, net: Any, spread: float = 0.1, radius: float | None = None) -> None:
        if not 0 <= spread <= 1:
            raise ValueError(
                f"spread={spread} must lie in [0, 1]: from the shortest row's length to the longest"
            )
        if radius is not None and not radius > 0:
            raise ValueError(f"radius={radius} must be above 0: the most that a row of the head may measure")
        length = torch.linalg.vector_norm(_rows(net).detach(), dim=1)
        low, high = float(length.min()), float(length.max())
        self.radius = low + spread * (high - low) if radius is None else float(radius)

    @torch.no_grad()
    def project(self, net: Any) -> None:
        """Cut the rows of ``net``'s head that are too long; all else keeps its bits."""
        rows = _rows(net)
        length = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
        rows.copy_(torch.where(length > self.radius, rows * (self.radius / length), rows))


def _rows(net: Any) -> Tensor:
    """The weight vectors of the classes, ``[C, d]``."""
    found = tensor_of(net.head, "weight")
    if found is None or found.dim() != 2:
        raise ValueError(
            f"MaxNorm needs a head with a weight vector for each class (Linear), and the net has {called(type(net.head))}"
        )
    return found
