"""Reproduce: published experiments, run again with folds, seeds and tests."""

from longtail.reproduce.reviews import Reviews, reviews

__all__ = ["Reviews", "reviews"]
