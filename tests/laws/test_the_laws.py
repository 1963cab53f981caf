"""The laws of a loss each reject a broken specimen, and pass a sound one.

A law nobody can break proves nothing.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.losses import Focal, focal
from longtail.part import part
from longtail.testing.loss import LAWS, check_loss
from longtail.testing.loss_traits import LossTraits


class Sound(nn.Module):
    """Weighted cross-entropy by hand; the specimens below each spoil one line of it."""

    weight: Tensor | None

    def __init__(self, *, weight: Any = None, reduction: str = "mean", counts: Tensor | None = None) -> None:
        super().__init__()
        w = None if weight is None else torch.as_tensor(weight, dtype=torch.float64)
        self.refuse(weight=w, counts=counts)
        self.expected = 1.0
        if w is not None and counts is not None:
            self.expected = float((w * counts).sum() / counts.sum())
        self.register_buffer("weight", w)
        self.reduction, self.counts = reduction, counts

    def refuse(self, **numbers: Tensor | None) -> None:
        for name, value in numbers.items():
            if value is not None and not value.isfinite().all():
                raise ValueError(f"{name}={value}")

    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return -torch.log_softmax(z, 1).gather(1, y.unsqueeze(1)).squeeze(1)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        z = logits.double() if logits.dtype == torch.float64 else logits.float()
        if target.is_floating_point():
            w = torch.ones_like(z[0]) if self.weight is None else self.weight.to(z.dtype)
            loss = -(target.to(z.dtype) * w * torch.log_softmax(z, 1)).sum(1)
            return loss if self.reduction == "none" else loss.sum() / max(len(loss), 1)
        valid = target != -100
        y = torch.where(valid, target, 0)
        mass = valid.to(z.dtype) * (1.0 if self.weight is None else self.weight.to(z.dtype)[y])
        return self.reduced(torch.where(valid, self.each(z, y), 0.0) * mass, mass)

    def reduced(self, loss: Tensor, mass: Tensor) -> Tensor:
        if self.reduction == "none":
            return loss
        total = (mass > 0).to(mass.dtype).sum() * self.expected
        return loss.sum() if self.reduction == "sum" else loss.sum() / torch.where(total > 0, total, 1.0)

    def assumes(self, seen: Tensor) -> Tensor | None:
        prior = seen if self.weight is None else seen * self.weight
        return prior / prior.sum()


class LeakingWeight(Sound):
    """The fastai trap: p_t is taken from the *weighted* loss."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        w = torch.ones_like(logits[0]) if self.weight is None else self.weight.to(logits.dtype)
        nll = w[target] * self.each(logits, target)
        return self.reduced((1 - torch.exp(-nll)) * nll, w[target])


