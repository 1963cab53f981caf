"""Objectives: what a training step minimises, as named terms whose sum is the loss."""

from longtail.objectives.bilateral import Bilateral, cumulative
from longtail.objectives.supervised import Batch, Supervised

__all__ = ["Batch", "Bilateral", "Supervised", "cumulative"]
