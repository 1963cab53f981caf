"""Optim: what a stage may add to its optimiser: averaged weights (EMA, SWA), flat minima (SAM), a solver (L-BFGS)."""

import torch.optim

from longtail.optim.ema import EMA
from longtail.optim.lbfgs import LBFGS
from longtail.optim.sam import SAM
from longtail.optim.swa import SWA

__all__ = ["EMA", "LBFGS", "SAM", "SWA"]

PARTS = (
    EMA, LBFGS, SAM, SWA, torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adamax, torch.optim.NAdam,
    torch.optim.RAdam, torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.Adadelta,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
