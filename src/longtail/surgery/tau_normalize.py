"""TauNormalize: divide each class weight by a power of its norm; frequent classes have grown larger ones.

Source: Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition", ICLR 2020:
``w~_j = w_j / ||w_j||^tau``; no training; tau is chosen on held-out data from 0, 0.1 .. 2.

| symbol | here |
|---|---|
| tau | ``tau`` (None: to be tuned) |

Differs from the authors' code in the bias, which it drops at inference: that is the default; ``bias="keep"``
(the bag-of-tricks port) and ``bias="scale"`` (divided like w_j) are named. A row of zeros stays zero (there:
NaN).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.heads import Linear
from longtail.net import Net
from longtail.surgery.swap import under

GRID = tuple(k / 10 for k in range(21))


def tau_normalize(weight: Tensor, tau: float) -> Tensor:
    """``weight [C, d]`` with row j divided by ``||w_j|| ** tau``.

    >>> tau_normalize(torch.tensor([[3.0, 4.0]]), 1.0).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    norm = weight.norm(dim=1, keepdim=True)
    return weight / norm.where(norm > 0, 1.0) ** tau


def balanced_accuracy(logits: Tensor, y: Tensor) -> float:
    """Mean per-class recall over the classes that ``y`` has, rounded so that ties are ties."""
    hit = (logits.argmax(1) == y).double()
    n = torch.bincount(y, minlength=logits.shape[1]).double()
    recall = torch.bincount(y, weights=hit, minlength=logits.shape[1]) / n
    return round(float(recall[n > 0].mean()), 12)


class TauNormalize:
    """A net whose linear head is tau-normalised. The backbone is shared; the old head is left alone.

    Args:
        tau: 0 leaves the weights, 1 gives unit norms; None means :meth:`tune` chooses.
        bias: ``"drop"`` (paper), ``"keep"`` or ``"scale"``.

    Raises:
        ValueError: unknown ``bias``, negative ``tau``; on the call: ``tau`` still None.
        TypeError: on the call: the head is not linear.

    >>> net = Net(nn.Identity(), nn.Linear(4, 3))
    >>> TauNormalize(tau=1.0)(net).head.weight.norm(dim=1).allclose(torch.ones(3))
    True
    """

    works_on = "net"

    def __init__(self, tau: float | None = None, bias: str = "drop") -> None:
        if bias not in ("drop", "keep", "scale"):
            raise ValueError(f"bias={bias!r} must be 'drop', 'keep' or 'scale'")
        if tau is not None and not 0 <= tau < float("inf"):
            raise ValueError(f"tau={tau} must be a number from 0 on, or None to tune it on held-out data")
        self.tau, self.bias = tau, bias

    def __call__(self, net: Net) -> Net:
        if self.tau is None:
            raise ValueError("tau=None: call tune(net, features, y) on held-out data first, or give tau")
        return under(net, self._head(net.head, self.tau))

    @property
    def fitted(self) -> bool:
        """Is nothing left to tune?"""
        return self.tau is not None

    def tune(self, net: Net, features: Tensor, y: Tensor, prior: Tensor | None = None) -> TauNormalize:
        """The tau of 0, 0.1 .. 2 with the best balanced accuracy on held-out ``features [N, d]``, ``y [N]``.

        Balanced whatever the ``prior``, as in the paper. Ties go to the smaller tau. A given tau is kept.
        """
        if self.tau is not None:
            return self
        features = features.to(next(net.head.parameters()))
        with torch.no_grad():
            scores = [
                balanced_accuracy(self._head(net.head, tau)(features), y.to(features.device)) for tau in GRID
            ]
        return TauNormalize(GRID[max(range(len(GRID)), key=scores.__getitem__)], self.bias)

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """None: the norms are no closed form of the prior; calibrate on held-out data."""
        return None

    def _head(self, head: nn.Module, tau: float) -> Linear:
        if not isinstance(head, nn.Linear):
            raise TypeError(
                f"TauNormalize needs a linear head, got {type(head).__name__}: its norms mean nothing here"
            )
        old = None if head.bias is None or self.bias == "drop" else head.bias.detach()
        new = Linear(head.in_features, head.out_features, bias=old is not None).to(head.weight)
        with torch.no_grad():
            new.weight.copy_(tau_normalize(head.weight, tau))
            if old is not None:
                norm = head.weight.norm(dim=1)
                new.bias.copy_(old if self.bias == "keep" else old / norm.where(norm > 0, 1.0) ** tau)
        return new
