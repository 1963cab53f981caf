"""Adjust: anyone's saved predictions, for the prior they are deployed under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtail.adjust.apply import Adjusted, adjust_predictions
from longtail.adjust.predictions import Predictions
from longtail.adjust.saved import read_counts, read_predictions
from longtail.prior import Said
from longtail.run.loop import On, ignore
from longtail.tables import WRITTEN, ending


def adjust(
    predictions: str | Path | Predictions | Any,
    *,
    counts: str | Path | Sequence[int] | Mapping[Any, int],
    prior: Said = "balanced",
    from_prior: Said | None = None,
    costs: Any = None,
    held: str | Path | Predictions | Any | None = None,
    kind: str | None = None,
    label: str | None = None,
    classes: Sequence[str] | None = None,
    unseen: str = "rarest",
    out: str | Path | None = None,
    raw: bool = False,
    on: On = ignore,
) -> Adjusted:
    """Saved predictions of any model, for the prior you deploy under; no retraining.

    Counts and priors are taken by class name or index where they are given by class (a mapping, a pandas Series, a JSON
    object), and in the order of the columns where they are a list.

    Args:
        predictions: a file (csv, tsv, jsonl, parquet, feather, xlsx or npz) or a data frame with columns ``p_*`` or
            ``logit_*`` (or named by class), and a label column where the labels are known, as ``longtail predict`` gives;
            or ``longtail.adjust.Predictions``, such as ``longtail.adjust.predictions_of`` makes of a scikit-learn, torch
            or Hugging Face model.
        counts: training examples per class: numbers, by class, or a JSON file of either.
        prior: "balanced", "natural" (the counts), or numbers, in any form that ``longtail.prior.Prior.of`` takes, or a
            JSON file of them.
        from_prior: the prior the model was trained under, where it is not the counts': the same forms.
        costs: what each decision costs, as for ``compare``: the decisions are the cheapest ones, and ``adjuster.json``
            keeps them. A cell may name another column of the predictions.
        held: labelled predictions of the same model on held-out rows, which fit a calibrator first; the same forms as
            ``predictions``.
        kind: "probabilities" or "logits", where the column names do not say.
        label: the column of labels; None takes ``label`` or ``labels`` where there is one.
        classes: class names in the order of numbered columns, where labels or counts use names.
        unseen: a class without training rows counts as the "rarest" that training saw, and a note says so; or it is an
            "error".
        out: folder for the adjusted predictions and ``adjuster.json``, which ``longtail.adjust.load`` reads in
            production with numpy alone; None does not write.
        raw: leave cells alone that a spreadsheet would run; else they get a quote in front.
        on: called with progress events.

    Raises:
        ValueError: a file or table that holds no predictions, or numbers that do not fit its classes; the place is named.
        TypeError: predictions in another form.
    """
    numbers: Any = counts
    known: tuple[str, ...] | None = None
    if isinstance(counts, str | Path):
        read, known = read_counts(counts)
        numbers = read if known is None else dict(zip(known, read.tolist()))
    elif callable(getattr(counts, "items", None)):
        known = tuple(str(k) for k, _ in counts.items())  # type: ignore[union-attr]

    def read_one(given: Any, argument: str) -> Predictions:
        if isinstance(given, Predictions):
            return given
        found = read_predictions(given, classes, kind, label, known, argument)
        on({"total": steps, "done": 1, "task": str(given) if isinstance(given, str | Path) else argument})
        return found

    steps = 3 if out is not None else 2
    given = read_one(predictions, "predictions")
    other = None if held is None else read_one(held, "held")
    adjusted = adjust_predictions(given, numbers, prior, from_prior, other, unseen, files=True, costs=costs)
    on({"total": steps, "done": 2, "task": "adjusted"})
    if out is not None:
        form = ending(predictions) if isinstance(predictions, str | Path) else (".csv", "")
        adjusted.write(out, "".join(form) if form[0] in (*WRITTEN, ".npz") else ".csv", raw)
        on({"total": steps, "done": 3, "task": f"written to {out}"})
    return adjusted
