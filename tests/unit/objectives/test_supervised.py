import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail.losses import CrossEntropy
from longtail.mixing import Mixup
from longtail.objectives import Supervised
from longtail.part import part, switch
from longtail.recipes import erm, manifold_mixup
from longtail.run import train_stages
from longtail.testing.recipe import toy, toy_net, toy_stage


def batch():
    g = torch.Generator().manual_seed(0)
    return torch.randn(6, 4, generator=g), torch.tensor([0, 1, 2, 0, 1, 2])


def test_without_mixing_it_is_the_loss():
    x, y = batch()
    net = nn.Linear(4, 3)
    terms = Supervised(CrossEntropy())(net, [(x, y)], 0.0, torch.Generator())
    assert torch.allclose(terms["loss"], F.cross_entropy(net(x), y))


def test_a_lam_per_sample_weighs_each_sample_s_own_loss():
    x, y = batch()
    other, lam, net = y.flip(0), torch.linspace(0, 1, 6), nn.Linear(4, 3)
    mixed = Supervised(CrossEntropy(), lambda x, y, g: (x, y, other, lam))
    a = F.cross_entropy(net(x), y, reduction="none")
    b = F.cross_entropy(net(x), other, reduction="none")
    found = mixed(net, [(x, y)], 0.0, torch.Generator())["loss"]
    assert torch.allclose(found, (lam * a + (1 - lam) * b).mean())
    assert not torch.allclose(found, lam.mean() * a.mean() + (1 - lam.mean()) * b.mean())
    assert mixed.loss.reduction == "mean"


def test_a_loss_that_cannot_be_left_unreduced_is_an_error():
    x, y = batch()

    class Own(nn.Module):
        def forward(self, logits, y):
            return F.cross_entropy(logits, y)

    with pytest.raises(TypeError, match="Own has none"):
        Supervised(Own(), lambda x, y, g: (x, y, y.flip(0), torch.ones(6)))(
            nn.Linear(4, 3), [(x, y)], 0.0, torch.Generator()
        )


def test_mixing_switched_off_for_the_last_epochs(monkeypatch):
    calls = []
    monkeypatch.setattr(Mixup, "__call__", lambda self, x, y, g: calls.append(1) or (x, y, y, torch.ones(())))
    stage = toy_stage(4).but(mix=switch({0: part(Mixup), 0.5: None}), batch_size=2000)
    train_stages(erm(stage), toy_net(), toy())
    assert len(calls) == 2


def test_manifold_mixup_leaves_no_hook_behind():
    net = train_stages(manifold_mixup(toy_stage(2)), toy_net(), toy()).net
    assert not net.backbone._forward_hooks
