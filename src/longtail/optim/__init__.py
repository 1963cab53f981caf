"""Optim: what a stage may add to its optimiser: averaged weights (EMA, SWA) and flat minima (SAM)."""

from longtail.optim.ema import EMA
from longtail.optim.sam import SAM
from longtail.optim.swa import SWA

__all__ = ["EMA", "SAM", "SWA"]
