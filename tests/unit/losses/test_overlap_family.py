"""Dice and DSC: what the laws do not ask, and bad input."""

import pytest
import torch
from torch import Tensor

from longtail.losses import DSC, BinaryDice, BinaryDSC, Dice, binary_dice, binary_dsc, dice, dsc

Z, Y = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])


def logits(*shape: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda: Dice(smooth=-1.0)(Z, Y), ValueError, "smooth=-1.0"),
        (lambda: Dice(region="image")(Z, Y), ValueError, "region='image'"),
        (lambda: Dice(classes="all")(Z, Y), ValueError, "classes='all'"),
        (lambda: Dice(reduction="median")(Z, Y), ValueError, "reduction='median'"),
        (lambda: Dice()(Z[:, :1], Y * 0), ValueError, "C=1 classes"),
        (lambda: Dice()(Z, Y.float()), TypeError, "convert them"),
        (lambda: DSC(alpha=-1.0), ValueError, "alpha=-1.0"),
        (lambda: DSC(region="sample"), ValueError, "region='sample'"),
        (lambda: DSC(classes="true", region="batch")(Z, Y), ValueError, "classes='true'"),
        (lambda: BinaryDice()(Z, Y), ValueError, r"target has shape \(4,\)"),
        (lambda: BinaryDice()(Z, Z, Y), ValueError, r"mask has shape \(4,\)"),
        (lambda: BinaryDice()(Z.long(), Z), TypeError, "logits must be floating"),
        (lambda: BinaryDSC(reduction="median")(Z, Z), ValueError, "reduction='median'"),
        (lambda: BinaryDSC(hard_negatives=-1.0), ValueError, "hard_negatives=-1.0"),
    ],
)
def test_bad_input(make, error, says: str) -> None:
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize("loss", [Dice(), DSC()], ids=["Dice", "DSC"])
def test_nan_logits_give_a_nan_loss(loss) -> None:
    assert loss(torch.full_like(Z, float("nan")), Y).isnan()


@pytest.mark.parametrize("loss", [Dice(), Dice(region="batch"), DSC(), DSC(region="batch")], ids=repr)
def test_label_out_of_range_is_an_error(loss) -> None:
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        loss(Z, torch.tensor([0, 1, 3, 0]))


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("smooth", [1.0, 1e-4, 0.0])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.5])
@pytest.mark.parametrize("classes", ["sum", "mean", "true"])
@pytest.mark.parametrize("factor", [1.0, 8.0, 40.0])
def test_hard_labels_give_what_one_hot_labels_give(alpha, smooth, squared, classes, factor) -> None:
    """Hard labels have a gradient written by hand, soft ones that of autograd."""
    z = factor * torch.randn(7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y, leaf = torch.tensor([0, 1, 2, 0, 2, 1, 1]), z.requires_grad_()
    how = {"alpha": alpha, "smooth": smooth, "squared": squared, "classes": classes, "reduction": "none"}
    got = dsc(leaf, y, **how)
    want = dsc(leaf, torch.eye(3, dtype=torch.float64)[y], **how)
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)
    slopes = [torch.autograd.grad(loss.sum(), leaf)[0] for loss in (got, want)]
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("smooth", [1.0, 0.0])
@pytest.mark.parametrize("region", ["sample", "batch"])
@pytest.mark.parametrize("block", [8, 2**17])
def test_dense_hard_labels_give_what_one_hot_labels_give(squared, smooth, region, block, monkeypatch) -> None:
    monkeypatch.setattr("longtail.losses._fused.BLOCK", block)
    leaf = logits(3, 4, 2, 5).requires_grad_()
    y = torch.randint(3, (3, 2, 5), generator=torch.Generator().manual_seed(1))  # class 3 does not occur
    how = {"squared": squared, "smooth": smooth, "region": region}
    got = dice(leaf, y, **how)
    want = dice(leaf, torch.nn.functional.one_hot(y, 4).movedim(-1, 1).double(), **how)
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)
    slopes = [torch.autograd.grad(loss, leaf)[0] for loss in (got, want)]
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-12)


def test_dense_dice_runs_over_the_positions_of_a_sample() -> None:
    z, y = logits(2, 3, 4, 5), torch.randint(3, (2, 4, 5), generator=torch.Generator().manual_seed(0))
    y[1, 0] = -100
    p = torch.softmax(z, 1)
    want = []
    for b in range(2):
        keep, terms = y[b] >= 0, []
        for c in range(3):
            q, t = p[b, c][keep], (y[b][keep] == c).double()
            terms.append(1 - (2 * (q * t).sum() + 1) / ((q**2).sum() + (t**2).sum() + 1))
        want.append(torch.stack(terms).mean())
    torch.testing.assert_close(dice(z, y, squared=True, reduction="none"), torch.stack(want))
    torch.testing.assert_close(dice(z, y, squared=True), torch.stack(want).mean())


