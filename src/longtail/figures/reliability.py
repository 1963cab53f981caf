"""reliability: is a model as often right as it says, by the group of the class that it decides for?

Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017 (reliability diagrams, ECE). A true model lies
on the diagonal in every group, since rows are grouped by what was decided. Bins hold equally many rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from longtail.figures.canvas import Canvas
from longtail.figures.figure import Figure, Measured
from longtail.figures.subject import COLOUR_OF, Subject, groups_of, in_words
from longtail.metrics.calibration import expected_calibration_error, reliability_bins

BINS = 8
LEAST = 10
"""Rows of a bin."""


def even_bins(confidence: Tensor, correct: Tensor, bins: int = BINS) -> dict[str, list[float]]:
    """Mean confidence and accuracy of equally many rows each, from the least sure to the surest.

    >>> even_bins(torch.tensor([0.75, 0.25]), torch.tensor([True, False]))
    {'confidence': [0.5], 'accuracy': [0.5], 'rows': [2.0]}
    """
    order = confidence.argsort()
    parts = order.tensor_split(max(1, min(bins, len(order) // LEAST)))
    return {
        "confidence": [float(confidence[p].double().mean()) for p in parts],
        "accuracy": [float(correct[p].double().mean()) for p in parts],
        "rows": [float(len(p)) for p in parts],
    }


def measure(subject: Subject) -> Measured:
    """Confidence and accuracy by group of the decided class, under the natural prior."""
    judged = subject.judged()
    confidence, decided = judged.probabilities.max(1)
    correct = decided == judged.labels.y
    groups = groups_of(subject.classes)
    found: dict[str, Any] = {}
    for name, index in groups.items():
        rows = torch.isin(decided, index)
        if bool(rows.any()):
            ece = expected_calibration_error(reliability_bins(confidence[rows], correct[rows]))
            found[name] = {
                **even_bins(confidence[rows], correct[rows]),
                "ece": ece,
                "decided": int(rows.sum()),
            }
    never = [name for name in groups if name not in found]
    facts = f"{judged.words} Decisions under the natural prior; {in_words(groups, subject.classes)}."
    if never:
        facts += f" No row was decided to be {' or '.join(never)}."
    return Measured({"groups": found}, facts)


def paint(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """A line for each group, and the diagonal of a model that knows how sure it may be."""
    (axes,) = canvas.panels(1, height=3.6, legend=len(numbers["groups"]))
    axes.plot([0, 1], [0, 1], "--", color=canvas.colours["muted"], linewidth=0.8)
    entries = []
    for name, found in numbers["groups"].items():
        colour = canvas.colours[COLOUR_OF[name]]
        axes.plot(
            found["confidence"],
            found["accuracy"],
            "o-",
            color=colour,
            markersize=5,
            linewidth=1.3,
            clip_on=False,
        )
        entries.append((f"{name}: {found['decided']:,} rows, ECE {found['ece']:.3f}", colour, "o"))
    low = min(v for f in numbers["groups"].values() for v in (*f["confidence"], *f["accuracy"]))
    low = max(0.0, min(0.45, low - 0.05))
    axes.set(xlim=(low, 1.01), ylim=(low, 1.01))
    axes.set_xlabel("confidence: the probability of the decided class", fontsize=9)
    axes.set_title("accuracy", fontsize=9)
    canvas.legend(entries)


FIGURE = Figure(
    name="reliability",
    title="Reliability by group",
    teaches="On the dashed line a model is as often right as it says. Below it, it is too sure. What holds for frequent "
    "classes need not hold for rare ones, and one number over all rows hides that.",
    measure=measure,
    paint=paint,
)
