"""mamix: mixup whose half-and-half label sits where the margins of the two classes meet.

Paper: Cheng et al., MAMix: margin-aware mixup (NTU imbalanced-DL library, 2022).
Claim: CIFAR-10-LT 82.3 %, CIFAR-100-LT 46.9 % at imbalance 100, with deferred re-weighting (the library's figures).

Reach for it when mixup helps and the boundary is to lie where LDAM would have it.
"""

from longtail.mixing import MAMix
from longtail.part import part
from longtail.recipe import Recipe, Stage


def mamix(base: Stage, *, omega: float = -0.25, alpha: float = 1.0) -> Recipe:
    """Cross-entropy on mixed inputs, labels weighed by margins n ** omega."""
    return Recipe("mamix", (base.but(name="mamix", mix=part(MAMix, omega=omega, alpha=alpha)),))
