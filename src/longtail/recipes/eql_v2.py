"""eql-v2: one-vs-rest training that balances the gradients a class has had, as example and as counter-example.

Paper: Tan et al., Equalization loss v2, CVPR 2021.
Claim: made for detection (LVIS v1, Mask R-CNN R50: mask AP 23.7, rare classes 14.9; equalization loss 18.6, repeat-factor
sampling 22.2; the paper's figures).

Reach for it as eql, where no threshold is to be chosen: it measures the gradients as it trains.

Differs from the authors' code in the output for the background, which classification has not.
"""

from longtail.losses import EQLv2
from longtail.part import part
from longtail.recipe import Recipe, Stage


def eql_v2(base: Stage, *, alpha: float = 4.0, gamma: float = 12.0, mu: float = 0.8) -> Recipe:
    """One-vs-rest cross-entropy weighted by the ratio of positive to negative gradient so far."""
    loss = part(EQLv2, alpha=alpha, gamma=gamma, mu=mu)
    return Recipe("eql-v2", (base.but(name="eql-v2", loss=loss),))
