"""The one-vs-rest losses: what the laws do not ask, and bad input."""

import copy
from functools import partial

import pytest
import torch
from torch import Tensor

from longtail.losses import (
    GHMC,
    GHMR,
    BinaryVS,
    DistributionBalanced,
    EQLv2,
    LogitAdjustedBCE,
    SigmoidEQL,
    SigmoidFocal,
    WeightedBCE,
    asl,
    binary_vs,
    distribution_balanced,
    ghm_c,
    ghm_r,
    logit_adjusted_bce,
    sigmoid_eql,
    sigmoid_focal,
    weighted_bce,
)
from longtail.weights import effective_number

N = torch.tensor([50, 20, 9])
Z, Y = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])
BUILT = [SigmoidFocal(), WeightedBCE(), GHMC(), SigmoidEQL(counts=N), EQLv2(num_classes=3)]
each_loss = pytest.mark.parametrize("loss", BUILT, ids=lambda m: type(m).__name__)


def logits(*shape: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@each_loss
@pytest.mark.parametrize(
    "z, target, error, says",
    [
        (Z, Y.float(), TypeError, "convert them with target.long"),
        (Z, Y.bool(), TypeError, "torch.bool"),
        (Z, Y[:3], ValueError, r"target has shape \(3,\)"),
        (Z.long(), Y, TypeError, "logits must be floating"),
    ],
    ids=["float labels", "bool labels", "length", "integer logits"],
)
def test_shapes_and_dtypes(loss, z, target, error, says: str) -> None:
    with pytest.raises(error, match=says):
        loss(z, target)


@each_loss
def test_label_out_of_range_is_an_error(loss) -> None:
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        loss(Z, torch.tensor([0, 1, 3, 0]))


@each_loss
def test_nan_logits_give_a_nan_loss(loss) -> None:
    assert loss(torch.full_like(Z, float("nan")), Y).isnan()


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("factor", [1.0, 8.0, 100.0])
def test_hard_labels_give_what_one_hot_labels_give(gamma, detach, factor) -> None:
    """Hard labels have a gradient written by hand, soft ones that of autograd."""
    leaf = (factor * logits(4, 3)).requires_grad_()
    how = {"gamma": gamma, "alpha": 0.3, "detach": detach, "reduction": "none"}
    got = sigmoid_focal(leaf, Y, **how)
    want = sigmoid_focal(leaf, torch.eye(3, dtype=torch.float64)[Y], **how)
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)
    slopes = [torch.autograd.grad(loss.sum(), leaf)[0] for loss in (got, want)]
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("loss", [SigmoidFocal(), WeightedBCE(), GHMC()], ids=lambda m: type(m).__name__)
def test_one_class_is_one_question(loss) -> None:
    assert loss(torch.ones(4, 1), Y * 0).isfinite()


ONE_OUTPUT = [SigmoidFocal(gamma=0.0), WeightedBCE(), GHMC(momentum=0.0, bins=1), EQLv2(num_classes=1),
              SigmoidEQL(prior=(1.0,))]  # fmt: skip


@pytest.mark.parametrize("loss", ONE_OUTPUT, ids=lambda m: type(m).__name__)
def test_one_output_and_whole_numbers_are_one_question(loss) -> None:
    """As ``BCEWithLogitsLoss``: 1 is the positive. Once 0 was taken for the index of the one class, the positive."""
    fresh = copy.deepcopy(loss).eval()
    z = torch.zeros(8, 1, requires_grad=True)
    loss(z, torch.zeros(8, dtype=torch.int64)).backward()  # nothing but negatives: their logits must fall
    assert (z.grad > 0).all()
    z, y = logits(8, 1), torch.tensor([0, 1, 0, 0, 0, 0, 0, 1])
    want = torch.nn.functional.binary_cross_entropy_with_logits(z[:, 0], y.double())
    for target in (y, y.unsqueeze(1), y.unsqueeze(1).double(), y.int()):
        torch.testing.assert_close(fresh(z, target), want, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match=r"label 2, out of 0\.\.1"):
        loss(z, y * 2)


