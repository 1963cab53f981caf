"""Metrics: what a classifier is worth under the class prior it is used under.

Arrays or tensors in, floats and tensors out; numpy and torch only. ``evaluate`` gives every number at once,
``Streaming`` the same numbers from batches.
"""

from longtail.metrics.calibration import (
    bin_edges,
    classwise_calibration_error,
    expected_calibration_error,
    max_calibration_error,
    reliability,
    reliability_bins,
)
from longtail.metrics.classes import confusion, group_recall, per_class
from longtail.metrics.evaluate import evaluate
from longtail.metrics.open_set import open_set, threshold_for, unknown_score
from longtail.metrics.streaming import Streaming
from longtail.metrics.weighting import class_weights, importance

__all__ = [
    "Streaming",
    "bin_edges",
    "class_weights",
    "classwise_calibration_error",
    "confusion",
    "evaluate",
    "expected_calibration_error",
    "group_recall",
    "importance",
    "max_calibration_error",
    "open_set",
    "per_class",
    "reliability",
    "reliability_bins",
    "threshold_for",
    "unknown_score",
]
