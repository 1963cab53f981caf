"""Laws of what a loss computes: one function, its reductions, gradient, symmetries and prior."""

from __future__ import annotations

import copy
import inspect
import itertools
import math
import sys
from typing import Any

import torch
from torch import Tensor, nn

from longtail.part import Part
from longtail.roles import ClaimsPrior
from longtail.testing.loss_traits import (
    COUNTS,
    PERMUTATION,
    WEIGHT,
    LossTraits,
    build,
    close,
    draw,
    of_rows,
    takes,
)


def law_function_equals_module(loss: Part[nn.Module], traits: LossTraits) -> None:
    """The pure function of the file gives what the Module gives, from the attributes of the same names."""
    module, inputs = build(loss, traits).eval(), draw(traits)
    home = sys.modules[loss.target.__module__]
    function = getattr(home, home.__name__.rpartition(".")[2], None)
    if function is None:  # a loss of your own need not have one
        assert not home.__name__.startswith("longtail.losses."), (
            f"{home.__name__} has no function of the file's name"
        )
        return
    names = inspect.signature(function).parameters
    keywords = {name: getattr(module, name) for name in list(names)[len(inputs) :] if hasattr(module, name)}
    torch.manual_seed(0)
    want = module(*inputs)
    torch.manual_seed(0)
    close(function(*inputs, **keywords), want, "function and Module")


