import pytest
import torch
from torch import nn

from longtail.net import Net


class Users(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(self.body(x))


class Tail(Users):
    def forward(self, x):
        return self.fc(self.body(x)).relu() + 1


def test_split_gives_the_same_logits_and_leaves_the_model_alone():
    model, x = Users(), torch.randn(5, 4)
    net = Net.split(model, head="fc", example=x)
    assert torch.equal(net(x), model(x))
    assert (net.feature_dim, net.num_classes) == (8, 3)
    net.head.weight.data.zero_()
    assert model.fc.weight.abs().sum() > 0


def test_split_of_a_nested_head():
    model = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)))
    assert Net.split(model, head="1.1", example=torch.randn(2, 4)).feature_dim == 8


def test_bad_splits():
    with pytest.raises(ValueError, match="not a submodule"):
        Net.split(Users(), head="classifier")
    with pytest.raises(ValueError, match="without in_features"):
        Net.split(Users(), head="body")
    with pytest.raises(ValueError, match="not the last layer"):
        Net.split(Tail(), head="fc", example=torch.randn(2, 4))
    with pytest.raises(TypeError, match="in_features"):
        Net(nn.Identity(), nn.ReLU())
