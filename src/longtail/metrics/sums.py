"""Sums that several metrics share: right decisions and decisions by class."""

from __future__ import annotations

from longtail.metrics.metric import Batch, Sum, Terms


def _hits(batch: Batch) -> Terms:
    return batch.y, batch.hit


def _decided(batch: Batch) -> Terms:
    return batch.decisions, None


HITS = Sum("hits", ("class",), _hits)
"""Right decisions by class, as often as the prior says."""
PLAIN_HITS = Sum("plain_hits", ("class",), _hits, weighted=False)
"""Right decisions by class: over the rows of the class they are its recall, under any prior, 0 included."""
DECIDED = Sum("decided", ("class",), _decided)
"""Decisions for each class."""
