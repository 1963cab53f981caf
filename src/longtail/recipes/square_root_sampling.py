"""square-root-sampling: classes are drawn by the square root of their size, half way to balance.

Paper: Mahajan et al., Exploring the limits of weakly supervised pretraining, ECCV 2018 (and Kang et al., ICLR 2020).
Claim: a milder over-fit of the tail than class-balanced sampling; its logits assume the prior ~ sqrt(n).

Reach for it as the compromise between the data as they come and balanced batches.
"""

from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.samplers import ClassBalanced


def square_root_sampling(base: Stage) -> Recipe:
    """Cross-entropy on a stream with class probabilities ~ sqrt(n_j)."""
    stage = base.but(name="square-root", streams=(part(ClassBalanced, power=0.5),))
    return Recipe("square-root-sampling", (stage,))
