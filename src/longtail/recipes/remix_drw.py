"""remix-drw: remix, and class weights late in training.

Paper: Chou et al., Remix: rebalanced mixup, ECCV 2020 workshops, equation 6; with deferred re-weighting (Cao et al.,
NeurIPS 2019) as in the NTU imbalanced-DL library.
Claim: CIFAR-10-LT 81.8 %, CIFAR-100-LT 46.0 % at imbalance 100, ResNet-32 (the library's figures; CIFAR-100 with 300
epochs).

Reach for it as mixup-drw, where the rarer class of a pair is to have the label.
"""

from longtail.recipe import Recipe, Stage
from longtail.recipes.mixup_drw import deferred
from longtail.recipes.remix import remix


def remix_drw(
    base: Stage,
    *,
    kappa: float = 3.0,
    tau: float = 0.5,
    alpha: float = 1.0,
    defer: float = 0.8,
    beta: float = 0.9999,
) -> Recipe:
    """remix's cross-entropy; weighted by effective number from ``defer`` of the epochs on."""
    return deferred(remix(base, kappa=kappa, tau=tau, alpha=alpha), "remix-drw", defer, beta)
