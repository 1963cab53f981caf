"""Grouped softmax, expert, distillation and embedding losses: what the laws do not ask, and bad input."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses import (
    LADE,
    RIDE,
    BalancedContrastive,
    BalancedGroupSoftmax,
    DiscriminativeCentroids,
    DiVE,
    GeneralizedReweighting,
    PaCo,
    PrototypicalSupCon,
    SupCon,
    balanced_contrastive,
    balanced_group_softmax,
    cross_entropy,
    discriminative_centroids,
    dive,
    generalized_reweighting,
    group_layout,
    kept_others,
    ldam_margins,
    merge_groups,
    paco,
    prototypical_supcon,
    reweighting_of,
    ride,
    supcon,
)
from longtail.weights import inverse

COUNTS = torch.tensor([500, 50, 5, 40, 3])
Y = torch.tensor([0, 1, 2, 0])
F2, F3 = torch.eye(4), torch.eye(4).reshape(4, 1, 4)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unit(*shape: int, seed: int = 0) -> Tensor:
    return F.normalize(normal(*shape, seed=seed), dim=-1)


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda: group_layout(COUNTS, edges=(100, 10)), ValueError, r"edges=\(100, 10\)"),
        (lambda: group_layout(COUNTS, background="middle"), ValueError, "background='middle'"),
        (lambda: BalancedGroupSoftmax(COUNTS, others_ratio=-1.0), ValueError, "others_ratio=-1.0"),
        (
            lambda: BalancedGroupSoftmax(COUNTS)(torch.zeros(4, 5), Y),
            ValueError,
            r"\[B, 9\]: use a grouped head",
        ),
        (
            lambda: BalancedGroupSoftmax(COUNTS)(torch.zeros(4, 9), Y[:3]),
            ValueError,
            r"target has shape \(3,\)",
        ),
        (lambda: BalancedGroupSoftmax(COUNTS)(torch.zeros(4, 9), torch.zeros(4, 9)), ValueError, "not soft"),
        (lambda: SupCon(temperature=0.0)(F3, Y), ValueError, "temperature=0.0"),
        (lambda: SupCon(anchors="none")(F3, Y), ValueError, "anchors='none'"),
        (lambda: SupCon()(F2, Y), ValueError, r"need \[B, V, D\]"),
        (lambda: SupCon()(F3, Y[:3]), ValueError, r"labels have shape \(3,\)"),
        (lambda: SupCon()(F3, F2), ValueError, "no soft labels"),
        (lambda: SupCon()(F3.long(), Y), TypeError, "features must be floating"),
        (lambda: SupCon(reduction="median")(F3, Y), ValueError, "reduction='median'"),
        (lambda: BalancedContrastive()(F3, Y, F2[:, :3]), ValueError, r"centers have shape \(4, 3\)"),
        (lambda: PrototypicalSupCon()(F2, Y, F2[:1]), ValueError, "C >= 2"),
        (lambda: PaCo(prior=(0.5, 0.5))(F2, Y, torch.zeros(5, 2)), ValueError, "B <= 4"),
        (lambda: PaCo(prior=(0.5, 0.5), gamma=0.0)(F2, Y % 2, torch.zeros(4, 2)), ValueError, "gamma=0.0"),
        (lambda: PaCo(prior=(0.5, 0.5))(F2, Y, torch.zeros(4, 3)), ValueError, r"prior has shape \(2,\)"),
        (lambda: DiscriminativeCentroids()(F2, Y, F2[:, :3]), ValueError, r"centroids have shape \(4, 3\)"),
        (
            lambda: DiscriminativeCentroids(centroid_gradient="my")(F2, Y, F2),
            ValueError,
            "centroid_gradient='my'",
        ),
        (lambda: DiVE(COUNTS, alpha=2.0)(torch.zeros(4, 5), Y, torch.zeros(4, 5)), ValueError, "alpha=2.0"),
        (
            lambda: DiVE(COUNTS)(torch.zeros(4, 5), Y, torch.zeros(4, 4)),
            ValueError,
            r"teacher_logits \(4, 4\)",
        ),
        (lambda: DiVE(-COUNTS), ValueError, "counts hold -500"),
        (lambda: RIDE(COUNTS)(torch.zeros(4, 5), Y), ValueError, r"need \[B, K, C\]"),
        (lambda: RIDE(COUNTS, temperature=0.0)(torch.zeros(4, 3, 5), Y), ValueError, "temperature=0.0"),
        (lambda: ride(torch.zeros(4, 3, 5), Y, None, tail_softness=0.1), ValueError, "needs counts"),
        (lambda: RIDE(COUNTS)(torch.zeros(4, 3, 5), Y[:3]), ValueError, "target has shape"),
        (
            lambda: GeneralizedReweighting(COUNTS)(torch.zeros(4, 3), Y),
            ValueError,
            r"counts has shape \(5,\)",
        ),
    ],
)
def test_bad_input(make, error, says: str) -> None:
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize(
    "loss, inputs",
    [
        (BalancedGroupSoftmax, (torch.zeros(4, 7),)),
        (GeneralizedReweighting, (torch.zeros(4, 3),)),
        (RIDE, (torch.zeros(4, 2, 3),)),
    ],
)
def test_counts_of_a_batch_warn(loss, inputs) -> None:
    with pytest.warns(UserWarning, match="counts sum to 4, exactly the number of targets"):
        loss(torch.tensor([2, 1, 1]))(*inputs, Y)


# Groups


def test_layout_partitions_the_columns() -> None:
    layout = group_layout(COUNTS, edges=(10, 100))
    assert layout.sizes == (3, 3, 2)
    assert layout.own.tolist() == [2, 1, 0, 1, 0]
    own = layout.column[layout.own, torch.arange(5)]
    others = [0, 3, 6]
    assert sorted([*own.tolist(), *others]) == list(range(layout.width))
    not_own = layout.own != torch.arange(3)[:, None]
    assert set(layout.column[not_own].tolist()) == set(others)


def test_grouped_loss_does_not_mind_the_class_order() -> None:
    """Renaming classes permutes the columns; the loss and the scores follow."""
    p = torch.tensor([3, 0, 4, 1, 2])
    z, y = normal(6, 8), torch.tensor([0, 1, 2, 3, 4, 0])
    a, b = group_layout(COUNTS, (10, 100)), group_layout(COUNTS[p], (10, 100))
    moved = torch.empty_like(z)
    for new in range(5):
        moved[:, b.column[b.own[new], new]] = z[:, a.column[a.own[p[new]], p[new]]]
    starts = [0, 3, 6]
    moved[:, starts] = z[:, starts]
    torch.testing.assert_close(merge_groups(moved, b), merge_groups(z, a)[:, p])
    keep = torch.ones(3, 6, dtype=torch.bool)
    got = balanced_group_softmax(moved, p.argsort()[y], b, keep=keep)
    torch.testing.assert_close(got, balanced_group_softmax(z, y, a, keep=keep))


def test_kept_others_are_as_many_as_asked_and_random() -> None:
    layout = group_layout(COUNTS, edges=(10, 100), background="last")
    y = torch.tensor([0, 0, 0, 1, 2, 5, 5, 0, 0, 0])  # groups 2 2 2 1 0 bg bg 2 2 2
    drawn = torch.stack([kept_others(y, layout, 2.0) for _ in range(200)])
    assert (drawn.sum(2) == torch.tensor([3, 3, 10, 10])).all()  # 1 + 2, 1 + 2, 6 + the other 4, all
    assert drawn[:, 0, 4].all()
    share = drawn[:, 0].double().mean(0)[[k for k in range(10) if k != 4]]
    assert ((share - 2 / 9).abs() < 0.12).all()  # four standard deviations


def test_a_group_without_a_sample_is_silent_and_ignored_targets_count_for_nothing() -> None:
    layout = group_layout(COUNTS, edges=(10, 100))
    z = normal(3, 8).requires_grad_()
    (slope,) = torch.autograd.grad(balanced_group_softmax(z, torch.tensor([0, 0, -100]), layout), z)
    assert slope[:2, 6:].all()
    assert not slope[:, :6].any()
    assert not slope[2].any()


def test_merged_scores_with_background_sum_to_no_more_than_their_groups() -> None:
    layout = group_layout(COUNTS, edges=(10, 100), background="first")
    score = merge_groups(normal(4, layout.width), layout).exp()
    assert score.shape == (4, 6)
    p_foreground = 1 - score[:, 0]
    for g in (1, 2, 3):
        assert (score[:, layout.own == g].sum(1) < p_foreground).all()


# Embeddings


def test_supcon_of_all_views_is_the_mean_over_anchors() -> None:
    f, y = unit(4, 2, 6), torch.tensor([0, 1, 0, 2])
    each = supcon(f, y, reduction="none")
    assert each.shape == (8,)
    torch.testing.assert_close(each[:4], supcon(f, y, anchors="first", reduction="none"))
    torch.testing.assert_close(each[4:], supcon(f.flip(1), y, anchors="first", reduction="none"))
    torch.testing.assert_close(supcon(f, y), each.mean())
    torch.testing.assert_close(supcon(f, y, temperature=0.1, base_temperature=0.2), each.mean() / 2)


def test_supcon_anchor_without_a_positive_counts_as_zero() -> None:
    f = unit(3, 1, 6).requires_grad_()
    each = supcon(f, torch.tensor([0, 1, 0]), reduction="none")
    assert each[1].item() == 0
    lonely = supcon(f[:1], torch.tensor([0]))
    assert lonely.item() == 0
    assert torch.autograd.grad(lonely, f)[0].isfinite().all()


@pytest.mark.parametrize("views", [1, 2, 3])
def test_balanced_contrastive_of_all_views(views: int) -> None:
    """Against a denominator written class by class."""
    f, c, y, t = unit(5, views, 6), unit(4, 6, seed=1), torch.tensor([0, 1, 0, 2, 2]), 0.2
    items = torch.cat([f.transpose(0, 1).flatten(0, 1), c])
    label = torch.cat([y.repeat(views), torch.arange(4)])
    want = []
    for i in range(5 * views):
        s, other = items @ items[i] / t, torch.arange(len(items)) != i
        of_class = [s[other & (label == k)] for k in range(4)]
        log_total = torch.stack([x.exp().mean() for x in of_class]).sum().log()
        want.append((log_total - of_class[int(label[i])]).mean())
    got = balanced_contrastive(f, y, c, temperature=t, reduction="none")
    torch.testing.assert_close(got, torch.stack(want))
    torch.testing.assert_close(balanced_contrastive(f, y, c, temperature=t), got.mean())


@pytest.mark.parametrize(
    "loss, inputs",
    [
        (balanced_contrastive, lambda: (unit(6, 2, 5), torch.tensor([0, 1, 2, 0, 1, 0]), unit(3, 5, seed=1))),
        (prototypical_supcon, lambda: (normal(6, 5), torch.tensor([0, 1, 2, 0, 1, 0]), normal(3, 5, seed=1))),
        (
            discriminative_centroids,
            lambda: (normal(6, 5), torch.tensor([0, 1, 2, 0, 1, 0]), normal(3, 5, seed=1)),
        ),
    ],
    ids=lambda v: getattr(v, "__name__", "inputs"),
)
def test_neither_sample_nor_class_order_matters(loss, inputs) -> None:
    f, y, c = inputs()
    want = loss(f, y, c)
    order, p = torch.tensor([3, 1, 5, 0, 2, 4]), torch.tensor([2, 0, 1])
    torch.testing.assert_close(loss(f[order], y[order], c), want)
    torch.testing.assert_close(loss(f, p.argsort()[y], c[p]), want)


def test_labels_of_supcon_and_paco_are_names() -> None:
    f, y, p = unit(6, 2, 5), torch.tensor([0, 1, 2, 0, 1, 0]), torch.tensor([2, 0, 1])
    torch.testing.assert_close(supcon(f, p.argsort()[y]), supcon(f, y))
    z, prior = normal(3, 3), torch.tensor([0.7, 0.2, 0.1])
    want = paco(f[:, 0], y, z, prior)
    torch.testing.assert_close(paco(f[:, 0], p.argsort()[y], z[:, p], prior[p]), want)


def test_paco_alone_is_balanced_softmax_on_the_centres() -> None:
    """alpha 0 and a vanishing gamma leave the class centres: cross-entropy of the logits plus log prior."""
    f, y, z, prior = (
        unit(6, 5),
        torch.tensor([0, 1, 2, 0, 1, 0]),
        normal(6, 3),
        torch.tensor([0.7, 0.2, 0.1]).double(),
    )
    got = paco(f, y, z, prior, alpha=0.0, gamma=1e-12)
    torch.testing.assert_close(got, F.cross_entropy(z + prior.log(), y))


def test_prototypes_true_class_is_not_in_the_denominator() -> None:
    f, y, c = normal(4, 5), Y, normal(3, 5, seed=1)
    s = F.normalize(f, dim=1) @ F.normalize(c, dim=1).T / 0.5
    rest = s.masked_fill(F.one_hot(y, 3).bool(), -torch.inf)
    want = torch.logsumexp(rest, 1) - s.gather(1, y[:, None])[:, 0]
    torch.testing.assert_close(prototypical_supcon(f, y, c, temperature=0.5, reduction="none"), want)


def test_centroid_gradients() -> None:
    f, y = normal(5, 4).requires_grad_(), torch.tensor([0, 1, 0, 0, 2])
    c = normal(3, 4, seed=1).requires_grad_()
    exact = discriminative_centroids(f, y, c, repel=0.0)
    authors = discriminative_centroids(f, y, c, repel=0.0, centroid_gradient="authors")
    torch.testing.assert_close(authors, exact)
    g_exact, g_authors = torch.autograd.grad(exact, (f, c)), torch.autograd.grad(authors, (f, c))
    torch.testing.assert_close(g_authors[0], g_exact[0])
    for j, n in enumerate((3, 1, 1)):
        want = (c[j] - f[y == j]).sum(0) / (5 * (1 + n))
        torch.testing.assert_close(g_authors[1][j], want)
        torch.testing.assert_close(g_exact[1][j], want * (1 + n))


def test_centroids_far_away_repel_no_more() -> None:
    f, c = normal(5, 4), normal(3, 4, seed=1).requires_grad_()
    y = torch.tensor([0, 1, 0, 0, 2])
    near = torch.autograd.grad(discriminative_centroids(f, y, c, repel=1.0, margin=1e3), c)[0]
    far = torch.autograd.grad(discriminative_centroids(f, y, c, repel=1.0, margin=0.0), c)[0]
    attraction = torch.autograd.grad(discriminative_centroids(f, y, c, repel=0.0), c)[0]
    torch.testing.assert_close(far, attraction)
    assert not torch.allclose(near, attraction)


@pytest.mark.parametrize(
    "loss", [SupCon(), BalancedContrastive(), PrototypicalSupCon(), DiscriminativeCentroids()]
)
def test_an_empty_batch_is_no_loss(loss) -> None:
    views = isinstance(loss, SupCon | BalancedContrastive)
    f = torch.zeros(0, 2, 4, requires_grad=True) if views else torch.zeros(0, 4, requires_grad=True)
    rest = () if isinstance(loss, SupCon) else (torch.eye(4),)
    value = loss(f, torch.zeros(0, dtype=torch.int64), *rest)
    assert value.isfinite()
    if not isinstance(loss, DiscriminativeCentroids):  # its hinge is at the margin
        assert value.item() == 0


def test_similarities_keep_their_digits_under_autocast() -> None:
    f, y = unit(6, 2, 8).float(), torch.tensor([0, 1, 2, 0, 1, 0])
    want = supcon(f, y, temperature=0.07)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(supcon(f, y, temperature=0.07), want)


# Distillation and experts


def test_dive_terms() -> None:
    z, t, y = normal(4, 5), normal(4, 5, seed=1), Y
    hard = F.cross_entropy(z + COUNTS.double().log(), y)
    torch.testing.assert_close(dive(z, y, t, COUNTS, alpha=0.0), hard)
    q = torch.softmax(t / 3, 1) ** 0.5
    q = q / q.sum(1, keepdim=True)
    kl = F.kl_div(torch.log_softmax(z / 3, 1), q, reduction="batchmean")
    torch.testing.assert_close(dive(z, y, t, COUNTS, alpha=1.0, temperature=3.0, power=0.5), 9 * kl)


def test_dive_teacher_gets_no_gradient_and_class_order_does_not_matter() -> None:
    z, t, p = normal(4, 5), normal(4, 5, seed=1).requires_grad_(), torch.tensor([3, 0, 4, 1, 2])
    loss = dive(z.requires_grad_(), Y, t, COUNTS)
    assert torch.autograd.grad(loss, t, allow_unused=True, retain_graph=True)[0] is None
    torch.testing.assert_close(dive(z[:, p], p.argsort()[Y], t[:, p], COUNTS[p]), loss)


@pytest.mark.parametrize(
    "make", [lambda: SupCon(base_temperature=0.0), lambda: PaCo(prior=(0.5, 0.5), base_temperature=0.0)]
)
def test_a_base_temperature_of_0_is_an_error(make) -> None:
    with pytest.raises(ValueError, match="base_temperature=0"):
        make()


def test_paco_takes_a_queue_of_no_class_and_refuses_queries_of_none() -> None:
    loss, f, z = PaCo(prior=(0.5, 0.5)), torch.eye(4), torch.zeros(2, 2)
    assert loss(f, torch.tensor([0, 1, 1, -1]), z).isfinite()
    with pytest.raises(ValueError, match="labels holds label -1"):
        loss(f, torch.tensor([0, -1, 1, 1]), z)


def test_lade_of_an_empty_class_and_an_enormous_logit_is_a_number() -> None:
    """0 times infinity: the square of its log-mean overflowed."""
    z = torch.tensor([[1e25, 0.0, 1.0], [0.0, -1e25, 1.0]], requires_grad=True)
    value = LADE(counts=(3, 1, 0), prior_eps=0.1)(z, torch.tensor([0, 1]))
    assert not value.isnan()
    assert torch.autograd.grad(value, z)[0].isfinite().all()


def test_ride_without_diversity_is_ldam_of_each_expert() -> None:
    z, y, w = 3 * normal(4, 3, 5), Y, torch.tensor([0.2, 0.5, 2.0, 1.0, 4.0])
    margin = 30 * ldam_margins(COUNTS.double()) * F.one_hot(y, 5)
    want = sum(F.cross_entropy(z[:, k] - margin, y, weight=w.double()) for k in range(3))
    got = ride(z, y, COUNTS, diversity=0.0, weight=w, normalizer="weights")
    torch.testing.assert_close(got, want)
    each = ride(z, y, COUNTS, diversity=0.0, weight=w, reduction="none")
    torch.testing.assert_close(each.sum() / w[y].sum(), want)
    torch.testing.assert_close(ride(z, y, COUNTS, diversity=0.0, weight=w, reduction="sum"), each.sum())


def test_ride_diversity_is_a_mean_over_targets_whatever_the_weight() -> None:
    z, y, w = normal(4, 3, 5), torch.tensor([0, 1, 2, -100]), torch.tensor([0.2, 0.5, 2.0, 1.0, 4.0])
    mean = torch.softmax(z.mean(1) / 2, 1)
    kl = sum(F.kl_div(torch.log_softmax(z[:3, k] / 2, 1), mean[:3], reduction="batchmean") for k in range(3))
    for weight in (None, w):
        got = ride(z, y, COUNTS, diversity=-0.45, temperature=2.0, individual=0.0, weight=weight)
        torch.testing.assert_close(got, -0.45 * 4 * kl)


def test_ride_class_order_does_not_matter() -> None:
    z, p = normal(4, 3, 5), torch.tensor([3, 0, 4, 1, 2])
    want = ride(z, Y, COUNTS, tail_softness=0.3)
    torch.testing.assert_close(ride(z[..., p], p.argsort()[Y], COUNTS[p], tail_softness=0.3), want)


def test_ride_takes_no_soft_labels() -> None:
    with pytest.raises(ValueError, match="soft labels"):
        RIDE(COUNTS)(torch.zeros(4, 3, 5), F.one_hot(Y, 5).float())


def test_generalized_reweighting_is_weighted_cross_entropy() -> None:
    z, w = normal(4, 5), reweighting_of(COUNTS.double(), 0.7)
    torch.testing.assert_close(w, inverse(COUNTS, power=0.7))
    want = cross_entropy(z, Y, weight=w, counts=COUNTS)
    torch.testing.assert_close(generalized_reweighting(z, Y, COUNTS, rho=0.7), want)
    each = generalized_reweighting(z, Y, COUNTS, rho=0.7, reduction="none")
    torch.testing.assert_close(each.mean() / ((w * COUNTS).sum() / COUNTS.sum()), want)
