"""priors: the class prior that a sampler shows, and the one that the logits assume under a loss.

With training prior p a sampler shows q, and a loss that claims a prior says which one its logits assume when it sees p:
``stream_prior`` of each sampler, ``assumes`` of each loss. Both rooms are walked; what they need to be built is filled in
from the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from longtail import losses, samplers
from longtail.figures.canvas import Canvas
from longtail.figures.figure import Figure, Measured
from longtail.figures.subject import COLOUR_OF, Subject, groups_of, in_words
from longtail.labels import Labels
from longtail.losses import CrossEntropy, LogitAdjusted
from longtail.part import part
from longtail.samplers import ClassBalanced, Progressive
from longtail.weights import effective_number, inverse, inverse_sqrt

HALF = 0.5
"""Of the training: where samplers change along the way."""

OTHER_SAMPLERS = (("ClassBalanced(power=0.5)", part(ClassBalanced, power=0.5)),)
OTHER_LOSSES = (
    ("CrossEntropy(weight=inverse)", part(CrossEntropy, weight=part(inverse))),
    ("CrossEntropy(weight=inverse_sqrt)", part(CrossEntropy, weight=part(inverse_sqrt))),
    ("CrossEntropy(weight=effective_number)", part(CrossEntropy, weight=part(effective_number))),
    ("LogitAdjusted(tau=0.5)", part(LogitAdjusted, tau=0.5)),
)


def samplers_of(labels: Labels) -> Iterator[tuple[str, list[float]]]:
    """Each sampler that data alone can make, and the prior it shows."""
    facts = {
        "labels": labels,
        "counts": labels.counts,
        "prior": labels.prior,
        "num_classes": labels.num_classes,
    }
    for name, one in (*((p.__name__, part(p)) for p in samplers.PARTS), *OTHER_SAMPLERS):
        made = _built(one, facts)
        if made is not None:
            q = made.stream_prior(labels, HALF)
            yield name + (", half-way" if isinstance(made, Progressive) else ""), q.double().tolist()


def losses_of(labels: Labels) -> Iterator[tuple[str, list[float] | None]]:
    """Each loss that says so, and the prior that its logits assume under the data's own; None has no closed form."""
    facts = {
        "labels": labels,
        "counts": labels.counts,
        "prior": labels.prior,
        "num_classes": labels.num_classes,
    }
    for name, one in (*((p.__name__, part(p)) for p in losses.PARTS), *OTHER_LOSSES):
        made = _built(one, facts)
        if made is not None and hasattr(made, "assumes"):
            assumed = made.assumes(labels.prior)
            yield name, None if assumed is None else (assumed.double() / assumed.sum()).tolist()


def _built(one: Any, facts: Mapping[str, Any]) -> Any:
    """The part, or None where the facts are not enough or it does not suit these classes."""
    try:
        return one.build(**facts)
    except (TypeError, ValueError):
        return None


def measure(subject: Subject) -> Measured:
    """The share of each group of classes, by sampler and by loss."""
    classes = subject.classes
    some = subject.dataset.labels if subject.dataset is not None else None
    labels = some or Labels.of(
        torch.repeat_interleave(torch.arange(len(classes.counts)), classes.counts), classes.names
    )
    groups = groups_of(labels.classes)
    shown = dict(samplers_of(labels))
    told = dict(losses_of(labels))
    claimed = {name: prior for name, prior in told.items() if prior is not None}
    fitted = [name for name, prior in told.items() if prior is None]
    numbers = {
        "natural": labels.prior.tolist(),
        "samplers": shown,
        "losses": claimed,
        "no closed form": fitted,
        "groups": {name: index.tolist() for name, index in groups.items()},
    }
    facts = (
        f"n = {len(labels):,} rows of {subject.name} ({in_words(groups, labels.classes)}); nothing was trained. "
        f"{len(fitted)} losses have no closed form: theirs is fitted on held-out rows."
    )
    return Measured(numbers, facts)


def paint(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """A bar for each method, in groups of classes."""
    rows = [("the data", numbers["natural"])]
    rows += [*numbers["samplers"].items()]
    split = len(rows)
    rows += [*numbers["losses"].items()]
    (axes,) = canvas.panels(1, height=0.19 * (len(rows) + 1) + 0.1, legend=1, left=2.35, below=0.28)
    place = [k + (1 if k >= split else 0) for k in range(len(rows))]
    left = [0.0] * len(rows)
    for name, index in numbers["groups"].items():
        wide = [sum(prior[c] for c in index) for _, prior in rows]
        axes.barh(place, wide, left=left, color=canvas.colours[COLOUR_OF[name]], alpha=0.8, height=0.75)
        left = [a + b for a, b in zip(left, wide)]
    axes.set_yticks(
        place, [name.replace("CrossEntropy(weight=", "CE(weight=") for name, _ in rows], fontsize=8
    )
    axes.set_ylim(place[-1] + 0.6, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"], fontsize=8)
    for text, side in zip(axes.get_xticklabels(), ("left", "center", "right")):
        text.set_horizontalalignment(side)
    axes.grid(False, axis="y")
    axes.text(0, split, "logits under a loss assume:", fontsize=8, color=canvas.colours["muted"], va="center")
    axes.set_title("samplers show (one epoch)", fontsize=9)
    canvas.legend([(name, canvas.colours[COLOUR_OF[name]], "s") for name in numbers["groups"]])


FIGURE = Figure(
    name="priors",
    title="What samplers and losses do to the prior",
    teaches="Every method is a choice of class prior. A sampler shows more of the rare classes; a weighted or "
    "logit-adjusted loss makes the logits assume another prior. What gives the same bar does the same to the decision.",
    measure=measure,
    paint=paint,
)
