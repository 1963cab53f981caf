"""effective-number: how much of its count a class keeps, for several betas.

Source: Cui et al., "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019: ``E_n = (1 - beta^n) /
(1 - beta)``, weights ``1 / E_n``. Beta 0 counts each class once, beta near 1 counts each example.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.figures.canvas import Canvas, logarithmic
from longtail.figures.figure import Figure, Measured
from longtail.figures.subject import Subject
from longtail.weights import effective_number

BETAS = (0.9, 0.99, 0.999, 0.9999)


def effective(counts: Tensor, beta: float) -> Tensor:
    """``(1 - beta^n) / (1 - beta)``, float64 ``[C]``.

    >>> effective(torch.tensor([0, 1, 2]), 0.5).tolist()
    [0.0, 1.0, 1.5]
    """
    return -torch.expm1(counts.double() * np.log(beta)) / (1 - beta)


def measure(subject: Subject) -> Measured:
    """Effective numbers and weights of the subject's classes."""
    classes = subject.classes
    seen = classes.counts > 0
    order = classes.counts.argsort(descending=True, stable=True)
    order = order[seen[order]]
    counts = classes.counts[order]
    facts = f"n = {int(counts.sum()):,} rows of {subject.name} in {len(counts)} classes; nothing was trained."
    return Measured(
        {
            "names": [classes.names[k] for k in order.tolist()],
            "counts": counts.tolist(),
            "betas": list(BETAS),
            "effective": [effective(counts, beta).tolist() for beta in BETAS],
            "weights": [effective_number(counts, beta=beta).tolist() for beta in BETAS],
        },
        facts,
    )


def paint(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Above the effective number, below the weight, both against the count."""
    top, bottom = canvas.panels(2, height=2.1, legend=1, between=0.66)
    counts = np.array(numbers["counts"], dtype=float)
    colours = [canvas.colours[name] for name in ("s0", "s1", "s2", "s3")]
    line = np.geomspace(max(1, counts.min() / 1.5), counts.max() * 1.5, 80)
    size = 5 if len(counts) <= 30 else 3
    for beta, colour, e, w in zip(numbers["betas"], colours, numbers["effective"], numbers["weights"]):
        top.plot(line, -np.expm1(line * np.log(beta)) / (1 - beta), color=colour, linewidth=1.2)
        top.plot(counts, e, "o", color=colour, markersize=size, alpha=0.8)
        bottom.plot(counts, w, "o-", color=colour, markersize=size, alpha=0.8, linewidth=1)
    top.plot(line, line, "--", color=canvas.colours["muted"], linewidth=0.8)
    for axes in (top, bottom):
        logarithmic(axes.xaxis)
        logarithmic(axes.yaxis)
    top.set_title("effective number (dashed: the count itself)", fontsize=9)
    bottom.set_title("weight of an example, 1 on average over classes", fontsize=9)
    bottom.set_xlabel("training examples of the class", fontsize=9)
    canvas.legend([(f"β {beta:g}", colour, "o") for beta, colour in zip(numbers["betas"], colours)])


FIGURE = Figure(
    name="effective-number",
    title="Effective number of examples",
    teaches="The more examples a class has, the less a further one adds: beta says how soon. Small betas weigh all "
    "classes alike, a beta near 1 weighs them by inverse frequency.",
    measure=measure,
    paint=paint,
)
