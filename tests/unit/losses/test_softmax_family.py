"""What is special to single losses of the softmax family, beyond the laws and the golden numbers."""

import math

import pytest
import torch
from torch.nn import functional as F

from longtail.losses import (
    CDT,
    LADE,
    LDAM,
    VS,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    LabelAwareSmoothing,
    LogitAdjusted,
    PriorCE,
    Seesaw,
    SoftmaxEQL,
    balanced_softmax,
    cross_entropy,
    focal,
    ldam,
    logit_adjusted,
    prior_ce,
    seesaw,
    smoothing_per_class,
    softmax_eql,
    vs,
)
from longtail.losses._odds import log_odds, odds_kernel, odds_maths
from longtail.part import part
from longtail.weights import effective_number

N = torch.tensor([50, 20, 9, 3])
G = torch.Generator().manual_seed(3)
Z = 3 * torch.randn(6, 4, generator=G, dtype=torch.float64)
Y = torch.tensor([0, 1, 2, 3, 0, 3])
W = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weight", [None, W], ids=["plain", "weighted"])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("soft", [False, True])
def test_cross_entropy_is_pytorchs(smoothing: float, weight, reduction, soft: bool) -> None:
    target = torch.softmax(Z.flip(1), 1) if soft else torch.tensor([0, 1, -100, 3, 0, 3])
    want = F.cross_entropy(Z, target, weight=weight, reduction=reduction, label_smoothing=smoothing)
    how = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    got = cross_entropy(Z, target, normalizer="weights", **how)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_normalizer_batch_divides_by_the_number_of_targets(smoothing: float) -> None:
    target = torch.tensor([0, 1, -100, 3, 0, 3])
    each = F.cross_entropy(Z, target, weight=W, reduction="none", label_smoothing=smoothing)
    got = cross_entropy(Z, target, weight=W, normalizer="batch", label_smoothing=smoothing)
    torch.testing.assert_close(got, each.sum() / 5)


def test_second_derivatives() -> None:
    """A surrogate step differentiates through a gradient: the hand-written one must be differentiable too."""
    scale, shift = torch.rand(4, dtype=torch.float64) + 0.5, torch.rand(4, dtype=torch.float64)
    drop = torch.zeros(6, 4, dtype=torch.bool)
    drop[:, 1] = True
    for how in ({}, {"scale": 2.0, "margin": shift}, {"scale": scale, "shift": shift}, {"drop": drop}):
        z = Z.clone().requires_grad_()
        assert torch.autograd.gradgradcheck(lambda z, how=how: log_odds(z, Y, **how), z)
    z = Z.clone().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z: cross_entropy(z, Y, label_smoothing=0.2), z)


