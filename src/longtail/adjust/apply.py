"""Adjust saved predictions to a declared prior: before and after, with intervals, and an adjuster for
production.

Closed form by default: the prior that the logits assume (the training frequencies unless told otherwise) is
taken out, the declared one put in (:class:`longtail.adjust.PriorShift`). With labelled held-out predictions
of the same model a bias-corrected temperature is fitted first, which works whatever the model was trained
with. Labels of the predictions that are scored are never used for fitting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from longtail.adjust.bias_temperature import BiasTemperature
from longtail.adjust.bootstrap import Interval, compare
from longtail.adjust.chain import Chain
from longtail.adjust.files import save
from longtail.adjust.inputs import Floats, Ints, softmax
from longtail.adjust.predictions import Predictions
from longtail.adjust.prior_shift import PriorShift
from longtail.adjust.written import write_predictions
from longtail.by_class import by_class
from longtail.costs import Costs
from longtail.files import write_json
from longtail.prior import Prior, Said


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
        worse: what to say first where the labels show that the adjustment makes things worse, with the likely reason;
            None where they don't.
        notes: what was noticed in reading.
        costs: by which ``decided`` is cheapest; None: the most probable classes are decided.
    """

    adjuster: PriorShift | Chain
    predictions: Predictions
    decided: Ints
    assumed: Floats
    source: str
    prior: Floats
    scores: dict[str, dict[str, dict[str, Interval]]]
    worse: str | None = None
    notes: tuple[str, ...] = ()
    costs: Costs | None = None

    def write(self, folder: str | Path, suffix: str = ".csv", raw: bool = False) -> list[Path]:
        """Write ``predictions<suffix>``, ``adjuster.json`` and, with labels, ``scores.json``; the paths.

        ``raw`` leaves cells alone that a spreadsheet would run; else they get a quote in front.
        """
        folder = Path(folder)
        paths = [folder / f"predictions{suffix}", folder / "adjuster.json"]
        write_predictions(self.predictions, self.decided, paths[0], raw)
        save(self.adjuster, paths[1], self.predictions.names, self.costs)
        if self.scores:
            paths.append(folder / "scores.json")
            about = {
                "classes": list(self.predictions.names), "assumed": self.assumed.tolist(), "source": self.source,
                "prior": self.prior.tolist(), "worse": self.worse, "notes": list(self.notes),
            }  # fmt: skip
            write_json(paths[-1], {**about, "scores": self.scores}, indent=1)
        return paths


def adjust_predictions(
    predictions: Predictions,
    counts: Sequence[int] | Mapping[Any, int] | Any,
    prior: Said = "balanced",
    from_prior: Said | None = None,
    held: Predictions | None = None,
    unseen: str = "rarest",
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
    files: bool = False,
    costs: Any = None,
) -> Adjusted:
    """Predictions for the prior you deploy under.

    What is given by class (a mapping, a pandas Series) is taken by class name or index, a list in the order of
    ``predictions.names``.

    Args:
        predictions: of any model.
        counts: training examples per class ``[C]``.
        prior: ``"balanced"``, ``"natural"`` (the training frequencies) or numbers, in any form that
            :meth:`longtail.prior.Prior.of` takes.
        from_prior: the prior that the model was trained under, where it is not the counts': ``"balanced"`` (a
            class-balanced sampler), or numbers. None or ``"natural"`` is the counts'.
        held: labelled held-out predictions of the same model, drawn like the training data: a calibrator is
            fitted on them, and ``from_prior`` is not needed.
        unseen: a class whose prior is 0 counts as the "rarest" that training saw, and the notes say so; or it is an
            "error".
        resamples: of the bootstrap (rows drawn anew within each class); 0 gives intervals of no width.
        level: of the intervals.
        seed: of the bootstrap.
        files: may a prior or costs be the name of a file?
        costs: of each decision, in any form that :meth:`longtail.costs.Costs.of` takes; None decides the most probable
            class.

    Raises:
        ValueError: counts or priors that don't fit the columns, a class with count 0 (see ``unseen``),
            held-out predictions without labels, or both ``held`` and ``from_prior``.

    >>> p = Predictions.of([[0.9, 0.1], [0.6, 0.4]], "probabilities", [0, 1])
    >>> adjusted = adjust_predictions(p, {1: 20, 0: 80}, resamples=20)
    >>> adjusted.decided.tolist(), adjusted.scores["balanced"]["after"]["accuracy"][0]
    ([0, 1], 1.0)
    """
    names, c = predictions.names, predictions.logits.shape[1]
    n = checked_counts(by_class("counts", counts, names), c)
    if resamples < 0 or not 0 < level < 1:
        raise ValueError(f"resamples={resamples} must be 0 or more and level={level} inside (0, 1)")
    import torch

    from longtail.classes import UNSEEN, Classes

    classes = Classes(names, torch.from_numpy(n))
    deploy = Prior.of(prior, classes, files=files)
    declared = None if costs is None else Costs.of(costs, names, files=files)
    of = {} if declared is None else _beside(predictions, declared)
    named = {one.name: one.resolve(classes).numpy() for one in (Prior.balanced(), Prior.natural(), deploy)}
    target = named[deploy.name]
    put_in = "balanced" if deploy == Prior.balanced() else target
    adjuster: PriorShift | Chain
    notes = predictions.notes
    if held is not None:
        if held.y is None or not len(held.labelled) or from_prior is not None:
            raise ValueError(
                f"held must have labels and {c} classes, and stands in place of from_prior: give one of the two"
            )
        if held.names != names:
            raise ValueError(
                f"held is of classes {list(held.names)[:10]}, the predictions of {list(names)[:10]}"
            )
        rows = held.labelled
        calibrator = BiasTemperature().fit(held.logits[rows], held.y[rows])
        assumed, source = np.array(calibrator.assumed_prior), "fitted on held-out predictions"
        adjuster = Chain((calibrator, PriorShift(assumed, to=put_in)))
    else:
        known = Prior.natural() if from_prior is None else Prior.of(from_prior, classes, "from_prior", files)
        assumed = known.resolve(classes).numpy()
        source = "the training counts" if known == Prior.natural() else "given"
        adjuster = PriorShift(assumed, to=put_in, unseen=unseen)
        notes += tuple(
            f"class {name!r} has no training rows: {UNSEEN} (unseen='error' refuses it)"
            for name, share in zip(names, assumed)
            if share == 0
        )
    after = replace(predictions, logits=adjuster(predictions.logits))
    scores: dict[str, dict[str, dict[str, Interval]]] = {}
    if predictions.y is not None:
        rows = predictions.labelled
        pair = softmax(predictions.logits[rows]), softmax(after.logits[rows])
        some = {name: values[rows] for name, values in of.items()}
        scores = compare(*pair, predictions.y[rows], named, resamples, level, seed, declared, some)
    worse = None if resamples == 0 else said_worse(scores, deploy.name, source)
    decided = after.logits.argmax(1) if declared is None else declared.decide(softmax(after.logits), of)
    notes += () if declared is None else (declared.in_words(names),)
    return Adjusted(adjuster, after, decided, assumed, source, target, scores, worse, notes, declared)


