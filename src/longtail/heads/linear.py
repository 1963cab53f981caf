"""Linear: the plain affine head ``z = W f + b``, as a value that can be rebuilt from its settings.

Source: the joint baseline and the cRT head of Kang et al., "Decoupling Representation and Classifier for
Long-Tailed Recognition", ICLR 2020.

| symbol | here |
|---|---|
| W ``[C, d]``, b ``[C]`` | ``weight``, ``bias`` |

Differs from the authors' code in nothing; ``init="kaiming"`` is what the CIFAR ResNets of the field use for
their head.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from longtail import roles
from longtail.part import Part, part


class Linear(nn.Linear):
    """``features [B, d] -> logits [B, C]``.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        bias: add b?
        init: ``"default"`` (PyTorch's) or ``"kaiming"`` (normal, fan-in, gain sqrt 2; the bias stays
            PyTorch's).

    Raises:
        ValueError: unknown ``init``.

    >>> import torch
    >>> Linear(4, 3)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, feature_dim: int, num_classes: int, bias: bool = True, init: str = "default") -> None:
        if init not in ("default", "kaiming"):
            raise ValueError(f"init={init!r} must be 'default' or 'kaiming'")
        super().__init__(feature_dim, num_classes, bias=bias)
        if init == "kaiming":
            nn.init.kaiming_normal_(self.weight)
        self.spec: Part[Any] = part(
            Linear, feature_dim=feature_dim, num_classes=num_classes, bias=bias, init=init
        )


def spec_of(head: nn.Module) -> Part[Any]:
    """The part that rebuilds ``head`` (with fresh weights): its own ``spec``, or :class:`Linear` for an
    ``nn.Linear``.

    Raises:
        TypeError: neither.

    >>> spec_of(nn.Linear(4, 3))
    Linear(bias=True, feature_dim=4, init='default', num_classes=3)
    """
    spec = roles.spec_of(head)
    if spec is not None:
        return spec
    if type(head) is nn.Linear:
        return part(
            Linear,
            feature_dim=head.in_features,
            num_classes=head.out_features,
            bias=head.bias is not None,
            init="default",
        )
    raise TypeError(
        f"head {type(head).__name__} has no 'spec' to rebuild it from: give it one (longtail.part.part), "
        "or swap it with SwapHead"
    )
