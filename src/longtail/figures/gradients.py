"""gradients: how many rows are easy, hard or outlying, and which of them each loss learns from.

Source: Li, Liu and Wang, "Gradient Harmonized Single-stage Detector", AAAI 2019, figures 1 to 3. The norm is that of the
gradient of cross-entropy with respect to the logits, ``|| p - onehot || / sqrt 2``, which is ``1 - p_t`` for two classes.

GHM-C asks a question per class. Its logits here are the log-odds of the model's own probabilities, so that its gradient
is cross-entropy's, ``p - onehot``, times the weight that the density gives to each element.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.figures.canvas import Canvas
from longtail.figures.figure import Figure, Measured
from longtail.figures.gradient_norm import BINS, GRID, density, gradient_norm, shared_out
from longtail.figures.subject import COLOUR_OF, Subject, groups_of, in_words
from longtail.labels import Labels
from longtail.losses import CrossEntropy, Focal, ghm_c
from longtail.part import part

SORTS = ("easy", "hard", "outlying")


def log_odds(logits: Tensor) -> Tensor:
    """``log p - log (1 - p)`` of each class's softmax probability, float64 ``[N, C]``.

    >>> torch.sigmoid(log_odds(torch.tensor([[0.0, 0.0, 40.0]]))).sum().item()
    1.0
    """
    log_p = torch.log_softmax(logits.double(), 1)
    top = log_p.argmax(1, keepdim=True)
    others = log_p.scatter(1, top, -torch.inf).logsumexp(1, keepdim=True)
    rest = torch.log1p(-log_p.exp().scatter(1, top, 0.0)).scatter(1, top, others)
    return log_p - rest


def pulls(logits: Tensor, labels: Labels, gamma: float = 2.0, bins: int = BINS) -> dict[str, Tensor]:
    """The norm of each row's gradient under cross-entropy, focal loss and GHM-C, ``[N]`` by name."""
    n = len(labels)
    odds = log_odds(logits).requires_grad_()
    harmonised = ghm_c(odds, labels.y, bins=bins, reduction="sum")
    (gradient,) = torch.autograd.grad(harmonised, odds)
    logits = logits.double()
    return {
        "CE": gradient_norm(logits, part(CrossEntropy), labels, n),
        "focal": gradient_norm(logits, part(Focal, gamma=gamma), labels, n),
        "GHM-C": gradient.norm(dim=1),
    }


def measure(
    subject: Subject, *, gamma: float = 2.0, easy: float = 0.1, outlying: float = 0.9, held: bool = True
) -> Measured:
    """Norms of the rows, by group of classes and by loss.

    Args:
        subject: whose rows and model.
        gamma: of focal loss.
        easy: rows whose norm is below that are easy.
        outlying: rows whose norm is above that are outlying.
        held: look at rows that the model was not trained on; False at those that it was.

    Raises:
        ValueError: ``easy`` and ``outlying`` do not part [0, 1].
    """
    if not 0 < easy < outlying < 1:
        raise ValueError(f"easy={easy:g} and outlying={outlying:g} must part the norms between 0 and 1")
    seen: Any = subject.judged() if held else subject.trained()
    labels: Labels = seen.labels if held else seen.examples.labels
    found = pulls(seen.logits, labels, gamma)
    g = (found["CE"].double() / 2**0.5).clamp(0, 1)
    sort = (g >= easy).long() + (g > outlying).long()
    groups = groups_of(subject.classes)
    share = {
        name: (torch.histc(g[torch.isin(labels.y, index)], BINS, 0, 1) / len(g)).tolist()
        for name, index in groups.items()
    }
    numbers = {
        "edges": np.linspace(0, 1, BINS + 1).tolist(),
        "share": share,
        "density": (density(g.numpy(), np.linspace(0, 1, GRID), 1 / BINS) / len(g)).tolist(),
        "limits": [easy, outlying],
        "rows": dict(zip(SORTS, (torch.bincount(sort, minlength=3) / len(g)).tolist())),
        "pull": {name: shared_out(pull, g, BINS).tolist() for name, pull in found.items()},
        "pull_by_sort": {
            name: dict(
                zip(
                    SORTS,
                    (torch.bincount(sort, pull.double(), 3) / pull.double().sum().clamp(min=1e-300)).tolist(),
                )
            )
            for name, pull in found.items()
        },
        "gamma": gamma,
    }
    return Measured(
        numbers, f"{seen.words} {in_words(groups, subject.classes)}. Focal loss has gamma {gamma:g}."
    )


