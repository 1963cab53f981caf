"""What a stage may add: averaged weights, flat minima, teachers, unlabelled inputs; and a probe along the way."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from longtail import recipes
from longtail.net import Net
from longtail.optim import EMA, SAM, SWA
from longtail.part import Part, part
from longtail.recipe import Recipe, Stage
from longtail.run import Cache, Engine, Probe, run_stage, train_stages
from longtail.run.chain import stage_keys
from longtail.schedule import Constant
from longtail.testing.recipe import toy, toy_net, toy_stage


class Killed(Exception):
    pass


def normed_net() -> Net:
    torch.manual_seed(0)
    return Net(nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU()), nn.Linear(8, 3))


def weights(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


OPTIONS = {
    "ema": {"average": part(EMA, decay=0.9)},
    "swa": {"average": part(SWA, start=0.5)},
    "sam": {"sharpness": part(SAM, rho=0.1)},
    "factors": {"lr_factors": (("head.weight", 3.0), ("head.*", 0.0), ("backbone.*", 0.5))},
    "asam and ema": {"sharpness": part(SAM, rho=0.5, adaptive=True), "average": part(EMA, decay=0.9)},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_killed_and_resumed_equals_straight_through(tmp_path, options):
    stage, net, data = toy_stage(4).but(**options), normed_net(), toy()
    engine = Engine(checkpoint_seconds=0.0)
    straight, _ = run_stage(net, stage, data, key="k", engine=engine)

    def kill(event):
        if event["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        run_stage(net, stage, data, key="k", engine=engine, cache=Cache(tmp_path), on=kill)
    again, _ = run_stage(net, stage, data, key="k", engine=engine, cache=Cache(tmp_path))
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in straight.state_dict().items())


@pytest.mark.parametrize(
    "neutral",
    [
        {"average": part(EMA, decay=0.0)},
        {"average": part(SWA, start=0.99)},
        {"sharpness": part(SAM, rho=0.0)},
        {"lr_factors": (("head.*", 1.0),)},
    ],
)
def test_neutral_arguments_are_the_plain_stage(neutral):
    plain, _ = run_stage(toy_net(), toy_stage(3), toy(), key="k")
    other, _ = run_stage(toy_net(), toy_stage(3).but(**neutral), toy(), key="k")
    assert torch.allclose(weights(plain), weights(other), atol=1e-6)


def test_a_factor_is_a_learning_rate_of_its_own():
    """The first glob that matches counts; the rest, and the objective's own parameters, keep the stage's rate."""
    sgd = part(torch.optim.SGD, lr=0.1)  # a step is the rate times the gradient
    stage = toy_stage(1).but(optim=sgd, schedule=part(Constant), batch_size=len(toy()))
    before = dict(toy_net().named_parameters())

    def moved(**changes):
        net, _ = run_stage(toy_net(), stage.but(**changes), toy(), key="k")
        return {name: (p - before[name]).detach() for name, p in net.named_parameters()}

    plain = moved()
    factors = {"head.bias": 0.0, "head.weight": 3.0}
    found = moved(lr_factors=(("head.bias", 0.0), ("head.*", 3.0)))
    for name, step in plain.items():
        assert torch.allclose(found[name], factors.get(name, 1.0) * step, atol=1e-7), name
        assert step.abs().max() > 1e-4, name


def test_factors_hold_where_the_head_trains_on_cached_features():
    stage = toy_stage(2).but(trains=("head.*",), norm_stats=False, lr_factors=(("head.bias", 0.0),))
    net, _ = run_stage(toy_net(), stage, toy(), key="k")
    assert torch.equal(net.head.bias, toy_net().head.bias)
    assert not torch.equal(net.head.weight, toy_net().head.weight)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"lr_factors": (("neck.*", 2.0),)}, r"lr_factors='neck\.\*' matches no parameter that trains"),
        ({"lr_factors": (("backbone.*", 2.0),), "trains": ("head.*",)}, "matches no parameter that trains"),
        ({"lr_factors": (("head.*", 2.0),), "optim": part(torch.optim.Adam)}, r"give Adam\(\) an lr"),
        ({"lr_factors": (("head.*", -1.0),)}, "at least 0"),
    ],
)
def test_factors_that_cannot_be_meant_say_so(changes, said):
    with pytest.raises(ValueError, match=said):
        run_stage(toy_net(), toy_stage(1).but(**changes), toy(), key="k")


def test_factors_are_part_of_the_identity_and_their_absence_is_not():
    stage = toy_stage(1)
    old = {k: v for k, v in stage.to_json().items() if k != "lr_factors"}  # as saved before there were any
    assert Stage.from_json(old).digest == stage.digest
    other = stage.but(lr_factors=(("head.*", 2.0),))
    assert other.digest != stage.digest
    assert Stage.from_json(other.to_json()) == other


def test_ema_is_the_recursion():
    net, decay, steps = nn.Linear(2, 1), 0.7, []
    averaged, expected = EMA(decay).follow(net), None
    for _ in range(5):
        with torch.no_grad():
            net.weight.add_(torch.randn(1, 2))
        steps.append(net.weight.detach().clone())
        averaged.update_parameters(net)
        expected = steps[-1] if expected is None else decay * expected + (1 - decay) * steps[-1]
    assert torch.allclose(averaged.module.weight, expected)


def test_swa_is_the_mean_of_the_last_epochs_with_statistics_of_its_own():
    seen = []
    plain = toy_stage(4).but(batch_size=525)  # three equal batches
    stage = plain.but(average=part(SWA, start=0.5))
    probe = Probe(lambda net: seen.append({k: v.clone() for k, v in net.state_dict().items()}) or {})
    run_stage(normed_net(), plain, toy(), key="k", probe=probe)
    swa, _ = run_stage(normed_net(), stage, toy(), key="k")
    expected = (seen[2]["backbone.0.weight"] + seen[3]["backbone.0.weight"]) / 2
    assert torch.allclose(swa.backbone[0].weight, expected, atol=1e-6)
    x = toy().x
    mean = swa.backbone[0](x).mean(0)
    assert torch.allclose(swa.backbone[1].running_mean, mean, atol=1e-5)


def test_swa_keeps_statistics_that_must_not_move():
    net = normed_net()
    stage = toy_stage(2).but(average=part(SWA, start=0.0), norm_stats=False)
    out, _ = run_stage(net, stage, toy(), key="k")
    assert torch.equal(out.backbone[1].running_mean, net.backbone[1].running_mean)


def test_sam_uses_the_gradient_at_the_worst_point():
    w0, rho = torch.tensor([[1.0, -2.0]]), 0.3
    net = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(w0)

    def loss():
        return (net.weight**4).sum()

    loss().backward()
    g = 4 * w0**3
    with SAM(rho).worst(net):
        net.zero_grad()
        loss().backward()
    assert torch.equal(net.weight, w0)
    assert torch.allclose(net.weight.grad, 4 * (w0 + rho * g / g.norm()) ** 3)


def test_sam_leaves_batch_statistics_alone():
    net = normed_net().train()
    net(torch.randn(8, 2)).sum().backward()
    before = net.backbone[1].running_mean.clone()
    with SAM().worst(net):
        net(torch.randn(8, 2))
    assert torch.equal(net.backbone[1].running_mean, before)
    assert net.backbone[1].momentum == 0.1


@pytest.mark.parametrize(
    "make", [lambda: EMA(1.0), lambda: EMA(start=1.0), lambda: SWA(-0.1), lambda: SAM(-1.0)]
)
def test_bad_arguments_say_what_they_got(make):
    with pytest.raises(ValueError, match="must"):
        make()


class Distil(nn.Module):
    """The mean of the teachers' probabilities as the target: the smallest objective that asks for teachers."""

    def __init__(self, loss, teachers):
        super().__init__()
        self.loss, self.teachers = loss, teachers

    def forward(self, net, streams, t, generator):
        x, y = streams[0]
        target = torch.stack([teacher(x).softmax(-1) for teacher in self.teachers]).mean(0)
        return {"hard": self.loss(net(x), y), "soft": -(target * net(x).log_softmax(-1)).sum(-1).mean()}


