"""RemoveMean: how much of the mean feature's direction a causal head takes out at test, chosen after training.

Source: Tang et al., "Long-Tailed Classification by Keeping the Good and Removing the Bad Momentum Causal Effect",
NeurIPS 2020, section 4.3: alpha is a trade-off that needs no new training, chosen on held-out rows.

| symbol | here |
|---|---|
| alpha | ``alpha`` (None: to be tuned) |

Differs from the authors' code, where alpha is a setting of the data set (1.0 to 3.0): the grid holds 0, which removes
nothing. Where the mean direction is what tells the classes apart (two classes, one of them rare) any other alpha turns
the decisions round.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from longtail.heads import Causal
from longtail.net import Net
from longtail.surgery.swap import under
from longtail.surgery.tau_normalize import balanced_accuracy

GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


class RemoveMean:
    """A net whose causal head removes ``alpha`` times the mean direction in eval mode. The backbone is shared; the old
    head is left alone.

    Args:
        alpha: 0 removes nothing; None keeps the head's own until :meth:`tune` chooses.

    Raises:
        ValueError: negative ``alpha``.
        TypeError: on the call: the head is not causal.

    >>> net = Net(nn.Identity(), Causal(4, 3))
    >>> RemoveMean(alpha=0.5)(net).head.alpha
    0.5
    """

    works_on = "net"

    def __init__(self, alpha: float | None = None) -> None:
        if alpha is not None and not 0 <= alpha < float("inf"):
            raise ValueError(f"alpha={alpha} must be a number from 0 on, or None to tune it on held-out data")
        self.alpha = alpha

    def __call__(self, net: Net) -> Net:
        return under(net, self._head(net.head, self.alpha))

    @property
    def fitted(self) -> bool:
        """Is nothing left to tune?"""
        return self.alpha is not None

    def tune(self, net: Net, features: Tensor, y: Tensor, prior: Tensor | None = None) -> RemoveMean:
        """The alpha of ``GRID`` with the best balanced accuracy on held-out ``features [N, d]``, ``y [N]``.

        Ties go to the smaller alpha. A given alpha is kept.
        """
        if self.alpha is not None:
            return self
        features = features.to(next(net.head.parameters()))
        with torch.no_grad():
            scores = [
                balanced_accuracy(self._head(net.head, alpha).eval()(features), y.to(features.device))
                for alpha in GRID
            ]
        return RemoveMean(GRID[max(range(len(GRID)), key=scores.__getitem__)])

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """None: what is removed is no closed form of the prior; calibrate on held-out data."""
        return None

    def _head(self, head: nn.Module, alpha: float | None) -> Causal:
        if not isinstance(head, Causal):
            raise TypeError(f"RemoveMean needs a causal head, got {type(head).__name__}: it holds no mean")
        new = copy.deepcopy(head)
        if alpha is not None:
            new.alpha, new.spec = alpha, head.spec.but(alpha=alpha)
        return new
