"""swa: the average of the weights over the last quarter of the epochs.

Paper: Izmailov et al., Averaging weights leads to wider optima and better generalization, UAI 2018.
Claim: better generalisation at no cost of training; one more pass for BatchNorm.

Reach for it whenever the last epochs wobble. ``Stage.average`` goes with any recipe, and EMA is its other value.
"""

from longtail.optim import SWA
from longtail.part import part
from longtail.recipe import Recipe, Stage


def swa(base: Stage, *, start: float = 0.75) -> Recipe:
    """erm, averaged over the epochs from ``start`` on."""
    return Recipe("swa", (base.but(name="swa", average=part(SWA, start=start)),))
