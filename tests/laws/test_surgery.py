"""Every surgery keeps the laws, and the laws reject broken ones."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch
from torch import Tensor, nn

import longtail.surgery
from longtail.heads import Causal, Cosine
from longtail.net import Net
from longtail.part import Part, part
from longtail.surgery import (
    AddAlignment,
    AddExperts,
    AddRouters,
    AddScale,
    ClassMeans,
    RemoveMean,
    ResetHead,
    SwapHead,
    TauNormalize,
    WeighExperts,
)
from longtail.testing.surgery import check_surgery, toy_net

SETTINGS = {  # what has no default
    SwapHead: {"head": part(Cosine)},
    TauNormalize: {"tau": 0.7},
    WeighExperts: {"weights": (0.2, 0.3, 0.5)},
}


def expert_net() -> Net:
    """The toy net with three experts, for surgery that needs some."""
    torch.manual_seed(1)
    return AddExperts()(toy_net()).eval()


def causal_net() -> Net:
    """The toy net under a causal head that has seen features."""
    torch.manual_seed(1)
    net = SwapHead(Causal(8, 5))(toy_net())
    net.head.mean.copy_(torch.randn(8))
    return net.eval()


SUBJECTS = {AddRouters: expert_net, RemoveMean: causal_net, WeighExperts: expert_net}
ROOM = [
    part(value, **SETTINGS.get(value, {}))
    for name in longtail.surgery.__all__
    if inspect.isclass(value := getattr(longtail.surgery, name))
]
VARIANTS = [
    part(TauNormalize, tau=0.0, bias="keep"),
    part(TauNormalize, tau=2.0, bias="scale"),
    part(ClassMeans, transform="none", distance="cosine"),
    part(AddScale, scale_bias=False),
    part(AddAlignment, form="released"),
    part(RemoveMean, alpha=0.5),
    part(AddExperts, experts=1, scale=None),
    part(AddRouters, top=1, hidden=2),
]


@pytest.mark.parametrize("surgery", [*ROOM, *VARIANTS], ids=repr)
def test_the_room_keeps_the_laws(surgery: Part) -> None:
    check_surgery(surgery, SUBJECTS.get(surgery.target, toy_net))


@pytest.mark.parametrize("surgery", [part(ResetHead), part(AddScale), part(AddAlignment)], ids=repr)
def test_on_another_head(surgery: Part) -> None:
    def subject() -> Net:
        torch.manual_seed(1)
        return SwapHead(Cosine(8, 5))(toy_net()).eval()

    check_surgery(surgery, subject)


def test_the_room_is_walked() -> None:
    assert len(ROOM) >= 6


class Sound:
    works_on = "net"

    def __call__(self, net: Net) -> Net:
        return ResetHead()(net)

    def assumes(self, before: Tensor | None) -> Tensor | None:
        return None


class InPlace(Sound):
    def __call__(self, net: Net) -> Net:
        net.head = nn.Linear(net.feature_dim, net.num_classes)
        return net


class SharesTheHead(Sound):
    def __call__(self, net: Net) -> Net:
        return net.with_head(net.head)


class TouchesTheBackbone(Sound):
    def __call__(self, net: Net) -> Net:
        new = super().__call__(Net(copy.deepcopy(net.backbone), net.head))
        with torch.no_grad():
            next(new.backbone.parameters()).mul_(1.001)
        return new


class OtherSize(Sound):
    def __call__(self, net: Net) -> Net:
        return net.with_head(nn.Linear(net.feature_dim, net.num_classes + 1)).train(net.training)


class Unseeded(Sound):
    calls = 0

    def __call__(self, net: Net) -> Net:
        new = super().__call__(net)
        type(self).calls += 1
        with torch.no_grad():
            new.head.bias.fill_(type(self).calls)
        return new


class NoSpec(Sound):
    def __call__(self, net: Net) -> Net:
        new = super().__call__(net)
        del new.head.spec
        return new


class FalseClaim(Sound):
    def assumes(self, before: Tensor | None) -> Tensor | None:
        return before


class SaysNothing(Sound):
    works_on = None


BROKEN = {
    SaysNothing: "it_says_that_it_works_on_nets",
    InPlace: "the_argument_stays",
    SharesTheHead: "the_argument_stays",
    TouchesTheBackbone: "the_backbone_stays",
    OtherSize: "the_result_is_a_net_of_the_same_size",
    Unseeded: "one_seed_one_result",
    NoSpec: "the_new_head_can_be_rebuilt",
    FalseClaim: "the_prior_is_one_or_unknown",
}


def test_a_sound_one_of_your_own_passes() -> None:
    check_surgery(part(Sound))


@pytest.mark.parametrize("surgery", BROKEN, ids=lambda s: s.__name__)
def test_the_laws_reject(surgery: type) -> None:
    with pytest.raises(AssertionError, match=BROKEN[surgery]):
        check_surgery(part(surgery))
