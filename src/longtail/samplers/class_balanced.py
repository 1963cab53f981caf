"""Class-balanced sampling and its powers: q_j ~ n_j**power.

Kang et al., *Decoupling representation and classifier for long-tailed recognition*, ICLR 2020, eq. 1, and
Zhou et al., *BBN*, CVPR 2020, section 4.2 (the reversed sampler).

| paper | here |
|---|---|
| q (Kang): 1 instance, 1/2 square root, 0 class | ``power`` |
| reversed, q_j ~ 1/n_j (BBN) | ``power=-1`` |
| image weight n_y**-r (GLMC) | ``power=1 - r`` |

Draws are with replacement. *Differs from the authors' code in* how a draw is made (alias table), not in its
distribution.
"""

from __future__ import annotations

from torch import Tensor

from longtail.samplers.drawn import Drawn, Rows, check_number, powers


class ClassBalanced(Drawn):
    """A class from q_j ~ n_j**power, then one of its examples uniformly; with replacement.

    Args:
        power: 0 class-balanced, 0.5 square root, 1 instance, -1 reversed.
        length: draws an epoch; None takes the number of examples.

    Raises:
        ValueError: ``power`` is not finite or lies outside [-3, 3]; ``length`` is below 1.

    >>> from longtail.labels import Labels
    >>> ClassBalanced().stream_prior(Labels.of([0, 0, 0, 1])).tolist()
    [0.5, 0.5]
    >>> ClassBalanced(power=-1).stream_prior(Labels.of([0, 0, 0, 1])).tolist()
    [0.25, 0.75]
    """

    def __init__(self, power: float = 0.0, length: int | None = None) -> None:
        super().__init__(length)
        check_number("power", power)
        if abs(power) > 3:
            raise ValueError(
                f"power={power} must lie in [-3, 3]: 1 instance, 0.5 square root, 0 class, -1 reversed"
            )
        self.power = power

    def drawn(self, labels: Rows, t: float = 0.0) -> Tensor:
        """q_j ~ n_j**power over the classes that have examples, float64 ``[C]``."""
        return powers(labels.counts, self.power)
