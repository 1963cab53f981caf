"""Shipped laws: checks that the parts of this library keep, for your own parts too."""

from longtail.testing.loss import LAWS as LOSS_LAWS
from longtail.testing.loss import LossTraits, check_loss

__all__ = ["LOSS_LAWS", "LossTraits", "check_loss"]
