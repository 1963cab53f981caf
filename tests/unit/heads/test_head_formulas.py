"""What each head promises beyond the laws: neutral starts, formulas by hand, state."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail.heads import (
    ETF,
    Aligned,
    Causal,
    Cosine,
    Grouped,
    Linear,
    Memory,
    NearestMean,
    Scaled,
    SquashingCosine,
    TwoBranch,
    spec_of,
)
from longtail.losses import BalancedGroupSoftmax, discriminative_centroids, group_layout, merge_groups
from longtail.testing.ranks import on_ranks

COUNTS = torch.tensor([1500, 500, 100, 99, 10, 9, 0])


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(6, 8, generator=torch.Generator().manual_seed(1))


def test_linear_is_torch_s(x: torch.Tensor) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(8, 3)
    torch.manual_seed(0)
    assert Linear(8, 3)(x).equal(plain(x))
    assert spec_of(plain) == Linear(8, 3).spec


def test_kaiming_has_its_spread() -> None:
    assert Linear(1000, 200, init="kaiming").weight.std().item() == pytest.approx(
        math.sqrt(2 / 1000), rel=0.02
    )


def test_spec_of_a_strange_head_is_an_error() -> None:
    with pytest.raises(TypeError, match="no 'spec'"):
        spec_of(nn.Bilinear(2, 2, 2))


def test_cosine_ignores_norms(x: torch.Tensor) -> None:
    head = Cosine(8, 3, scale=16.0)
    assert head.weight.norm(dim=1).allclose(torch.ones(3))
    with torch.no_grad():
        z = head(x)
        head.weight.mul_(torch.tensor([[0.1], [1.0], [10.0]]))
    assert head(7 * x).allclose(z, atol=1e-5)
    assert z.abs().max() <= 16


def test_a_learnt_scale_starts_at_the_fixed_one_and_is_trained(x: torch.Tensor) -> None:
    learnt, fixed = Cosine(8, 3, scale=10.0, learn_scale=True), Cosine(8, 3, scale=10.0)
    learnt.load_state_dict({**fixed.state_dict(), "log_scale": learnt.log_scale})
    assert learnt(x).allclose(fixed(x))
    learnt(x).square().sum().backward()
    assert learnt.log_scale.grad.abs() > 0


def test_squashing_confidence_grows_with_the_norm(x: torch.Tensor) -> None:
    head = SquashingCosine(8, 3)
    small, large = head(0.01 * x), head(1000 * x)
    assert (small.abs() < large.abs()).all()
    assert large.abs().max() <= 16
    assert (small.argmax(1) == large.argmax(1)).all()


@pytest.mark.parametrize("inner", [Linear, Cosine], ids=lambda c: c.__name__)
def test_scaled_and_aligned_start_as_the_inner_head(inner: type, x: torch.Tensor) -> None:
    head = inner(8, 3)
    assert Scaled(8, 3, head)(x).equal(head(x))
    assert Aligned(8, 3, head)(x).equal(head(x))


def test_the_released_alignment_starts_between_once_and_twice(x: torch.Tensor) -> None:
    head = Linear(8, 3)
    ratio = Aligned(8, 3, head, form="released")(x) / head(x)
    assert ((ratio > 1) & (ratio < 2)).all()


def test_scaled_spares_the_bias(x: torch.Tensor) -> None:
    head = Scaled(8, 3, Linear(8, 3), scale_bias=False)
    with torch.no_grad():
        head.scale.copy_(torch.tensor([2.0, 0.0, 1.0]))
    want = F.linear(x, head.inner.weight) * head.scale + head.inner.bias
    assert head(x).allclose(want, atol=1e-6)


def test_causal_without_alpha_is_the_training_form(x: torch.Tensor) -> None:
    head = Causal(8, 3, alpha=0.0).train()
    z = head(x)
    assert head.eval()(x).equal(z)


@pytest.mark.parametrize("width, parts", [(7, 2), (7, 3), (8, 3)])
def test_causal_parts_of_unequal_length(width: int, parts: int) -> None:
    """Part by part, by hand: lengths 4 + 3, 3 + 2 + 2, 3 + 3 + 2."""
    torch.manual_seed(0)
    head, x = Causal(width, 3, parts=parts, alpha=1.2).double(), torch.randn(5, width, dtype=torch.float64)
    head.train()(x)
    want = torch.zeros(5, 3, dtype=torch.float64)
    pieces = zip(x.tensor_split(parts, 1), head.weight.tensor_split(parts, 1), head.mean.tensor_split(parts))
    for f, w, m in pieces:
        f, d = f / f.norm(dim=1, keepdim=True), m / m.norm()
        f = f - 1.2 * (f @ d)[:, None] * d
        want += 16 / parts * f @ (w / (w.norm(dim=1, keepdim=True) + 1 / 32)).T
    assert head.eval()(x).allclose(want, rtol=1e-10)


def test_causal_removes_the_mean_direction(x: torch.Tensor) -> None:
    """With alpha 1, features along the running mean give nothing."""
    head = Causal(8, 3, alpha=1.0).train()
    head(x)
    assert head.mean.allclose(x.mean(0))
    head(2 * x)
    assert head.mean.allclose(2.9 * x.mean(0), atol=1e-6)  # 0.9 m + 2 m
    assert head.eval()(5 * head.mean.unsqueeze(0)).abs().max() < 1e-5
    before = head.mean.clone()
    head(x)
    assert head.mean.equal(before)


def _mean_on_a_rank(rank: int, folder: str, x: torch.Tensor) -> None:
    head = Causal(8, 3)
    head(x[rank * 3 : rank * 3 + 3])
    torch.save(head.mean, f"{folder}/{rank}.pt")


def test_causal_averages_over_ranks(x: torch.Tensor, tmp_path: Path) -> None:
    on_ranks(_mean_on_a_rank, 2, str(tmp_path), x)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt").allclose(x.mean(0), atol=1e-6)


def test_grouped_probabilities_by_hand(x: torch.Tensor) -> None:
    head = Grouped(8, 7, COUNTS)
    z = head.train()(x)
    assert z.shape == (6, 7 + 4)
    members = [[5, 6], [3, 4], [1, 2], [0]]  # < 10, < 100, < 1000, the rest
    want, start = torch.empty(6, 7), 0
    for group in members:
        p = z[:, start : start + len(group) + 1].softmax(1)
        want[:, group] = p[:, 1:]
        start += len(group) + 1
    assert head.eval()(x).exp().allclose(want, atol=1e-6)


@pytest.mark.parametrize("edges", [(10, 100, 1000), (10, 100), (5, 50, 600, 9000)])
def test_grouped_has_the_layout_of_its_loss(edges: tuple[int, ...], x: torch.Tensor) -> None:
    head, layout = Grouped(8, 7, COUNTS, edges), group_layout(COUNTS, edges)
    assert head.widths == layout.sizes
    assert head.column.tolist() == [
        layout.column[g, label].item() for label, g in enumerate(layout.own.tolist())
    ]
    z = head.train()(x)
    assert head.eval()(x).allclose(merge_groups(z, layout), atol=1e-5)
    loss = BalancedGroupSoftmax(counts=COUNTS, edges=edges)
    assert loss(z, torch.arange(6)).isfinite()


def test_etf_angles(x: torch.Tensor) -> None:
    for c, d in ((5, 8), (5, 4), (2, 1), (5, 5)):
        w = ETF(d, c).weight.double()
        want = torch.eye(c, dtype=w.dtype) * (1 + 1 / (c - 1)) - 1 / (c - 1)
        assert (w @ w.T).allclose(want, atol=1e-6)
    assert not list(ETF(8, 5).parameters())
    assert not ETF(8, 5, seed=1).weight.allclose(ETF(8, 5).weight)


def test_two_branches_at_the_ends_of_the_schedule(x: torch.Tensor) -> None:
    """alpha 1 uses the first branch alone, alpha 0 the second; doubled."""
    head = TwoBranch(8, 3)
    other = torch.randn(6, 8)
    assert head.mixed(x, x, 1.0).equal(head.mixed(x, other, 1.0))
    assert head.mixed(x, x, 0.0).equal(head.mixed(other, x, 0.0))
    want = F.linear(2 * head.conventional(x), head.linear.weight[:, :8], head.linear.bias)
    assert head.mixed(x, other, 1.0).allclose(want, atol=1e-5)


def test_nearest_mean_by_hand(x: torch.Tensor) -> None:
    y = torch.tensor([0, 0, 1, 1, 3, 3])
    head = NearestMean(8, 4, transform="none")
    head.set_means(x, y)
    for row, logits in zip(x, head(x)):
        for c in (0, 1, 3):
            assert logits[c].item() == pytest.approx(
                -(row - x[y == c].mean(0)).square().sum().item(), rel=1e-4
            )
    assert not (head(torch.randn(100, 8)).argmax(1) == 2).any()  # no example, never predicted
    cosine = NearestMean(8, 4, transform="centre_l2", distance="cosine")
    cosine.set_means(x, y)
    assert cosine(x)[:, [0, 1, 3]].abs().max() <= 1 + 1e-6


def test_memory_by_hand(x: torch.Tensor) -> None:
    head = Memory(8, 3)
    with torch.no_grad():
        head.centroids.normal_()
    for row, logits in zip(x, head(x)):
        o = head.hallucinate(row).softmax(0)
        memory = sum(o[j] * head.centroids[j] for j in range(3))
        reach = 10 / min((row - c).norm() for c in head.centroids)
        v = reach * (row + head.select(row).tanh() * memory)
        want = [16 * v.norm() / (1 + v.norm()) * F.cosine_similarity(v, w, dim=0) for w in head.cosine.weight]
        assert logits.allclose(torch.stack(want), atol=1e-4)


def test_memory_is_trained_by_the_centroid_loss(x: torch.Tensor) -> None:
    head, y = Memory(8, 3), torch.tensor([0, 0, 1, 1, 2, 2])
    head(x).sum().backward()
    assert head.centroids.grad is None
    discriminative_centroids(x, y, head.centroids).backward()
    assert head.centroids.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Linear(8, 3, init="xavier"), "init='xavier'"),
        (lambda: Cosine(8, 3, scale=0.0), "scale=0.0"),
        (lambda: SquashingCosine(8, 3, scale=-1.0), "scale=-1.0"),
        (lambda: Scaled(8, 3, Linear(8, 4)), "8 features to 4 classes, not 8 to 3"),
        (lambda: Scaled(8, 3, Cosine(8, 3), scale_bias=False), "no bias to spare"),
        (lambda: Aligned(8, 3, form="code"), "form='code'"),
        (lambda: Aligned(8, 3, Linear(7, 3)), "7 features"),
        (lambda: Causal(7, 3, parts=8), r"parts=8 must lie in 1\.\.feature_dim=7"),
        (lambda: Causal(8, 3, momentum=1.0), "momentum=1.0"),
        (lambda: Grouped(8, 7, COUNTS, edges=(100, 10)), "must increase"),
        (lambda: Grouped(8, 6, COUNTS), r"counts has shape \(7,\)"),
        (lambda: ETF(3, 5), "feature_dim >= 4, got 3"),
        (lambda: TwoBranch(8, 3, [nn.Identity()]), "branches has 1 modules"),
        (lambda: Memory(8, 3, reach=0.0), "reach=0.0"),
        (lambda: NearestMean(8, 3, transform="pca"), "transform='pca'"),
        (lambda: NearestMean(8, 3, distance="l1"), "distance='l1'"),
    ],
    ids=itertools.count(),
)
def test_bad_settings(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
