"""boundaries: where each family of methods draws the line, on a long tail in two dimensions.

Without data, three heaps of 400, 60 and 12 points that overlap. With data, the two first principal components of the
features of a model of them: a flattened view, so its numbers are no scores of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail import recipes
from longtail.comparison.study import RecipeLike
from longtail.data import Dataset
from longtail.figures.canvas import Canvas
from longtail.figures.figure import Figure, Measured
from longtail.figures.subject import COLOUR_OF, Subject, groups_of
from longtail.labels import Labels
from longtail.seeds import generator
from longtail.surgery.tau_normalize import balanced_accuracy

COUNTS, CENTRES = (400, 60, 12), ((0.0, 0.0), (1.6, 0.6), (0.6, 1.7))
WIDE = 0.75
"""Standard deviation of a heap."""
TESTED = 1000
"""Rows of each class that were not trained on."""
GRID = 45
FAMILIES: tuple[tuple[str, str, RecipeLike], ...] = (
    ("plain", "erm", recipes.erm),
    ("re-weighted", "weighted-ce", recipes.weighted_ce),
    ("re-sampled", "class-balanced-sampling", recipes.class_balanced_sampling),
    ("logit-adjusted", "balanced-softmax", recipes.balanced_softmax),
    ("margin (LDAM-DRW)", "ldam-drw", recipes.ldam_drw),
    ("two-stage (cRT)", "crt", recipes.crt),
)


def heaps(counts: tuple[int, ...], draw: torch.Generator) -> tuple[Tensor, Labels]:
    """Points ``[N, 2]`` about the centres, and the heap of each."""
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    x = torch.tensor(CENTRES)[y] + WIDE * torch.randn(len(y), 2, generator=draw)
    return x, Labels.of(y, ["frequent", "middle", "rare"])


def plane(subject: Subject, most: int) -> tuple[Tensor, Labels, str]:
    """Rows of the subject's data in two dimensions."""
    from sklearn.decomposition import PCA

    from longtail.figures.feature_space import some

    seen = subject.trained()
    index = some(seen.examples.labels.y, most)
    features = seen.features[index].double().numpy()
    if features.shape[1] < 2:
        raise ValueError(f"boundaries needs 2 features; the model has {features.shape[1]}")
    pca = PCA(2, random_state=0)
    xy = torch.from_numpy(pca.fit_transform(features)).float()
    share = f"{100 * pca.explained_variance_ratio_.sum():.0f} % of the variance"
    words = f"{seen.words} {len(index):,} rows in the first two components of their features ({share})"
    return xy / xy.std(0), seen.examples.labels.take(index), words


def measure(subject: Subject, *, most: int = 1500, epochs: int = 60) -> Measured:
    """What each family decides over the plane.

    Args:
        subject: whose rows and model; without data, heaps.
        most: rows.
        epochs: of a small net on the plane.
    """
    if subject.dataset is None:
        draw = generator("figures", "boundaries")
        xy, labels = heaps(COUNTS, draw)
        test_xy, test = heaps((TESTED,) * 3, draw)
        words = f"n = {len(xy)} made-up points, {', '.join(map(str, COUNTS))} by class"
        words += f"; scores on {TESTED:,} new ones each"
    else:
        xy, labels, words = plane(subject, most)
        test_xy, test = xy, labels
        words += "; scores on these rows"
    flat = Subject(
        Dataset.of("plane", "embedding", xy, labels), cache=subject.cache, backbone="mlp", epochs=epochs,
        engine=subject.engine, on=subject.on,
    )  # fmt: skip
    low, high = xy.min(0).values, xy.max(0).values
    room = 0.06 * (high - low)
    sides = [torch.linspace(float(a), float(b), GRID) for a, b in zip(low - room, high + room)]
    grid = torch.cartesian_prod(*sides)
    margins, scores = {}, {}
    for family, name, recipe in FAMILIES:
        outcome = flat.trained(name, recipe).outcome
        encoder = flat.encoder
        z = outcome.logits(encoder(grid)).double()
        margins[family] = z.sub(z.mean(1, keepdim=True)).T.reshape(-1, GRID, GRID).tolist()
        scores[family] = balanced_accuracy(outcome.logits(encoder(test_xy)), test.y)
    groups = groups_of(labels.classes)
    group_of = {c: name for name, classes in groups.items() for c in classes.tolist()}
    return Measured(
        {
            "xy": xy.tolist(),
            "y": labels.y.tolist(),
            "counts": labels.counts.tolist(),
            "groups": [group_of[c] for c in range(labels.num_classes)],
            "sides": [side.tolist() for side in sides],
            "logits": margins,
            "balanced_accuracy": scores,
        },
        f"{words}. A net of one hidden layer per panel, {epochs} epochs; balanced accuracy above each.",
    )


def paint(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """A panel for each family: the rarer the class that is decided for, the darker the ground."""
    panels = canvas.panels(3, 2, height=1.75, legend=1, left=0.15, below=0.08, between=0.3, apart=0.15)
    xy, y, counts = np.array(numbers["xy"]), np.array(numbers["y"]), np.array(numbers["counts"])
    rank = (-counts).argsort(kind="stable").argsort(kind="stable")
    colour_of = {c: canvas.colours[COLOUR_OF[name]] for c, name in enumerate(numbers["groups"])}
    for axes, (family, logits) in zip(panels, numbers["logits"].items()):
        z = np.array(logits)
        for c in range(len(z)):
            lead = (z[c] - np.delete(z, c, 0).max(0)).T
            if (lead > 0).any():
                dark = 0.1 + 0.4 * rank[c] / max(1, len(z) - 1)
                axes.contourf(*numbers["sides"], lead, levels=[0, 1e9], colors=[colour_of[c]], alpha=dark)
        shown = np.random.default_rng(0).permutation(len(xy))
        few = np.concatenate([shown[y[shown] == c][: max(12, 240 // len(z))] for c in np.argsort(rank)])
        for name in dict.fromkeys(numbers["groups"]):
            of = few[np.isin(y[few], [c for c, g in enumerate(numbers["groups"]) if g == name])]
            axes.plot(
                *xy[of].T, "o", color=canvas.colours[COLOUR_OF[name]], markersize=1.8, markeredgewidth=0
            )
        axes.set(
            xticks=[], yticks=[], xlim=numbers["sides"][0][:: GRID - 1], ylim=numbers["sides"][1][:: GRID - 1]
        )
        axes.grid(False)
        axes.set_title(f"{family}: {numbers['balanced_accuracy'][family]:.2f}", fontsize=9, pad=3)
    names = [n for n in COLOUR_OF if n in numbers["groups"]]
    canvas.legend([(name, canvas.colours[COLOUR_OF[name]], "o") for name in names])


FIGURE = Figure(
    name="boundaries",
    title="Where each family draws the line",
    teaches="Plain training gives doubtful ground to the frequent class. Re-weighting, re-sampling, logit adjustment, "
    "margins and a second stage each push the line back, in their own ways and not equally far.",
    measure=measure,
    paint=paint,
    needs_data=False,
)
