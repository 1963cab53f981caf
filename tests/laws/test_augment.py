"""Every augmentation in the room keeps the laws, and every law notices one that does not."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import Tensor

from longtail import augment
from longtail.augment import Compose, Corrupt, CropFlip, Cutout, RandAugment, Views
from longtail.inputs import SparseRows
from longtail.labels import Labels
from longtail.net import Net
from longtail.part import from_json, part, to_json
from longtail.samplers import Complement

SETTINGS: dict[str, tuple[dict, ...]] = {
    "Compose": ({"parts": (CropFlip(), Cutout(4), RandAugment())},),
    "CropFlip": ({}, {"pad": 1, "flip": False}),
    "Cutout": ({"size": 5}, {"share": 0.5}, {"size": 100, "fill": 128}),
    "Suited": ({"images": CropFlip(), "rows": None},),
    "RandAugment": ({}, {"n": 3, "magnitude": 3, "p": 1.0}),
    "SimCLRView": ({}, {"scale": (0.08, 1.0), "p_blur": 0.0}),
}
NOT_IMAGES = {
    "Views",
    "Corrupt",
    "CAMImages",
}  # a tuple; rows of features; sees labels and a net: tested below


def cases() -> list:
    out = []
    for name in augment.__all__:
        role = getattr(augment, name)
        if isinstance(role, type) and name not in NOT_IMAGES and not issubclass(role, torch.nn.Module):
            out += [
                pytest.param(role, kw, id=f"{name}-{i}") for i, kw in enumerate(SETTINGS.get(name, ({},)))
            ]
    return out


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def check_augment(build: object) -> None:
    images = torch.randint(256, (24, 3, 12, 12), dtype=torch.uint8, generator=seeded(1))
    for x in (images, images.float(), images[:, :1]):
        one = build()  # type: ignore[operator]
        before, state = x.clone(), torch.get_rng_state()
        got = one(x, seeded(2))
        assert torch.equal(torch.get_rng_state(), state), "moved the global random state"
        assert torch.equal(x, before), "changed its input"
        assert got.shape == x.shape, "changed the shape"
        assert got.dtype == x.dtype, "changed the dtype"
        assert 0 <= float(got.min()) <= float(got.max()) <= 255, "left the range"
        assert torch.equal(got, pickle.loads(pickle.dumps(one))(x, seeded(2))), (
            "does not follow from its generator"
        )
        assert not torch.equal(got, one(x, seeded(3))), "does not depend on its generator"
        same = x[:1].expand_as(x).contiguous()
        views = one(same, seeded(2)).flatten(1).unique(dim=0)
        assert len(views) > 2, "gives every image the same draw"


@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_laws(role: type, kwargs: dict) -> None:
    if kwargs.get("size") == 100:  # blacks out everything: no draw is left to see
        assert bool((role(**kwargs)(torch.zeros(2, 3, 8, 8), seeded(0)) == kwargs["fill"]).all())
    else:
        check_augment(lambda: role(**kwargs))


@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_an_image_does_not_depend_on_the_others(role: type, kwargs: dict) -> None:
    """Every image has its own draw: another neighbour changes nothing."""
    x = torch.randint(256, (8, 3, 12, 12), dtype=torch.uint8, generator=seeded(1))
    other = torch.cat([x[:7], 255 - x[7:]])
    one, two = role(**kwargs)(x, seeded(2)), role(**kwargs)(other, seeded(2))
    assert torch.equal(one[:7], two[:7])


class Maps(torch.nn.Module):
    """A backbone with feature maps, for any channels: what is bright, and what is dark."""

    def maps(self, x: Tensor) -> Tensor:
        light = torch.nn.functional.avg_pool2d(x.float().mean(1, keepdim=True), 3)
        return torch.cat([light, 255 - light], 1)


class OnRareClasses:
    """CAMImages as an augmentation: every image is of a rare class."""

    def __init__(self) -> None:
        head = torch.nn.Linear(2, 2)
        head.weight.data.copy_(torch.eye(2))
        labels = Labels.of([0] * 99 + [1])
        self.mix = augment.CAMImages(Net(Maps(), head), labels, Complement())

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self.mix(x, torch.ones(len(x), dtype=torch.int64), generator)[0]


def test_laws_of_new_images() -> None:
    check_augment(OnRareClasses)
    x = torch.randint(256, (8, 3, 12, 12), dtype=torch.uint8, generator=seeded(1))
    other = torch.cat([x[:7], 255 - x[7:]])
    assert torch.equal(OnRareClasses()(x, seeded(2))[:7], OnRareClasses()(other, seeded(2))[:7])


def test_recipes_can_hold_them() -> None:
    p = part(
        Compose, parts=(part(CropFlip, pad=2), part(Views, parts=(part(Cutout, size=4), part(RandAugment))))
    )
    assert from_json(to_json(p)) == p
    a, b = p.build()(torch.ones(2, 3, 8, 8), seeded(0))
    assert a.shape == b.shape == (2, 3, 8, 8)


def test_views_draw_apart() -> None:
    x = torch.randint(256, (16, 3, 8, 8), dtype=torch.uint8, generator=seeded(0))
    a, b, c = Views((CropFlip(), CropFlip(), Cutout(2)))(x, seeded(1))
    assert not torch.equal(a, b)
    assert c.shape == x.shape


def test_corrupt_exchanges_features_and_drops_words() -> None:
    x = torch.arange(400.0).reshape(100, 4)
    got = Corrupt(0.3)(x, seeded(1))
    assert 0.2 < float((got != x).float().mean()) < 0.4
    assert all(bool(torch.isin(got[:, j], x[:, j]).all()) for j in range(4))  # each from its own column
    assert torch.equal(Corrupt(0.0)(x, seeded(1)), x)
    rows = SparseRows(torch.tensor([0, 50, 100]), torch.arange(100) % 50, torch.ones(100), 50)
    dropped = Corrupt(0.3)(rows, seeded(1))
    assert 0.2 < float((dropped.values == 0).float().mean()) < 0.4
    assert rows.values.min() == 1
    with pytest.raises(ValueError, match=r"p=1\.5"):
        Corrupt(1.5)


class Broken:
    def __init__(self, fault: str) -> None:
        self.fault = fault

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        g = None if self.fault == "global" else generator
        shift = torch.randint(200, (len(x), 1, 1, 1), generator=g)
        if self.fault == "one draw":
            shift = shift[:1]
        if self.fault == "no draw":
            shift = torch.full_like(shift, 7)
        if self.fault == "in place":
            x[0] = 0
        out = (x.float() + shift) % 256 if self.fault != "range" else x.float() + 200 + shift
        out = out.clamp(0, 255) if self.fault != "range" else out
        return out if self.fault in ("dtype", "range") else out.to(x.dtype)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("global", "global"), ("one draw", "same draw"), ("no draw", "does not depend"),
        ("in place", "changed its input"),
        ("dtype", "dtype"), ("range", "dtype|range"),
    ],
)  # fmt: skip
def test_a_broken_augmentation_is_caught(fault: str, message: str) -> None:
    check_augment(lambda: Broken("none"))
    with pytest.raises(AssertionError, match=message):
        check_augment(lambda: Broken(fault))
