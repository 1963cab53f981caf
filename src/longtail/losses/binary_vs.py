"""Binary VS loss. Kini et al., "Label-Imbalanced and Group-Sensitive Classification under
Overparameterization", NeurIPS 2021.

Equation: ``L_i = w_y log(1 + exp(iota_y) exp(-y Delta_y s f))`` with y in {-1, +1} and f the logit of the
positive class.

=================  =========================
symbol             argument
=================  =========================
Delta_-, Delta_+   ``delta``: ``(negative, positive)``
iota_-, iota_+     ``iota``: ``(negative, positive)``, multiplied by ``scale`` too
w                  ``weight``: ``[2]``
(scale of f)       ``scale``
=================  =========================

Use it for two classes of very different size, trained to zero error; at ``gamma=0`` it is logit adjustment.

From counts, :func:`binary_vs_parameters`: ``Delta_y = (n_y / n_max)^gamma`` and
``iota_y = tau log(n_other / n_y)``, the choice that at gamma 0 is logit adjustment. Differs from the authors'
code in the sign of iota for negatives: theirs subtracts it from the logit whatever the label, so their
``iota_neg`` is minus the paper's, and their scale is 30.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from longtail.by_class import by_class
from longtail.classes import floored
from longtail.losses._checks import (
    LabelError,
    Vector,
    as_vector,
    check_finite,
    looks,
    warn_if_batch,
    wide,
)
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction, expected_weight, reduced


def binary_vs_parameters(counts: Vector, gamma: float = 0.15, tau: float = 1.0) -> tuple[Tensor, Tensor]:
    """``delta`` and ``iota`` of the two classes from their training counts: ``[2]`` and ``[2]`` in float64.

    >>> [t.tolist() for t in binary_vs_parameters([100, 1], gamma=0.5, tau=0.0)]
    [[1.0, 0.1], [-0.0, 0.0]]
    """
    n = floored(torch.as_tensor(by_class("counts", counts)).double())
    if n.shape != (2,):
        raise ValueError(
            f"counts={n.tolist()[:9]} must be two numbers, (negative, positive): use VS for more classes"
        )
    return (n / n.amax()) ** gamma, tau * torch.log(n.flip(0) / n)


def binary_vs(
    logits: Tensor,
    target: Tensor,
    *,
    delta: Vector = (1.0, 1.0),
    iota: Vector = (0.0, 0.0),
    scale: float = 1.0,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: float = -100,
) -> Tensor:
    """Vector-scaling loss for two classes.

    Args:
        logits: of the positive class, ``[B]`` or ``[B, 1]``; or ``[B, 2]``, whose difference is taken.
        target: integer 0 or 1, ``[B]``, or floats that are 0 or 1 with as many elements.
        delta, iota: multiplicative and additive change, ``(negative, positive)``.
        scale: factor of the whole.
        weight: class weights ``[2]``.
        counts, prior: of ``(negative, positive)``: one, for the expected weight.
        reduction, normalizer, ignore_index: as in :func:`longtail.losses.cross_entropy`.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit.

    >>> z, y = torch.zeros(2), torch.tensor([0, 1])
    >>> [round(v, 4) for v in binary_vs(z, y, iota=(-1.0, 1.0), reduction="none").tolist()]
    [0.3133, 1.3133]
    """
    check_finite(scale=scale)
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating, got {logits.dtype}: pass the head's raw outputs")
    if logits.dim() > 2 or (logits.dim() == 2 and logits.shape[1] > 2) or logits.dim() == 0:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}; need [B], [B, 1] or [B, 2]: use VS for more classes"
        )
    if target.numel() != logits.shape[0] or target.dim() > logits.dim():
        raise ValueError(
            f"target has shape {tuple(target.shape)}; logits {tuple(logits.shape)} need one 0 or 1 a row"
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction={reduction!r} is unknown; choose 'none', 'mean' or 'sum'")
    z = wide(logits)
    d, i = _pair("delta", delta, z), _pair("iota", iota, z)
    lost = z.isinf() if z.dim() == 1 else z.isinf().any(1)
    z = z if z.dim() == 1 else z[:, 0] if z.shape[1] == 1 else z[:, 1] - z[:, 0]
    given = target.reshape(-1)
    valid = ~given.isnan() if math.isnan(ignore_index) else given != ignore_index
    wrong = valid & (given != 0) & (given != 1)
    if looks(given) and wrong.numpy().any():
        raise LabelError(
            f"target holds label {given[wrong][0].item():g}, out of 0, 1: labels must be one of them, or equal "
            f"ignore_index={ignore_index}"
        )
    z = torch.where(wrong | lost, torch.nan, z)
    positive = given == 1
    y = torch.where(valid, positive.long(), -100)
    signed = torch.where(positive, d[1] * z - i[1], -d[0] * z - i[0])
    loss = -torch.nn.functional.logsigmoid(scale * signed)
    w = None if weight is None else _pair("weight", weight, z)
    e = expected_weight(normalizer, w, counts, prior, z.new_empty(0, 2))
    return reduced(
        loss, y, weight=w, expected=e, reduction=reduction, normalizer=normalizer, ignore_index=-100
    )


def _pair(name: str, value: Vector, z: Tensor) -> Tensor:
    pair = as_vector(value, name)
    if pair.shape != (2,):
        raise ValueError(f"{name}={value!r} must be two numbers, (negative, positive)")
    return pair.to(z)


class BinaryVS(ClassLoss):
    """Binary VS loss with the parameters that follow from the counts; other arguments as in
    :func:`binary_vs`.

    Args:
        counts: training examples ``(negative, positive)``; or
        prior: their shares, in their place.
        gamma: exponent of the multiplicative change.
        tau: strength of the additive one.

    >>> BinaryVS(counts=torch.tensor([900, 100]))(torch.zeros(2), torch.tensor([0, 1])).shape
    torch.Size([])
    """

    delta: Tensor
    iota: Tensor

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        gamma: float = 0.15,
        tau: float = 1.0,
        scale: float = 1.0,
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: float = -100,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_finite(gamma=gamma, tau=tau, scale=scale)
        delta, iota = binary_vs_parameters(self.sizes, gamma, tau)
        self.register_buffer("delta", delta)
        self.register_buffer("iota", iota)
        self.gamma, self.tau, self.scale = gamma, tau, scale

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return binary_vs(logits, target, delta=self.delta, iota=self.iota, scale=self.scale, **self.common)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """``seen * weight / prior^tau`` at ``gamma=0`` and ``scale=1``, where the loss is logit adjustment;
        otherwise None.
        """
        if self.gamma or self.scale != 1:
            return None
        prior = seen / floored(self.sizes.to(seen)) ** self.tau
        return self.weighted(prior)
