"""Losses: one file each, a pure function with the maths and a thin Module.

All drop in for ``nn.CrossEntropyLoss``.
"""

from longtail.losses._common import check_values
from longtail.losses.balanced_softmax import BalancedSoftmax, balanced_softmax
from longtail.losses.cross_entropy import CrossEntropy, cross_entropy
from longtail.losses.focal import Focal, focal
from longtail.losses.ldam import LDAM, ldam, ldam_margins
from longtail.losses.logit_adjusted import LogitAdjusted, logit_adjusted

__all__ = [
    "LDAM",
    "BalancedSoftmax",
    "CrossEntropy",
    "Focal",
    "LogitAdjusted",
    "balanced_softmax",
    "check_values",
    "cross_entropy",
    "focal",
    "ldam",
    "ldam_margins",
    "logit_adjusted",
]
