"""A backbone of the user's own that can be rebuilt is trained, kept and taken up again like any other."""

import torch
from torch import nn

from longtail import recipes
from longtail.net import Net
from longtail.part import part
from longtail.run import Cache, train_stages
from longtail.testing import recipe as laws


class Bent(nn.Linear):
    def __init__(self, width: int = 4) -> None:
        super().__init__(2, width)
        self.out_features, self.spec = width, part(Bent, width=width)

    def forward(self, x):
        return super().forward(x).tanh()


def test_its_stages_come_back_from_the_cache(tmp_path):
    cache, events = Cache(tmp_path), []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Net(Bent(), nn.Linear(4, 3))
    base = laws.toy_stage(1)
    first = train_stages(recipes.erm(base), net, laws.toy(), cache=cache)
    again = train_stages(recipes.crt(base), net, laws.toy(), cache=cache, on=events.append)
    assert events[0]["cached"]
    assert torch.equal(again.net.backbone.weight, first.net.backbone.weight)
