"""Every objective keeps the laws in the recipes that use it, and the laws reject broken objectives."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import longtail.objectives
from longtail import recipes
from longtail.objectives import Supervised
from longtail.part import Part
from longtail.recipe import Recipe
from longtail.testing import objective as laws
from longtail.testing.recipe import toy_stage

ROOM = {
    value
    for name in longtail.objectives.__all__
    if inspect.isclass(value := getattr(longtail.objectives, name)) and issubclass(value, nn.Module)
}


def objectives_of(recipe) -> set:
    return {s.objective.target for s in recipe(toy_stage(1)).stages} - {Supervised}


USERS = [f for f in recipes.ALL if objectives_of(f)]


@pytest.fixture(scope="module")
def found() -> dict[str, list[laws.Specimen]]:
    return {f.__name__: laws.specimens(f) for f in USERS}


def test_every_objective_is_used_by_a_recipe() -> None:
    assert set.union(*map(objectives_of, USERS)) | {Supervised} == ROOM


@pytest.mark.parametrize("law", laws.LAWS)
@pytest.mark.parametrize("name", [f.__name__ for f in USERS])
def test_the_room_keeps_the_laws(found, name: str, law: str) -> None:
    for specimen in found[name]:
        laws.LAWS[law](specimen)


def test_two_ranks_are_one(found) -> None:
    laws.check_ranks([s for some in found.values() for s in some])


class Sound(nn.Module):
    """Cross-entropy on a second head of its own; each subclass breaks one law."""

    def __init__(self, loss, feature_dim, num_classes):
        super().__init__()
        self.loss, self.own = loss, nn.Linear(feature_dim, num_classes)

    def forward(self, net, streams, t, generator):
        x, y = streams[0]
        return {"net": self.loss(net(x), y), "own": self.loss(self.own(net.backbone(x)), y)}


class NotFinite(Sound):
    def forward(self, net, streams, t, generator):
        return {**super().forward(net, streams, t, generator), "bad": torch.tensor(1.0) / (1 - (t > 0.9))}


class NotScalar(Sound):
    def forward(self, net, streams, t, generator):
        x, y = streams[0]
        return {"loss": F.cross_entropy(net(x), y, reduction="none")}


class LeavesOut(Sound):
    def forward(self, net, streams, t, generator):
        return {"net": super().forward(net, streams, t, generator)["net"]}


class NeverTrained(Sound):
    def forward(self, net, streams, t, generator):
        terms = super().forward(net, streams, t, generator)
        return {"net": terms["net"], "own": 0 * terms["own"]}


class Hidden(Sound):
    def __init__(self, loss, feature_dim, num_classes):
        super().__init__(loss, feature_dim, num_classes)
        self.more = [nn.Linear(feature_dim, num_classes)]


class TrainsItsTeacher(Sound):
    def __init__(self, loss, feature_dim, num_classes, teachers):
        super().__init__(loss, feature_dim, num_classes)
        self.teachers = nn.ModuleList(teachers)

    def forward(self, net, streams, t, generator):
        target = self.teachers[0](streams[0][0]).softmax(-1)
        soft = -(target * net(streams[0][0]).log_softmax(-1)).sum(-1).mean()
        return {**super().forward(net, streams, t, generator), "soft": soft}


class IgnoresItsTeacher(Sound):
    def __init__(self, loss, feature_dim, num_classes, teachers):
        super().__init__(loss, feature_dim, num_classes)


class Grows(Sound):
    def forward(self, net, streams, t, generator):
        seen = getattr(self, "seen", torch.zeros(0))
        self.register_buffer("seen", torch.cat([seen, streams[0][1].float()]))
        return super().forward(net, streams, t, generator)


class Forgets(Sound):
    """A momentum that is not in the state_dict."""

    def __init__(self, loss, feature_dim, num_classes):
        super().__init__(loss, feature_dim, num_classes)
        self.mean = torch.zeros(num_classes)

    def forward(self, net, streams, t, generator):
        logits = net(streams[0][0])
        self.mean = 0.9 * self.mean + 0.1 * logits.detach().mean(0)
        terms = super().forward(net, streams, t, generator)
        return {**terms, "pull": (logits.mean(0) - self.mean).square().sum()}


class Couples(Sound):
    def forward(self, net, streams, t, generator):
        z = net(streams[0][0])
        return {**super().forward(net, streams, t, generator), "spread": -z.std(0).mean()}


class PutsWrongLogits(Sound):
    def forward(self, net, streams, t, generator):
        net.head.register_forward_hook(lambda module, x, z: z[:, :-1] if not module.training else None)
        return super().forward(net, streams, t, generator)


class DiffersByRank(Sound):
    def __init__(self, loss, feature_dim, num_classes):
        super().__init__(loss, feature_dim, num_classes)
        self.key = nn.Parameter(torch.zeros(num_classes), requires_grad=False)

    def forward(self, net, streams, t, generator):
        with torch.no_grad():
            self.key.copy_(net(streams[0][0]).mean(0))
        return super().forward(net, streams, t, generator)


TAUGHT = (TrainsItsTeacher, IgnoresItsTeacher)
BROKEN = {
    NotFinite: "terms_are_finite_scalars",
    NotScalar: "terms_are_finite_scalars",
    LeavesOut: "every_trained_parameter_gets_a_gradient",
    NeverTrained: "every_trained_parameter_gets_a_gradient",
    Hidden: "no_parameter_is_hidden",
    TrainsItsTeacher: "teachers_only_teach",
    IgnoresItsTeacher: "teachers_only_teach",
    Grows: "state_has_a_stated_size",
    Forgets: "copies_are_equal",
    Couples: "whole_batch_is_its_shares",
    PutsWrongLogits: "eval_gives_logits",
    DiffersByRank: "ranks",
}


def recipe_with(objective):
    def recipe(base):
        teachers = (recipes.erm(base),) if objective in TAUGHT else ()
        return Recipe("own", (base.but(objective=Part(objective)),), teachers=teachers)

    return recipe


def test_a_sound_objective_of_your_own_passes() -> None:
    laws.check_objective(recipe_with(Sound), ranks=False)


def test_a_recipe_without_an_objective_is_an_error() -> None:
    with pytest.raises(ValueError, match="no objective to check"):
        laws.check_objective(recipes.erm)


@pytest.mark.parametrize("objective", BROKEN, ids=lambda c: c.__name__)
def test_the_laws_reject(objective) -> None:
    with pytest.raises(AssertionError, match=f"^{BROKEN[objective]}"):
        laws.check_objective(recipe_with(objective), ranks=BROKEN[objective] == "ranks")


def test_a_state_that_is_not_saved_is_lost_in_a_resumed_stage() -> None:
    (specimen,) = laws.specimens(recipe_with(Forgets))
    with pytest.raises(AssertionError, match="after a killed and resumed stage"):
        laws.resumed_equals_straight_through(specimen)
