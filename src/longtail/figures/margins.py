"""margins: how far from the boundary a loss wants each class, and how far it is.

Source: Cao et al., "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS 2019, equation 13:
``m_j = max_m (n_min / n_j)^(1/4)``, in cosine. The margin of a row is its class's cosine less the largest other one.
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
from longtail.heads import Cosine
from longtail.losses.ldam import ldam_margins
from longtail.recipes.ldam import ldam


def reached(logits: Tensor, y: Tensor, scale: float) -> Tensor:
    """The margin of each row in cosine, ``[N]``.

    >>> reached(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0]), 2.0).tolist()
    [0.5]
    """
    own = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1)
    return (own.squeeze(1) - others) / scale


def measure(subject: Subject, *, max_margin: float = 0.5) -> Measured:
    """Wanted and reached margins, by class.

    Args:
        subject: whose classes; its model, where that has a cosine head.
        max_margin: of the rarest class.

    Raises:
        ValueError: ``max_margin`` is not above 0.
    """
    if not max_margin > 0:
        raise ValueError(f"max_margin={max_margin:g} must be above 0")
    classes = subject.classes
    order = classes.counts.argsort(descending=True, stable=True)
    order = order[classes.counts[order] > 0]
    wanted = ldam_margins(classes.counts.double(), max_margin)
    numbers: dict[str, Any] = {
        "names": [classes.names[k] for k in order.tolist()],
        "counts": classes.counts[order].tolist(),
        "wanted": wanted[order].tolist(),
        "max_margin": max_margin,
    }
    if subject.model is None:
        seen = subject.trained("ldam", lambda base: ldam(base, max_margin=max_margin))
    elif subject.dataset is not None and isinstance(subject.model.outcome.net.head, Cosine):
        seen = subject.trained()
    else:
        facts = f"n = {int(classes.counts.sum()):,} training rows of {subject.name}."
        return Measured(
            numbers, f"{facts} Margins are reached by cosine heads, and seen on rows: none are here."
        )
    head, y = seen.net.head, seen.examples.labels.y
    assert isinstance(head, Cosine)
    margin = reached(seen.logits, y, float(head.scale))
    quarters = torch.tensor([0.25, 0.5, 0.75])
    found = {c: torch.quantile(margin[y == c], quarters) for c in order.tolist() if bool((y == c).any())}
    numbers["reached"] = [found[c].tolist() if c in found else None for c in order.tolist()]
    return Measured(numbers, f"{seen.words} Bars: the middle half of the rows of a class.")


def paint(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """Margins against counts: what is wanted, and what the rows have."""
    (axes,) = canvas.panels(1, height=3.0, legend=1)
    counts, wanted = np.array(numbers["counts"], dtype=float), np.array(numbers["wanted"])
    size = 5 if len(counts) <= 30 else 3
    line = np.geomspace(counts.min(), counts.max(), 60)
    axes.plot(
        line, numbers["max_margin"] * (counts.min() / line) ** 0.25, color=canvas.colours["s2"], linewidth=1.2
    )
    axes.plot(counts, wanted, "o", color=canvas.colours["s2"], markersize=size)
    entries = [("wanted by LDAM", canvas.colours["s2"], "o")]
    rows = [(n, r) for n, r in zip(counts, numbers.get("reached", ())) if r is not None]
    if rows:
        n = np.array([n for n, _ in rows])
        low, middle, high = np.array([r for _, r in rows]).T
        axes.vlines(n, low, high, color=canvas.colours["s1"], alpha=0.5, linewidth=2 if size > 3 else 1)
        axes.plot(n, middle, "o", color=canvas.colours["s1"], markersize=size)
        entries.append(("reached, in the middle", canvas.colours["s1"], "o"))
    axes.set_ylim(min(0.0, axes.get_ylim()[0]), None)
    logarithmic(axes.xaxis)
    axes.set_xlabel("training examples of the class", fontsize=9)
    axes.set_title("margin, in cosine", fontsize=9)
    canvas.legend(entries)


FIGURE = Figure(
    name="margins",
    title="Rarer classes get larger margins",
    teaches="Few examples pin a boundary down less well, so LDAM asks for a larger margin where a class is rarer: "
    "its margin falls with the fourth root of the count. Blue dots say how far the training rows got.",
    measure=measure,
    paint=paint,
)
