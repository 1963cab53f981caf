"""Every mixer in the room keeps the laws, and every law notices a mixer that does not."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor

from longtail import mixing
from longtail.part import from_json, part, to_json
from longtail.testing.mixer import check_mixer

COUNTS = torch.tensor([500, 200, 90, 40, 15, 4, 1])
SETTINGS: dict[str, tuple[dict, ...]] = {
    name: ({}, {"alpha": 0.2}, {"per_sample": True})
    for name in ("Mixup", "CutMix", "ManifoldMixup", "Remix", "MAMix")
}


def cases() -> list:
    out = []
    for name in mixing.__all__:
        role = getattr(mixing, name)
        if isinstance(role, type):
            out += [
                pytest.param(role, kw, id=f"{name}-{i}") for i, kw in enumerate(SETTINGS.get(name, ({},)))
            ]
    return out


@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_laws(role: type, kwargs: dict) -> None:
    facts = {"counts": COUNTS} if "counts" in inspect.signature(role).parameters else {}
    check_mixer(role(**facts, **kwargs), len(COUNTS))


@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_a_recipe_can_hold_it(role: type, kwargs: dict) -> None:
    p = part(role, **kwargs)
    assert from_json(to_json(p)) == p
    check_mixer(p.build(counts=COUNTS), len(COUNTS))


class Broken:
    """Mixup right but for one fault."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        lam = torch.rand((), generator=None if self.fault == "global" else generator)
        partner = torch.randperm(len(x), generator=generator)
        if self.fault == "keeps uint8" and x.dtype == torch.uint8:
            return (lam * x + (1 - lam) * x[partner]).byte(), y, y[partner], lam
        if self.fault == "fixed lam":
            lam = torch.tensor(0.5)
        if self.fault == "in place":
            x[0] = 0
        mixed = lam * (x if x.is_floating_point() else x.float()) + (1 - lam) * x[partner]
        if self.fault == "brighter":
            mixed = mixed * 1.2
        if self.fault == "halves":
            mixed = mixed / 2
        y_b = y[partner].clamp(max=1) if self.fault == "labels" else y[partner]
        return mixed, (y_b if self.fault == "y_a" else y), y_b, (lam + 1 if self.fault == "lam" else lam)


FAULTS = {
    "global": "global random state",
    "keeps uint8": "not torch.float32",
    "fixed lam": "does not depend",
    "in place": "changed the inputs",
    "brighter": "range",
    "halves": "equal images",
    "labels": "re-ordering",
    "y_a": "y_a is not y",
    "lam": "outside",
}


def test_the_specimen_is_sound_without_its_fault() -> None:
    check_mixer(Broken("none"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_mixer_is_caught(fault: str) -> None:
    with pytest.raises(AssertionError, match=FAULTS[fault]):
        check_mixer(Broken(fault))
