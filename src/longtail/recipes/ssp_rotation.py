"""ssp-rotation: first learn to tell by how much images were turned, without labels; then any recipe (here drw).

Paper: Yang and Xu, Rethinking the value of labels for improving class-imbalanced learning, NeurIPS 2020.
Claim: CIFAR-10-LT 73.5 %, CIFAR-100-LT 40.4 % at imbalance 100 by cross-entropy after it, 76.5 % and 43.1 % by a balanced
rule, ResNet-32 (the paper's repository).

Reach for it on images with an upright: digits, scenes, animals; not where any side may be up. Its first stage is shared
by whatever follows: ``ssp_rotation(base, then=crt)``.
"""

from collections.abc import Callable

from longtail.objectives import Rotation
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.drw import drw


def ssp_rotation(base: Stage, *, then: Callable[[Stage], Recipe] = drw, share: float = 1.0) -> Recipe:
    """The backbone on rotations for ``share`` of the epochs, then ``then`` with a fresh head."""
    first = base.but(
        name="rotation", epochs=base.share(share), objective=part(Rotation), trains=("backbone.*",), mix=None
    )
    return then(base).after(first).but(name="ssp-rotation")
