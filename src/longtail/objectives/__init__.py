"""Objectives: what a training step minimises, as named terms whose sum is the loss."""

from longtail.objectives.bilateral import Bilateral, cumulative
from longtail.objectives.clouded import Clouded
from longtail.objectives.distilled import Distilled
from longtail.objectives.diverse import Diverse
from longtail.objectives.memorised import Memorised
from longtail.objectives.routing import Routing
from longtail.objectives.self_paced import SelfPaced
from longtail.objectives.skilled import Skilled
from longtail.objectives.supervised import Batch, Supervised

__all__ = [
    "Batch",
    "Bilateral",
    "Clouded",
    "Distilled",
    "Diverse",
    "Memorised",
    "Routing",
    "SelfPaced",
    "Skilled",
    "Supervised",
    "cumulative",
]
