"""mamix-drw: mamix, and class weights late in training; what its paper reports.

Paper: Cheng et al., MAMix: margin-aware mixup (NTU imbalanced-DL library, 2022).
Claim: CIFAR-10-LT 82.3 %, CIFAR-100-LT 46.9 % at imbalance 100, ResNet-32 (the library's figures; CIFAR-100 with 300
epochs).

Reach for it as mixup-drw, where the boundary is to lie where LDAM would have it.
"""

from longtail.recipe import Recipe, Stage
from longtail.recipes.mamix import mamix
from longtail.recipes.mixup_drw import deferred


def mamix_drw(
    base: Stage, *, omega: float = -0.25, alpha: float = 1.0, defer: float = 0.8, beta: float = 0.9999
) -> Recipe:
    """mamix's cross-entropy; weighted by effective number from ``defer`` of the epochs on."""
    return deferred(mamix(base, omega=omega, alpha=alpha), "mamix-drw", defer, beta)
