"""Adjust saved predictions to a declared prior: before and after, with intervals, and an adjuster for
production.

Closed form by default: the prior that the logits assume (the training frequencies unless told otherwise) is
taken out, the declared one put in (:class:`longtail.adjust.PriorShift`). With labelled held-out predictions
of the same model a bias-corrected temperature is fitted first, which works whatever the model was trained
with. Labels of the predictions that are scored are never used for fitting.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from longtail.adjust.bias_temperature import BiasTemperature
from longtail.adjust.bootstrap import Interval, compare
from longtail.adjust.chain import Chain
from longtail.adjust.files import save
from longtail.adjust.inputs import Floats, Ints, check_prior, softmax
from longtail.adjust.predictions import Predictions, write_predictions
from longtail.adjust.prior_shift import PriorShift


@dataclass(frozen=True, eq=False)
class Adjusted:
    """The outcome of :func:`adjust_predictions`.

    Attributes:
        adjuster: what was applied; ``longtail.adjust.save`` writes it.
        predictions: with adjusted logits.
        decided: classes, int64 ``[N]``.
        assumed: the prior taken out, ``[C]``, and in ``source`` where it comes from.
        prior: the prior put in, ``[C]``.
        scores: ``scores[evaluated under]["before" | "after" | "change"][metric] = (value, low, high)``;
            empty where the labels are unknown.
    """

    adjuster: PriorShift | Chain
    predictions: Predictions
    decided: Ints
    assumed: Floats
    source: str
    prior: Floats
    scores: dict[str, dict[str, dict[str, Interval]]]

    def write(self, folder: str | Path, suffix: str = ".csv") -> list[Path]:
        """Write ``predictions<suffix>``, ``adjuster.json`` and, with labels, ``scores.json``; the paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"predictions{suffix}", folder / "adjuster.json"]
        write_predictions(self.predictions, self.decided, paths[0])
        save(self.adjuster, paths[1])
        if self.scores:
            paths.append(folder / "scores.json")
            about = {"assumed": self.assumed.tolist(), "source": self.source, "prior": self.prior.tolist()}
            paths[-1].write_text(json.dumps({**about, "scores": self.scores}, indent=1) + "\n")
        return paths


def adjust_predictions(
    predictions: Predictions,
    counts: Sequence[int] | Any,
    prior: str | Sequence[float] | Any = "balanced",
    from_prior: Sequence[float] | Any | None = None,
    held: Predictions | None = None,
    unseen: str = "error",
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Adjusted:
    """Predictions for the prior you deploy under.

    Args:
        predictions: of any model.
        counts: training examples per class ``[C]``.
        prior: ``"balanced"``, ``"natural"`` (the training frequencies) or a prior ``[C]``.
        from_prior: the prior ``[C]`` that the model was trained under, where it is not the counts' (a
            class-balanced
            sampler: uniform).
        held: labelled held-out predictions of the same model, drawn like the training data: a calibrator is
            fitted on them, and ``from_prior`` is not needed.
        unseen: what to do about a class whose prior is 0, see :class:`longtail.adjust.PriorShift`.
        resamples: of the bootstrap (rows drawn anew within each class); 0 gives intervals of no width.
        level: of the intervals.
        seed: of the bootstrap.

    Raises:
        ValueError: counts or priors that don't fit the columns, a class with count 0 (see ``unseen``),
            held-out predictions without labels, or both ``held`` and ``from_prior``.

    >>> p = Predictions.of([[0.9, 0.1], [0.6, 0.4]], "probabilities", [0, 1])
    >>> adjusted = adjust_predictions(p, [80, 20], resamples=20)
    >>> adjusted.decided.tolist(), adjusted.scores["balanced"]["after"]["accuracy"][0]
    ([0, 1], 1.0)
    """
    n = np.asarray(counts)
    c = predictions.logits.shape[1]
    if n.shape != (c,) or (n < 0).any() or not n.sum() > 0:
        raise ValueError(
            f"counts must be {c} numbers from 0 on, one for each column of the predictions, got {n}"
        )
    if resamples < 0 or not 0 < level < 1:
        raise ValueError(f"resamples={resamples} must be 0 or more and level={level} inside (0, 1)")
    natural = n / n.sum()
    if isinstance(prior, str) and prior not in ("balanced", "natural"):
        raise ValueError(f"prior={prior!r} must be 'balanced', 'natural' or one probability a class")
    named = {"balanced": np.full(c, 1 / c), "natural": natural}
    target = named[prior] if isinstance(prior, str) else check_prior("prior", prior, c)
    put_in = "balanced" if isinstance(prior, str) and prior == "balanced" else target
    adjuster: PriorShift | Chain
    if held is not None:
        if held.y is None or held.logits.shape[1] != c or from_prior is not None:
            raise ValueError(
                f"held must have labels and {c} classes, and stands in place of from_prior: give one of the two"
            )
        calibrator = BiasTemperature().fit(held.logits, held.y)
        assumed, source = np.array(calibrator.assumes), "fitted on held-out predictions"
        adjuster = Chain((calibrator, PriorShift(assumed, to=put_in)))
    else:
        given = from_prior is not None
        assumed, source = (
            check_prior("from_prior", from_prior, c) if given else natural,
            "the training counts",
        )
        source = "given" if given else source
        adjuster = PriorShift(assumed, to=put_in, unseen=unseen)
    after = Predictions(adjuster(predictions.logits), predictions.y, predictions.names)
    scores: dict[str, dict[str, dict[str, Interval]]] = {}
    if predictions.y is not None:
        under = named if isinstance(prior, str) else {**named, "declared": target}
        pair = softmax(predictions.logits), softmax(after.logits)
        scores = compare(*pair, predictions.y, under, resamples, level, seed)
    return Adjusted(adjuster, after, after.logits.argmax(1), assumed, source, target, scores)
