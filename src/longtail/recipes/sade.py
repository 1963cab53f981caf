"""sade: three experts for three class priors, natural, balanced and inverted; their mean serves any.

Paper: Zhang et al., Self-supervised aggregation of diverse experts for test-agnostic long-tailed recognition, NeurIPS
2022.
Claim: CIFAR-100-LT at imbalance 100: 49.8 % on the balanced test set, 65.9 % where it is as long-tailed as with imbalance
50, 42.4 % where it is so in reverse (the paper's figures, weights fitted to the test inputs; a ResNet-32 whose last two
stages are narrowed and there three times, images also turned by up to 15 degrees).

The logits' prior has a closed form: where the prior at test is known, ``predict_proba(prior)`` is all there is to do.
Where it is not, ``longtail predict --prior experts`` weighs the experts on the rows without labels, from two views of
them, and decides as published, with no prior applied; ``--prior estimated`` estimates the prior instead, as for any
recipe. What each is worth on your data: ``longtail compare --unknown``.

Reach for it when the prior where it is used is unknown or changes: its experts are made for three of them.

Differs from the authors' code: the augmentation is the protocol's.
"""

from longtail.objectives import Skilled
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.surgery import AddExperts


def sade(base: Stage, *, tau: float = 2.0, widths: tuple[int, ...] = (24, 48)) -> Recipe:
    """Three experts, one stage; ``widths=(32, 64)`` is the paper's choice for CIFAR-10."""
    stage = base.but(
        name="sade",
        surgery=(*base.surgery, part(AddExperts, experts=3, widths=widths)),
        objective=part(Skilled, tau=tau),
        mix=None,
    )
    return Recipe("sade", (stage,))
