"""Samplers: ``(labels, generator, t) -> indices of one epoch``, and the class distribution that training then sees."""

from longtail.samplers.class_balanced import ClassBalanced
from longtail.samplers.shuffled import Shuffled

__all__ = ["ClassBalanced", "Shuffled"]
