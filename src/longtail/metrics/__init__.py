"""Metrics: what a classifier is worth under the class prior it is used under.

Arrays or tensors in, floats and tensors out; numpy and torch only. ``evaluate`` gives every number at once,
``Streaming`` the same numbers from batches. Each metric is a file with ``METRICS`` (:class:`Metric`); ``found``
walks them.
"""

from longtail.metrics.aimed import Aimed
from longtail.metrics.calibration import (
    bin_edges,
    classwise_calibration_error,
    expected_calibration_error,
    max_calibration_error,
    reliability,
    reliability_bins,
)
from longtail.metrics.classes import confusion, per_class
from longtail.metrics.entities import Entities, Scheme
from longtail.metrics.evaluate import evaluate
from longtail.metrics.group_recall import group_recall
from longtail.metrics.metric import Metric, Seen, Sum
from longtail.metrics.open_set import open_set, threshold_for, unknown_score
from longtail.metrics.point import Point
from longtail.metrics.room import found, named
from longtail.metrics.streaming import Streaming
from longtail.metrics.weighting import class_weights, importance

__all__ = [
    "Aimed",
    "Entities",
    "Metric",
    "Point",
    "Scheme",
    "Seen",
    "Streaming",
    "Sum",
    "bin_edges",
    "class_weights",
    "classwise_calibration_error",
    "confusion",
    "evaluate",
    "expected_calibration_error",
    "found",
    "group_recall",
    "importance",
    "named",
    "max_calibration_error",
    "open_set",
    "per_class",
    "reliability",
    "reliability_bins",
    "threshold_for",
    "unknown_score",
]
