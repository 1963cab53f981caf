"""cb-focal: focal loss weighted by the inverse effective number of examples.

Paper: Cui et al., Class-balanced loss based on effective number of samples, CVPR 2019.
Claim: CIFAR-10-LT 74.6 %, CIFAR-100-LT 39.6 % at imbalance 100, ResNet-32 (the best of a grid, as later
papers quote it).

Reach for it as focal, with class weights.

Differs from the authors' code in the probabilities: theirs are sigmoids, one a class, and here they are a softmax.
"""

from longtail.losses import Focal
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.weights import effective_number


def cb_focal(base: Stage, *, gamma: float = 1.0, beta: float = 0.9999) -> Recipe:
    """(1 - p_t) ** gamma times cross-entropy, with weights (1 - beta) / (1 - beta ** n_j)."""
    loss = part(Focal, gamma=gamma, weight=part(effective_number, beta=beta), normalizer="batch")
    return Recipe("cb-focal", (base.but(name="cb-focal", loss=loss),))
