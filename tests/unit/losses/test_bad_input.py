"""Bad input to the softmax losses: an error that names the argument, its value and the remedy, or a
documented result.
"""

import pytest
import torch

from longtail.losses import (
    CDT,
    LADE,
    LDAM,
    VS,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    InfluenceBalanced,
    LabelAwareSmoothing,
    LogitAdjusted,
    PriorCE,
    Seesaw,
    SoftmaxEQL,
    check_values,
)
from longtail.part import part

N = torch.tensor([50, 20, 9])
COUNTED = [BalancedSoftmax, LDAM, VS, CDT, LabelAwareSmoothing, SoftmaxEQL]
PRIORED = [LogitAdjusted, PriorCE, LADE]
BUILT = [
    *(kind(counts=N) for kind in COUNTED),
    *(kind(prior=N / N.sum()) for kind in PRIORED),
    CrossEntropy(),
    Focal(),
    Seesaw(num_classes=3),
]
Z, Y = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])
each_loss = pytest.mark.parametrize("loss", BUILT, ids=lambda m: type(m).__name__)


@each_loss
@pytest.mark.parametrize(
    "logits, target, error, says",
    [
        (Z, Y.float(), TypeError, "class indices as torch.float32; convert them with target.long"),
        (Z, Y.bool(), TypeError, "torch.bool"),
        (Z, Y[:3], ValueError, r"target has shape \(3,\)"),
        (Z, Y.unsqueeze(1), ValueError, r"target has shape \(4, 1\)"),
        (Z.long(), Y, TypeError, "logits must be floating, got torch.int64"),
        (Z[0], Y[0], ValueError, r"logits must be \[B, C\]"),
        (Z[:, :1], Y * 0, ValueError, "C=1"),
    ],
    ids=["float labels", "bool labels", "length", "column", "integer logits", "no batch", "one class"],
)
def test_shapes_and_dtypes(loss, logits, target, error, says: str) -> None:
    with pytest.raises(error, match=says):
        loss(logits, target)


@each_loss
@pytest.mark.parametrize("label", [3, -1, 255])
def test_label_out_of_range_names_the_label(loss, label: int) -> None:
    """An IndexError, as PyTorch's, and a ValueError, as for all other bad input."""
    for kind in (IndexError, ValueError):
        with pytest.raises(kind, match=f"target holds label {label}, out of 0..2"):
            loss(Z, torch.tensor([0, 1, label, 0]))


@each_loss
def test_nan_logits_give_a_nan_loss(loss) -> None:
    assert loss(torch.full_like(Z, float("nan")), Y).isnan()


@pytest.mark.parametrize("kind", [*COUNTED, *PRIORED])
def test_counts_or_prior(kind) -> None:
    """Either says how frequent the classes are; neither, or both, is an error that names both."""
    by_counts, by_prior = kind(counts=N), kind(prior=N / N.sum())
    z = 2 * torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for each in (by_counts, by_prior):
        torch.manual_seed(0)
        each.value = each(z, Y)
    torch.testing.assert_close(by_counts.value, by_prior.value, rtol=1e-6, atol=1e-6)
    seen = N.double() / N.sum()
    assert (by_counts.assumes(seen) is None) == (by_prior.assumes(seen) is None)
    for facts in ({}, {"counts": N, "prior": N / N.sum()}):
        with pytest.raises(TypeError, match=r"counts= .*or prior="):
            kind(**facts)
    part_of_it = part(kind, prior=(0.5, 0.3, 0.2)).build(counts=N, prior=N / N.sum(), num_classes=3)
    assert part_of_it.counts is None  # what a part holds is not contradicted by the data's facts
    assert part_of_it.prior.tolist() == pytest.approx([0.5, 0.3, 0.2])


def test_shares_as_counts_are_told_of_prior() -> None:
    with pytest.raises(TypeError, match="Pass class shares as prior="):
        LDAM(counts=torch.tensor([0.5, 0.3, 0.2]))
    with pytest.raises(ValueError, match="may be given as counts="):
        LogitAdjusted(prior=(-1.0, 2.0, 1.0))


