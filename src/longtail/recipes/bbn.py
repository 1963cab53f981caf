"""bbn: two branches, one fed as the data come and one reversed, the weight moving from the first to the
second.

Paper: Zhou et al., BBN: bilateral-branch network with cumulative learning, CVPR 2020.
Claim: CIFAR-10-LT 79.8 %, CIFAR-100-LT 42.6 % at imbalance 100, a ResNet-32 with two last blocks (the
paper's figures).

Reach for it where one stage is to learn both features and a balanced head.

Differs from the authors' code in the branches' place: two residual blocks on the pooled features (see
``longtail.heads.TwoBranch``), not copies of the last convolutional block; and in the weight, which moves with each step:
``released=True`` is theirs, constant over an epoch and, in runs of 90 and 180 epochs, never near 0.
"""

from longtail.heads import TwoBranch
from longtail.objectives import Bilateral
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.samplers import ClassBalanced
from longtail.surgery import SwapHead


def bbn(base: Stage, *, released: bool = False) -> Recipe:
    """A two-branch head, an instance stream and a reversed one (class probability ~ 1 / n_j)."""
    stage = base.but(
        name="bbn",
        surgery=(*base.surgery, part(SwapHead, head=part(TwoBranch))),
        streams=(*base.streams, part(ClassBalanced, power=-1.0)),
        objective=part(Bilateral, released_epochs=base.epochs if released else None),
        mix=None,
    )
    return Recipe("bbn", (stage,))
