"""Mistake: a row that was given another class, with the row itself as a reader can look at it: words, or a picture."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

from torch import Tensor

LETTERS = 300
"""Of a row in words, at most."""
SIDE = 96
"""Pixels of a small picture, at most."""
SMALL = 32
"""Pixels of a picture's longer side up to which nothing of it is lost."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One row of the data, tested by a model that had not trained on it.

    Attributes:
        row: from 0, among the rows that were read.
        fold, seed: from 0, of the run that tested it.
        truth, decision: classes by name.
        probability, p_truth: of the decision and of the true class, under the declared prior.
        words: the row as text, cut where it is long; empty where there is none.
        picture: the row as a small picture, a ``data:`` address; empty where it is none.
    """

    row: int
    fold: int
    seed: int
    truth: str
    decision: str
    probability: float
    p_truth: float
    words: str = ""
    picture: str = ""


def in_words(cells: dict[str, Any]) -> str:
    """The cells of a row as one line of at most ``LETTERS``.

    >>> in_words({"text": "good,  not great"}), in_words({"age": 61, "smokes": "yes"})
    ('good, not great', 'age=61, smokes=yes')
    """
    if set(cells) == {"text"}:
        line = str(cells["text"])[: 4 * LETTERS]
    else:
        line = ", ".join(f"{name}={_cell(value)}" for name, value in cells.items())
    line = " ".join(line.split())
    return line if len(line) <= LETTERS else line[: LETTERS - 1].rstrip() + "…"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:LETTERS]


def small_picture(pixels: Tensor) -> str:
    """A picture, uint8 ``[3, H, W]``, as a ``data:`` address of a few kilobytes at most.

    >>> import torch
    >>> small_picture(torch.zeros(3, 8, 8, dtype=torch.uint8))[:22]
    'data:image/png;base64,'
    """
    from PIL import Image

    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    form = "png" if max(image.size) <= SMALL else "jpeg"
    image.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    image.save(out, form, **({"quality": 80} if form == "jpeg" else {}))
    return f"data:image/{form};base64,{base64.b64encode(out.getvalue()).decode()}"
