"""bag-of-tricks: mixup, then class-balanced batches with new images of rare classes, then a short stage without mixup.

Paper: Zhang et al., Bag of tricks for long-tailed visual recognition with deep convolutional neural networks, AAAI 2021.
Claim: the tricks add up. One by one, at imbalance 100 with ResNet-32: mixup 74.1 % on CIFAR-10-LT and 40.8 % on
CIFAR-100-LT, deferred class-balanced sampling 75.1 % and 40.6 %, the same with new images from class activation maps
76.9 % and 42.0 % (the paper's figures). Shares mixup's stage.

The stack and the lengths of its stages are those of the authors' ImageNet-LT run: 160 epochs of mixup, 40 more on
CAM-based class-balanced batches with mixup, 20 without, both at 1 % of the learning rate. It needs a convolutional net:
``CAMImages`` says so where it has another.

Reach for it on images with a convolutional net, when rare classes have too few views: it makes new ones.

Differs from the authors' code in the learning-rate schedules of the later stages, which are the base stage's own, laid
over their length; and in what ``CAMImages`` says.
"""

from longtail.augment import CAMImages
from longtail.mixing import Mixup
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.mixup import mixup
from longtail.samplers import ClassBalanced, Complement


def bag_of_tricks(
    base: Stage,
    *,
    alpha: float = 1.0,
    share: float = 0.25,
    last: float = 0.125,
    lr_factor: float = 0.01,
    threshold: int | None = None,
) -> Recipe:
    """``share`` and ``last`` are the later stages' lengths; ``threshold`` is ``Complement``'s (100 on ImageNet-LT)."""
    again = part(Mixup, alpha=alpha)
    balanced = base.but(
        name="cam-balanced",
        epochs=base.share(share),
        surgery=(),
        streams=(part(ClassBalanced),),
        mix=part(CAMImages, complement=part(Complement, threshold=threshold), then=again),
        optim=base.tune(lr_factor=lr_factor),
    )
    plain = balanced.but(name="without-mixup", epochs=base.share(last), mix=None)
    return Recipe("bag-of-tricks", (*mixup(base, alpha=alpha).stages, balanced, plain))
