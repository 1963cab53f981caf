"""effective-number: cross-entropy weighted by the inverse effective number of examples (class-balanced loss).

Paper: Cui et al., Class-balanced loss based on effective number of samples, CVPR 2019.
Claim: between no weights (beta 0) and inverse frequency (beta 1); its logits assume the prior times the weights.

Reach for it when inverse frequencies are too steep for the rarest classes.
"""

from longtail import weights
from longtail.losses import CrossEntropy
from longtail.part import part
from longtail.recipe import Recipe, Stage


def effective_number(base: Stage, *, beta: float = 0.9999) -> Recipe:
    """Cross-entropy with weights (1 - beta) / (1 - beta ** n_j), the mean taken over the examples as in the paper."""
    loss = part(CrossEntropy, weight=part(weights.effective_number, beta=beta), normalizer="batch")
    return Recipe("effective-number", (base.but(name="effective-number", loss=loss),))
