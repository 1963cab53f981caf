"""A projection after each step: MaxNorm against its formula, in the loop, and the law against broken ones."""

import math

import pytest
import torch
from torch import nn

from longtail import recipes
from longtail.heads import Experts
from longtail.net import Net
from longtail.objectives import Supervised
from longtail.optim import MaxNorm
from longtail.part import Part, part
from longtail.run import Cache, Engine, run_stage, train_stages
from longtail.run.solve import may_be_solved
from longtail.testing import check_projection
from longtail.testing.recipe import toy, toy_net, toy_stage


def lengths(net):
    return net.head.weight.detach().double().square().sum(1).sqrt()


@pytest.mark.parametrize("settings", [{}, {"spread": 0.0}, {"radius": 0.2}, {"radius": math.inf}])
def test_max_norm_is_a_projection(settings):
    check_projection(part(MaxNorm, **settings))


def test_max_norm_is_the_nearest_point_of_the_ball():
    net = toy_net()
    rows = [[float(v) for v in row] for row in net.head.weight.detach()]
    norms = [math.sqrt(sum(v * v for v in row)) for row in rows]
    radius = min(norms) + 0.25 * (max(norms) - min(norms))
    bound = MaxNorm(net, spread=0.25)
    assert bound.radius == pytest.approx(radius, rel=1e-6)
    bias, backbone = net.head.bias.clone(), net.backbone[0].weight.clone()
    bound.project(net)
    for row, norm, found in zip(rows, norms, net.head.weight.tolist()):
        assert found == pytest.approx([v * min(1.0, radius / norm) for v in row], rel=1e-5)
    assert torch.equal(net.head.bias, bias)
    assert torch.equal(net.backbone[0].weight, backbone)


def test_every_step_ends_inside():
    seen = []

    class Watched(Supervised):
        def forward(self, net, *rest):
            seen.append(float(lengths(net).max()))
            return super().forward(net, *rest)

    stage = toy_stage(2).but(projection=part(MaxNorm, radius=0.3), objective=Part(Watched))
    out, _ = run_stage(toy_net(), stage, toy(), key="k")
    assert float(lengths(out).max()) <= 0.3 * (1 + 1e-6)
    assert max(seen[1:]) <= 0.3 * (1 + 1e-6)
    free, _ = run_stage(toy_net(), toy_stage(2), toy(), key="k")
    assert float(lengths(free).max()) > 0.5  # so the bound is felt


def test_an_infinite_radius_is_the_plain_stage_bit_for_bit():
    plain, _ = run_stage(toy_net(), toy_stage(3), toy(), key="k")
    free, _ = run_stage(
        toy_net(), toy_stage(3).but(projection=part(MaxNorm, radius=math.inf)), toy(), key="k"
    )
    assert all(torch.equal(v, free.state_dict()[k]) for k, v in plain.state_dict().items())


def test_the_radius_is_of_the_start_of_the_stage_after_a_kill_too(tmp_path):
    class Killed(Exception):
        pass

    def kill(event):
        if event["epoch"] == 1:
            raise Killed

    stage, engine = toy_stage(3).but(projection=part(MaxNorm, spread=0.5)), Engine(checkpoint_seconds=0.0)
    straight, _ = run_stage(toy_net(), stage, toy(), key="k", engine=engine)
    with pytest.raises(Killed):
        run_stage(toy_net(), stage, toy(), key="k", engine=engine, cache=Cache(tmp_path), on=kill)
    again, _ = run_stage(toy_net(), stage, toy(), key="k", engine=engine, cache=Cache(tmp_path))
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in straight.state_dict().items())


def test_a_bounded_head_is_not_solved_past_its_bound():
    from longtail.protocol import SOLVED

    free = toy_stage(2).but(trains=("head.*",), norm_stats=False, solve=SOLVED)
    assert may_be_solved(free)
    assert not may_be_solved(free.but(projection=part(MaxNorm)))


def test_weight_balancing_keeps_features_and_bounds_the_head_it_found():
    made = recipes.weight_balancing(toy_stage(4), share=0.5)
    first = train_stages(made.upto(1), toy_net(), toy()).net
    out = train_stages(made, toy_net(), toy()).net
    assert torch.equal(out.backbone[0].weight, first.backbone[0].weight)
    low, high = float(lengths(first).min()), float(lengths(first).max())
    assert float(lengths(out).max()) <= (low + 0.1 * (high - low)) * (1 + 1e-6)


def test_glmc_max_norm_shares_glmc_s_stage():
    base = toy_stage(4)
    assert recipes.glmc_max_norm(base).stages[0] == recipes.glmc(base).stages[0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"spread": 1.5}, "spread=1.5"),
        ({"radius": 0.0}, "radius=0.0"),
        ({"radius": float("nan")}, "radius=nan"),
    ],
)
def test_bad_settings_say_what_they_got(settings, says):
    with pytest.raises(ValueError, match=says):
        MaxNorm(toy_net(), **settings)


def test_a_head_without_rows_says_so():
    with pytest.raises(ValueError, match="and the net has Experts"):
        MaxNorm(Net(nn.Identity(), Experts(2, 3)))


class Sound:
    def __init__(self, net):
        self.top = 0.2

    def project(self, net):
        with torch.no_grad():
            net.head.weight.clamp_(-self.top, self.top)


class Shrinks(Sound):
    def project(self, net):
        with torch.no_grad():
            net.head.weight.mul_(0.5)


class OntoTheSphere(Sound):
    """Every row gets the same length: short ones come apart, and nothing may stay."""

    def project(self, net):
        with torch.no_grad():
            w = net.head.weight
            w.mul_(self.top / w.norm(dim=1, keepdim=True))


class Overshoots(Sound):
    def project(self, net):
        with torch.no_grad():
            w = net.head.weight
            w.copy_(torch.where(w.abs() > self.top, -3 * w, w))


class Draws(Sound):
    def project(self, net):
        super().project(net)
        torch.rand(1)


def test_the_law_passes_a_sound_projection():
    check_projection(Part(Sound))


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (Shrinks, "twice is not once"),
        (OntoTheSphere, "come apart|may stay"),
        (Overshoots, "come apart"),
        (Draws, "random state"),
    ],
)
def test_the_law_rejects(broken, law):
    with pytest.raises(AssertionError, match=law):
        check_projection(Part(broken))
