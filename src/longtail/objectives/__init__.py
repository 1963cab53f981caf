"""Objectives: what a training step minimises, as named terms whose sum is the loss."""

from longtail.objectives.balanced_contrast import BalancedContrast
from longtail.objectives.bilateral import Bilateral, cumulative
from longtail.objectives.clouded import Clouded
from longtail.objectives.distilled import Distilled
from longtail.objectives.distilled_experts import DistilledExperts
from longtail.objectives.diverse import Diverse
from longtail.objectives.generalised_contrast import GeneralisedContrast
from longtail.objectives.global_local_mixture import GlobalLocalMixture
from longtail.objectives.hybrid import Hybrid
from longtail.objectives.memorised import Memorised
from longtail.objectives.meta_sampled import MetaSampled
from longtail.objectives.momentum_contrast import MomentumContrast, info_nce
from longtail.objectives.nested_collaborative import NestedCollaborative
from longtail.objectives.nested_contrast import NestedContrast
from longtail.objectives.parametric_contrast import ParametricContrast
from longtail.objectives.probabilistic_contrast import ProbabilisticContrast, proco_logits
from longtail.objectives.pseudo_labelled import PseudoLabelled
from longtail.objectives.rotation import Rotation
from longtail.objectives.routing import Routing
from longtail.objectives.self_paced import SelfPaced
from longtail.objectives.skilled import Skilled
from longtail.objectives.supervised import Batch, Supervised
from longtail.objectives.translated import Translated
from longtail.objectives.with_features import WithFeatures

__all__ = [
    "BalancedContrast",
    "Batch",
    "Bilateral",
    "Clouded",
    "Distilled",
    "DistilledExperts",
    "Diverse",
    "GeneralisedContrast",
    "GlobalLocalMixture",
    "Hybrid",
    "Memorised",
    "MetaSampled",
    "MomentumContrast",
    "NestedCollaborative",
    "NestedContrast",
    "ParametricContrast",
    "ProbabilisticContrast",
    "PseudoLabelled",
    "Rotation",
    "Routing",
    "SelfPaced",
    "Skilled",
    "Supervised",
    "Translated",
    "WithFeatures",
    "cumulative",
    "info_nce",
    "proco_logits",
]

PARTS = (
    BalancedContrast, Bilateral, Clouded, Distilled, DistilledExperts, Diverse, GeneralisedContrast, GlobalLocalMixture,
    Hybrid, Memorised, MetaSampled, MomentumContrast, NestedCollaborative, NestedContrast, ParametricContrast,
    ProbabilisticContrast, PseudoLabelled, Rotation, Routing, SelfPaced, Skilled, Supervised, Translated, WithFeatures,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
