"""Optim: what a stage may add to its optimiser: averaged weights (EMA, SWA), flat minima (SAM), a bound
that each step keeps (MaxNorm), a solver (L-BFGS).
"""

import torch.optim

from longtail.optim.ema import EMA
from longtail.optim.lbfgs import LBFGS
from longtail.optim.max_norm import MaxNorm
from longtail.optim.sam import SAM
from longtail.optim.swa import SWA

__all__ = ["EMA", "LBFGS", "SAM", "SWA", "MaxNorm"]

PARTS = (
    EMA, LBFGS, MaxNorm, SAM, SWA, torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adamax,
    torch.optim.NAdam, torch.optim.RAdam, torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.Adadelta,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