def law_reductions(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Sum and mean follow from the per-target losses.

    The mean divides by the number of targets, times a number that is the same for every batch: the expected weight of a
    training example, 1 without weights. ``normalizer="weights"``, where there is one, divides by the batch's own weights.
    """
    if not traits.per_target:
        return
    inputs = draw(traits)
    variants: list[dict[str, Any]] = [{}, {"weight": WEIGHT}] if takes(loss, "weight") else [{}]
    for variant in variants:
        each = build(loss, traits, reduction="none", **variant)(*inputs)
        assert each.shape == inputs[1].shape, f"reduction='none' has shape {tuple(each.shape)}"
        close(build(loss, traits, reduction="sum", **variant)(*inputs), each.sum(), "sum and sum of 'none'")
        mean = build(loss, traits, reduction="mean", **variant)
        normalizer = getattr(mean, "normalizer", None)
        if normalizer in ("elements", "positives"):
            continue
        some = of_rows(inputs, slice(3))
        each_of_some = build(loss, traits, reduction="none", **variant)(*some)
        factors = [
            build(loss, traits, reduction="mean", **variant)(*i) * e.numel() / e.sum()
            for i, e in ((inputs, each), (some, each_of_some))
        ]
        if not traits.coupled:
            close(factors[1], factors[0], "mean over mean of 'none', of two batches")
        if not variant:
            close(factors[0], torch.ones_like(factors[0]), "mean over mean of 'none', without weights")
        if variant and normalizer is not None:
            w, n = torch.tensor(WEIGHT, dtype=each.dtype), torch.tensor(COUNTS, dtype=each.dtype)
            masses = {
                "expected": each.numel() * (w * n).sum() / n.sum(),
                "batch": each.numel(),
                "weights": w[inputs[1]].sum(),
            }
            for how, mass in masses.items():
                got = build(loss, traits, reduction="mean", normalizer=how, **variant)(*inputs)
                close(got, each.sum() / mass, f"mean of normalizer={how!r} and sum of 'none' over {mass}")


def law_weight_is_a_factor(loss: Part[nn.Module], traits: LossTraits) -> None:
    """A class weight multiplies the loss of its label, and changes nothing else: it never enters p_t."""
    if not takes(loss, "weight") or not traits.per_target:
        return
    inputs = draw(traits)
    plain = build(loss, traits, reduction="none", weight=(1.0,) * len(COUNTS))(*inputs)
    weighted = build(loss, traits, reduction="none", weight=WEIGHT)(*inputs)
    close(weighted, plain * torch.tensor(WEIGHT, dtype=plain.dtype)[inputs[1]], "weighted and weight * plain")


def law_gradient(loss: Part[nn.Module], traits: LossTraits) -> None:
    """The gradient is that of the value (float64 gradcheck)."""
    module, inputs = build(loss, traits), draw(traits)
    leaves = [t.clone().requires_grad_(t.is_floating_point() and k != 1) for k, t in enumerate(inputs)]
    torch.autograd.gradcheck(lambda *a: copy.deepcopy(module)(*a).sum(), leaves, check_undefined_grad=False)


def law_batch_order(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Permuting the batch permutes the per-target losses and leaves the mean."""
    inputs = draw(traits)
    order = torch.randperm(len(inputs[1]), generator=torch.Generator().manual_seed(1))
    mixed = tuple(t[order] for t in inputs)
    close(build(loss, traits)(*mixed), build(loss, traits)(*inputs), "the loss of the permuted batch")
    if traits.per_target:
        each = build(loss, traits, reduction="none")(*inputs)
        close(
            build(loss, traits, reduction="none")(*mixed),
            each[order],
            "per-target losses of the permuted batch",
        )


def law_batch_independence(loss: Part[nn.Module], traits: LossTraits) -> None:
    """A target's loss does not depend on the other examples, nor on how many there are."""
    if traits.coupled or not traits.per_target:
        return
    inputs = draw(traits)
    each = build(loss, traits, reduction="none")(*inputs)
    first = build(loss, traits, reduction="none")(*(t[:3] for t in inputs))
    close(first, each[:3], "the losses of three of seven examples")


def law_class_order(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Renaming the classes, with their counts and weights, changes nothing."""
    inputs, p = draw(traits), torch.tensor(PERMUTATION)
    variant: dict[str, Any] = {"weight": WEIGHT} if takes(loss, "weight") else {}
    renamed: dict[str, Any] = {"weight": tuple(WEIGHT[k] for k in PERMUTATION)} if variant else {}
    want = build(loss, traits, **variant)(*inputs)
    counts = tuple(COUNTS[k] for k in PERMUTATION)
    got = build(loss, traits, counts=counts, **renamed)(inputs[0][:, p], p.argsort()[inputs[1]], *inputs[2:])
    close(got, want, "the loss with renamed classes")


def law_neutral(loss: Part[nn.Module], traits: LossTraits) -> None:
    """With neutral arguments the loss is cross-entropy."""
    inputs = draw(traits)
    uniform = (10,) * len(COUNTS)
    module = build(loss, traits, counts=uniform, **{"reduction": "none", **traits.neutral})
    close(module(*inputs), traits.neutral_is(*inputs), "neutral arguments and cross-entropy")


def law_reference(loss: Part[nn.Module], traits: LossTraits) -> None:
    """The loss equals a slow independent implementation, also for confident and for wrong logits."""
    if traits.reference is None:
        return
    for seed, factor in ((0, 1.0), (1, 8.0), (2, 0.01)):
        inputs = draw(traits, seed=seed)
        inputs = (inputs[0] * factor, *inputs[1:])
        each: dict[str, Any] = {"reduction": "none"} if traits.per_target else {}
        module = build(loss, traits, **each)
        want = traits.reference(copy.deepcopy(module), *inputs)
        close(module(*inputs), want, "the loss and its reference", rtol=1e-9, atol=1e-11)


def law_prior(loss: Part[nn.Module], traits: LossTraits) -> None:
    """``assumes(seen)`` is a distribution or None. Training on mini-batches comes to rest at logits that carry it,
    with class weights and without.
    """
    variants: list[dict[str, Any]] = [{}, {"weight": WEIGHT}] if takes(loss, "weight") else [{}]
    for variant in variants:
        _claims_what_batches_give(loss.but(**variant), traits)


def _claims_what_batches_give(loss: Part[nn.Module], traits: LossTraits) -> None:
    module = build(loss, traits)
    assert isinstance(module, ClaimsPrior), "the loss does not say what prior its logits carry: assumes(seen)"
    seen = torch.tensor(COUNTS, dtype=torch.float64) / sum(COUNTS)
    prior: Tensor | None = module.assumes(seen)
    if prior is None:
        return
    close(prior.sum(), torch.tensor(1.0, dtype=torch.float64), "the sum of the prior")
    # Without features the posterior *is* the prior: one vector of logits, which must be at rest there on average over
    # all batches of a size. A batch is known by how many targets of each class it holds.
    mean, size = build(loss, traits, reduction="mean"), 4
    slope, length = torch.zeros_like(seen), 0.0
    for batch in itertools.combinations_with_replacement(range(len(seen)), size):
        y = torch.tensor(batch)
        number = torch.bincount(y, minlength=len(seen))
        ways = math.factorial(size) / math.prod(math.factorial(k) for k in number.tolist())
        chance = ways * float((seen**number).prod())
        z = prior.log().clone().requires_grad_()
        (one,) = torch.autograd.grad(mean(z.expand(size, -1), y), z)
        slope, length = slope + chance * one, length + chance * float(one.abs().sum())
    assert float(slope.abs().max()) < 1e-6 * length, (
        f"on mini-batches the loss still falls at the prior it claims: slope {(slope / length).tolist()}"
    )