def _beside(predictions: Predictions, costs: Costs) -> dict[str, Floats]:
    """The columns beside the predictions that the costs name, ``[N]`` each.

    Raises:
        ValueError: a cell that is no number.
    """
    others, out = predictions.others, {}
    for name in costs.columns:
        if others is None or name not in others:
            continue  # the costs say that it is missing
        try:
            out[name] = np.asarray(others[name], dtype=np.float64)
        except (TypeError, ValueError) as why:
            raise ValueError(
                f"column {name!r} holds costs, so each row needs a number there ({why})"
            ) from None
    return out


def checked_counts(counts: Any, c: int) -> Floats:
    """Counts ``[C]`` as float64.

    Raises:
        ValueError: another length, a number that is negative, no number, or all zero.
    """
    try:
        n = np.asarray(counts, dtype=np.float64)
    except (TypeError, ValueError):
        n = np.full(0, np.nan)
    if n.shape != (c,) or not np.isfinite(n).all() or (n < 0).any() or not n.sum() > 0:
        raise ValueError(
            f"counts must be {c} numbers from 0 on, one for each column of the predictions, got {counts}"
        )
    return n


def said_worse(scores: Mapping[str, Any], under: str, source: str) -> str | None:
    """That the labels show the adjustment to make things worse, and why that may be; None where they don't.

    Asked is what it is for: the scores under the prior that was put in. An interval must lie apart from zero.
    """
    if not scores:
        return None
    change = scores[under]["change"]
    (a, a_low, a_high), (n, n_low, n_high) = change["accuracy"], change["nll"]
    cost, dearer, high = change.get("expected_cost", (0.0, 0.0, 0.0))
    if "expected_cost" in change:
        if not dearer > 0:
            return None
        what = (
            f"the expected cost under the {under} prior changes by {cost:+.3f} [{dearer:+.3f}, {high:+.3f}]"
        )
    elif a_high < 0:
        what = f"accuracy under the {under} prior changes by {a:+.3f} [{a_low:+.3f}, {a_high:+.3f}]"
    elif n_low > 0 and not a_low > 0:
        what = f"the NLL under the {under} prior changes by {n:+.3f} [{n_low:+.3f}, {n_high:+.3f}]"
    else:
        return None
    if source == "the training counts":
        why = (
            "Likely the model was not trained under the prior of the counts: a class-balanced sampler, class weights or "
            "a prior-aware loss has taken it out already. Then say --from-prior balanced (from_prior='balanced'). If you "
            "don't know, give labelled held-out predictions of the model: --held FILE (held=...)"
        )
    elif source == "given":
        why = (
            "Likely the model was trained under another prior than the one given: leave --from-prior out (the counts' "
            "prior is taken), or give labelled held-out predictions of the model: --held FILE (held=...)"
        )
    else:
        why = "Likely the held-out predictions are not of this model, or their rows are not drawn like these"
    return f"The adjustment makes these predictions worse: {what}. {why}."
