"""Put a learnt correction around the present head: class scales (LWS, MiSLAS) or a gated affine map
(DisAlign).

Source: Kang et al., ICLR 2020 (LWS), and Zhang et al., CVPR 2021 (DisAlign); see
:class:`longtail.heads.Scaled` and :class:`longtail.heads.Aligned` for formulas and differences. The backbone
is shared; the present head is copied, so training the new one never changes the old net's head. Freeze it by
the stage's ``trains``: ``("head.scale",)`` for LWS, ``("head.logit_*", "head.confidence.*")`` for DisAlign.
"""

from __future__ import annotations

import copy

from torch import Tensor

from longtail.heads import Aligned, Scaled
from longtail.net import Net
from longtail.surgery.swap import under


class AddScale:
    """The same logits, through class scales that start at 1.

    Args:
        scale_bias: does the scale multiply the bias too (as released)?

    >>> import torch
    >>> from torch import nn
    >>> net, x = Net(nn.Identity(), nn.Linear(4, 3)), torch.ones(2, 4)
    >>> AddScale()(net)(x).equal(net(x))
    True
    """

    works_on = "net"

    def __init__(self, scale_bias: bool = True) -> None:
        self.scale_bias = scale_bias

    def __call__(self, net: Net) -> Net:
        return under(net, Scaled(net.feature_dim, net.num_classes, copy.deepcopy(net.head), self.scale_bias))

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """``before``: the logits are the same until they are trained."""
        return before


class AddAlignment:
    """The same logits, through a gated affine map that starts as the identity (``form="paper"``).

    Args:
        form: ``"paper"`` or ``"released"`` (starts at ``(1 + gate) * logits``).

    Raises:
        ValueError: unknown ``form``.
    """

    works_on = "net"

    def __init__(self, form: str = "paper") -> None:
        if form not in ("paper", "released"):
            raise ValueError(f"form={form!r} must be 'paper' or 'released'")
        self.form = form

    def __call__(self, net: Net) -> Net:
        return under(net, Aligned(net.feature_dim, net.num_classes, copy.deepcopy(net.head), self.form))

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """``before`` in the paper's form, where the logits are the same until they are trained; else None."""
        return before if self.form == "paper" else None
