"""ghm: every range of gradient lengths weighs the same, so easy examples and outliers both fade.

Paper: Li, Liu & Wang, Gradient harmonized single-stage detector, AAAI 2019 (GHM-C).
Claim: made for detection, with one sigmoid a class; the class imbalance is met through the easy examples it brings.

Reach for it when labels are noisy: it damps the hardest examples as well as the easiest.
"""

from longtail.losses import GHMC
from longtail.part import part
from longtail.recipe import Recipe, Stage


def ghm(base: Stage, *, bins: int = 30, momentum: float = 0.75) -> Recipe:
    """One-vs-rest cross-entropy, weighted by the inverse density of its gradient lengths."""
    return Recipe("ghm", (base.but(name="ghm", loss=part(GHMC, bins=bins, momentum=momentum)),))