@pytest.mark.parametrize(
    "loss", [SigmoidFocal(), WeightedBCE(), WeightedBCE(positive_weight=5.0)], ids=lambda m: type(m).__name__
)
def test_one_question_in_three_shapes(loss) -> None:
    z, y = logits(8, 1), torch.tensor([0, 0, 0, 0, -100, 0, 0, 1])
    torch.testing.assert_close(loss(z, y), loss(z[:, 0], y))
    torch.testing.assert_close(loss(z, y), loss(z[:, 0], y.double()))
    torch.testing.assert_close(loss(z.view(2, 1, 4), y.view(2, 4)), loss(z, y))


def test_class_weights_of_one_output_are_those_of_the_answers() -> None:
    z, y, w = logits(8), torch.tensor([0, 1, 0, 0, 0, 0, 0, 1]), torch.tensor([0.5, 3.0])
    each = weighted_bce(z, y, reduction="none")
    torch.testing.assert_close(weighted_bce(z[:, None], y, weight=w, reduction="none"), each * w[y])
    want = (each * w[y]).mean() / (0.9 * 0.5 + 0.1 * 3.0)
    for target in (y, y.double()):
        torch.testing.assert_close(WeightedBCE(weight=w, counts=(90, 10))(z, target), want)


SEVERAL = {
    "SigmoidFocal": lambda i: SigmoidFocal(ignore_index=i),
    "WeightedBCE": lambda i: WeightedBCE(ignore_index=i),
    "GHMC": lambda i: GHMC(ignore_index=i),
    "EQLv2": lambda i: EQLv2(num_classes=3, ignore_index=i),
    "SigmoidEQL": lambda i: SigmoidEQL(counts=N, ignore_index=i),
}


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("unknown", [-1.0, float("nan"), -100.0])
def test_unknown_labels_among_several(name: str, unknown: float) -> None:
    """Their gradient is 0 (once three times a known label's), and rows and elements without a label are not counted."""
    y = torch.tensor([[1.0, 0.0, unknown], [0.0, 1.0, unknown], [unknown] * 3, [1.0, 1.0, unknown]])
    z = logits(4, 3).requires_grad_()
    loss = SEVERAL[name](unknown)
    value = loss(z, y)
    value.backward()
    assert not z.grad[:, 2].any()
    assert not z.grad[2].any()
    assert z.grad[[0, 1, 3]][:, :2].all()
    known = [0, 1, 3]
    torch.testing.assert_close(
        value, SEVERAL[name](unknown)(z[known], y[known])
    )  # the row counts for nothing
    each = SEVERAL[name](unknown)
    each.reduction, each.normalizer = "mean", "elements"
    total = SEVERAL[name](unknown)
    total.reduction = "sum"
    torch.testing.assert_close(each(z, y) * 6, total(z, y))


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("label", [-1.0, 1.5, 255.0, float("nan")])
def test_labels_outside_0_and_1_are_errors(name: str, label: float) -> None:
    y = torch.tensor([[1.0, 0.0, label], [0.0, 1.0, 0.0]])
    with pytest.raises(ValueError, match=rf"target holds label {label:g}, out of \[0, 1\]"):
        SEVERAL[name](-100)(logits(2, 3), y)


