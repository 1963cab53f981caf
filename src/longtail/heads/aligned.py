"""Aligned: another head's logits, corrected by a class-wise affine map where an input-dependent gate opens
(DisAlign).

Source: Zhang et al., "Distribution Alignment: A Unified Framework for Long-tail Visual Recognition", CVPR
2021: ``z^_j = sigma(x) (alpha_j z_j + beta_j) + (1 - sigma(x)) z_j``, ``sigma(x) = sigmoid(v . f + c)``.

| symbol | here |
|---|---|
| alpha, beta ``[C]`` | ``logit_scale``, ``logit_bias`` |
| v, c | ``confidence`` (linear, d to 1) |
| z | the logits of ``inner``, which the stage freezes |

Differs from the authors' code in classification, where ``z^ = (1 + sigma alpha) z + sigma beta`` with alpha
1 and v .1 at the start, so that it begins at ``(1 + sigma) z``: that is ``form="released"``. The default is
the paper's (and their segmentation code's) form, which begins as the inner head exactly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.heads.linear import Linear, spec_of
from longtail.heads.scaled import check_inner
from longtail.part import Part, part


def aligned_logits(logits: Tensor, gate: Tensor, scale: Tensor, bias: Tensor, form: str = "paper") -> Tensor:
    """``logits [B, C]``, ``gate [B, 1]`` in (0, 1), ``scale`` and ``bias [C]`` -> aligned logits ``[B, C]``.

    >>> z, gate = torch.tensor([[2.0]]), torch.tensor([[0.5]])
    >>> aligned_logits(z, gate, torch.tensor([3.0]), torch.tensor([1.0])).tolist()  # half 7, half 2
    [[4.5]]
    """
    gain = scale - 1 if form == "paper" else scale
    return logits + gate * (gain * logits + bias)


class Aligned(nn.Module):
    """``features [B, d] -> aligned inner logits [B, C]``.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        inner: the head to align; None makes a fresh :class:`Linear`.
        form: ``"paper"`` or ``"released"``.

    Raises:
        ValueError: unknown ``form``, or ``inner`` has other sizes.
    """

    def __init__(
        self, feature_dim: int, num_classes: int, inner: nn.Module | None = None, form: str = "paper"
    ) -> None:
        super().__init__()
        if form not in ("paper", "released"):
            raise ValueError(f"form={form!r} must be 'paper' or 'released'")
        inner = Linear(feature_dim, num_classes) if inner is None else inner
        check_inner(inner, feature_dim, num_classes)
        self.in_features, self.out_features, self.form = feature_dim, num_classes, form
        self.inner = inner
        self.logit_scale = nn.Parameter(torch.ones(num_classes))
        self.logit_bias = nn.Parameter(torch.zeros(num_classes))
        self.confidence = nn.Linear(feature_dim, 1)
        if form == "released":
            nn.init.constant_(self.confidence.weight, 0.1)
        self.spec: Part[Any] = part(
            Aligned, feature_dim=feature_dim, num_classes=num_classes, inner=spec_of(inner), form=form
        )

    def forward(self, features: Tensor) -> Tensor:
        gate = self.confidence(features).sigmoid()
        return aligned_logits(self.inner(features), gate, self.logit_scale, self.logit_bias, self.form)
