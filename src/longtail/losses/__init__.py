"""Losses: one file each, a pure function with the maths and a thin Module.

All drop in for ``nn.CrossEntropyLoss``.
"""

from longtail.losses._checks import check_values
from longtail.losses.asl import ASL, asl
from longtail.losses.balanced_contrastive import BalancedContrastive, balanced_contrastive
from longtail.losses.balanced_group_softmax import (
    BalancedGroupSoftmax,
    GroupLayout,
    balanced_group_softmax,
    group_layout,
    kept_others,
    merge_groups,
)
from longtail.losses.balanced_softmax import BalancedSoftmax, balanced_softmax
from longtail.losses.binary_dice import BinaryDice, binary_dice
from longtail.losses.binary_dsc import BinaryDSC, binary_dsc
from longtail.losses.binary_vs import BinaryVS, binary_vs, binary_vs_parameters
from longtail.losses.cdt import CDT, cdt
from longtail.losses.cross_entropy import CrossEntropy, cross_entropy
from longtail.losses.dice import Dice, dice
from longtail.losses.discriminative_centroids import DiscriminativeCentroids, discriminative_centroids
from longtail.losses.distribution_balanced import DistributionBalanced, distribution_balanced
from longtail.losses.dive import DiVE, dive
from longtail.losses.dsc import DSC, dsc
from longtail.losses.eql_v2 import EQLv2, eql_v2
from longtail.losses.focal import Focal, focal
from longtail.losses.generalized_reweighting import (
    GeneralizedReweighting,
    generalized_reweighting,
    reweighting_of,
)
from longtail.losses.ghm_c import GHMC, ghm_c
from longtail.losses.ghm_r import GHMR, ghm_r
from longtail.losses.influence_balanced import InfluenceBalanced, influence_balanced
from longtail.losses.label_aware_smoothing import (
    LabelAwareSmoothing,
    label_aware_smoothing,
    smoothing_per_class,
)
from longtail.losses.lade import LADE, lade, lade_regulariser
from longtail.losses.ldam import LDAM, ldam, ldam_margins
from longtail.losses.logit_adjusted import LogitAdjusted, logit_adjusted
from longtail.losses.logit_adjusted_bce import LogitAdjustedBCE, logit_adjusted_bce
from longtail.losses.paco import PaCo, paco
from longtail.losses.prior_ce import PriorCE, prior_ce
from longtail.losses.prototypical_supcon import PrototypicalSupCon, prototypical_supcon
from longtail.losses.ride import RIDE, ride
from longtail.losses.seesaw import Seesaw, seesaw
from longtail.losses.sigmoid_eql import SigmoidEQL, sigmoid_eql
from longtail.losses.sigmoid_focal import SigmoidFocal, sigmoid_focal
from longtail.losses.softmax_eql import SoftmaxEQL, softmax_eql
from longtail.losses.supcon import SupCon, supcon
from longtail.losses.vs import VS, vs
from longtail.losses.weighted_bce import WeightedBCE, weighted_bce

__all__ = [
    "ASL",
    "BalancedContrastive",
    "BalancedGroupSoftmax",
    "BalancedSoftmax",
    "BinaryDice",
    "BinaryDSC",
    "BinaryVS",
    "CDT",
    "CrossEntropy",
    "Dice",
    "DiscriminativeCentroids",
    "DistributionBalanced",
    "DiVE",
    "DSC",
    "EQLv2",
    "Focal",
    "GeneralizedReweighting",
    "GHMC",
    "GHMR",
    "GroupLayout",
    "InfluenceBalanced",
    "LabelAwareSmoothing",
    "LADE",
    "LDAM",
    "LogitAdjusted",
    "LogitAdjustedBCE",
    "PaCo",
    "PriorCE",
    "PrototypicalSupCon",
    "RIDE",
    "Seesaw",
    "SigmoidEQL",
    "SigmoidFocal",
    "SoftmaxEQL",
    "SupCon",
    "VS",
    "WeightedBCE",
    "asl",
    "balanced_contrastive",
    "balanced_group_softmax",
    "balanced_softmax",
    "binary_dice",
    "binary_dsc",
    "binary_vs",
    "binary_vs_parameters",
    "cdt",
    "check_values",
    "cross_entropy",
    "dice",
    "discriminative_centroids",
    "distribution_balanced",
    "dive",
    "dsc",
    "eql_v2",
    "focal",
    "generalized_reweighting",
    "ghm_c",
    "ghm_r",
    "group_layout",
    "influence_balanced",
    "kept_others",
    "label_aware_smoothing",
    "lade",
    "lade_regulariser",
    "ldam",
    "ldam_margins",
    "logit_adjusted",
    "logit_adjusted_bce",
    "merge_groups",
    "paco",
    "prior_ce",
    "prototypical_supcon",
    "reweighting_of",
    "ride",
    "seesaw",
    "sigmoid_eql",
    "sigmoid_focal",
    "smoothing_per_class",
    "softmax_eql",
    "supcon",
    "vs",
    "weighted_bce",
]

PARTS = (
    ASL, BalancedContrastive, BalancedGroupSoftmax, BalancedSoftmax, BinaryDice, BinaryDSC, BinaryVS, CDT, CrossEntropy,
    Dice, DiscriminativeCentroids, DistributionBalanced, DiVE, DSC, EQLv2, Focal, GeneralizedReweighting, GHMC, GHMR,
    InfluenceBalanced, LabelAwareSmoothing, LADE, LDAM, LogitAdjusted, LogitAdjustedBCE, PaCo, PriorCE,
    PrototypicalSupCon, RIDE, Seesaw, SigmoidEQL, SigmoidFocal, SoftmaxEQL, SupCon, VS, WeightedBCE,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
