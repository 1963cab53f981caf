"""Cached features: what a head-only stage trains on once its backbone has run."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import longtail.run.features as room
import longtail.run.loop as loop
from longtail import recipes
from longtail.augment import CropFlip
from longtail.backbones import MLP, ResNetCIFAR
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.labels import Labels
from longtail.mixing import Mixup
from longtail.net import Net
from longtail.part import part, switch
from longtail.protocol import cifar_modern
from longtail.recipe import Recipe, Stage
from longtail.run import Cache, Engine, run_stage, train, train_stages
from longtail.run.features import OneView, features_of
from longtail.testing.recipe import toy, toy_net, toy_stage


def images(n: int = 300) -> Examples:
    """Small images whose mean colour tells the class, seven short of whole batches of 64."""
    g = torch.Generator().manual_seed(0)
    y = torch.multinomial(torch.tensor([0.8, 0.15, 0.05]), n, replacement=True, generator=g)
    x = torch.randint(0, 120, (n, 3, 8, 8), dtype=torch.uint8, generator=g)
    x[torch.arange(n), y] += 60
    return Examples(x, Labels.of(y, None, 3), "colours")


def trained(seed: int = 0) -> Net:
    """A ResNet whose BatchNorm statistics are those of the images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Net(ResNetCIFAR(8), Linear(64, 3))
        with torch.no_grad():
            for rows in images().x.split(100):
                net.train()(rows)
    return net.eval()


def head_stage(**changes: object) -> Stage:
    return recipes.crt(cifar_modern(20)).stages[1].but(batch_size=64, epochs=3, **changes)


def whole(stage: Stage, monkeypatch: pytest.MonkeyPatch, net: Net, data: Examples) -> dict[str, torch.Tensor]:
    """The state after the full pass: the backbone evaluated at every step."""
    with monkeypatch.context() as m:
        m.setattr(loop, "reads_features_only", lambda *_: False)
        return run_stage(net, stage.but(views=0), data, key="k")[0].state_dict()


@pytest.mark.parametrize("recipe", [recipes.crt, recipes.lws, recipes.disalign, recipes.bags])
def test_a_resnet_s_head_gets_the_same_bits_as_from_the_full_pass(recipe, monkeypatch) -> None:
    """Convolutions compute each image alone, whatever batch it comes in."""
    stage, net, data = recipe(cifar_modern(20)).stages[1].but(batch_size=64), trained(), images()
    cached = run_stage(net, stage, data, key="k")[0].state_dict()
    full = whole(stage, monkeypatch, net, data)
    assert all(torch.equal(cached[name], full[name]) for name in full)