@each_loss
def test_an_infinite_logit_is_no_healthy_loss(loss) -> None:
    """It was bounded to 1e38 and gave a finite loss. Minus infinity leaves a class out, as in PyTorch."""
    for label in range(3):
        z = torch.zeros(4, 3, requires_grad=True)
        with torch.no_grad():
            z[1, label] = torch.inf
        value = loss(z, Y)
        assert value.isnan()
        assert not torch.autograd.grad(value, z)[0].isfinite().all()
    out = Z.clone()
    out[1, 0] = -torch.inf  # not its label
    if type(loss) in (CrossEntropy, Focal, BalancedSoftmax, LogitAdjusted, PriorCE, LDAM, VS, CDT):
        assert loss(out, Y).isfinite()


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize(
    "counts, says",
    [([50, -1, 9], "counts hold -1"), ([0, 0, 0], "counts are all zero"), ([[1, 2, 3]], "counts must be")],
    ids=["negative", "zero", "matrix"],
)
def test_bad_counts(kind, counts, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        kind(counts=torch.tensor(counts))


@pytest.mark.parametrize("kind", COUNTED)
def test_frequencies_are_no_counts(kind) -> None:
    with pytest.raises(TypeError, match="whole numbers"):
        kind(counts=torch.tensor([0.5, 0.3, 0.2]))


@pytest.mark.parametrize("kind", COUNTED)
def test_counts_of_another_number_of_classes(kind) -> None:
    with pytest.raises(ValueError, match=r"counts has shape \(2,\) and the logits have C=3"):
        kind(counts=N[:2])(Z, Y)


@pytest.mark.parametrize("kind", PRIORED)
@pytest.mark.parametrize(
    "prior", [[0.5, -0.1, 0.6], [0.0, 0.0, 0.0], [0.5, float("nan"), 0.5], [50.0, 30.0, 20.0]], ids=str
)
def test_bad_prior(kind, prior) -> None:
    with pytest.raises(ValueError, match=r"prior.* examples per class may be given as counts="):
        kind(prior=prior)


@pytest.mark.parametrize("kind", COUNTED)
def test_counts_of_a_batch_warn(kind) -> None:
    with pytest.warns(UserWarning, match="counts sum to 4, exactly the number of targets of this batch"):
        kind(counts=torch.tensor([2, 1, 1]))(Z, Y)


@each_loss
def test_wrong_weight(loss) -> None:
    other = type(loss)
    facts = {"counts": N} if other in COUNTED else {"prior": N / N.sum()} if other in PRIORED else {}
    facts = {"num_classes": 3} if other is Seesaw else facts
    with pytest.raises(ValueError, match=r"weight has shape \(2,\)"):
        other(**facts, weight=(1.0, 2.0))(Z, Y)
    with pytest.raises(ValueError, match="weight="):
        other(**facts, weight=(1.0, -2.0, 1.0))


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Focal(gamma=-1.0), "gamma=-1.0"),
        (lambda: LDAM(counts=N, scale=0.0), "scale=0.0"),
        (lambda: LDAM(counts=N, max_margin=-0.5), "max_margin=-0.5"),
        (lambda: SoftmaxEQL(counts=N, gamma=1.5), "gamma=1.5"),
        (lambda: Seesaw(num_classes=0), "num_classes=0"),
        (lambda: Seesaw(num_classes=3, p=-1.0), "p=-1.0"),
        (lambda: InfluenceBalanced(alpha=0.0), "alpha=0.0"),
        (lambda: InfluenceBalanced()(Z, Y, torch.ones(3, 8)), r"features have shape \(3, 8\)"),
        (lambda: LabelAwareSmoothing(counts=N, head=1.5)(Z, Y), "head=1.5"),
        (lambda: LabelAwareSmoothing(counts=N, shape="cubic")(Z, Y), "shape='cubic'"),
        (lambda: LabelAwareSmoothing(counts=N, spread="none")(Z, Y), "spread='none'"),
        (lambda: CrossEntropy(label_smoothing=1.5)(Z, Y), "label_smoothing=1.5"),
        (lambda: PriorCE(counts=N, eps=-1.0), "eps=-1.0"),
        (lambda: LogitAdjusted(counts=N, eps=-1.0), "eps=-1.0"),
        (lambda: LADE(counts=N, prior_eps=-1.0), "prior_eps=-1.0"),
        (lambda: CrossEntropy(reduction="median")(Z, Y), "reduction='median'"),
        (lambda: CrossEntropy(normalizer="classes")(Z, Y), "normalizer='classes'"),
    ],
)
def test_bad_arguments(make, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_check_values_finds_what_the_hot_path_does_not_look_for() -> None:
    check_values(Z, Y)
    check_values(Z, torch.tensor([0, -100, 2, 0]))
    with pytest.raises(ValueError, match="1 values that are not finite"):
        check_values(
            Z.masked_fill(torch.eye(4, 3, dtype=torch.bool)[:1].expand(4, 3) & (Y == 1)[:, None], torch.nan),
            Y,
        )
    with pytest.raises(ValueError, match=r"labels 0\.\.5"):
        check_values(Z, torch.tensor([0, 1, 5, 0]))
    with pytest.raises(ValueError, match="negative probabilities"):
        check_values(Z, torch.full((4, 3), -0.1))
