"""Progressively balanced sampling: from instance-balanced at the start to class-balanced at the end.

Kang et al., *Decoupling representation and classifier for long-tailed recognition*, ICLR 2020, eq. 2:

    q_j(t) = (1 - lam) n_j / N + lam / C

The paper has lam = t / T. Code in use counts in two ways, e from 0 to E - 1 and the training progress being t
= e / E:

| convention | lam | first epoch | last epoch |
|---|---|---|---|
| ``"paper"`` | t | 0 | (E - 1) / E |
| ``"decoupling"`` (Kang et al.'s code) | e / (E - 1) | 0 | 1 |
| ``"bag_of_tricks"`` (Zhang et al. 2021) | (e + 1) / E | 1 / E | 1 |

*Differs from the authors' code in* counting epochs from 0: Kang et al.'s training loop hands epochs 1..E to
the second row, so that its first epoch has lam = 1 / (E - 1) and its last two have lam = 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.samplers.drawn import Drawn, Rows, check_whole, powers


def balance(t: float, convention: str = "paper", epochs: int | None = None) -> float:
    """How class-balanced training is at progress ``t``: lam in [0, 1].

    >>> [balance(e / 5, "decoupling", 5) for e in range(5)]
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if convention == "paper":
        return min(max(t, 0.0), 1.0)
    assert epochs is not None  # the constructor made sure
    epoch = round(t * epochs)
    lam = epoch / max(epochs - 1, 1) if convention == "decoupling" else (epoch + 1) / epochs
    return min(max(lam, 0.0), 1.0)


class Progressive(Drawn):
    """Draws from ``(1 - lam) n / N + lam / C``, where lam grows with progress t (see the table above).

    Args:
        convention: "paper", "decoupling" or "bag_of_tricks".
        epochs: E, for the last two conventions.
        length: draws an epoch; None takes the number of examples.

    Raises:
        ValueError: an unknown convention, or ``epochs`` missing where the convention counts in epochs.

    >>> from longtail.labels import Labels
    >>> Progressive().stream_prior(Labels.of([0, 0, 0, 1]), t=0.5).tolist()
    [0.625, 0.375]
    """

    def __init__(
        self, convention: str = "paper", epochs: int | None = None, length: int | None = None
    ) -> None:
        super().__init__(length)
        known = ("paper", "decoupling", "bag_of_tricks")
        if convention not in known:
            raise ValueError(f"convention={convention!r} must be one of {', '.join(known)}")
        if epochs is not None:
            check_whole("epochs", epochs)
        if convention != "paper" and (epochs is None or epochs < 1):
            raise ValueError(
                f"epochs={epochs}: convention {convention!r} counts in epochs; give their number"
            )
        self.convention, self.epochs = convention, epochs

    def drawn(self, labels: Rows, t: float = 0.0) -> Tensor:
        """The mixture at progress ``t``, float64 ``[C]``; classes without examples get 0."""
        lam = balance(t, self.convention, self.epochs)
        return torch.lerp(labels.counts.double() / labels.counts.sum(), powers(labels.counts, 0.0), lam)
