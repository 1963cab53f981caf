"""Optim: what a stage may add to its optimiser: averaged weights (EMA, SWA), flat minima (SAM), a solver (L-BFGS)."""

from longtail.optim.ema import EMA
from longtail.optim.lbfgs import LBFGS
from longtail.optim.sam import SAM
from longtail.optim.swa import SWA

__all__ = ["EMA", "LBFGS", "SAM", "SWA"]
