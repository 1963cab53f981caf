"""glmc-max-norm: glmc, then its re-weighted head once more under class weights, weight decay and MaxNorm.

Paper: Du et al., Global and local mixture consistency cumulative learning, CVPR 2023, with the second stage of
Alshammari et al., Long-tailed recognition via weight balancing, CVPR 2022.
Claim: CIFAR-100-LT 57.1 %, 62.3 %, 72.3 % at imbalance 100, 50, 10 (glmc alone 55.9 %, 61.1 %, 70.7 %); CIFAR-10-LT
87.6 %, 90.2 %, 94.0 % (glmc alone 87.8 %, 90.2 %, 94.0 %), with a net of about sixteen times ResNet-32's weights (the
authors' repository). Shares glmc's stage.

Reach for it as glmc, with many classes; with ten the second stage gave nothing there.

Differs from the authors' code, which has glmc and the projection but not this stage: the stage is weight-balancing's.
"""

from longtail.recipe import Recipe, Stage
from longtail.recipes.glmc import glmc
from longtail.recipes.weight_balancing import balanced_head


def glmc_max_norm(
    base: Stage,
    *,
    power: float = 1.2,
    weight: float = 4.0,
    resample: float = 0.0,
    lr_factor: float = 0.1,
    head_decay: float = 0.1,
    spread: float = 0.1,
    beta: float = 0.9999,
    share: float = 0.05,
) -> Recipe:
    """glmc's stage, then weight-balancing's head for ``share`` of the epochs."""
    first = glmc(base, power=power, weight=weight, resample=resample)
    head = balanced_head(base, lr_factor=lr_factor, decay=head_decay, spread=spread, beta=beta, share=share)
    return Recipe("glmc-max-norm", (*first.stages, head))