@pytest.mark.parametrize("label", [2, -1, 0.5, float("nan")])
def test_binary_vs_takes_0_and_1_alone(label: float) -> None:
    target = torch.tensor([0, 1, label])
    with pytest.raises(ValueError, match="target holds label"):
        binary_vs(logits(3), target)
    each = binary_vs(logits(3), target, ignore_index=label, reduction="none")
    assert each[2] == 0
    assert each[:2].all()


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: SigmoidFocal(gamma=-1.0), "gamma=-1.0"),
        (lambda: SigmoidFocal(alpha=1.5), "alpha=1.5"),
        (lambda: SigmoidFocal(label_smoothing=2.0)(Z, Y), "label_smoothing=2.0"),
        (lambda: SigmoidFocal(normalizer="classes")(Z, Y), "normalizer='classes'"),
        (lambda: SigmoidFocal(reduction="median")(Z, Y), "reduction='median'"),
        (lambda: SigmoidFocal(weight=(1.0, 2.0))(Z, Y), r"weight has shape \(2,\)"),
        (lambda: SigmoidFocal(weight=(1.0, -2.0, 1.0)), "weight="),
        (lambda: WeightedBCE(positive_weight=(1.0, 2.0))(Z, Y), r"positive_weight has shape \(2,\)"),
        (lambda: SigmoidEQL(counts=N, threshold=2.0), "threshold=2.0"),
        (lambda: SigmoidEQL(counts=N[:2])(Z, Y), r"frequency has shape \(2,\)"),
        (lambda: SigmoidEQL(counts=N * 0), "counts are all zero"),
        (lambda: SigmoidEQL(counts=-N), "counts hold -50"),
        (lambda: EQLv2(num_classes=0), "num_classes=0"),
        (lambda: EQLv2(num_classes=2)(Z, Y), r"ratio has shape \(2,\)"),
        (lambda: GHMC(bins=0), "bins=0"),
        (lambda: GHMC(momentum=1.0), "momentum=1.0"),
        (lambda: GHMR(start="late"), "start='late'"),
        (lambda: ghm_c(Z, Y, bins=0), "bins=0"),
        (lambda: ghm_r(Z, Z, mu=0.0), "mu=0.0"),
        (lambda: ghm_r(Z, Z[:2]), r"target \(2, 3\) must have one shape"),
        (lambda: ghm_r(Z, Z, reduction="median"), "reduction='median'"),
        (lambda: BinaryVS(counts=N), "two numbers"),
        (lambda: BinaryVS(counts=N[:2])(Z, Y), r"need \[B\], \[B, 1\] or \[B, 2\]"),
        (lambda: binary_vs(Z[:, 0], Y[:3]), r"target has shape \(3,\)"),
        (lambda: binary_vs(Z[:, 0], Y, delta=(1.0,)), "delta="),
        (lambda: binary_vs(Z[:, 0], Y, reduction="median"), "reduction='median'"),
    ],
)
def test_bad_arguments(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_counts_of_a_batch_warn() -> None:
    with pytest.warns(UserWarning, match="counts sum to 4"):
        SigmoidEQL(counts=torch.tensor([2, 1, 1]))(Z, Y)


def test_normalizers() -> None:
    z, y = logits(4, 3), torch.tensor([0, 3, 1, -100])  # the second row is background, the last ignored
    total = sigmoid_focal(z, y, background=True, reduction="sum")
    for normalizer, mass in (("weights", 3), ("batch", 3), ("elements", 9), ("positives", 2)):
        got = sigmoid_focal(z, y, background=True, normalizer=normalizer)
        torch.testing.assert_close(got, total / mass, rtol=1e-12, atol=0)


def test_background_weighs_one() -> None:
    z = logits(2, 3)
    each = sigmoid_focal(z, torch.tensor([3, 1]), background=True, reduction="none")
    weighted = sigmoid_focal(
        z, torch.tensor([3, 1]), background=True, reduction="none", weight=(5.0, 2.0, 7.0)
    )
    torch.testing.assert_close(weighted, each * torch.tensor([1.0, 2.0]).double(), rtol=1e-12, atol=0)


def test_multi_hot_targets_and_single_questions() -> None:
    z, t = logits(4, 3), (logits(4, 3) > 0).double()
    want = torch.nn.functional.binary_cross_entropy_with_logits(z, t, reduction="none")
    torch.testing.assert_close(weighted_bce(z, t, reduction="none"), want.sum(1), rtol=1e-12, atol=0)
    one = weighted_bce(z[:, 0], t[:, 0].long(), reduction="none")
    torch.testing.assert_close(one, want[:, 0], rtol=1e-12, atol=0)


def test_positive_weight_per_class_is_that_of_pytorch() -> None:
    z, t, w = logits(4, 3), (logits(4, 3) > 0).double(), torch.tensor([2.0, 0.5, 3.0]).double()
    want = torch.nn.functional.binary_cross_entropy_with_logits(z, t, pos_weight=w)
    got = WeightedBCE(positive_weight=w, normalizer="elements")(z, t)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=0)


