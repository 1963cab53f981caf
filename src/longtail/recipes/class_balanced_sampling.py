"""class-balanced-sampling: every class is drawn equally often.

Paper: Shen, Lin & Huang, Relay backpropagation, ECCV 2016 (class-aware sampling).
Claim: better tail recall at the price of over-fitting the tail; its logits assume the balanced prior.

Reach for it when the tail is not so small that its examples are seen hundreds of times over.
"""

from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.samplers import ClassBalanced


def class_balanced_sampling(base: Stage, *, power: float = 0.0) -> Recipe:
    """Cross-entropy on a stream with class probabilities ~ n_j ** power."""
    stage = base.but(name="class-balanced", streams=(part(ClassBalanced, power=power),))
    return Recipe("class-balanced-sampling", (stage,))