def test_a_wide_linear_backbone_agrees_to_rounding(monkeypatch) -> None:
    """BLAS rounds a row of a product by its place in the batch: last bits, not bits, behind a matrix product."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(500, 11, generator=g)
    data = Examples(x, Labels.of((x[:, 0] > 1).long(), None, 2))
    torch.manual_seed(0)
    net = Net(MLP(11), Linear(256, 2)).eval()
    stage = recipes.crt(toy_stage(20)).stages[1]
    cached = run_stage(net, stage, data, key="k")[0].state_dict()
    full = whole(stage, monkeypatch, net, data)
    assert all(torch.allclose(cached[k], full[k], rtol=1e-4, atol=1e-5) for k in full)


def test_the_backbone_runs_once_and_stays(monkeypatch) -> None:
    seen: list[int] = []
    net, data = trained(), images()
    hook = ResNetCIFAR.forward
    monkeypatch.setattr(ResNetCIFAR, "forward", lambda self, x: seen.append(len(x)) or hook(self, x))
    after, _ = run_stage(net, head_stage(), data, key="k")
    assert len(seen) == -(-len(data) // 64)
    seen.clear()
    run_stage(net, head_stage(augment=part(CropFlip, pad=1), views=3), data, key="k")
    assert len(seen) == 3 * -(-len(data) // 64)
    before = net.backbone.state_dict()
    assert all(torch.equal(v, before[k]) for k, v in after.backbone.state_dict().items())


def test_views_are_draws_of_the_augmentation() -> None:
    data, crop = images(), CropFlip(pad=1)
    x = features_of(nn.Flatten(), data.source, Engine(), 64, 4, crop, "k")
    assert x.shape == (300, 4, 192)
    plain = data.x.flatten(1).float()
    kept = (x == plain[:, None]).all(2).float().mean()  # no shift in 1 of 9 draws, no flip in half of those
    assert 0.02 < kept < 0.12
    assert not torch.equal(x[:, 0], x[:, 1])
    assert torch.equal(x, features_of(nn.Flatten(), data.source, Engine(), 64, 4, crop, "k"))
    assert not torch.equal(x, features_of(nn.Flatten(), data.source, Engine(), 64, 4, crop, "other"))


def test_one_view_takes_each_as_often() -> None:
    x = torch.arange(4.0).expand(4000, 4)[..., None]
    drawn = OneView()(x, torch.Generator().manual_seed(0))
    assert drawn.shape == (4000, 1)
    assert (torch.bincount(drawn[:, 0].long(), minlength=4) - 1000).abs().max() < 120


def test_augmented_views_train_as_well_as_the_full_pass(monkeypatch) -> None:
    """Balanced accuracy over three seeds: the difference of the means lies within the spread."""

    def score(state: dict[str, torch.Tensor], net: Net) -> float:
        made = Net(net.backbone, Linear(64, 3))
        made.load_state_dict(state)
        hit = (made.eval()(images().x).argmax(1) == images().labels.y).double()
        return float(torch.stack([hit[images().labels.y == c].mean() for c in range(3)]).mean())

    stage = head_stage(augment=part(CropFlip, pad=1), views=8)
    full, cached = [], []
    for seed in range(3):
        net, data = trained(seed), images()
        full.append(score(whole(stage, monkeypatch, net, data), net))
        cached.append(score(run_stage(net, stage, data, key="k")[0].state_dict(), net))
    assert abs(sum(full) - sum(cached)) / 3 < max(0.05, max(full) - min(full)), (full, cached)


@pytest.mark.parametrize("views", [0, 2])
def test_features_on_disk_give_the_same_bits(views: int, monkeypatch, tmp_path) -> None:
    stage = head_stage(augment=part(CropFlip, pad=1) if views else None, views=views)
    net, data = trained(), images()
    memory = run_stage(net, stage, data, key="k")[0].state_dict()
    made: list[int] = []
    monkeypatch.setattr(room, "IN_MEMORY", 1000)
    mapped = room.np.memmap
    monkeypatch.setattr(room.np, "memmap", lambda *a, **k: made.append(k["shape"][0]) or mapped(*a, **k))
    disk = run_stage(net, stage, data, key="k", cache=Cache(tmp_path))[0].state_dict()
    assert made == [len(data)]
    assert all(torch.equal(memory[k], disk[k]) for k in memory)
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_killed_and_resumed_with_views_equals_straight_through(tmp_path) -> None:
    class Killed(Exception):
        pass

    def kill(event: dict[str, object]) -> None:
        if event.get("epoch") == 1:
            raise Killed

    stage, net, data = head_stage(augment=part(CropFlip, pad=1), views=2), trained(), images()
    straight = run_stage(net, stage, data, key="k")[0].state_dict()
    engine = Engine(checkpoint_seconds=0.0)
    with pytest.raises(Killed):
        run_stage(net, stage, data, key="k", engine=engine, cache=Cache(tmp_path), on=kill)
    resumed, history = run_stage(net, stage, data, key="k", engine=engine, cache=Cache(tmp_path))
    assert len(history) == 3
    assert all(torch.equal(v, resumed.state_dict()[k]) for k, v in straight.items())


def test_views_without_an_augmentation_are_one() -> None:
    stage, net, data = head_stage(), trained(), images()
    plain = run_stage(net, stage, data, key="k")[0].state_dict()
    same = run_stage(net, stage.but(views=5), data, key="k")[0].state_dict()
    assert all(torch.equal(plain[k], same[k]) for k in plain)


@pytest.mark.parametrize(
    "changes",
    [
        {"norm_stats": True},
        {"trains": ("*",)},
        {"mix": part(Mixup)},
        {"augment": switch({0: part(CropFlip, pad=1), 0.5: part(CropFlip, pad=2)})},
    ],
    ids=str,
)
def test_views_where_they_cannot_be_kept_are_an_error(changes) -> None:
    stage = head_stage(views=2).but(**changes)
    with pytest.raises(ValueError, match="views=2 needs a stage that trains the head alone"):
        run_stage(trained(), stage, images(), key="k")


def test_negative_views_are_an_error() -> None:
    with pytest.raises(ValueError, match="views=-1 must be 0"):
        head_stage(views=-1)


@pytest.mark.parametrize("recipe", [recipes.crt, recipes.lws, recipes.disalign, recipes.bags, recipes.mislas])
def test_recipes_keep_views_when_asked(recipe) -> None:
    base = cifar_modern(20)
    stage = recipe(base, views=3).stages[1]
    assert (stage.views, stage.augment) == (3, base.augment)
    run_stage(trained(), stage.but(epochs=1), images(), key="k")


def test_the_facts_of_a_cached_stage_are_of_one_view() -> None:
    """A part that asks for the features of the training data gets ``[N, d]``, views or not."""
    net, data = trained(), images()
    for augment, views in ((None, 0), (part(CropFlip, pad=1), 3)):
        built = None if augment is None else augment.build()
        head, _, seen, _ = room.head_only(
            net, head_stage(views=views), data, Engine(), augment=built, key="k"
        )
        features, y = loop.facts_of(head, seen, Engine())["embed"](head)
        assert features.shape == (300, 64)
        assert torch.equal(y, data.labels.y)


def test_a_fresh_and_a_cached_resnet_predict_the_same_bits(tmp_path) -> None:
    recipe = Recipe("tiny", (cifar_modern(1).but(batch_size=64),))
    fresh = train(recipe, trained(), images(), cache=Cache(tmp_path))
    again = train(recipe, trained(), images(), cache=Cache(tmp_path))
    assert torch.equal(fresh.logits(images().x), again.logits(images().x))


def test_a_chain_from_the_cache_gives_the_same_bits(tmp_path) -> None:
    """The head stage of a stage that came from the cache equals that of a fresh one."""
    base = cifar_modern(1).but(batch_size=64)
    straight = train_stages(recipes.crt(base), trained(), images()).net.state_dict()
    train_stages(recipes.erm(base), trained(), images(), cache=Cache(tmp_path))
    chained = train_stages(recipes.crt(base), trained(), images(), cache=Cache(tmp_path)).net.state_dict()
    assert all(torch.equal(straight[k], chained[k]) for k in straight)


def test_a_toy_s_features_equal_the_full_pass(monkeypatch) -> None:
    made, net, data = recipes.crt(toy_stage(4)), toy_net(), toy()
    fast = train_stages(made, net, data).net.state_dict()
    monkeypatch.setattr(loop, "reads_features_only", lambda *_: False)
    full = train_stages(made, net, data).net.state_dict()
    assert all(torch.equal(fast[k], full[k]) for k in full)
