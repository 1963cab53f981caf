"""Every head keeps the laws, and the laws reject broken heads."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor, nn

import longtail.heads
from longtail.part import Part, part
from longtail.testing.head import check_head

ROOM = [
    value
    for name in longtail.heads.__all__
    if inspect.isclass(value := getattr(longtail.heads, name)) and issubclass(value, nn.Module)
]


@pytest.mark.parametrize("head", ROOM, ids=lambda h: h.__name__)
def test_the_room_keeps_the_laws(head: type[nn.Module]) -> None:
    check_head(part(head))


VARIANTS = [
    part(longtail.heads.Linear, bias=False),
    part(longtail.heads.Linear, init="kaiming"),
    part(longtail.heads.Cosine, scale=16.0, learn_scale=True),
    part(longtail.heads.Scaled, inner=part(longtail.heads.Cosine)),
    part(longtail.heads.Scaled, scale_bias=False),
    part(longtail.heads.Aligned, form="released"),
    part(longtail.heads.Aligned, inner=part(longtail.heads.Scaled)),
    part(longtail.heads.Causal, parts=1, alpha=0.0),
    part(longtail.heads.Grouped, edges=(5, 50)),
    part(longtail.heads.Grouped, edges=()),
    part(longtail.heads.ETF, normalize=False, seed=4),
    part(longtail.heads.NearestMean, transform="none", distance="cosine"),
]


@pytest.mark.parametrize("head", VARIANTS, ids=repr)
def test_variants_keep_the_laws(head: Part[nn.Module]) -> None:
    check_head(head)


def test_the_room_is_walked() -> None:
    assert len(ROOM) >= 9


class Broken(nn.Linear):
    """Sound by itself; each subclass breaks one law."""

    def __init__(self, feature_dim: int, num_classes: int) -> None:
        super().__init__(feature_dim, num_classes)
        self.spec = part(type(self), feature_dim=feature_dim, num_classes=num_classes)


class WrongSize(Broken):
    def __init__(self, feature_dim: int, num_classes: int) -> None:
        super().__init__(feature_dim, num_classes)
        self.out_features = num_classes + 1


class NanAtZero(Broken):
    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features / features.norm(dim=1, keepdim=True))


class LooksAtTheBatch(Broken):
    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features - features.mean(0)) if len(features) else super().forward(features)


class Random(Broken):
    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features + 1e-3 * torch.randn(features.shape[1]).to(features) * 0)


class Detached(Broken):
    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.detach())


class NoSpec(Broken):
    def __init__(self, feature_dim: int, num_classes: int) -> None:
        super().__init__(feature_dim, num_classes)
        del self.spec


class Forgetful(Broken):
    """State outside the state_dict."""

    def __init__(self, feature_dim: int, num_classes: int) -> None:
        super().__init__(feature_dim, num_classes)
        self.offset = torch.randn(num_classes)

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features) + self.offset.to(features)


BROKEN = {
    WrongSize: "sizes_are_told",
    NanAtZero: "eval_gives_one_finite_logit_per_class",
    LooksAtTheBatch: "eval_treats_each_example_alone",
    Random: "eval_has_no_effect",
    Detached: "gradients_reach_features_and_parameters",
    NoSpec: "spec_rebuilds_it",
    Forgetful: "spec_rebuilds_it",
}
OWN = {f"{c.__module__}:{c.__qualname__}": c for c in (Broken, *BROKEN)}


def test_a_sound_head_of_your_own_passes() -> None:
    check_head(part(Broken), own=OWN)


@pytest.mark.parametrize("head", BROKEN, ids=lambda h: h.__name__)
def test_the_laws_reject(head: type[nn.Module]) -> None:
    with pytest.raises(AssertionError, match=BROKEN[head]):
        check_head(part(head), own=OWN)
