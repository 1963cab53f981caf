"""Losses: one file each, a pure function with the maths and a thin Module.

All drop in for ``nn.CrossEntropyLoss``.
"""

from longtail.losses._common import check_values
from longtail.losses.balanced_softmax import BalancedSoftmax, balanced_softmax
from longtail.losses.cdt import CDT, cdt
from longtail.losses.cross_entropy import CrossEntropy, cross_entropy
from longtail.losses.focal import Focal, focal
from longtail.losses.influence_balanced import InfluenceBalanced, influence_balanced
from longtail.losses.label_aware_smoothing import (
    LabelAwareSmoothing,
    label_aware_smoothing,
    smoothing_per_class,
)
from longtail.losses.lade import LADE, lade, lade_regulariser
from longtail.losses.ldam import LDAM, ldam, ldam_margins
from longtail.losses.logit_adjusted import LogitAdjusted, logit_adjusted
from longtail.losses.prior_ce import PriorCE, prior_ce
from longtail.losses.seesaw import Seesaw, seesaw
from longtail.losses.softmax_eql import SoftmaxEQL, softmax_eql
from longtail.losses.vs import VS, vs

__all__ = [
    "BalancedSoftmax",
    "CDT",
    "CrossEntropy",
    "Focal",
    "InfluenceBalanced",
    "LabelAwareSmoothing",
    "LADE",
    "LDAM",
    "LogitAdjusted",
    "PriorCE",
    "Seesaw",
    "SoftmaxEQL",
    "VS",
    "balanced_softmax",
    "cdt",
    "check_values",
    "cross_entropy",
    "focal",
    "influence_balanced",
    "label_aware_smoothing",
    "lade",
    "lade_regulariser",
    "ldam",
    "ldam_margins",
    "logit_adjusted",
    "prior_ce",
    "seesaw",
    "smoothing_per_class",
    "softmax_eql",
    "vs",
]
