"""CAM-based balanced sampling: how many draws are new images, which, from which net, and at what cost."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from longtail import recipes
from longtail.augment import CAMImages, activation_maps, move_foreground
from longtail.augment import cam_images as module
from longtail.backbones import ResNetCIFAR
from longtail.examples import Examples
from longtail.labels import Labels
from longtail.losses import CrossEntropy
from longtail.mixing import Mixup
from longtail.net import Net
from longtail.objectives import Supervised
from longtail.part import from_json, part, to_json
from longtail.run import Cache, Engine, run_stage, train_stages
from longtail.run.prior import stages_prior
from longtail.samplers import ClassBalanced, Complement
from longtail.testing.recipe import toy_net, toy_stage

LABELS = Labels.of([0] * 90 + [1] * 30 + [2] * 10, num_classes=4)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def net(classes: int = 4) -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Net(ResNetCIFAR(8), nn.Linear(64, classes))


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, (n, 3, 16, 16), dtype=torch.uint8, generator=seeded(seed))


def changed(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    return (new != old).flatten(1).any(1)


@pytest.mark.parametrize("threshold", [None, 40])
def test_the_share_of_new_images_is_that_of_the_union(
    threshold: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On class-balanced draws: as often as a draw from originals and G_j new ones, class-balanced, is new."""
    monkeypatch.setattr(module, "move_foreground", lambda old, *_: 255 - old)  # a move may move nothing
    complement = Complement(threshold)
    g, n = complement.counts(LABELS), LABELS.counts
    y = LABELS.y[ClassBalanced(length=3000)(LABELS, seeded())]
    x = images(1).expand(3000, -1, -1, -1)
    new, y_a, y_b, lam = CAMImages(net(), LABELS, complement)(x, y, seeded(1))
    assert y_a is y_b is y
    assert float(lam) == 1
    moved = changed(new, x)
    for c in range(3):
        want = float(g[c] / (n[c] + g[c]))
        assert float(moved[y == c].float().mean()) == pytest.approx(want, abs=0.06), c


def test_new_images_are_those_of_the_maps_and_moves() -> None:
    whole, x, y = net(), images(12), torch.tensor([2] * 12)
    mix = CAMImages(whole, LABELS, Complement())
    mix.new_share = torch.ones(4)  # all are replaced
    draw = seeded(3)
    torch.rand(12, generator=draw)
    reference = copy.deepcopy(whole).eval()
    with torch.no_grad():
        maps = activation_maps(reference.backbone.maps(x), reference.head.weight, y, (16, 16))
    assert torch.equal(mix(x, y, seeded(3))[0], move_foreground(x, maps, draw))


def test_the_net_is_a_frozen_copy_of_the_start() -> None:
    whole, x, y = net().train(), images(8), torch.tensor([2] * 8)
    before = copy.deepcopy(whole.state_dict())
    mix = CAMImages(whole, LABELS, Complement())
    first = mix(x, y, seeded())[0]
    assert all(torch.equal(v, before[k]) for k, v in whole.state_dict().items())  # no statistics moved
    assert whole.training
    for p in whole.parameters():
        p.data.mul_(-3)
    assert torch.equal(mix(x, y, seeded())[0], first)
    assert not any(p.requires_grad for p in mix.net.parameters())


def test_it_leaves_its_inputs_and_the_global_state_alone_and_keeps_dtype() -> None:
    mix, y = CAMImages(net(), LABELS, Complement()), torch.tensor([0, 1, 2] * 4)
    for x in (images(12), images(12).float()):
        before, state = x.clone(), torch.get_rng_state()
        new = mix(x, y, seeded())[0]
        assert torch.equal(x, before)
        assert torch.equal(torch.get_rng_state(), state)
        assert new.dtype == x.dtype
        assert 0 <= float(new.min()) <= float(new.max()) <= 255
        assert torch.equal(new, mix(x, y, seeded())[0])
        assert not torch.equal(new, mix(x, y, seeded(1))[0])


def test_mixup_comes_after_it() -> None:
    y, x = torch.tensor([0, 1, 2] * 4), images(12)
    plain = CAMImages(net(), LABELS, Complement())
    both = CAMImages(net(), LABELS, Complement(), then=Mixup())
    draw = seeded()
    alone = plain(x, y, draw)[0]
    want = Mixup()(alone, y, draw)
    for got, expected in zip(both(x, y, seeded()), want):
        assert torch.equal(got, expected)


def test_one_loss_is_computed_where_no_label_is_mixed() -> None:
    calls = []

    class Counting(CrossEntropy):
        def forward(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            calls.append(1)
            return super().forward(logits, y)

    x, y, whole = images(12), torch.tensor([0, 1, 2] * 4), net()
    mix = CAMImages(whole, LABELS, Complement())
    terms = Supervised(Counting(), mix)(whole, [(x, y)], 0.0, seeded())
    assert len(calls) == 1
    new = mix(x, y, seeded())[0]
    torch.testing.assert_close(terms["loss"], nn.functional.cross_entropy(whole(new), y))


def test_a_net_without_maps_is_refused() -> None:
    for bad in (toy_net(), Net(ResNetCIFAR(8), _NoWeight())):
        with pytest.raises(ValueError, match=r"convolutional net with maps\(x\)"):
            CAMImages(bad, LABELS, Complement())
    with pytest.raises(ValueError, match="share=-1"):
        CAMImages(net(), LABELS, Complement(), share=-1)


class _NoWeight(nn.Module):
    in_features, out_features = 64, 4


def data() -> Examples:
    return Examples(images(130), LABELS)


def test_the_recipe() -> None:
    base = toy_stage(16)
    made = recipes.bag_of_tricks(base)
    assert [s.epochs for s in made.stages] == [16, 4, 2]
    assert made.stages[0] == recipes.mixup(base).stages[0]  # shared by key
    assert from_json(to_json(made.stages[1].mix)) == made.stages[1].mix
    assert made.stages[1].mix["then"] == made.stages[0].mix
    assert made.stages[2].mix is None
    assert stages_prior(made.stages, LABELS) is None
    fresh = made.stages[1].but(mix=part(CAMImages, complement=part(Complement)))
    assert stages_prior((fresh,), LABELS) is None  # new images are other images: no closed form is claimed


def test_the_stage_s_net_is_the_map_s_net(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Spy(CAMImages):
        def __init__(self, net: Net, labels: Labels, complement: Complement) -> None:
            super().__init__(net, labels, complement)
            seen.append(self.net.state_dict())

    start = net()
    stage = toy_stage(2).but(mix=part(Spy, complement=part(Complement)))
    trained, _ = run_stage(start, stage, data(), key="k")
    assert all(torch.equal(v, start.state_dict()[k]) for k, v in seen[0].items())
    assert not torch.equal(trained.head.weight, start.head.weight)


class Killed(Exception):
    pass


def test_killed_and_resumed_equals_straight_through(tmp_path) -> None:  # type: ignore[no-untyped-def]
    made, engine = recipes.bag_of_tricks(toy_stage(2), share=2.0), Engine(checkpoint_seconds=0.0)
    straight = train_stages(made, net(), data(), engine=engine)

    def kill(event: dict) -> None:
        if event["stage"] == "cam-balanced" and event.get("epoch") == 2:
            raise Killed

    with pytest.raises(Killed):
        train_stages(made, net(), data(), engine=engine, cache=Cache(tmp_path), on=kill)
    again = train_stages(made, net(), data(), engine=engine, cache=Cache(tmp_path))
    for name, value in straight.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name
