"""Which classes are rare, found in the counts."""

import pytest
import torch

from longtail.data import cifar_lt_counts
from longtail.losses import SigmoidEQL, SoftmaxEQL
from longtail.losses._tail import tail_threshold


@pytest.mark.parametrize(
    "classes, set_by_hand", [(10, 0.05), (100, 0.005)], ids=["CIFAR-10-LT", "CIFAR-100-LT"]
)
def test_it_finds_what_the_ports_set_by_hand(classes, set_by_hand):
    counts = torch.as_tensor(cifar_lt_counts(classes, 100))
    share = counts / counts.sum()
    found = int((share < tail_threshold(counts, 0.1)).sum())
    assert abs(found - int((share < set_by_hand).sum())) <= 1
    assert not (share < 0.00177).any() or classes == 100  # at the LVIS value CIFAR-10-LT has no rare class


def test_rare_classes_hold_no_more_than_the_tail_and_one_more_would():
    g = torch.Generator().manual_seed(0)
    for _ in range(50):
        counts = torch.randint(1, 1000, (12,), generator=g)
        share, threshold = counts.double() / counts.sum(), tail_threshold(counts, 0.15)
        held = float(share[share < threshold].sum())
        assert held <= 0.15
        assert held + float(share[share >= threshold].min()) > 0.15


@pytest.mark.parametrize("counts", [(500, 500), (80, 20), (10,) * 30])
def test_none_is_rare_where_sizes_are_close_and_ties_stay_together(counts):
    assert tail_threshold(torch.tensor(counts), 0.1) == 0.0


@pytest.mark.parametrize("loss", [SigmoidEQL, SoftmaxEQL])
def test_the_loss_takes_the_threshold_it_finds(loss):
    counts = torch.tensor([900, 60, 30, 10])
    z, y = torch.randn(9, 4, generator=torch.Generator().manual_seed(1)), torch.arange(9) % 4
    gamma = {"gamma": 1.0} if loss is SoftmaxEQL else {}
    found = loss(counts, threshold=None, **gamma)
    assert found.threshold == pytest.approx(0.9)  # 10, 30 and 60 are a tenth together
    assert torch.equal(found(z, y), loss(counts, threshold=0.9, **gamma)(z, y))
    assert loss(counts, threshold=None, tail=0.05, **gamma).threshold == pytest.approx(0.06)
    with pytest.raises(ValueError, match=r"tail=1\.5"):
        loss(counts, threshold=None, tail=1.5)


@pytest.mark.parametrize("loss", [SigmoidEQL, SoftmaxEQL])
def test_it_says_where_no_class_is_rare(loss):
    assert loss(torch.tensor([90, 10]), threshold=None).remark() is None
    assert "(tail)" in loss(torch.tensor([60, 40]), threshold=None).remark()
    said = loss(torch.tensor([60, 40]), threshold=0.2).remark()
    assert "the rarest has a share of 0.4, and the threshold is 0.2" in said
