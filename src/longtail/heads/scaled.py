"""Scaled: one learnt scale a class on the logits of another head (learnable weight scaling, LWS).

Source: Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition", ICLR 2020:
``z_j = s_j w_j . f``, s = 1 at the start and the only thing trained. MiSLAS (Zhong et al., CVPR 2021) trains
W and b too.

| symbol | here |
|---|---|
| s ``[C]`` | ``scale`` |
| W, b | ``inner`` (a head of its own) |

Differs from the authors' code in nothing: there the scale multiplies the bias too, as here by default;
``scale_bias=False`` leaves the bias alone. What is trained is the stage's choice: ``trains=("head.scale",)``
is LWS.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.heads.linear import Linear, spec_of
from longtail.part import Part, part
from longtail.roles import tensor_of


def scaled_logits(logits: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """``scale * logits`` for ``[B, C]`` and ``[C]``; a ``bias`` that is part of the logits is spared.

    >>> scaled_logits(torch.tensor([[1.0, 2.0]]), torch.tensor([3.0, 1.0])).tolist()
    [[3.0, 2.0]]
    """
    return scale * logits if bias is None else scale * (logits - bias) + bias


class Scaled(nn.Module):
    """``features [B, d] -> scale * inner(features) [B, C]``; at the start it equals ``inner``.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        inner: the head to scale; None makes a fresh :class:`Linear`.
        scale_bias: does the scale multiply the bias too?

    Raises:
        ValueError: ``inner`` has other sizes, or ``scale_bias=False`` and it has no bias to spare.
    """

    def __init__(
        self, feature_dim: int, num_classes: int, inner: nn.Module | None = None, scale_bias: bool = True
    ) -> None:
        super().__init__()
        inner = Linear(feature_dim, num_classes) if inner is None else inner
        check_inner(inner, feature_dim, num_classes)
        if not scale_bias and tensor_of(inner, "bias") is None:
            raise ValueError(f"scale_bias=False: the inner head {type(inner).__name__} has no bias to spare")
        self.in_features, self.out_features, self.scale_bias = feature_dim, num_classes, scale_bias
        self.inner = inner
        self.scale = nn.Parameter(torch.ones(num_classes))
        self.spec: Part[Any] = part(
            Scaled,
            feature_dim=feature_dim,
            num_classes=num_classes,
            inner=spec_of(inner),
            scale_bias=scale_bias,
        )

    def forward(self, features: Tensor) -> Tensor:
        return scaled_logits(
            self.inner(features), self.scale, None if self.scale_bias else self.inner.get_parameter("bias")
        )


def check_inner(inner: nn.Module, feature_dim: int, num_classes: int) -> None:
    """Raise ``ValueError`` unless the wrapped head has these sizes."""
    sizes = (inner.in_features, inner.out_features)
    if sizes != (feature_dim, num_classes):
        raise ValueError(
            f"inner maps {sizes[0]} features to {sizes[1]} classes, not {feature_dim} to {num_classes}"
        )
