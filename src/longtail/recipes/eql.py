"""eql: rare classes are spared the negatives of other classes, in a yes-or-no question per class.

Paper: Tan et al., Equalization loss for long-tailed object recognition, CVPR 2020, equation 3.
Claim: made for detection (LVIS v0.5, Mask R-CNN R50: mask AP 21.2 to 24.0, rare classes 3.2 to 9.4; the authors' report).

Reach for it in one-vs-rest training with many rare classes. Classes are rare that together hold at most ``tail`` of the
rows: the paper's constant for LVIS (.00177) makes no class of CIFAR-LT rare, and the loss plain binary cross-entropy.
Where no class is rare by ``tail`` either, that is said before training.

Differs from the authors' code in the threshold, which is found in the data, in the background, which classification has
not, and in the head's first bias, which is the net's own (there one that makes every class improbable).
"""

from longtail.losses import SigmoidEQL
from longtail.part import part
from longtail.recipe import Recipe, Stage


def eql(base: Stage, *, tail: float = 0.1, threshold: float | None = None) -> Recipe:
    """One-vs-rest cross-entropy without the negatives of rare classes; ``threshold`` is their largest share, if given."""
    loss = part(SigmoidEQL, threshold=threshold, tail=tail)
    return Recipe("eql", (base.but(name="eql", loss=loss),))
