"""What is fitted after training, on rows that the training did not see: finishing parts, a calibrator, a decision rule.

A recipe's logits assume a class prior (:mod:`longtail.run.prior`). Held-out rows check that claim: where they contradict
it beyond noise, and where there is no claim, a temperature and a bias per class are fitted on them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.adjust import BiasTemperature
from longtail.adjust._minimise import cross_entropy
from longtail.adjust.bias_temperature import STRENGTH, drawn_as, match_bias
from longtail.classes import floored
from longtail.examples import Examples
from longtail.labels import Labels
from longtail.part import Part
from longtail.recipe import Recipe
from longtail.roles import Fits, LeftOpen, Tunes, traits, works_on
from longtail.run.loop import facts_of, infer
from longtail.run.outcome import Held, Outcome
from longtail.run.prior import carried_prior, facts_without_net

LEVEL = 0.01
"""Of the test that a claimed prior is right: one true claim in a hundred is taken for false, at most."""
CORRECTION = 4.0
"""Strength, in examples, of the pull towards biases matched on the training rows."""
FLOOR = 0.1
"""Nats of bias, or of log temperature, below which a claim is right enough, however many rows there are."""


@dataclass(frozen=True)
class Sample:
    """How held-out rows were drawn.

    Attributes:
        copies: how often a row repeats on average. All copies count in what is fitted, since rows to come repeat just
            so; but they are no further witnesses, so the fit is trusted as if each were there once.
        rates: the share of its different rows that each class gave, float64 ``[C]``; None is told by the class
            frequencies of the held-out rows.
    """

    copies: float = 1.0
    rates: Any = None


@dataclass(frozen=True)
class Calibrator:
    """Marks the adjuster that was added for probabilities only, so that the recipe's own logits stay as published.

    Attributes:
        adjuster: None where the claimed prior stands.
        correction: biases ``[C]``: what the held-out labels say beyond biases matched on the training rows.
        checked: what the held-out rows said of a claimed prior: ``{"shift", "temperature", "p", "calibrated"}``; None
            where none was claimed.
    """

    adjuster: BiasTemperature | None
    correction: Any
    checked: dict[str, Any] | None


def needs_held(recipe: Recipe, labels: Labels) -> bool:
    """Is there something that cannot do without held-out rows: a part to be tuned, or a prior without a closed form?"""
    if any(is_open(p.build(**facts_without_net(labels))) for p in recipe.finish):
        return True
    return carried_prior(recipe, labels) is None


def fit_finish(
    outcome: Outcome,
    data: Examples,
    held: Examples | None,
    logits: Tensor | None = None,
    decide: Part[Any] | None = None,
    sample: Sample = Sample(),
) -> tuple[Any, ...]:
    """What is left to be fitted, fitted on held-out examples: finishing parts, a calibrator where one is needed, then the
    decision rule.

    A part with nothing to fit comes back unbuilt, so that ``finish`` builds it for the net it is applied to. Without
    held-out data, parts keep their defaults, and logits without a closed-form prior stay without one.

    Args:
        outcome: trained without ``held``.
        data: what it was trained on.
        held: held-out examples; never test data.
        logits: out-of-fold logits, where ``held`` is ``data`` itself.
        decide: the decision rule of a recipe that brings none of its own.
        sample: how the held rows were drawn.
    """
    fitted: list[Any] = []
    rules = [p for p in outcome.recipe.finish if works_on(p.target) == "probabilities"]
    for p in outcome.recipe.finish:
        if p in rules:
            continue
        now = finish(outcome, data, tuple(fitted))
        made = p.build(**facts_of(now.net, data, now.engine))
        if held is None or not is_open(made):
            fitted.append(p)
        elif traits(made).works_on == "net":
            features = infer(now.net, held.source, now.engine, features=True)
            fitted.append(made.tune(now.net, features, held.labels.y, now.classes.prior))
        else:
            fitted.append(made.fit(_held_logits(now, held, logits), held.labels.y))
    if held is not None:
        now = finish(outcome, data, tuple(fitted))
        fitted.append(calibrated(now, data, held, logits, sample))
    for p in rules or ([] if decide is None else [decide]):
        made = p.build(**facts_of(outcome.net, data, outcome.engine))
        if held is not None and is_open(made):
            now = finish(outcome, data, tuple(fitted))
            made = made.fit(now.probabilities(_held_logits(now, held, logits), "natural"), held.labels.y)
        fitted.append(made)
    return tuple(fitted)


def held_out(
    outcome: Outcome, data: Examples, held: Examples, fitted: tuple[Any, ...], logits: Tensor | None = None
) -> Held:
    """What an outcome that was trained without the held-out examples says of them, finished by what was fitted on them.

    Args:
        outcome, data, held, logits: as for :func:`fit_finish`; fitted: what it gave.
    """
    now = finish(outcome, data, fitted)
    return Held.of(now.probabilities(_held_logits(now, held, logits), "natural"), held.labels.y)


def finish(outcome: Outcome, data: Examples, fitted: tuple[Any, ...]) -> Outcome:
    """Apply what ``fit_finish`` gave to an outcome of the same recipe (it may have been trained on more data)."""
    for made in fitted:
        if isinstance(made, Part):
            made = made.build(**facts_of(outcome.net, data, outcome.engine))
        if isinstance(made, Calibrator):
            outcome = outcome.but(calibrator=made.adjuster, prior_checked=made.checked)
        elif works_on(type(made)) == "probabilities":
            outcome = outcome.but(thresholds=None if is_open(made) else made)
        elif works_on(type(made)) == "net":
            outcome = outcome.but(
                net=made(outcome.net).eval(), assumed_prior=made.assumes(outcome.assumed_prior)
            )
        else:
            adjusters = (*outcome.adjusters, made)
            outcome = outcome.but(adjusters=adjusters, assumed_prior=made.assumes(outcome.assumed_prior))
    return outcome


def refitted(outcome: Outcome, data: Examples, fitted: tuple[Any, ...]) -> Outcome:
    """``finish`` for another training than the one that ``fitted`` comes from: a calibrator is carried over in its
    difference form.

    With T fixed, ``b = match(this training) + b(held out, the other) - match(the other)``, each match on the rows that
    the model was trained on (docs/decisions/0018).
    """
    outcome = finish(outcome, data, fitted)
    for made in fitted:
        if isinstance(made, Calibrator) and made.adjuster is not None:
            seen = outcome.as_natural(outcome.logits(data.source))
            natural = floored(data.labels.prior)
            again = made.adjuster.matched(seen, natural / natural.sum(), made.correction)
            outcome = outcome.but(calibrator=again)
    return outcome


def calibrated(
    outcome: Outcome,
    data: Examples,
    held: Examples,
    logits: Tensor | None = None,
    sample: Sample = Sample(),
) -> Calibrator:
    """A claimed prior checked on held-out rows, and a temperature and biases fitted where it is off or there is none.

    The rows count as drawn class by class, since that is how they are held out. Under the claim, twice the gain in
    log-likelihood of the fit is below a chi-squared variable with one degree of freedom for each class but the first,
    and one for the temperature; below, since the fit is penalised. An outcome whose adjusters were fitted on the same
    rows passes by itself.

    Args:
        outcome, data, held, logits, sample: as for :func:`fit_finish`.
    """
    z, y = outcome.as_natural(_held_logits(outcome, held, logits)), held.labels.y
    natural = floored(outcome.classes.prior)
    prior, copies, rates = (natural / natural.sum()).numpy(), sample.copies, sample.rates
    with warnings.catch_warnings():  # few rows are allowed for: the penalty, and the test
        warnings.filterwarnings("ignore", message="BiasTemperature: ")
        fit = BiasTemperature(strength=STRENGTH * copies).fit(z, y, prior=prior, rates=rates)
        checked = None
        if outcome.assumed_prior is not None:
            checked = check_claim(fit, z.double().numpy(), y.numpy(), prior, sample)
            if not checked["calibrated"]:
                return Calibrator(None, None, checked)
        if logits is not None:  # the model itself has been trained on these rows
            return Calibrator(fit, fit.bias, checked)
        seen = outcome.as_natural(outcome.logits(data.source))
        own = BiasTemperature(1.0, np.zeros(len(prior)), prior).matched(seen, prior)
        for _ in range(4):  # the biases that match depend on T, and T on them
            pull = BiasTemperature(strength=CORRECTION * copies)
            fit = pull.fit(z, y, prior=prior, around=own.bias, rates=rates)
            if abs(np.log(scale_of(fit) / scale_of(own))) < 0.01:
                break
            own = fit.matched(seen, prior)
    return Calibrator(fit, np.asarray(fit.bias) - np.asarray(own.bias), checked)


def check_claim(
    fit: BiasTemperature, z: Any, y: Any, prior: Any, sample: Sample = Sample()
) -> dict[str, Any]:
    """Is a claimed prior off? A likelihood-ratio test of no change against a fitted temperature and biases.

    Args:
        fit: on these rows, with this prior.
        z: float64 ``[N, C]``: the held-out logits moved from the claimed prior to ``prior``.
        y: labels ``[N]``.
        prior: float64 ``[C]``.
        sample: how the rows were drawn.

    Returns:
        ``shift``, the largest difference in nats between two of the biases that make the mean predicted shares those
        observed; ``temperature``; ``p`` of the claim; and ``calibrated``: p is below ``LEVEL`` and the shift or the
        temperature is above ``FLOOR``.
    """
    share = np.bincount(y, minlength=len(prior)) / len(y)
    seen, offset, temperature = share > 0, drawn_as(share, prior, sample.rates), scale_of(fit)
    gain = cross_entropy(z + offset, y)[0] - cross_entropy(z / temperature + fit.bias + offset, y)[0]
    half = torch.tensor([0.5 * int(seen.sum()), max(0.0, len(y) / sample.copies * gain)], dtype=torch.float64)
    p = float(torch.special.gammaincc(*half))  # the upper tail of chi-squared
    bias = match_bias(z + offset, share, np.zeros(len(share)), fit.strength)[seen]
    shift = float(bias.max() - bias.min())
    off = max(shift, abs(float(np.log(temperature))))
    return {
        "shift": shift,
        "temperature": temperature,
        "p": p,
        "calibrated": bool(p < LEVEL and off > FLOOR),
    }


def scale_of(fitted: BiasTemperature) -> float:
    """The temperature of a fitted calibrator."""
    assert fitted.temperature is not None
    return fitted.temperature


def _held_logits(outcome: Outcome, held: Examples, logits: Tensor | None) -> Tensor:
    if logits is None:
        return outcome.logits(held.source)
    for adjust in outcome.adjusters:
        logits = adjust(logits)
    return logits


def is_open(made: Any) -> bool:
    """Is something left to be fitted or tuned on held-out data?"""
    if not isinstance(made, Fits | Tunes):
        return False
    if not isinstance(made, LeftOpen):
        raise TypeError(
            f"{type(made).__name__} can be fitted and does not say whether it is: give it 'fitted'"
        )
    return not made.fitted