def test_a_wrong_logit_always_has_a_gradient() -> None:
    """Public code clamps p at 1e-6 and loses it."""
    z = torch.tensor([-40.0], requires_grad=True)
    (slope,) = torch.autograd.grad(weighted_bce(z, torch.tensor([1.0])), z)
    assert slope.item() == pytest.approx(-1.0)


def test_focal_gradient_is_finite_and_zero_at_saturation() -> None:
    """Public code gives NaN for gamma < 1."""
    z = torch.tensor([[400.0, -400.0]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(sigmoid_focal(z, torch.tensor([0]), gamma=0.5), z)
    assert slope.abs().max() < 1e-12


def test_class_balanced_sigmoid_is_a_weight() -> None:
    z, y, n = logits(4, 3), Y, torch.tensor([500, 50, 5])
    w = effective_number(n, beta=0.999)
    got = SigmoidFocal(gamma=0.0, weight=w, normalizer="batch")(z, y)
    hot = torch.nn.functional.one_hot(y, 3).double()
    bce = torch.nn.functional.binary_cross_entropy_with_logits(z, hot, reduction="none")
    torch.testing.assert_close(got, (w[y] * bce.sum(1)).mean(), rtol=1e-12, atol=0)


def test_eql_background_keeps_the_negatives_of_rare_classes() -> None:
    z, f = torch.zeros(2, 3), (0.9, 0.09, 0.01)
    got = sigmoid_eql(z, torch.tensor([0, 3]), f, threshold=0.05, background=True, reduction="none")
    assert (got / torch.tensor(2.0).log()).tolist() == pytest.approx([2.0, 3.0])
    soft = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    again = sigmoid_eql(z, soft, f, threshold=0.05, background=True, reduction="none")
    torch.testing.assert_close(again, got)


def test_eql_v2_turns_to_the_class_that_lacks_positive_gradient() -> None:
    loss = EQLv2(num_classes=3)
    z, y = torch.zeros(6, 3), torch.tensor([0, 0, 0, 0, 0, 1])
    first = loss(z, y)
    assert loss.ratio[0] > loss.ratio[1] > loss.ratio[2] == 0
    torch.testing.assert_close(loss.ratio, loss.positive / (loss.negative + 1e-10))
    state = {k: v.clone() for k, v in loss.state_dict().items()}
    loss.eval()
    assert loss(z, y) != first
    assert all(torch.equal(v, state[k]) for k, v in loss.state_dict().items())


def test_ghm_average_is_unbiased_from_the_first_call() -> None:
    """The published average starts at 0: its first weights are 1 / (1 - momentum) too large."""
    z, y = logits(8, 3), torch.tensor([0, 1, 2, 0, 0, 0, 1, 2])
    plain = ghm_c(z, y, bins=10)
    torch.testing.assert_close(GHMC(bins=10, momentum=0.75)(z, y), plain, rtol=1e-12, atol=0)
    zero = GHMC(bins=10, momentum=0.75, start="zero")(z, y)
    torch.testing.assert_close(zero, 4 * plain, rtol=1e-12, atol=0)


def test_ghm_average_does_not_depend_on_the_batch_size() -> None:
    """The same batch, once whole and once doubled, has the same density."""
    z, y = logits(8, 3), torch.tensor([0, 1, 2, 0, 0, 0, 1, 2])
    loss = GHMC(bins=10, momentum=0.5)
    loss(z, y)
    before = loss.density.average / (1 - 0.5**loss.density.steps)
    loss(torch.cat([z, z]), torch.cat([y, y]))
    torch.testing.assert_close(loss.density.average / (1 - 0.5**loss.density.steps), before)


def test_ghm_in_eval_mode_uses_the_average_and_leaves_it() -> None:
    z, y = logits(8, 3), torch.tensor([0, 1, 2, 0, 0, 0, 1, 2])
    loss = GHMC(bins=4)
    torch.testing.assert_close(loss.eval()(z, y), ghm_c(z, y, bins=4))  # nothing learnt yet
    loss.train()(z, y)
    state = loss.density.average.clone()
    loss.eval()(z.flip(0), y)
    assert torch.equal(loss.density.average, state)


def test_ghm_all_masked_leaves_the_state_and_gives_zero() -> None:
    for loss, target in ((GHMC(), Y), (GHMR(), Z + 1)):
        value = loss(Z, target, torch.zeros(4, 3, dtype=torch.bool))
        assert value.item() == 0
        assert loss.density.steps.item() == 0


def test_ghm_mask_is_as_if_absent() -> None:
    z, y = logits(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    keep = torch.tensor([1, 1, 0, 1, 0, 1], dtype=torch.bool)
    torch.testing.assert_close(ghm_c(z, y, mask=keep.unsqueeze(1), bins=5), ghm_c(z[keep], y[keep], bins=5))
    x, t = logits(6), logits(6).flip(0)
    torch.testing.assert_close(ghm_r(x, t, mask=keep, mu=0.5), ghm_r(x[keep], t[keep], mu=0.5))


def test_ghm_gives_every_range_of_gradients_the_same_weight() -> None:
    """Nine easy elements and one hard one: each bin's weights sum to half of all."""
    z = torch.tensor([5.0] * 9 + [-5.0])
    each = ghm_c(z, torch.ones(10), bins=2, reduction="none")
    bce = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.ones(10), reduction="none")
    weight = each / bce
    assert weight[:9].sum().item() == pytest.approx(5.0)
    assert weight[9].item() == pytest.approx(5.0)


def test_binary_vs_shapes_are_one_loss() -> None:
    z, y = logits(4, 2), torch.tensor([0, 1, 1, 0])
    arguments = {"delta": (0.5, 1.0), "iota": (0.2, -0.4), "scale": 2.0, "reduction": "none"}
    want = binary_vs(z, y, **arguments)
    difference = z[:, 1] - z[:, 0]
    torch.testing.assert_close(binary_vs(difference, y, **arguments), want)
    torch.testing.assert_close(binary_vs(difference[:, None], y[:, None].double(), **arguments), want)


def test_binary_vs_weight_and_reductions() -> None:
    z, y, w = logits(4), torch.tensor([0, 1, 1, -100]), (2.0, 0.5)
    each = binary_vs(z, y, weight=w, reduction="none")
    torch.testing.assert_close(
        each, binary_vs(z, y, reduction="none") * torch.tensor([2.0, 0.5, 0.5, 0.0]).double()
    )
    torch.testing.assert_close(binary_vs(z, y, weight=w), each.sum() / 3)
    torch.testing.assert_close(binary_vs(z, y, weight=w, normalizer="batch"), each.sum() / 3)
    torch.testing.assert_close(binary_vs(z, y, weight=w, reduction="sum"), each.sum())


def test_binary_vs_at_gamma_0_claims_the_prior_of_logit_adjustment() -> None:
    """With the training prior as the stream's, tau = 1 leaves balanced logits: their posterior is the claim's."""
    loss = BinaryVS(counts=torch.tensor([90, 10]), gamma=0.0, reduction="none")
    seen = torch.tensor([0.9, 0.1], dtype=torch.float64)
    prior = loss.assumes(seen)
    assert prior is not None
    torch.testing.assert_close(prior, torch.tensor([0.5, 0.5], dtype=torch.float64))
    z = prior.log().repeat(2, 1).requires_grad_()
    (slope,) = torch.autograd.grad((loss(z, torch.tensor([0, 1])) * seen).sum(), z)
    assert slope.sum(0).abs().max() < 1e-12
    assert BinaryVS(counts=torch.tensor([90, 10])).assumes(seen) is None


SHARES = torch.tensor([0.5, 0.2, 0.01], dtype=torch.float64)
ROWS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], dtype=torch.float64)


