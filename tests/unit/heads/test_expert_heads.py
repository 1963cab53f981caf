"""Experts and the router that stops early, against slow references."""

import pytest
import torch
from torch import nn

from longtail.backbones import ResNetBranch, ResNetTrunk
from longtail.heads import Experts, Routed
from longtail.part import from_json, to_json


def routed(k=3) -> Routed:
    torch.manual_seed(0)
    return Routed(5, 4, Experts(5, 4, experts=k), top=2, hidden=3).eval()


def features(n=64):
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(1))


def slow_route(head: Routed, f):
    """One input at a time, as the paper's test-time loop reads."""
    out, asked = [], []
    for row in f:
        total, k = torch.zeros(4), 0
        while True:
            own = head.inner.branches[k](row[None])
            total = total + head.inner.classifiers[k](own)[0]
            k += 1
            if k == len(head.inner.branches):
                break
            best = (total / k).sort(descending=True).values[: head.top]
            look = torch.relu(head.looks[k - 1](own / own.norm().clamp_min(1e-12)))[0]
            if float(head.decide(torch.cat([best, look]))) <= 0:
                break
        out.append(total / k)
        asked.append(k)
    return torch.stack(out), torch.tensor(asked)


def test_routes_as_the_slow_reference():
    head, f = routed(), features()
    with torch.no_grad():
        head.decide.bias.fill_(-float(head.all(f)[1].median()))  # so that some go on
        (z, asked), (slow_z, slow_asked) = head.route(f), slow_route(head, f)
    assert set(asked.tolist()) == {1, 2, 3}
    assert asked.equal(slow_asked)
    assert torch.allclose(z, slow_z, atol=1e-5)
    assert torch.equal(head(f), z)


@pytest.mark.parametrize(("bias", "asked"), [(1e4, 3), (-1e4, 1)])
def test_experts_that_are_not_asked_are_not_computed(bias, asked):
    head, f, rows = routed(), features(), [0, 0, 0]
    for k, branch in enumerate(head.inner.branches):
        branch.register_forward_hook(lambda m, x, y, k=k: rows.__setitem__(k, rows[k] + len(x[0])))
    with torch.no_grad():
        head.decide.bias.fill_(bias)
        z, found = head.route(f)
    assert (found == asked).all()
    assert rows == [64] * asked + [0] * (3 - asked)
    expected = head.inner(f) if asked == 3 else head.inner.expert(0, f)[1]
    assert torch.allclose(z, expected, atol=1e-5)


def test_one_expert_needs_no_router():
    head = routed(1)
    means, r = head.all(features())
    assert r.shape == (64, 0)
    assert torch.allclose(head(features()), means[:, 0])


def test_weighted_experts_are_a_weighted_mean():
    head, f = Experts(5, 4, experts=2), features()
    head.weights.copy_(torch.tensor([0.25, 0.75]))
    assert torch.allclose(head(f), 0.25 * head.each(f)[:, 0] + 0.75 * head.each(f)[:, 1], atol=1e-6)


def test_experts_of_a_resnet_are_the_published_ones():
    torch.manual_seed(0)
    trunk = ResNetTrunk(32)
    head = Experts(16, 100, [ResNetBranch(16, (24, 48), blocks=5) for _ in range(3)])
    x = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    maps = trunk(x)
    assert maps.shape == (2, 16, 32, 32)
    assert head.branches[0].stages(maps).shape == (2, 48, 8, 8)
    assert head.each(maps).shape == (2, 3, 100)

    def conv(a, b):
        return 9 * a * b + 2 * b  # a 3x3 convolution and its BatchNorm

    branch = conv(16, 24) + 9 * conv(24, 24) + conv(24, 48) + 9 * conv(48, 48)
    assert sum(p.numel() for p in head.branches[1].parameters()) == branch
    again = from_json(to_json(head.spec), slot="head").build()
    again.load_state_dict(head.state_dict())
    assert torch.equal(again.eval()(maps), head.eval()(maps))


def test_bad_arguments_say_what_they_got():
    with pytest.raises(ValueError, match="experts=0"):
        Experts(5, 4, experts=0)
    with pytest.raises(ValueError, match="inner maps 5 features to 3"):
        Routed(5, 4, Experts(5, 3))
    with pytest.raises(ValueError, match="top=0"):
        Routed(5, 4, top=0)
    with pytest.raises(ValueError, match=r"widths=\(15, 48\)"):
        ResNetBranch(16, (15, 48))
    assert isinstance(Experts(5, 4).branches, nn.ModuleList)
