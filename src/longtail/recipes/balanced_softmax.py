"""balanced-softmax: the class counts stand in the softmax during training.

Paper: Ren et al., Balanced meta-softmax for long-tailed visual recognition, NeurIPS 2020, equation 4.
Claim: one stage, no extra cost; its logits assume the balanced prior.

Reach for it when one stage and no hyper-parameter must do: logits carry a uniform prior, exactly.
"""

from longtail.losses import BalancedSoftmax
from longtail.part import part
from longtail.recipe import Recipe, Stage


def balanced_softmax(base: Stage) -> Recipe:
    """Cross-entropy of z + log n."""
    return Recipe("balanced-softmax", (base.but(name="balanced-softmax", loss=part(BalancedSoftmax)),))
