"""Objectives that work on features: the memory of OLTR, the clouds of LEAP."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail.augment import FeatureCloud
from longtail.losses import CrossEntropy, DiscriminativeCentroids
from longtail.net import Net
from longtail.objectives import Clouded, Memorised
from longtail.surgery import AddMemory


def batch(n=12):
    g = torch.Generator().manual_seed(1)
    return torch.randn(n, 4, generator=g), torch.arange(n) % 3


def memory_net() -> Net:
    torch.manual_seed(0)
    net = Net(nn.Linear(4, 5), nn.Linear(5, 3))
    return AddMemory(lambda of: (of.backbone(batch()[0]).detach(), batch()[1]))(net)


def gradients(rate: float):
    net, (x, y) = memory_net(), batch()
    with torch.no_grad():
        net.head.centroids.add_(torch.randn(3, 5, generator=torch.Generator().manual_seed(2)))
    objective = Memorised(CrossEntropy(), DiscriminativeCentroids(), weight=0.01, centroid_rate=rate)
    terms = objective(net, [(x, y)], 0.0, torch.Generator())
    sum(terms.values()).backward()
    return net, terms


def test_memorised_is_both_losses_and_the_centroids_have_a_rate_of_their_own():
    net, terms = gradients(1.0)
    x, y = batch()
    f, c = net.backbone(x), net.head.centroids
    # Attraction and repulsion written out: 1/(2B) sum |f - c_y|^2 + .01 max(0, 10 - 1/(BC) sum_{j != y} |f - c_j|^2).
    square = (f[:, None] - c[None]).square().sum(-1)
    own = square.gather(1, y[:, None])[:, 0]
    loss = own.sum() / 24 + 0.01 * torch.relu(10 - (square.sum() - own.sum()) / 36)
    assert torch.allclose(terms["centroids"], 0.01 * loss, atol=1e-6)
    assert torch.allclose(terms["classification"], F.cross_entropy(net(x), y))
    (plain,) = torch.autograd.grad(loss, c)
    assert torch.allclose(net.head.centroids.grad, plain, atol=1e-6)
    other, _ = gradients(0.01)  # lambda as the rate: the gradient of the sum
    assert torch.allclose(other.head.centroids.grad, 0.01 * plain, atol=1e-7)
    for (name, p), q in zip(net.named_parameters(), other.parameters()):
        if name != "head.centroids":
            assert torch.equal(p.grad, q.grad), name


def test_memorised_says_what_it_lacks():
    net = Net(nn.Linear(4, 5), nn.Linear(5, 3))
    with pytest.raises(TypeError, match="AddMemory"):
        Memorised(CrossEntropy(), DiscriminativeCentroids())(net, [batch()], 0.0, torch.Generator())
    with pytest.raises(ValueError, match="weight=-1"):
        Memorised(CrossEntropy(), DiscriminativeCentroids(), weight=-1)


def test_clouds_begin_at_start_and_follow_the_features_before():
    torch.manual_seed(0)
    net, cloud = Net(nn.Linear(4, 5), nn.Linear(5, 3)), FeatureCloud(torch.tensor([90, 9, 3]), 5)
    objective = Clouded(CrossEntropy(), cloud, start=0.5).train()
    x, y = batch(60)
    plain = CrossEntropy()(net(x), y)
    draw = torch.Generator().manual_seed(0)
    state = draw.get_state()
    assert torch.equal(objective(net, [(x, y)], 0.49, draw)["loss"], plain)
    assert torch.equal(draw.get_state(), state)
    assert (cloud.seen == 20).all()  # followed already
    after = objective(net, [(x, y)], 0.5, draw)["loss"]
    assert not torch.equal(after, plain)
    with pytest.raises(ValueError, match="start=1"):
        Clouded(CrossEntropy(), cloud, start=1)


def test_a_cloud_without_spread_to_give_is_the_plain_loss():
    torch.manual_seed(0)
    net, cloud = Net(nn.Linear(4, 5), nn.Linear(5, 3)), FeatureCloud(torch.tensor([90, 9, 3]), 5, head=1)
    x, y = batch(60)  # every class is a head class: none is widened
    found = Clouded(CrossEntropy(), cloud, start=0.0).train()(net, [(x, y)], 0.0, torch.Generator())["loss"]
    assert torch.allclose(found, F.cross_entropy(net(x), y), atol=1e-6)