def test_logit_adjusted_bce_answers_under_the_target_prior() -> None:
    """At tau 1 the best logit of rows without features is the log odds of the target prior, whatever training shows."""
    n, target = 20_000, torch.tensor([0.3, 0.6, 0.5], dtype=torch.float64)
    held = (torch.arange(n)[:, None] < n * SHARES).double()
    z = torch.logit(target).requires_grad_()
    loss = logit_adjusted_bce(z.expand(n, 3), held, SHARES, target_prior=target)
    assert torch.autograd.grad(loss, z)[0].abs().max() < 1e-12
    elsewhere = logit_adjusted_bce(torch.zeros(n, 3, dtype=torch.float64), held, SHARES, target_prior=target)
    assert elsewhere > loss


def test_a_label_that_all_or_no_rows_hold() -> None:
    """It counts as frequent as the next: no infinite logit."""
    shares = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    like = torch.tensor([0.5, 0.5, 0.5], dtype=torch.float64)
    for loss in (logit_adjusted_bce, partial(distribution_balanced, rebalance=False)):
        torch.testing.assert_close(loss(logits(4, 3), ROWS, shares), loss(logits(4, 3), ROWS, like))


@pytest.mark.parametrize("loss", [DistributionBalanced, LogitAdjustedBCE])
@pytest.mark.parametrize(
    "prior, says",
    [
        ([0.5, 1.2], r"prior\[1\] is 1.2; of several labels"),
        ([-0.1, 0.1], r"prior\[0\] is -0.1"),
        ([0.0, 0.0], "no label"),
        ([1.0, 1.0], "no label"),
    ],
)
def test_shares_of_labels_are_checked(loss, prior, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        loss(prior)


def test_halves_of_the_distribution_balanced_loss() -> None:
    """Re-balancing alone multiplies the elements; the regularisation alone moves and scales the logits of negatives."""
    z, off = logits(4, 3), {"kappa": 0.0, "negative_scale": 1.0, "gamma": 0.0, "factor": 1.0}
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    held = (ROWS / SHARES).sum(1, keepdim=True)
    r = torch.where(held > 0, 1 / SHARES / held, torch.inf)
    weight = 0.1 + torch.sigmoid(10 * (r - 0.2))
    got = distribution_balanced(z, ROWS, SHARES, **off)
    torch.testing.assert_close(got, (weight * bce(z, ROWS, reduction="none")).mean())
    moved = z + 0.05 * torch.logit(SHARES) / 2
    elements = torch.where(
        ROWS > 0, bce(moved, ROWS, reduction="none"), bce(2 * moved, ROWS, reduction="none") / 2
    )
    got = distribution_balanced(z, ROWS, SHARES, rebalance=False, gamma=0.0, factor=1.0)
    torch.testing.assert_close(got, elements.mean())


def test_asl_forgets_negatives_below_the_clip() -> None:
    z = torch.logit(torch.tensor([[0.04, 0.06]], dtype=torch.float64)).requires_grad_()
    (slope,) = torch.autograd.grad(asl(z, torch.zeros_like(z), gamma_neg=0.5, clip=0.05), z)
    assert slope[0, 0] == 0
    assert 0 < slope[0, 1] < 0.06


def test_several_labels_are_one_question_each() -> None:
    """The loss of a row is the sum over its labels, whichever are there."""
    z = logits(4, 3)
    for loss in (asl, lambda z, t, **how: logit_adjusted_bce(z, t, torch.full((z.shape[1],), 0.5), **how)):
        each = loss(z, ROWS, reduction="none")
        alone = sum(loss(z[:, [c]], ROWS[:, [c]], reduction="none") for c in range(3))
        torch.testing.assert_close(each, alone)
