"""weighted-ce: cross-entropy weighted by the inverse class frequency.

Paper: King & Zeng, Logistic regression in rare events data, Political Analysis 2001 (case weights).
Claim: better tail recall; its logits assume the balanced prior.

Reach for it when errors have costs by class, or as the plainest re-weighting; very rare classes make its steps
uneven.
"""

from longtail.losses import CrossEntropy
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.weights import inverse


def weighted_ce(base: Stage) -> Recipe:
    """Cross-entropy with weights 1 / n_j."""
    return Recipe(
        "weighted-ce", (base.but(name="weighted-ce", loss=part(CrossEntropy, weight=part(inverse))),)
    )
