"""erm: ordinary training with cross-entropy, the yardstick.

Paper: Vapnik, Statistical Learning Theory, 1998 (empirical risk minimisation).
Claim: none; with the prior set after training it is a strong baseline, which most comparisons leave out.

Reach for it first, always: everything else is measured against it.
"""

from longtail.recipe import Recipe, Stage


def erm(base: Stage) -> Recipe:
    """Cross-entropy on the data as they come."""
    return Recipe("erm", (base.but(name="erm"),))
