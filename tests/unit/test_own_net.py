"""A net of the user's own: what it is given, and a try before anything else."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import longtail
from longtail import Net
from longtail.backbones import ResNetCIFAR
from longtail.data import Dataset
from longtail.inputs import SparseRows
from longtail.kinds import TABLE
from longtail.labels import Labels
from longtail.own_net import floats, is_own, on_rows, try_net


class Seen(nn.Module):
    """Keeps what it was given; its last layer is ``last``."""

    def __init__(self, width: int, classes: int = 2) -> None:
        super().__init__()
        self.width, self.last, self.got = width, nn.Linear(3, classes), []

    def forward(self, x):
        Seen.latest = x
        return self.last(x.flatten(1)[:, :3])


SPARSE = SparseRows(torch.tensor([0, 1, 3]), torch.tensor([2, 0, 1]), torch.tensor([1.0, 0.6, 0.8]), 4)


@pytest.mark.parametrize(
    ("x", "want"),
    [
        (torch.full((2, 3, 2, 2), 51, dtype=torch.uint8), torch.full((2, 3, 2, 2), 0.2)),
        (
            torch.full((2, 3, 2, 2), 51.0),
            torch.full((2, 3, 2, 2), 0.2),
        ),  # augmented or mixed: floats in 0..255
        (torch.tensor([[1.5, 2, 3]]), torch.tensor([[1.5, 2, 3]])),
        (SPARSE, torch.tensor([[0, 0, 1.0, 0], [0.6, 0.8, 0, 0]])),
    ],
    ids=["uint8 images", "float images", "columns", "n-grams"],
)
def test_it_is_given_floats_scaled_as_the_docs_say(x, want):
    net = Net.split(Seen(3), head="last")
    made = on_rows(net, x, 0)
    logits = made(x)
    assert Seen.latest.dtype == torch.float32
    torch.testing.assert_close(Seen.latest, want)
    torch.testing.assert_close(floats(x), want)
    torch.testing.assert_close(made.backbone(x), want.flatten(1)[:, :3])  # as cached features are made
    assert logits.shape == (len(x), 2)
    assert [n for n, _ in made.named_parameters()] == [n for n, _ in net.named_parameters()]
    net(want)
    torch.testing.assert_close(Seen.latest, want)  # the user's own net is as it was


def test_a_net_on_a_backbone_of_the_house_gets_what_the_house_gives():
    net = Net(ResNetCIFAR(8), nn.Linear(64, 2))
    assert not is_own(net)
    assert on_rows(net, torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 0) is net


def test_a_layer_that_waits_for_its_width_gets_it_from_the_rows_and_its_weights_from_the_seed():
    net = Net.split(nn.Sequential(nn.LazyLinear(5), nn.ReLU(), nn.Linear(5, 2)), head="2")
    one, same, other = (on_rows(net, torch.zeros(3, 7), seed) for seed in (0, 0, 1))
    assert one.backbone[0].weight.shape == (5, 7)
    assert torch.equal(one.backbone[0].weight, same.backbone[0].weight)
    assert not torch.equal(one.backbone[0].weight, other.backbone[0].weight)
    assert on_rows(net, SPARSE, 0).backbone[0].weight.shape == (5, 4)


def data(kind):
    y = [0] * 20 + [1] * 10
    if kind == "image":
        return Dataset.of("toy", kind, torch.arange(30 * 48).view(30, 3, 4, 4).to(torch.uint8), Labels.of(y))
    if kind == "embedding":
        x = torch.randn(30, 6, generator=torch.Generator().manual_seed(0)) + torch.tensor(y)[:, None]
        return Dataset.of("toy", kind, x, Labels.of(y))
    if kind == "text":
        texts = [f"good day {k}" if c == 0 else f"bad night {k}" for k, c in enumerate(y)]
        return longtail.load(pd.DataFrame({"text": texts, "label": y}), label="label", text="text")
    rng = np.random.default_rng(0)
    frame = {"size": rng.normal(y), "town": rng.choice(["a", "b", "c"], 30), "label": y}
    return longtail.load(pd.DataFrame(frame), label="label")


def net_of(first, classes=2):
    return Net.split(nn.Sequential(first, nn.Flatten(), nn.Linear(4, classes)), head="2")


@pytest.mark.parametrize(
    ("kind", "net", "said"),
    [
        ("table", net_of(nn.Linear(9, 4)),
         r"It was given float32 \[2, 4\] \(standardised numbers, and words as 0/1 columns\) and said: .*8x4 and 9x4"
         r".*nn\.Linear\(4, \.\.\.\), or nn\.LazyLinear"),
        ("embedding", net_of(nn.Linear(9, 4)), r"float32 \[2, 6\].*Make its first layer nn\.Linear\(6, \.\.\.\)$"),
        ("text", net_of(nn.Linear(9, 4)), r"float32 \[2, \d+\] \(TF-IDF of n-grams\).*nn\.LazyLinear"),
        ("image", net_of(nn.Conv2d(1, 4, 4)),
         r"float32 \[2, 3, 4, 4\] \(pixels in 0\.\.1\).*It must take floats \[batch, 3, height, width\]"),
        ("embedding", net_of(nn.Linear(6, 4), classes=5),
         r"gave \[8, 5\] for 8 rows, and these data have 2 classes, so \[8, 2\] is wanted: .*nn\.Linear\(4, 2\)"),
        ("embedding", net_of(nn.Linear(6, 7)), r"below its last layer the net gave \[8, 7\] .* takes \[8, 4\]"),
    ],
    ids=["table", "embedding", "text", "image", "classes", "features"],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["compare", "train"])
def test_what_it_does_not_take_is_said_before_anything_is_trained(kind, net, said, verb, tmp_path):
    events = []
    how = {"backbone": net, "on": events.append, "out": tmp_path / "out"}
    with pytest.raises(ValueError, match="backbone: ") as why:
        longtail.compare(
            data(kind), recipes=["erm"], folds=2, **how
        ) if verb == "compare" else longtail.train(data(kind), **how)
    assert re.search(said, str(why.value)), str(why.value)
    assert not [e for e in events if "epoch" in e or "running" in e]


def test_nan_and_batch_norm_are_tried_too():
    class Nan(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(3, 2)

        def forward(self, x):
            return self.last(x / 0)

    with pytest.raises(ValueError, match="the net gave nan or infinity"):
        try_net(Net.split(Nan(), head="last"), torch.zeros(4, 3), TABLE, 2)
    net = Net.split(nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)), head="1")
    before = net.backbone[0].running_mean.clone()
    try_net(net, torch.ones(4, 3), TABLE, 2)
    assert torch.equal(net.backbone[0].running_mean, before)


def test_a_bare_module_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(TypeError, match=r"backbone is a Linear: name its last layer, longtail\.Net\.split"):
        longtail.compare(
            data("embedding"), backbone=nn.Linear(6, 2), recipes=["erm"], out=tmp_path, verbose=0
        )


@pytest.mark.parametrize("kind", ["table", "text", "image"])
def test_it_is_compared_on_every_kind(kind, tmp_path):
    """Columns of words and n-grams are others in each fold."""
    first = nn.Conv2d(3, 4, 4) if kind == "image" else nn.LazyLinear(4)
    how = {
        "recipes": ["erm", "crt"],
        "folds": 3,
        "epochs": 2,
        "backbone": net_of(first),
        "model": False,
        "verbose": 0,
    }
    found = longtail.compare(data(kind), out=tmp_path, duplicates="ignore", **how)
    assert {r["status"] for r in found.results["runs"]} == {"done"}
    assert len(found.results["runs"]) == 6
    again = longtail.compare(data(kind), out=tmp_path, duplicates="ignore", on=lambda e: None, **how)
    assert [r["scores"] for r in again.results["runs"]] == [r["scores"] for r in found.results["runs"]]
