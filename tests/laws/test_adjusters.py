"""Every adjuster keeps the laws, and the laws reject broken ones."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import longtail.adjust
from longtail.adjust import BiasTemperature, Chain, PriorShift, Temperature
from longtail.adjust.affine import Affine
from longtail.part import Part, part
from longtail.roles import ClaimsPrior, plays, traits_of
from longtail.testing.adjuster import check_adjuster

SETTINGS = {Chain: {"adjusters": (part(BiasTemperature), part(PriorShift))}}  # what has no default
ROOM = [
    part(value, **SETTINGS.get(value, {}))
    for name in longtail.adjust.__all__
    if inspect.isclass(value := getattr(longtail.adjust, name))
    and plays(value, ClaimsPrior)
    and traits_of(value).works_on == "logits"  # Thresholds: tests/unit/adjust/test_thresholds.py
]
VARIANTS = [
    part(PriorShift, tau=0.0),
    part(PriorShift, tau=None),
    part(PriorShift, to=(0.5, 0.2, 0.1, 0.1, 0.1), tau=0.5),
    part(Temperature, temperature=3.0),
]


@pytest.mark.parametrize("adjuster", [*ROOM, *VARIANTS], ids=repr)
def test_the_room_keeps_the_laws(adjuster: Part) -> None:
    check_adjuster(adjuster)


def test_the_room_is_walked() -> None:
    assert len(ROOM) >= 5


class Sound(Affine):
    """Halves the logits."""

    def __init__(self) -> None:
        super().__init__(part(type(self)), 0.5, keeps_argmax=True)

    def assumes(self, before: Any) -> Any:
        return before


class NumpyOnly(Sound):
    def __call__(self, logits: Any) -> Any:
        return np.asarray(super().__call__(logits))


class InPlace(Sound):
    def __call__(self, logits: Any) -> Any:
        out = super().__call__(logits)
        logits *= 0.5
        return out


class LooksAtTheBatch(Sound):
    def __call__(self, logits: Any) -> Any:
        return super().__call__(logits) - logits.mean()


class Liar(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.bias = (0.0, 0.0, 0.0, 0.0, 9.0)


class FitsItself(Sound):
    def fit(self, logits: Any, y: Any) -> FitsItself:
        self.scale = float(np.abs(np.asarray(logits)).mean())
        return self


class Forgets(Sound):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()

    def fit(self, logits: Any, y: Any) -> Forgets:
        longtail.adjust.check_labels(y, len(longtail.adjust.check_logits(logits)), 5)
        new = Forgets()
        new.scale = 0.25
        return new


class NoPrior(Sound):
    def assumes(self, before: Any) -> Any:
        return None if before is None else before * 2


class TakesAnything(Sound):
    def __call__(self, logits: Any) -> Any:
        return logits * 0.5


class SaysNothing(Sound):
    works_on = None


BROKEN = {
    SaysNothing: "it_says_that_it_works_on_logits",
    NumpyOnly: "numpy_and_torch_agree",
    InPlace: "the_input_stays",
    LooksAtTheBatch: "rows_are_independent",
    Liar: "the_argmax_is_kept_where_claimed",
    FitsItself: "fitting_makes_a_new_one_and_is_deterministic",
    Forgets: "json_keeps_it",
    NoPrior: "the_prior_is_one_or_unknown",
    TakesAnything: "bad_rows_are_refused",
}
OWN = {f"{c.__module__}:{c.__qualname__}": c for c in (Sound, *BROKEN)}


def test_a_sound_one_of_your_own_passes() -> None:
    check_adjuster(part(Sound), own=OWN)


@pytest.mark.parametrize("adjuster", BROKEN, ids=lambda a: a.__name__)
def test_the_laws_reject(adjuster: type) -> None:
    with pytest.raises(AssertionError, match=BROKEN[adjuster]):
        check_adjuster(part(adjuster), own=OWN)
