"""lade: balanced softmax whose logits are also held to be density ratios, so that another prior can be put in.

Paper: Hong et al., Disentangling label distribution for long-tailed visual recognition, CVPR 2021.
Claim: ahead of balanced softmax where the prior at test differs from the balanced one and is declared; its nets for
CIFAR-100-LT are two-branch ResNet-32 of 128 features.

Reach for it where the prior at test will differ and batches are large: its second term is of a batch's class means.

The prior of its logits is fitted on held-out rows: the second term moves them from the balanced one that the first aims
at. ``penalty`` is .01 for CIFAR-100-LT at 100 in the authors' configuration, .1 at 50 and 10.
"""

from longtail.losses import LADE
from longtail.part import part
from longtail.recipe import Recipe, Stage


def lade(base: Stage, *, strength: float = 0.1, penalty: float = 0.1) -> Recipe:
    """Cross-entropy of logits plus log prior, and ``strength`` times the regulariser of density ratios."""
    return Recipe("lade", (base.but(name="lade", loss=part(LADE, strength=strength, penalty=penalty)),))
