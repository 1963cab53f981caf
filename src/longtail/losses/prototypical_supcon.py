"""PSC, the prototypical supervised contrastive loss. Wang et al., "Contrastive Learning based Hybrid Networks
for Long-Tailed Image Classification", CVPR 2021.

Equation: ``L_i = -log( exp(f_i p_y / T) / sum_{j != y} exp(f_i p_j / T) )``: the denominator leaves the true
class out.

=================  =========================
symbol             argument
=================  =========================
tau                ``temperature`` (CIFAR-100: .1, CIFAR-10: 1)
p_j                ``prototypes``, learnt; whoever trains them owns them
=================  =========================

Use it in the place of the supervised contrastive loss when classes or memory are too many for pairs in a batch.

Features and prototypes are normalised here. It takes ``(features, labels, prototypes)``, not logits, and may
be negative. Differs from no code of the authors, since none
is known.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from longtail.losses._checks import check_finite, check_labels, wide
from longtail.losses._contrast import check_features, reduced_anchors, similarity
from longtail.losses._odds import log_odds
from longtail.losses._reduce import Reduction


def prototypical_supcon(
    features: Tensor,
    labels: Tensor,
    prototypes: Tensor,
    *,
    temperature: float = 0.1,
    reduction: Reduction = "mean",
) -> Tensor:
    """Prototypical supervised contrastive loss.

    Args:
        features: ``[N, D]``; normalised here.
        labels: class indices ``[N]``.
        prototypes: ``[C, D]``, C >= 2; normalised here.
        temperature: of the similarities, > 0.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> import torch
    >>> prototypical_supcon(torch.eye(2), torch.tensor([0, 1]), torch.eye(2), temperature=1.0).item()
    -1.0
    """
    check_finite(temperature=temperature)
    check_features(features, labels, 2, temperature, reduction)
    if prototypes.dim() != 2 or prototypes.shape[1] != features.shape[1] or len(prototypes) < 2:
        raise ValueError(
            f"prototypes have shape {tuple(prototypes.shape)}; need [C, {features.shape[1]}], one "
            "a class, C >= 2"
        )
    check_labels(labels, len(prototypes), name="labels")
    s = similarity(F.normalize(wide(features), dim=1), F.normalize(wide(prototypes), dim=1)) / temperature
    return reduced_anchors(log_odds(s, labels), reduction)


class PrototypicalSupCon(nn.Module):
    """Prototypical supervised contrastive loss; arguments as in :func:`prototypical_supcon`.

    >>> import torch
    >>> PrototypicalSupCon()(torch.eye(3), torch.tensor([0, 1, 2]), torch.eye(3)).shape
    torch.Size([])
    """

    def __init__(self, *, temperature: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__()
        check_finite(temperature=temperature)
        self.temperature = temperature
        self.reduction: Reduction = reduction

    def forward(self, features: Tensor, labels: Tensor, prototypes: Tensor) -> Tensor:
        return prototypical_supcon(
            features, labels, prototypes, temperature=self.temperature, reduction=self.reduction
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: it trains features, not logits."""
        return None
