"""Samplers: ``(labels, generator, t) -> indices of one epoch``; each tells the class distribution it
makes."""

from longtail.samplers.class_aware import ClassAware
from longtail.samplers.class_balanced import ClassBalanced
from longtail.samplers.complement import Complement
from longtail.samplers.drawn import Drawn
from longtail.samplers.effective_number import EffectiveNumberSampler
from longtail.samplers.epoch import EpochSampler
from longtail.samplers.m_per_class import MPerClass
from longtail.samplers.over_sample import OverSample
from longtail.samplers.progressive import Progressive
from longtail.samplers.repeat_factor import RepeatFactor, repeat_factors
from longtail.samplers.shuffled import Shuffled
from longtail.samplers.subset import Subset
from longtail.samplers.under_sample import UnderSample

__all__ = [
    "ClassAware",
    "ClassBalanced",
    "Complement",
    "Drawn",
    "EffectiveNumberSampler",
    "EpochSampler",
    "MPerClass",
    "OverSample",
    "Progressive",
    "RepeatFactor",
    "Shuffled",
    "Subset",
    "UnderSample",
    "repeat_factors",
]

PARTS = (
    ClassAware, ClassBalanced, Complement, EffectiveNumberSampler, MPerClass, OverSample, Progressive, RepeatFactor,
    Shuffled, Subset, UnderSample,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
