"""Objectives: what a training step minimises, as named terms whose sum is the loss."""

from longtail.objectives.supervised import Batch, Supervised

__all__ = ["Batch", "Supervised"]
