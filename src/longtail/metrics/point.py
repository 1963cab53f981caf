"""Point: a score of one class against the rest where another of its scores is held, such as ``recall@precision>=0.9``.

A threshold on the probability of the class is fitted on held-out training rows: of those that keep the promise there, the
one with the best value. The score is its value on the test rows, and what became of the promise there is told beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from longtail.metrics.metric import Batch, Metric, Seen, Sum
from longtail.words import nearest

PAIRS = {
    ("recall", "precision"): ">=",
    ("recall", "fpr"): "<=",
    ("precision", "recall"): ">=",
    ("fpr", "recall"): ">=",
}
"""What can be asked for: a value, and what is promised, with the side of the limit that keeps the promise."""
FORM = re.compile(r"([a-z]+)(?:\[(.*)\])?@([a-z]+)(>=|<=)([0-9.]+)")
WORDS = {"recall": "recall", "precision": "precision", "fpr": "false positive rate"}
SAID = "recall@precision>=0.9, recall@fpr<=0.05, precision@recall>=0.8 or fpr@recall>=0.95, of a class: recall[sick]@..."


@dataclass(frozen=True)
class Point:
    """A point that a classifier is judged at.

    Attributes:
        value: "recall", "precision" or "fpr" (the share of the other rows that are taken for the class).
        held: what is promised, one of these too.
        limit: of the promise, from 0 to 1.
        of: the name of the class; None is the rarest.

    >>> Point.of_text("recall[sick]@precision>=0.9")
    Point(value='recall', held='precision', limit=0.9, of='sick')
    >>> Point.of_text("recall@precision>=0.90").name
    'recall@precision>=0.9'
    """

    value: str
    held: str
    limit: float
    of: str | None = None

    @classmethod
    def of_text(cls, text: str, argument: str = "metric") -> Point:
        """A point as people write it.

        Raises:
            ValueError: no such pair of scores, or a limit outside 0 to 1.
        """
        found = FORM.fullmatch(text.replace(" ", ""))
        side = None if found is None else PAIRS.get((found[1], found[3]))
        try:
            limit = float(found[5]) if found is not None else -1.0
        except ValueError:
            limit = -1.0
        if found is None or side != found[4] or not 0 < limit < 1:
            raise ValueError(f"{argument}={text!r} is no point: it is {SAID}, with a limit between 0 and 1")
        return cls(found[1], found[3], limit, found[2])

    @property
    def name(self) -> str:
        """As it is written, in one way."""
        of = "" if self.of is None else f"[{self.of}]"
        return f"{self.value}{of}@{self.held}{PAIRS[self.value, self.held]}{self.limit:g}"

    @property
    def reached(self) -> str:
        """The name of what the promise came to on test rows."""
        return f"{self.held} of {self.name}"

    def class_of(self, names: Sequence[str], rarest: int, argument: str = "metric") -> int:
        """The class that it is of.

        Raises:
            ValueError: there is no such class.
        """
        if self.of is None:
            return rarest
        if self.of not in names:
            near = nearest(self.of, names)
            raise ValueError(f"{argument}={self.name!r}: there is no class {self.of!r}{near}")
        return list(names).index(self.of)

    def threshold(self, score: Tensor, positive: Tensor, weight: Tensor) -> float:
        """The threshold on held-out rows, at or above which a row is taken for the class: of those that keep the promise
        there, the one with the best value. Infinity, which takes no row, where none keeps it; nan where the class or the
        others have no row.

        Args:
            score: of the class, the higher the surer, ``[n]``.
            positive: are the rows of the class? bool ``[n]``.
            weight: of the rows ``[n]``, by the prior.
        """
        order = score.argsort(descending=True, stable=True)
        score, own, w = score[order], positive[order].double(), weight[order].double()
        hits, taken = (w * own).cumsum(0), w.cumsum(0)
        if not len(score) or not float(hits[-1]) > 0 or not float(taken[-1] - hits[-1]) > 0:
            return float("nan")
        last = torch.cat(
            [score[1:] != score[:-1], torch.ones(1, dtype=torch.bool)]
        )  # ties are taken together
        found = values(hits[last], taken[last], hits[-1], taken[-1])
        kept = self.keeps(found[self.held])
        if not bool(kept.any()):
            return float("inf")
        better = found[self.value] * (-1.0 if self.value == "fpr" else 1.0)
        best = torch.where(kept, better, -torch.inf).argmax()
        return float(score[last][best])

    def keeps(self, held: Tensor) -> Tensor:
        """Is the promise kept where this is what it came to?"""
        side = 1.0 if PAIRS[self.value, self.held] == ">=" else -1.0
        return side * held >= side * self.limit - 1e-9  # sums of weights are rounded

    def metrics(self, k: int) -> tuple[Metric, Metric]:
        """Of the class k: the value, and what the promise came to; functions of the rows that are ``flagged`` in a batch
        under :attr:`name`.
        """
        flagged = Sum(f"flagged by {self.name}", (), lambda batch: (None, self._flags(batch)))
        hits = Sum(
            f"hits of {self.name}", (), lambda batch: (None, self._flags(batch) * (batch.y == k).double())
        )

        def made(name: str, which: str, meaning: str) -> Metric:
            def of(seen: Seen) -> Tensor:
                return values(seen[hits.name], seen[flagged.name], seen.true[k], seen.total)[which]

            better: Literal["higher", "lower"] = "lower" if which == "fpr" else "higher"
            return Metric(
                name=name, title=name, meaning=meaning, better=better, needs="probabilities", weights="rows", of=of,
                sums=(hits, flagged), smooth=True, importance=1,
            )  # fmt: skip

        return made(self.name, self.value, self.meaning), made(self.reached, self.held, self.meaning)

    @property
    def promise(self) -> str:
        """What is promised, in words.

        >>> Point.of_text("recall@fpr<=0.1").promise
        'a false positive rate of at most 0.1'
        """
        side = "at least" if PAIRS[self.value, self.held] == ">=" else "at most"
        return f"a {WORDS[self.held]} of {side} {self.limit:g}"

    @property
    def meaning(self) -> str:
        """What it says, in a sentence."""
        of = "the rarest class" if self.of is None else f"the class {self.of!r}"
        return (
            f"The {WORDS[self.value]} of {of} at a threshold that was set on held-out training rows, for {self.promise} "
            "there."
        )

    def _flags(self, batch: Batch) -> Tensor:
        return batch.flags[self.name].double()


def values(hits: Tensor, taken: Tensor, positives: Tensor, total: Tensor) -> dict[str, Tensor]:
    """Recall, precision and false positive rate from weights of rows; nan where one is not defined."""
    others = total - positives
    nan = torch.full_like(hits, torch.nan)
    return {
        "recall": torch.where(positives > 0, hits / positives, nan),
        "precision": torch.where(taken > 0, hits / torch.where(taken > 0, taken, 1.0), nan),
        "fpr": torch.where(others > 0, (taken - hits) / others, nan),
    }
