"""bbn: two branches, one fed as the data come and one reversed, the weight moving from the first to the
second.

Paper: Zhou et al., BBN: bilateral-branch network with cumulative learning, CVPR 2020.
Claim: CIFAR-10-LT 79.8 %, CIFAR-100-LT 42.6 % at imbalance 100, a ResNet-32 with two last blocks (the
paper's figures).

Reach for it where one stage is to learn both features and a balanced head. Not for two classes of very unequal size:
nearly every pair of the streams is then one of each, and the best answer to it the weight itself, whatever the inputs.

On a CIFAR ResNet the branches are the paper's, a last block each; any other backbone stays whole, and they are residual
blocks on its features.

Differs from the authors' code in the weight, which moves with each step: ``released=True`` is theirs, constant over an
epoch and, in runs of 90 and 180 epochs, never near 0.
"""

from longtail.objectives import Bilateral
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.samplers import ClassBalanced
from longtail.surgery import AddBranches


def bbn(base: Stage, *, released: bool = False) -> Recipe:
    """A two-branch head, an instance stream and a reversed one (class probability ~ 1 / n_j)."""
    stage = base.but(
        name="bbn",
        surgery=(*base.surgery, part(AddBranches)),
        streams=(*base.streams, part(ClassBalanced, power=-1.0)),
        objective=part(Bilateral, released_epochs=base.epochs if released else None),
        mix=None,
    )
    return Recipe("bbn", (stage,))
