"""islands-lt: a made-up table in which a straight line finds nothing. Small, built in, works offline.

One frequent class, the sea, lies evenly over a square; three rarer ones are islands in it, round heaps that the sea runs
through. Two columns say where a row lies, four more are noise. It was made so that a comparison of two minutes has
a clear answer: a linear model cannot enclose an island, and the islands overlap with the sea, so the prior decides.
"""

from __future__ import annotations

import numpy as np
import torch

from longtail.data.dataset import Dataset
from longtail.data.imbalance import exponential_counts
from longtail.labels import Labels

NAMES = ("sea", "large", "middle", "small")
CENTRES = ((1.2, 1.2), (-1.4, 0.6), (0.4, -1.5))
"""Of the islands."""
WIDTH = 0.35
"""Standard deviation of an island; the sea reaches from -3 to 3."""
MOST, NOISE = 2600, 4
"""Rows of the sea; columns without meaning."""


def islands_lt(imbalance: float = 65.0, seed: int = 0) -> Dataset:
    """The islands, a table of six columns, rows shuffled.

    Raises:
        ValueError: an imbalance below 1, or one that leaves a class empty (above 2,600).

    >>> data = islands_lt()
    >>> data.raw.shape, data.labels.names, data.labels.counts.tolist()
    ((3446, 6), ('sea', 'large', 'middle', 'small'), [2600, 646, 160, 40])
    """
    import pandas as pd

    if imbalance > MOST:
        raise ValueError(
            f"imbalance={imbalance:g} must be at most {MOST}: the sea of islands-lt has no more rows"
        )
    counts = exponential_counts(MOST, len(NAMES), imbalance).tolist()
    draw = np.random.default_rng(seed)
    where = [draw.uniform(-3, 3, (counts[0], 2))]
    where += [draw.normal(centre, WIDTH, (n, 2)) for centre, n in zip(CENTRES, counts[1:])]
    columns = np.concatenate([np.concatenate(where), draw.normal(size=(sum(counts), NOISE))], 1)
    y = np.repeat(np.arange(len(NAMES)), counts)
    order = draw.permutation(len(y))
    frame = pd.DataFrame(columns[order], columns=["east", "north", *(f"noise{k + 1}" for k in range(NOISE))])
    name = "islands-lt" if imbalance == 65 else f"islands-lt:{imbalance:g}"
    note = f"built-in, made up: {len(y):,} rows, imbalance factor {imbalance:g}"
    return Dataset.of(name, "table", frame, Labels.of(torch.from_numpy(y[order]), NAMES), [note])
