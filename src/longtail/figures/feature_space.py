"""feature-space: the rows as the head sees them, in two dimensions, by group or class.

t-SNE (van der Maaten and Hinton, JMLR 2008) or PCA, both scikit-learn's. What t-SNE shows is who is next to whom: sizes
of heaps and distances between them say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.figures.canvas import Canvas
from longtail.figures.figure import Figure, Measured
from longtail.figures.subject import COLOUR_OF, Subject, groups_of, in_words
from longtail.seeds import generator

NAMED = 12
"""Classes: up to here each has its name in its middle."""


def some(y: Tensor, most: int) -> Tensor:
    """At most so many rows at random, int64, in ascending order; the rarest classes keep at least some of theirs."""
    if len(y) <= most:
        return torch.arange(len(y))
    draw = torch.randperm(len(y), generator=generator("figures", "feature-space"))
    counts = torch.bincount(y)
    least = max(1, most // (4 * int((counts > 0).sum())))
    kept = torch.cat([draw[y[draw] == c][:least] for c in counts.nonzero().flatten().tolist()])
    rest = draw[~torch.isin(draw, kept)]
    return torch.cat([kept, rest])[:most].sort().values


def flat(features: np.ndarray, method: str) -> np.ndarray:
    """Features ``[N, d]`` in two dimensions."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if method == "pca":
        return np.asarray(PCA(2, random_state=0).fit_transform(features))
    if min(features.shape) > 50:
        features = PCA(50, random_state=0).fit_transform(features)
    near = min(30.0, (len(features) - 1) / 3)
    return np.asarray(TSNE(2, perplexity=near, init="pca", random_state=0).fit_transform(features))


def measure(subject: Subject, *, method: str = "tsne", most: int = 1000) -> Measured:
    """Where the rows are, and which are of which class.

    Args:
        subject: whose rows and model.
        method: "tsne" or "pca".
        most: rows.

    Raises:
        ValueError: another method, or fewer than 10 rows or 2 features.
    """
    if method not in ("tsne", "pca"):
        raise ValueError(f"method={method!r} must be 'tsne' or 'pca'")
    seen = subject.trained()
    labels = seen.examples.labels
    index = some(labels.y, most)
    features = seen.features[index].double().numpy()
    if len(features) < 10 or features.shape[1] < 2:
        raise ValueError(
            f"feature-space needs 10 rows and 2 features; here are {features.shape[0]} and {features.shape[1]}"
        )
    groups = groups_of(subject.classes)
    group_of = {c: name for name, classes in groups.items() for c in classes.tolist()}
    y = labels.y[index].tolist()
    how = "t-SNE" if method == "tsne" else "PCA"
    taken = "" if len(index) == len(labels) else f" {len(index):,} of the rows are drawn, rare classes first."
    return Measured(
        {
            "xy": flat(features, method).tolist(),
            "classes": [labels.names[c] for c in y],
            "groups": [group_of[c] for c in y],
            "method": method,
        },
        f"{seen.words}{taken} {how} of {features.shape[1]} features; {in_words(groups, subject.classes)}.",
    )


def paint(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """A dot for each row, the rarest on top."""
    from longtail.report.svg import shortened

    (axes,) = canvas.panels(1, height=4.4, legend=1, left=0.15, below=0.1)
    xy, classes, groups = np.array(numbers["xy"]), np.array(numbers["classes"]), np.array(numbers["groups"])
    entries = []
    for name in (n for n in COLOUR_OF if n in set(numbers["groups"])):
        of = groups == name
        colour = canvas.colours[COLOUR_OF[name]]
        axes.plot(*xy[of].T, "o", color=colour, markersize=3.2, alpha=0.6, markeredgewidth=0)
        entries.append((name, colour, "o"))
    if len(set(numbers["classes"])) <= NAMED:
        for name in dict.fromkeys(numbers["classes"]):
            axes.text(
                *np.median(xy[classes == name], 0), shortened(name, 14), ha="center", va="center", fontsize=10,
                fontweight="bold", bbox={"facecolor": canvas.colours["page"], "alpha": 0.7, "linewidth": 0, "pad": 1.5},
            )  # fmt: skip
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    canvas.legend(entries)


FIGURE = Figure(
    name="feature-space",
    title="What the head sees",
    teaches="Where rare rows lie in heaps of their own, the features are good and the head alone is biased: two-stage "
    "methods can help. Where they lie among frequent ones, no head can part them.",
    measure=measure,
    paint=paint,
)