def distilled(base) -> Recipe:
    teachers = (recipes.erm(base), recipes.balanced_softmax(base))
    return Recipe("distilled", (base.but(objective=Part(Distil)),), teachers=teachers)


def test_teachers_are_trained_first_and_shared(tmp_path):
    base, net, data = toy_stage(2), toy_net(), toy()
    cache, events = Cache(tmp_path), []
    erm = train_stages(recipes.erm(base), net, data, cache=cache)
    made = distilled(base)
    out = train_stages(made, net, data, cache=cache, on=events.append)
    assert any(e.get("cached") and e["key"] == erm.keys[0] for e in events)  # the first teacher was there
    assert (
        len([e for e in events if "seconds" in e]) == 4
    )  # the second teacher and the student, two epochs each
    again = train_stages(made, net, data)
    assert torch.equal(weights(out.net), weights(again.net))


def test_the_identity_counts_the_teachers_in():
    base = toy_stage(2)
    made = distilled(base)
    other = replace(made, teachers=(recipes.erm(base), recipes.focal(base)))
    assert made.digest != other.digest
    keys = [stage_keys(r, toy_net(), toy(), 0, Engine()) for r in (made, other)]
    assert keys[0] != keys[1]
    own = {f"{Distil.__module__}:{Distil.__qualname__}": Distil}
    assert Recipe.from_json(made.to_json(), own).digest == made.digest


def test_teachers_that_nobody_asks_for_are_an_error():
    with pytest.raises(ValueError, match="no stage that asks for them"):
        recipes.erm(toy_stage(2)).but(teachers=(recipes.erm(toy_stage(2)),))


class Count(nn.Module):
    def __init__(self, loss, unlabelled):
        super().__init__()
        self.loss, self.n = loss, len(unlabelled)

    def forward(self, net, streams, t, generator):
        x, y = streams[0]
        return {"loss": self.loss(net(x), y), "seen": torch.tensor(float(self.n))}


def test_unlabelled_inputs_reach_the_part_that_asks_and_change_its_key_alone():
    data = toy()
    more = replace(data, unlabelled=torch.randn(7, 2))
    assert more.fingerprint == data.fingerprint
    assert more.unlabelled_fingerprint != replace(data, unlabelled=torch.randn(7, 2)).unlabelled_fingerprint
    assert more.take(torch.arange(10)).unlabelled is more.unlabelled
    asks, plain = (
        Recipe("r", (toy_stage(1).but(objective=o),)) for o in (Part(Count), toy_stage(1).objective)
    )
    keys = [[stage_keys(r, toy_net(), d, 0, Engine()) for d in (data, more)] for r in (asks, plain)]
    assert keys[0][0] != keys[0][1]
    assert keys[1][0] == keys[1][1]
    _, history = run_stage(toy_net(), toy_stage(1).but(objective=Part(Count)), more, key="k")
    assert history[0]["seen"] == 7


def test_a_probe_measures_and_changes_nothing():
    plain, _ = run_stage(toy_net(), toy_stage(4), toy(), key="k")
    probe = Probe(lambda net: {"n": len(list(net.parameters()))}, every=3)
    probed, history = run_stage(toy_net(), toy_stage(4), toy(), key="k", probe=probe)
    assert [e["epoch"] for e in history if "probe" in e] == [2, 3]
    assert torch.equal(weights(plain), weights(probed))