def paint(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """How many rows, then what each loss makes of them by norm, then by sort of rows."""
    top, middle, bottom = canvas.panels(3, height=1.7, legend=1, between=0.66, left=0.95, below=0.1)
    edges = np.array(numbers["edges"])
    centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    below = np.zeros(len(centres))
    low, high = numbers["limits"]
    entries = []
    floor = min(v for row in numbers["share"].values() for v in row if v > 0) / 2
    for name, share in numbers["share"].items():
        colour = canvas.colours[COLOUR_OF[name]]
        top.step(edges, [*share, share[-1]], where="post", color=colour, linewidth=1.3)
        below += np.array(share)
        entries.append((name, colour, "-"))
    top.plot(
        np.linspace(0, 1, GRID),
        np.array(numbers["density"]) * width,
        color=canvas.colours["muted"],
        linewidth=1,
    )
    entries.append(("all, as a density", canvas.colours["muted"], "-"))
    top.set_yscale("log")
    top.set_ylim(floor, 2.5)
    top.yaxis.set_major_formatter(lambda v, _: f"{100 * v:g} %")
    top.set_title("share of the rows", fontsize=9)
    losses = dict(zip(numbers["pull"], ("s0", "s2", "s4")))
    for name, pull in numbers["pull"].items():
        middle.step(edges, [*pull, pull[-1]], where="post", color=canvas.colours[losses[name]], linewidth=1.4)
    middle.yaxis.set_major_formatter(lambda v, _: f"{100 * v:g} %")
    middle.set_xlabel("gradient norm of cross-entropy (0 right and sure, 1 wrong and sure)", fontsize=9)
    for axes in (top, middle):
        axes.set_xlim(0, 1)
        for edge in (low, high):
            axes.axvline(edge, color=canvas.colours["muted"], linewidth=0.8, linestyle=":")
    for x, sort, side in (
        (low, "easy", "left"),
        ((low + high) / 2, "hard", "center"),
        (high, "outlying", "right"),
    ):
        share = numbers["rows"][sort]
        where = x if sort == "hard" else (0.01 if sort == "easy" else 0.99)
        top.text(where, 1.25, f"{sort} {percent(share)}", ha=side, va="center", fontsize=8.5)
    names = ["rows", *(f"pull: {name}" for name in numbers["pull_by_sort"])]
    shares = [numbers["rows"], *numbers["pull_by_sort"].values()]
    colours = ["s3", "s1", "bad"]
    left = np.zeros(len(names))
    for sort, colour in zip(SORTS, colours):
        values = np.array([s[sort] for s in shares])
        bottom.barh(
            range(len(names)), values, left=left, color=canvas.colours[colour], height=0.6, alpha=0.75
        )
        for k, value in enumerate(values):
            if value >= 0.09:
                bottom.text(left[k] + value / 2, k, percent(value), ha="center", va="center", fontsize=8.5)
        left += values
    bottom.set_yticks(range(len(names)), names)
    bottom.set_ylim(len(names) - 0.5, -0.5)
    bottom.set_xlim(0, 1)
    bottom.set_xticks([])
    bottom.grid(False)
    canvas.legend(entries)
    lines = [(name, canvas.colours[colour], "-") for name, colour in losses.items()]
    canvas.legend_above(middle, [("pull of", "none", ":"), *lines])
    canvas.legend_above(bottom, [(sort, canvas.colours[colour], "s") for sort, colour in zip(SORTS, colours)])


def percent(share: float) -> str:
    """A share in words for a picture.

    >>> percent(0.123), percent(0.004), percent(0.0)
    ('12 %', '0.4 %', '0 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.0095 or share == 0 else f"{100 * share:.1g} %"


FIGURE = Figure(
    name="gradients",
    title="Who pulls: easy, hard and outlying rows",
    teaches="Most rows are easy and pull little each; the few outlying ones, often wrong labels, pull hardest. Focal "
    "loss fades the easy rows only; GHM-C fades every crowded range of norms.",
    measure=measure,
    paint=paint,
)
