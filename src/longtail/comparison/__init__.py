"""Comparison: recipes x folds x seeds as a graph of distinct stages, the workers, the statistics, the leaderboard."""

from longtail.comparison.plan import Plan

__all__ = ["Plan"]