def test_eager_and_compiled_paths_agree() -> None:
    z = Z.clone().requires_grad_()
    scale, shift = torch.rand(1, 4, dtype=torch.float64), torch.rand(6, 4, dtype=torch.float64)
    margin, drop = torch.rand(6, 1, dtype=torch.float64), torch.rand(6, 4) < 0.3
    for smoothing in (None, 0.3, torch.rand(6, 1, dtype=torch.float64)):
        arguments = (z, Y.unsqueeze(1), scale, shift, margin, drop, smoothing)
        value, slope = odds_kernel(*arguments)
        want = odds_maths(*arguments)
        torch.testing.assert_close(value, want, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(slope, torch.autograd.grad(want.sum(), z)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_per_example_gradients_by_vmap() -> None:
    each = torch.func.vmap(torch.func.grad(lambda z, y: focal(z[None], y[None], reduction="sum")))(Z, Y)
    z = Z.clone().requires_grad_()
    (want,) = torch.autograd.grad(focal(z, Y, reduction="sum"), z)
    torch.testing.assert_close(each, want)


def test_backward_twice_with_a_kept_graph() -> None:
    z = Z.clone().requires_grad_()
    loss = ldam(z, Y, N)
    (first,) = torch.autograd.grad(loss, z, retain_graph=True)
    (second,) = torch.autograd.grad(loss, z)
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("gap", [0.0, 17.0, 40.0, 100.0, 700.0])
def test_focal_at_saturation(gamma: float, gap: float) -> None:
    """Value and slope for p_y -> 1 follow ``o^gamma log(1 + o)``, o = e^-gap, with no NaN for gamma < 1."""
    z = torch.tensor([[gap, 0.0]], dtype=torch.float64, requires_grad=True)
    loss = focal(z, torch.tensor([0]), gamma=gamma)
    (slope,) = torch.autograd.grad(loss, z)
    odds = math.exp(-gap)
    miss, nll = odds / (1 + odds), math.log1p(odds)
    assert loss.item() == pytest.approx(miss**gamma * nll, rel=1e-9, abs=1e-300)
    want = -(miss**gamma) * (miss + gamma * nll * (1 - miss))
    assert slope[0, 0].item() == pytest.approx(want, rel=1e-9, abs=1e-300)


def test_focal_detached_has_the_value_but_another_gradient() -> None:
    z = Z.clone().requires_grad_()
    a, b = focal(z, Y, detach=True), focal(z, Y)
    assert a.item() == b.item()
    assert not torch.allclose(torch.autograd.grad(a, z)[0], torch.autograd.grad(b, z)[0])


def test_focal_alpha_is_a_factor_outside_the_normaliser() -> None:
    each = focal(Z, Y, reduction="none")
    torch.testing.assert_close(focal(Z, Y, alpha=0.25), 0.25 * each.mean())
    torch.testing.assert_close(focal(Z, Y, alpha=W), (W[Y] * each).mean())
    torch.testing.assert_close(Focal(alpha=(0.5, 1.0, 2.0, 4.0))(Z, Y), (W[Y] * each).mean())


def test_focal_label_smoothing_is_its_soft_target() -> None:
    soft = 0.9 * F.one_hot(Y, 4) + 0.1 / 4
    for extra in ({}, {"weight": W}):
        got = focal(Z, Y, label_smoothing=0.1, reduction="none", **extra)
        torch.testing.assert_close(got, focal(Z, soft.double(), reduction="none", **extra))
        mass = W[Y].sum() if extra else 6
        mean = focal(Z, Y, label_smoothing=0.1, normalizer="weights", **extra)
        torch.testing.assert_close(mean, got.sum() / mass)


def test_one_adjustment_under_four_names() -> None:
    prior = N / N.sum()
    want = balanced_softmax(Z, Y, N)
    for got in (logit_adjusted(Z, Y, prior.double()), prior_ce(Z, Y, N), vs(Z, Y, N, gamma=0.0)):
        torch.testing.assert_close(got, want, rtol=1e-6, atol=0)


def test_target_prior_undoes_the_adjustment_towards_it() -> None:
    torch.testing.assert_close(logit_adjusted(Z, Y, N, target_prior=N, tau=1.7), cross_entropy(Z, Y))
    loss = LogitAdjusted(counts=N, target_prior=(0.4, 0.3, 0.2, 0.1))
    torch.testing.assert_close(
        loss.assumes(N / N.sum()).double(), torch.tensor([0.4, 0.3, 0.2, 0.1]).double(), rtol=1e-6, atol=0
    )


def test_ldam_scales_margin_and_cosine_alike() -> None:
    cosine = torch.tensor([[0.5, 0.2, 0.1, 0.0]], dtype=torch.float64)
    margin = 0.5 * (3 / 20) ** 0.25
    want = F.cross_entropy(30 * (cosine - torch.tensor([[0, margin, 0, 0]])), torch.tensor([1]))
    torch.testing.assert_close(ldam(cosine, torch.tensor([1]), N), want)


@pytest.mark.parametrize(
    "shape, middle", [("concave", math.sin(math.pi / 4)), ("linear", 0.5), ("power", 0.25)]
)
def test_smoothing_shapes(shape, middle: float) -> None:
    eps = smoothing_per_class(torch.tensor([101, 51, 1]).double(), head=0.4, tail=0.1, shape=shape)
    assert eps.tolist() == pytest.approx([0.4, 0.1 + 0.3 * middle, 0.1])
    assert smoothing_per_class(torch.tensor([7.0, 7.0]), head=0.4).tolist() == pytest.approx([0.4, 0.4])


def test_convex_is_below_linear_is_below_concave() -> None:
    at = [
        smoothing_per_class(torch.tensor([101.0, 51.0, 1.0]), shape=s)[1]
        for s in ("convex", "linear", "concave")
    ]
    assert at == sorted(at)


def test_label_aware_smoothing_spreads_as_the_paper_or_as_the_code() -> None:
    log_p = torch.log_softmax(Z[:1], 1)[0]
    eps = 0.3
    paper = -(1 - eps) * log_p[0] - eps / 3 * log_p[1:].sum()
    code = -(1 - eps) * log_p[0] - eps / 4 * log_p.sum()
    for spread, want in (("others", paper), ("all", code)):
        torch.testing.assert_close(LabelAwareSmoothing(counts=N, spread=spread)(Z[:1], Y[:1]), want)


def test_softmax_eql_leaves_out_rare_rivals_at_random() -> None:
    n = torch.tensor([990, 990, 10, 10])
    z, y = torch.zeros(4000, 4), torch.zeros(4000, dtype=torch.int64)
    each = softmax_eql(
        z, y, n, threshold=0.1, gamma=0.75, reduction="none", generator=torch.Generator().manual_seed(0)
    )
    left = (4 - each.exp()).round()  # how many of the two rare rivals left the sum
    assert left.min() == 0
    assert left.max() == 2
    assert left.mean().item() == pytest.approx(1.5, abs=0.05)
    torch.testing.assert_close(softmax_eql(z, y, n, threshold=0.1, gamma=0.0), cross_entropy(z, y))


def test_softmax_eql_without_rivals_has_gradient_zero() -> None:
    z = torch.tensor([[1.0, 100.0]], requires_grad=True)
    loss = softmax_eql(z, torch.tensor([0]), torch.tensor([99, 1]), threshold=0.1, gamma=1.0)
    (slope,) = torch.autograd.grad(loss, z)
    assert loss.item() == 0
    assert not slope.any()


def test_seesaw_counts_in_train_mode_only_and_keeps_its_state() -> None:
    loss = Seesaw(num_classes=4)
    loss(Z, torch.tensor([0, 1, -100, 3, 0, 3]))
    assert loss.seen.tolist() == [2, 1, 0, 2]
    loss.eval()(Z, Y)
    assert loss.seen.tolist() == [2, 1, 0, 2]
    other = Seesaw(num_classes=4)
    other.load_state_dict(loss.state_dict())
    assert other.seen.tolist() == [2, 1, 0, 2]


@pytest.mark.parametrize("weight", [None, W], ids=["plain", "weighted"])
def test_seesaw_with_objectness(weight) -> None:
    """Foreground rows: seesaw on the C class columns; every row: foreground or background on the last two."""
    z = 2 * torch.randn(6, 6, generator=G, dtype=torch.float64)
    y = torch.tensor([0, 4, 2, 4, -100, 3])  # 4 is background
    seen = torch.tensor([50, 20, 9, 3])
    got = seesaw(z, y, seen, objectness=True, reduction="none", weight=weight)
    for i, label in enumerate(y.tolist()):
        if label == -100:
            assert got[i] == 0
            continue
        want = F.cross_entropy(z[i : i + 1, 4:], torch.tensor([int(label == 4)]))
        if label < 4:
            want = want + seesaw(z[i : i + 1, :4], y[i : i + 1], seen)
            want = want * (1 if weight is None else weight[label])
        torch.testing.assert_close(got[i], want)
    loss = Seesaw(num_classes=4, objectness=True)
    loss(z, y)
    assert loss.seen.tolist() == [1, 0, 1, 1]


def test_seesaw_factors_are_constants() -> None:
    """The gradient is that of cross-entropy on the shifted logits, as if the shift did not depend on them."""
    z, seen = Z.clone().requires_grad_(), torch.tensor([50, 20, 9, 3])
    (got,) = torch.autograd.grad(seesaw(z, Y, seen, reduction="sum"), z)
    s = torch.softmax(Z, 1)
    shift = torch.zeros_like(Z)
    for i, y in enumerate(Y.tolist()):
        for j in range(4):
            if j != y:
                shift[i, j] = 0.8 * math.log(min(1, seen[j] / seen[y])) + 2 * math.log(
                    max(1, s[i, j] / max(s[i, y], 0.01))
                )
    (want,) = torch.autograd.grad(F.cross_entropy(z + shift, Y, reduction="sum"), z)
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize(
    "loss",
    [Focal(), LDAM(counts=N), VS(counts=N), CDT(counts=N), LabelAwareSmoothing(counts=N), SoftmaxEQL(counts=N),
     Seesaw(num_classes=4), LADE(prior=N / N.sum()), CrossEntropy(label_smoothing=0.1)],
    ids=lambda m: type(m).__name__,
)  # fmt: skip
def test_no_prior_is_claimed_where_there_is_no_closed_form(loss) -> None:
    assert loss.assumes(N / N.sum()) is None


def test_claimed_priors() -> None:
    seen = N.double() / N.sum()
    uniform = torch.full((4,), 0.25, dtype=torch.float64)
    torch.testing.assert_close(CrossEntropy().assumes(seen), seen)
    torch.testing.assert_close(CrossEntropy(weight=1 / N.double()).assumes(seen), uniform)
    torch.testing.assert_close(BalancedSoftmax(counts=N).assumes(seen), uniform)
    torch.testing.assert_close(
        BalancedSoftmax(counts=N).assumes(uniform), (1 / N.double()) / (1 / N.double()).sum()
    )
    torch.testing.assert_close(PriorCE(prior=seen).assumes(seen), uniform)
    half = seen**0.5 / (seen**0.5).sum()
    torch.testing.assert_close(LogitAdjusted(prior=seen, tau=0.5).assumes(seen), half)
    torch.testing.assert_close(VS(counts=N, gamma=0.0, tau=0.5).assumes(seen), half)


@pytest.mark.parametrize(
    "loss",
    [
        CrossEntropy(weight=effective_number(N)),
        BalancedSoftmax(counts=N),
        LogitAdjusted(counts=N, tau=0.5),
    ],
    ids=lambda m: type(m).__name__,
)
def test_the_claimed_prior_recovers_the_bayes_posterior(loss) -> None:
    """Four Gaussians on a line, integrated on a grid: the minimiser is log posterior + log(claimed prior /
    prior).
    """
    x = torch.linspace(-6, 6, 241, dtype=torch.float64)
    likelihood = torch.exp(-0.5 * (x[:, None] - torch.tensor([-2.0, -0.5, 0.5, 2.0])) ** 2)
    seen = N.double() / N.sum()
    joint = likelihood * seen
    z = torch.stack([torch.ones_like(x), x], 1)
    theta = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [theta], max_iter=300, tolerance_grad=1e-12, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )
    loss.reduction = "none"

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        logits = z @ theta
        value = sum((joint[:, k] * loss(logits, torch.full((241,), k))).sum() for k in range(4))
        value.backward()
        return value

    optimiser.step(closure)
    got = torch.softmax(z @ theta, 1).detach()
    claimed = likelihood * loss.assumes(seen)
    torch.testing.assert_close(got, claimed / claimed.sum(1, keepdim=True), rtol=0, atol=1e-4)


def test_a_weight_can_be_a_part() -> None:
    loss = part(CrossEntropy, weight=part(effective_number, beta=0.9)).build(counts=N)
    w = effective_number(N, beta=0.9)
    each = F.cross_entropy(Z, Y, weight=w, reduction="none")
    torch.testing.assert_close(loss(Z, Y), each.mean() / ((w * N).sum() / N.sum()))


def test_half_modules_keep_their_counts() -> None:
    loss = LDAM(counts=torch.tensor([70001, 3, 1, 1])).half()
    assert loss.counts.tolist() == [70001, 3, 1, 1]
