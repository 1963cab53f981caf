"""Recipes: one file per paper, data only. A recipe is a function from a base stage (the protocol) to a
Recipe.
"""

from longtail.recipes.balanced_softmax import balanced_softmax
from longtail.recipes.bbn import bbn
from longtail.recipes.class_balanced_sampling import class_balanced_sampling
from longtail.recipes.crt import crt
from longtail.recipes.erm import erm
from longtail.recipes.focal import focal
from longtail.recipes.ldam_drw import ldam_drw
from longtail.recipes.logit_adjustment import logit_adjustment
from longtail.recipes.tau_norm import tau_norm
from longtail.recipes.weighted_ce import weighted_ce

ALL = (
    erm, weighted_ce, class_balanced_sampling, focal, balanced_softmax, logit_adjustment, tau_norm, crt,
    ldam_drw, bbn,
)  # fmt: skip
"""Every recipe of the house, in the order tables show them."""

__all__ = ["ALL", *(f.__name__ for f in ALL)]
