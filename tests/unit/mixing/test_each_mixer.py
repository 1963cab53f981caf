"""What each mixer does beyond the laws: its weights, its boxes, the layer it mixes at, what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from longtail.inputs import SparseRows
from longtail.mixing import CutMix, MAMix, ManifoldMixup, Mixup, Remix, mamix_weight, remix_weight
from longtail.mixing.cutmix import box
from longtail.mixing.draws import beta
from longtail.net import Net

COUNTS = torch.tensor([300, 100, 10])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("alpha", [0.001, 0.2, 1.0, 8.0])
def test_beta_has_its_moments(alpha: float) -> None:
    lam = beta(alpha, (40_000,), seeded())
    assert bool(lam.isfinite().all())
    assert float(lam.mean()) == pytest.approx(0.5, abs=0.012)
    assert float(lam.var()) == pytest.approx(0.25 / (2 * alpha + 1), rel=0.03)


def test_mixup_is_the_formula_per_batch_and_per_sample() -> None:
    x, y = torch.rand(6, 3, 4, 4), torch.arange(6)
    for per_sample in (False, True):
        mixed, _, y_b, lam = Mixup(per_sample=per_sample)(x, y, seeded())
        assert lam.shape == ((6,) if per_sample else ())
        weight = lam.view(-1, 1, 1, 1) if per_sample else lam
        torch.testing.assert_close(mixed, weight * x + (1 - weight) * x[y_b])


def test_cutmix_pastes_a_box_of_the_share_it_says() -> None:
    x = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 10, 12)
    for seed in range(30):
        mixed, y_a, y_b, lam = CutMix(per_sample=True)(x, torch.arange(8), seeded(seed))
        for b in range(8):
            if y_b[b] == b:
                continue
            own = mixed[b, 0] == y_a[b]
            pasted = mixed[b, 0] == y_b[b]
            assert bool((own | pasted).all())
            assert float(own.float().mean()) == pytest.approx(float(lam[b]), abs=1e-6)
            assert int(pasted.any(1).sum() * pasted.any(0).sum()) == int(pasted.sum())  # a rectangle


def test_boxes_at_the_ends() -> None:
    for lam, share in ((1.0, 1.0), (0.0, 0.0)):
        center = torch.tensor([4])
        inside, left = box(torch.tensor([lam]), center, center, 8, 8)
        assert left.tolist() == [share]
        assert bool(inside.any()) == (share == 0)


def test_remix_gives_the_label_to_the_rarer_class() -> None:
    n_i, n_j = torch.tensor([300, 10, 100, 300]), torch.tensor([10, 300, 100, 100])
    assert remix_weight(torch.tensor(0.25), n_i, n_j).tolist() == [0, 0.25, 0.25, 0]
    assert remix_weight(torch.tensor(0.75), n_i, n_j).tolist() == [0.75, 1, 0.75, 0.75]
    lam = torch.tensor([0.25, 0.75, 0.5, 0.5])
    assert remix_weight(lam, n_i, n_j).tolist() == [0, 1, 0.5, 0.5]
    never = remix_weight(torch.tensor(0.25), n_i, n_j, tau=0.0)
    assert never.tolist() == [0.25] * 4  # tau = 0 is mixup


def test_mamix_is_mixup_for_equal_counts_and_continuous_at_the_boundary() -> None:
    u = torch.linspace(0, 1, 101, dtype=torch.float64)
    same = mamix_weight(u, torch.full((101,), 50), torch.full((101,), 50))
    torch.testing.assert_close(same, 1 - u)
    apart = mamix_weight(u, torch.full((101,), 500), torch.full((101,), 5))
    assert bool((apart.diff() < 0).all())
    assert float(apart.diff().abs().max()) < 0.03
    k = torch.tensor([500.0, 5.0]) ** -0.25
    mid = float(k[0] / k.sum())
    half = mamix_weight(torch.tensor(mid, dtype=torch.float64), torch.tensor([500]), torch.tensor([5]))
    assert float(half) == pytest.approx(0.5, abs=1e-6)
    rare_leans = mamix_weight(torch.tensor(0.5), torch.tensor([500]), torch.tensor([5]))
    assert float(rare_leans) < 0.5


@pytest.mark.parametrize("role", [Remix, MAMix])
def test_label_weights_follow_the_pairs(role: type) -> None:
    y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 2])
    x = torch.rand(8, 4)
    mixed, _, _, lam_y = role(COUNTS)(x, y, seeded(3))
    assert lam_y.shape == (8,)
    assert mixed.shape == x.shape
    empty = role(torch.tensor([5, 0, 3]))(x, y, seeded(3))[3]  # zero counts are legal
    assert bool(empty.isfinite().all())


def test_manifold_mixup_mixes_the_chosen_layer_once() -> None:
    net = Net(nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU()), nn.Linear(5, 3))
    x, y = torch.rand(6, 3, 2, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    for module in ("backbone", "backbone.1"):
        for per_sample in (False, True):
            mix = ManifoldMixup(module=module, per_sample=per_sample)
            handle = mix.attach(net)
            same, y_a, y_b, lam = mix(x, y, seeded(1))
            assert same is x
            partner = torch.randperm(6, generator=_after_beta(per_sample))
            assert torch.equal(y_b, y[partner])
            assert torch.equal(y_a, y)
            logits = net(x)
            w = lam[:, None] if per_sample else lam
            hidden = net.backbone[:2](x) if module == "backbone.1" else net.backbone[:3](x)
            hidden = w * hidden + (1 - w) * hidden[partner]
            want = net.head(hidden if module == "backbone" else torch.relu(hidden))
            torch.testing.assert_close(logits, want)
            assert not torch.allclose(net(x), logits)  # only one pass mixes
            handle.remove()
            torch.testing.assert_close(net(x), net.head(net.backbone(x)))


def _after_beta(per_sample: bool) -> torch.Generator:
    draw = seeded(1)
    beta(1.0, (6,) if per_sample else (), draw)
    return draw


def test_manifold_mixup_takes_indices_and_says_when_it_is_not_attached() -> None:
    mix = ManifoldMixup()
    tokens = torch.randint(9, (4, 7))
    assert mix(tokens, torch.zeros(4).long(), seeded())[0] is tokens
    with pytest.raises(RuntimeError, match="attach"):
        mix(tokens, torch.zeros(4).long(), seeded())
    with pytest.raises(ValueError, match="module='backbone' is not in the net"):
        mix.attach(nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Mixup(alpha=0), ValueError, "alpha=0"),
        (lambda: CutMix(alpha=-1), ValueError, "alpha=-1"),
        (lambda: Remix(COUNTS, kappa=0.5), ValueError, "kappa=0.5"),
        (lambda: Remix(COUNTS, tau=2), ValueError, "tau=2"),
        (lambda: Remix(torch.tensor([3, -1])), ValueError, "counts="),
        (lambda: MAMix(torch.tensor([3, -1])), ValueError, "counts="),
        (lambda: MAMix(COUNTS, omega=float("inf")), ValueError, "omega=inf"),
        (
            lambda: Mixup()(torch.rand(3, 2), torch.zeros(2).long(), seeded()),
            ValueError,
            "x has 3 rows and y has 2",
        ),
        (
            lambda: Mixup()(torch.zeros(3, 2).long(), torch.zeros(3).long(), seeded()),
            TypeError,
            "ManifoldMixup",
        ),
        (lambda: Mixup()([1, 2], torch.zeros(2).long(), seeded()), TypeError, "x is list"),
        (
            lambda: CutMix()(torch.rand(3, 2), torch.zeros(3).long(), seeded()),
            ValueError,
            "CutMix takes images",
        ),
    ],
)
def test_bad_input_names_the_argument(build: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()  # type: ignore[operator]


@pytest.mark.parametrize("per_sample", [False, True])
def test_sparse_rows_mix_as_the_dense_ones_do(per_sample: bool) -> None:
    g = torch.Generator().manual_seed(0)
    dense = torch.rand(6, 9, generator=g) * (torch.rand(6, 9, generator=g) < 0.4)
    y = torch.tensor([0, 0, 1, 1, 2, 2])
    csr = dense.to_sparse_csr()
    rows = SparseRows(csr.crow_indices(), csr.col_indices(), csr.values(), 9)
    mix = Mixup(per_sample=per_sample)
    expected = mix(dense, y, torch.Generator().manual_seed(1))
    got = mix(rows, y, torch.Generator().manual_seed(1))
    assert torch.allclose(got[0].dense(), expected[0])
    assert torch.equal(got[2], expected[2])
    assert len(got[0]) == 6


def test_cutmix_of_sparse_rows_says_that_it_needs_images() -> None:
    rows = SparseRows(torch.tensor([0, 1, 1]), torch.tensor([0]), torch.tensor([1.0]), 4)
    with pytest.raises((TypeError, ValueError), match="image"):
        CutMix()(rows, torch.tensor([0, 1]), torch.Generator())
