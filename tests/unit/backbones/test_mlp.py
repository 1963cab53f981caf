"""MLP and Identity: shapes, rebuilding, errors."""

import json

import pytest
import torch

from longtail.backbones.identity import Identity
from longtail.backbones.mlp import MLP
from longtail.part import from_json, to_json


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
@pytest.mark.parametrize("depth", [1, 3])
def test_rebuilt_from_its_spec_it_is_the_same(norm, depth):
    net = MLP(5, width=7, depth=depth, dropout=0.2, norm=norm)
    x = torch.randn(30, 5)
    net(x).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    again = from_json(json.loads(json.dumps(to_json(net.spec))), slot="backbone").build()
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(x), net.eval()(x))
    assert net(x).shape == (30, net.out_features) == (30, 7)


def test_dropout_acts_in_training_only():
    net, x = MLP(5, dropout=0.5, norm="none"), torch.randn(4, 5)
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.eval()(x), net(x))


def test_mlp_fits_what_a_line_cannot():
    torch.manual_seed(0)
    x = torch.randn(400, 2)
    y = (x[:, 0] * x[:, 1] > 0).long()
    net = torch.nn.Sequential(MLP(2, width=32), torch.nn.Linear(32, 2))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    assert (net.eval()(x).argmax(1) == y).float().mean() > 0.93


@pytest.mark.parametrize(
    "wrong, match",
    [
        ({"width": 0}, "width=0"),
        ({"depth": 0}, "depth=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"norm": "group"}, "norm='group'"),
    ],
)
def test_mlp_refuses(wrong, match):
    with pytest.raises(ValueError, match=match):
        MLP(5, **wrong)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match="x has 4 columns; this backbone was made for 5"):
        MLP(5)(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="x has 4 columns"):
        Identity(5)(torch.zeros(2, 4))
    with pytest.raises(ValueError, match="norm='max'"):
        Identity(5, norm="max")


def test_identity():
    x = torch.randn(6, 8) * 3
    assert torch.equal(Identity(8)(x), x)
    assert Identity(8)(x.to(torch.uint8)).dtype == torch.float32
    torch.testing.assert_close(Identity(8, norm="unit")(x).norm(dim=1), torch.ones(6))
    layered = Identity(8, norm="layer")(x)
    torch.testing.assert_close(layered.mean(1), torch.zeros(6), atol=1e-6, rtol=0)
    torch.testing.assert_close(layered.var(1, correction=0), torch.ones(6), atol=1e-3, rtol=0)
    assert from_json(to_json(Identity(8, norm="unit").spec), slot="backbone").build().norm == "unit"
