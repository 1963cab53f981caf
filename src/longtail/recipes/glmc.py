"""glmc: mixup and cutmix of the same pairs agree, and the weight moves from a plain head to a re-weighted one.

Paper: Du et al., Global and local mixture consistency cumulative learning, CVPR 2023.
Claim: CIFAR-100-LT 55.9 %, 61.1 %, 70.7 %, CIFAR-10-LT 87.8 %, 90.2 %, 94.0 % at imbalance 100, 50, 10, with a net of
about sixteen times ResNet-32's weights (the authors' repository): compare it with others only inside one net.

Reach for it on images or dense features; bags of words cannot be mixed. power and weight are those of CIFAR-100-LT at
imbalance 100.
"""

from longtail.objectives import GlobalLocalMixture
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.samplers import ClassBalanced


def glmc(base: Stage, *, power: float = 1.2, weight: float = 4.0, resample: float = 0.0) -> Recipe:
    """Two streams, the second with class probability ~ n_j^(1 - resample), mixed in two ways."""
    stage = base.but(
        name="glmc",
        streams=(*base.streams, part(ClassBalanced, power=1.0 - resample)),
        objective=part(GlobalLocalMixture, power=power, weight=weight),
        mix=None,
    )
    return Recipe("glmc", (stage,))
