"""label-smoothing: a little of each label goes to all classes alike.

Paper: Szegedy et al., Rethinking the Inception architecture for computer vision, CVPR 2016, section 7.
Claim: less over-confidence; it does nothing about the imbalance itself.

Reach for it when probabilities are over-confident and the tail is not the concern.
"""

from longtail.losses import CrossEntropy
from longtail.part import part
from longtail.recipe import Recipe, Stage


def label_smoothing(base: Stage, *, smoothing: float = 0.1) -> Recipe:
    """Cross-entropy against (1 - smoothing) onehot + smoothing / C."""
    loss = part(CrossEntropy, label_smoothing=smoothing)
    return Recipe("label-smoothing", (base.but(name="label-smoothing", loss=loss),))
