"""vs-loss: a factor and a shift a class on the logits during training.

Paper: Kini et al., Label-imbalanced and group-sensitive classification under overparameterization, NeurIPS 2021.
Claim: the factor still moves the boundary when the training error is zero, the shift alone does not.

Reach for it when training goes far past zero error.
"""

from longtail.losses import VS
from longtail.part import part
from longtail.recipe import Recipe, Stage


def vs_loss(base: Stage, *, gamma: float = 0.3, tau: float = 1.0) -> Recipe:
    """Cross-entropy of (n / n_max) ** gamma * z + tau log prior; tested on z."""
    return Recipe("vs-loss", (base.but(name="vs-loss", loss=part(VS, gamma=gamma, tau=tau)),))