class DetachedModulator(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        nll = super().each(z, y)
        return (1 - torch.exp(-nll.detach())) * nll


class LogOfSoftmaxPlusEps(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return -torch.log(torch.softmax(z, 1) + 1e-6).gather(1, y.unsqueeze(1)).squeeze(1)


class LogOfSoftmax(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return -torch.log(torch.softmax(z, 1)).gather(1, y.unsqueeze(1)).squeeze(1)


class DividesByTheBatchsWeights(Sound):
    """PyTorch's mean: a rare example shrinks its own weight."""

    def reduced(self, loss: Tensor, mass: Tensor) -> Tensor:
        total = mass.sum()
        mean = loss.sum() / torch.where(total > 0, total, 1.0)
        return mean if self.reduction == "mean" else super().reduced(loss, mass)


class FirstClassIsHead(Sound):
    """Takes class 0 for the most frequent one, whatever the counts say."""

    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return super().each(z, y) * torch.where(y == 0, 0.5, 1.0).to(z.dtype)


class PositionInTheBatch(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return super().each(z, y) * torch.linspace(0.5, 1.5, len(y), dtype=z.dtype)


class BatchSizeInTheLoss(Sound):
    """Divides each loss by the batch size: a batch-size-dependent state in disguise."""

    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return super().each(z, y) * 7 / len(y)


class OverflowingScale(Sound):
    """A scale of 30 takes a large logit out of float32, and infinity minus infinity is nan."""

    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return -torch.log_softmax(30 * z, 1).gather(1, y.unsqueeze(1)).squeeze(1)


class Overflows(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.log(torch.exp(z).sum(1)) - z.gather(1, y.unsqueeze(1)).squeeze(1)


class InHalfPrecision(Sound):
    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        nll = -torch.log_softmax(logits, 1).gather(1, target.unsqueeze(1)).squeeze(1)
        return self.reduced(nll, torch.ones_like(nll))


class NotCrossEntropy(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return super().each(z, y) ** 2


class EmptyClassIsInfinite(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        assert self.counts is not None
        return super().each(z + self.counts.to(z.dtype).log(), y)


class SoftLabelsByArgmax(Sound):
    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        soft = target.is_floating_point()
        return super().forward(logits, target.argmax(1).clamp_max(3) if soft else target)


class IgnoredCountInTheMean(Sound):
    def reduced(self, loss: Tensor, mass: Tensor) -> Tensor:
        return super().reduced(loss, torch.ones_like(mass))


class EmptyBatchIsNaN(Sound):
    def reduced(self, loss: Tensor, mass: Tensor) -> Tensor:
        return loss.sum() / mass.sum() if self.reduction == "mean" else super().reduced(loss, mass)


class TwoDimensionsOnly(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return super().each(z.flatten(1), y.flatten())


class Waits(Sound):
    def reduced(self, loss: Tensor, mass: Tensor) -> Tensor:
        if self.reduction == "mean":
            return loss.sum() / max(mass.sum().item(), 1e-9)
        return super().reduced(loss, mass)


class LoopsOverClasses(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return sum(
            (super(LoopsOverClasses, self).each(z, y) * (y == k) for k in range(z.shape[1])), z.new_zeros(())
        )


class ForgetsItsState(Sound):
    """Counts its calls where neither pickle nor state_dict sees it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.calls = 0

    def each(self, z: Tensor, y: Tensor) -> Tensor:
        self.calls += 1
        return super().each(z, y) / self.calls


class BreaksTheGraph(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        print(end="")
        torch._dynamo.graph_break()
        return super().each(z, y)


class ClaimsTheWrongPrior(Sound):
    def assumes(self, seen: Tensor) -> Tensor | None:
        return torch.full_like(seen, 1 / len(seen))


class TakesAnyNumber(Sound):
    def refuse(self, **numbers: Tensor | None) -> None:
        pass


class HealthyWhenOverflown(Sound):
    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return super().each(z.clamp(-1e6, 1e6), y)


class LastClassIsTheRest(Sound):
    """Takes what no class has for the last class, and -1 with it."""

    def each(self, z: Tensor, y: Tensor) -> Tensor:
        return super().each(z, y % z.shape[1])


class EmptyBatchIsOne(Sound):
    def reduced(self, loss: Tensor, mass: Tensor) -> Tensor:
        return super().reduced(loss, mass) + (len(loss) == 0)


def wrong(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits, target, reduction="none") + 1e-6


BROKEN: list[tuple[type[nn.Module], str, LossTraits]] = [
    (LeakingWeight, "weight is a factor", LossTraits()),
    (DetachedModulator, "gradient", LossTraits()),
    (LogOfSoftmaxPlusEps, "neutral", LossTraits()),
    (LogOfSoftmax, "finite", LossTraits()),
    (DividesByTheBatchsWeights, "reductions", LossTraits()),
    (DividesByTheBatchsWeights, "prior", LossTraits()),
    (FirstClassIsHead, "class order", LossTraits()),
    (PositionInTheBatch, "batch order", LossTraits()),
    (BatchSizeInTheLoss, "batch independence", LossTraits()),
    (Overflows, "finite", LossTraits()),
    (OverflowingScale, "never nan", LossTraits()),
    (InHalfPrecision, "half precision", LossTraits()),
    (NotCrossEntropy, "neutral", LossTraits()),
    (Sound, "reference", LossTraits(reference=wrong)),
    (EmptyClassIsInfinite, "empty classes", LossTraits()),
    (SoftLabelsByArgmax, "soft labels", LossTraits()),
    (Sound, "soft labels", LossTraits(soft=False)),
    (IgnoredCountInTheMean, "ignore index", LossTraits()),
    (EmptyBatchIsNaN, "ignore index", LossTraits()),
    (TwoDimensionsOnly, "dense", LossTraits()),
    (Waits, "no waiting", LossTraits()),
    (LoopsOverClasses, "no waiting", LossTraits()),
    (ForgetsItsState, "travels", LossTraits()),
    (BreaksTheGraph, "compiles", LossTraits()),
    (ClaimsTheWrongPrior, "prior", LossTraits()),
    (TakesAnyNumber, "bad numbers", LossTraits()),
    (HealthyWhenOverflown, "infinite", LossTraits()),
    (LastClassIsTheRest, "labels out of range", LossTraits()),
    (EmptyBatchIsOne, "empty batch", LossTraits()),
    (EmptyBatchIsNaN, "empty batch", LossTraits()),
]


def test_a_sound_loss_passes() -> None:
    check_loss(part(Sound))


@pytest.mark.parametrize("kind, law, traits", BROKEN, ids=[f"{k.__name__}-{law}" for k, law, _ in BROKEN])
def test_a_law_rejects(kind: type[nn.Module], law: str, traits: LossTraits) -> None:
    with pytest.raises(Exception) as caught:
        LAWS[law](part(kind), traits)
    assert not isinstance(caught.value, TypeError | AttributeError | NameError), (
        f"broken otherwise: {caught.value!r}"
    )


def test_check_loss_names_the_law() -> None:
    only = {name: "not asked" for name in LAWS if name != "weight is a factor"}
    with pytest.raises(AssertionError, match=r"^weight is a factor"):
        check_loss(part(LeakingWeight), LossTraits(exempt=only))


def test_a_module_unlike_its_function_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Focal, "forward", lambda self, z, y: 2 * focal(z, y, gamma=self.gamma))
    with pytest.raises(AssertionError, match="function and Module"):
        LAWS["function equals module"](part(Focal), LossTraits())


def test_every_law_has_a_specimen() -> None:
    covered = {law for _, law, _ in BROKEN} | {"function equals module"}
    assert covered == set(LAWS)