def test_dice_of_the_batch_is_one_overlap_a_class() -> None:
    z, y = logits(6, 3), torch.tensor([0, 1, 2, 0, 1, -100])
    p, t = torch.softmax(z, 1)[:5], torch.nn.functional.one_hot(y[:5], 3).double()
    want = 1 - (2 * (p * t).sum(0) + 1) / (p.sum(0) + t.sum(0) + 1)
    for reduction in ("none", "mean", "sum"):
        torch.testing.assert_close(dice(z, y, region="batch", reduction=reduction), want.mean())
    torch.testing.assert_close(dice(z, y, region="batch", classes="sum"), want.sum())
    torch.testing.assert_close(dsc(z, y, alpha=0.0, region="batch"), want.sum())


def test_true_class_alone() -> None:
    z = logits(4, 3)
    q = torch.softmax(z, 1).gather(1, Y[:, None])[:, 0]
    want = 1 - (2 * q + 1) / (q + 2)
    torch.testing.assert_close(dsc(z, Y, alpha=0.0, classes="true", reduction="none"), want)


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0])
def test_dsc_is_exact_at_saturation(alpha: float) -> None:
    """1 - p keeps its digits where p rounds to 1: (1 - p)^alpha = e^(-40 alpha), not 0, and its gradient is finite."""
    z = torch.tensor([[40.0, 0.0]], dtype=torch.float64, requires_grad=True)
    loss = dsc(z, torch.tensor([0]), alpha=alpha, classes="true")
    q = torch.exp(torch.tensor(-40.0 * alpha, dtype=torch.float64))
    torch.testing.assert_close(loss.detach(), 1 - (2 * q + 1) / (q + 2), rtol=1e-9, atol=0)
    (slope,) = torch.autograd.grad(loss, z)
    assert slope.isfinite().all()
    assert slope[0, 0].item() == pytest.approx(-slope[0, 1].item())


def test_nothing_to_overlap_is_no_loss() -> None:
    """smooth = 0 and a region with neither p nor t: 0, not 0 / 0."""
    z = torch.tensor([-2000.0, -2000.0], requires_grad=True)
    loss = binary_dice(z, torch.zeros(2), smooth=0.0)
    assert loss.item() == 0
    assert torch.autograd.grad(loss, z)[0].isfinite().all()


@pytest.mark.parametrize("kind", [BinaryDice(region="batch"), BinaryDice(region="sample"), BinaryDSC()])
def test_a_mask_is_as_if_absent(kind) -> None:
    z, t = logits(1, 6), (logits(1, 6).flip(1) > 0).double()
    mask = torch.tensor([[1, 0, 1, 1, 0, 1]], dtype=torch.bool)
    torch.testing.assert_close(kind(z, t, mask), kind(z[mask][None], t[mask][None]))
    assert kind(z, t, mask & False).item() == 0


@pytest.mark.parametrize("ratio, kept", [(0.0, 0), (0.5, 1), (1.0, 2), (10.0, 5)])
def test_hard_negatives_are_as_many_as_asked_and_the_hardest(ratio: float, kept: int) -> None:
    z = torch.tensor([0.1, -3.0, 2.0, -1.0, 1.0, -2.0, 0.5], dtype=torch.float64)
    t = torch.tensor([1, 0, 0, 0, 0, 0, 1])
    each = binary_dsc(z, t, hard_negatives=ratio, reduction="none")
    hardest = [2, 4, 3, 5, 1][:kept]
    assert sorted(each.nonzero().flatten().tolist()) == sorted([0, 6, *hardest])
    want = binary_dsc(z, t, reduction="none")[[0, 6, *hardest]].mean()
    torch.testing.assert_close(binary_dsc(z, t, hard_negatives=ratio), want)


def test_soft_binary_targets() -> None:
    z, t = logits(5), torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0], dtype=torch.float64)
    p = torch.sigmoid(z)
    want = 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    torch.testing.assert_close(binary_dice(z, t), want)
    torch.testing.assert_close(binary_dsc(z, t, alpha=0.0, region="batch"), want)


@pytest.mark.parametrize("loss", [BinaryDice(), BinaryDSC()], ids=lambda m: type(m).__name__)
def test_binary_labels_lie_in_0_to_1_where_they_count(loss) -> None:
    z, t = torch.tensor([1.0, -1.0, 2.0, torch.inf]), torch.tensor([1.0, 0.0, -1.0, torch.nan])
    with pytest.raises(ValueError, match=r"target holds label -1, out of \[0, 1\]: leave .* with mask="):
        loss(z, t)
    keep = torch.tensor([True, True, False, False])
    torch.testing.assert_close(loss(z, t, mask=keep), loss(z[:2], t[:2]))
