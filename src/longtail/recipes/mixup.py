"""mixup: train on convex combinations of two examples and of their labels.

Paper: Zhang et al., mixup: beyond empirical risk minimization, ICLR 2018, equation 1.
Claim: CIFAR-10-LT 74.1 %, CIFAR-100-LT 40.8 % at imbalance 100 with twice the epochs (Zhang et al., AAAI 2021); the first
stage of MiSLAS.

Reach for it when the net over-fits; also as the first stage of another recipe.
"""

from longtail.mixing import Mixup
from longtail.part import part
from longtail.recipe import Recipe, Stage


def mixup(base: Stage, *, alpha: float = 1.0) -> Recipe:
    """Cross-entropy on mixed inputs, the weight drawn from Beta(alpha, alpha) once a batch."""
    return Recipe("mixup", (base.but(name="mixup", mix=part(Mixup, alpha=alpha)),))
