"""Laws of what a loss takes: large logits, half precision, empty classes, soft, ignored and dense labels."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from longtail.part import Part
from longtail.testing.loss_traits import (
    COUNTS,
    LossTraits,
    build,
    close,
    draw,
    of_rows,
    takes,
    value_and_gradients,
)


def law_finite(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Finite value and gradient for logits up to 1e4 in float32, right and wrong."""
    inputs = draw(traits)
    logits = inputs[0].float().sign() * 1e4
    logits[0] = 0.0
    rest = [t.float() if t.is_floating_point() else t for t in inputs[1:]]
    value, gradients = value_and_gradients(build(loss, traits), (logits, *rest))
    assert bool(torch.isfinite(value).all()), f"loss is {value} for logits of +-1e4"
    assert all(bool(torch.isfinite(g).all()) for g in gradients), (
        "the gradient is not finite for logits of +-1e4"
    )


def law_never_nan(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Out of any finite float32 input no NaN comes: the loss is a number, or infinite where it is more than float32
    holds, and the gradient is finite.
    """
    inputs = draw(traits)
    z = inputs[0].float()
    rest = [t.float() if t.is_floating_point() else t for t in inputs[1:]]
    for size in (1e19, 1e30, 1.5e38, torch.finfo(torch.float32).max):
        one = z.clone()
        one[1] = z[1].sign() * size
        same = torch.full_like(z, size)
        same[0] = -size
        for logits in (z.sign() * size, z / z.abs().max() * size, one, same):
            value, gradients = value_and_gradients(build(loss, traits), (logits, *rest))
            assert not bool(value.isnan().any()), f"loss is nan for finite inputs of up to {size:g}"
            assert all(bool(torch.isfinite(g).all()) for g in gradients), (
                f"the gradient is not finite for finite inputs of up to {size:g}"
            )


def law_infinite(loss: Part[nn.Module], traits: LossTraits) -> None:
    """A net that has overflowed does not look healthy: with an infinite logit the loss is NaN or infinite, or a
    ValueError. (Minus infinity alone, at a class that is not the label, may be a class left out.)
    """
    inputs = draw(traits)
    places = [(1,), *((1, k) for k in range(inputs[0].shape[1] if inputs[0].dim() == 2 else 0))]
    for place in places:
        for size in (torch.inf, -torch.inf)[: 2 if len(place) == 1 else 1]:
            logits = inputs[0].clone()
            logits[place] = size
            try:
                value = build(loss, traits)(logits, *inputs[1:])
            except ValueError:
                continue
            assert not bool(torch.isfinite(value).all()), f"loss is {value} with logits of {size} at {place}"


def law_labels_out_of_range(loss: Part[nn.Module], traits: LossTraits) -> None:
    """On the CPU a label that no class has is an error, never another class's: C, and -1 where that is not ignored."""
    logits, target, *rest = draw(traits)
    top = 2 if logits.dim() == 1 else len(COUNTS)
    for label in (top, -1, 1000):
        wrong = target.clone()
        wrong[2] = label
        try:
            value = build(loss, traits)(logits, wrong, *rest)
        except (ValueError, IndexError, RuntimeError):
            continue
        raise AssertionError(f"label {label} of {top} classes is taken, with loss {value}")


def law_empty_batch(loss: Part[nn.Module], traits: LossTraits) -> None:
    """A batch without a row has loss 0, and a graph whose gradient is 0, whatever the reduction."""
    inputs = of_rows(draw(traits), slice(0))
    for reduction in ("mean", "sum", "none"):
        how: dict[str, Any] = {"reduction": reduction} if takes(loss, "reduction") else {}
        value, gradients = value_and_gradients(build(loss, traits, **how), inputs)
        assert not bool(value.any()), f"reduction={reduction!r} of an empty batch is {value}"
        assert all(not bool(g.any()) for g in gradients), "the gradient of an empty batch is not 0"


def law_bad_numbers(loss: Part[nn.Module], traits: LossTraits) -> None:
    """NaN and infinity as a hyper-parameter, a count, a prior or a weight are a ValueError or TypeError that names the
    argument, at construction or at the first call.
    """
    for name, parameter in inspect.signature(loss.target).parameters.items():
        bad: list[Any] = []
        if name in ("counts", "prior", "weight"):
            bad = [(1.0, wrong, 2.0, 3.0, 4.0) for wrong in (math.nan, math.inf)]
        elif name != "ignore_index" and "float" in f"{parameter.annotation} {type(parameter.default)}":
            bad = [math.nan, math.inf, -math.inf]
        for value in bad:
            settings = {k: v for k, v in traits.settings.items() if k not in ("counts", "prior")}
            own = replace(traits, settings=settings if name in ("counts", "prior") else traits.settings)
            try:
                build(loss, own, **{name: value})(*draw(traits))
                said = "nothing"
            except (ValueError, TypeError) as error:
                said = str(error)
            assert name in said, f"{name}={value} must be an error that names it; it says {said}"


def law_half_precision(loss: Part[nn.Module], traits: LossTraits) -> None:
    """bf16 and fp16 logits, under autocast too, give what the same logits give in float32."""
    inputs = draw(traits)
    for dtype in (torch.bfloat16, torch.float16):
        half = [t.to(dtype) if t.is_floating_point() and k != 1 else t for k, t in enumerate(inputs)]
        full = [t.float() if t.is_floating_point() else t for t in half]
        want, _ = value_and_gradients(build(loss, traits), tuple(full))
        for autocast in (False, True):
            with torch.autocast("cpu", dtype=dtype, enabled=autocast):
                value, gradients = value_and_gradients(build(loss, traits), tuple(half))
            assert value.dtype == torch.float32, (
                f"{dtype} logits give a {value.dtype} loss; compute it in float32"
            )
            close(value, want, f"{dtype} logits and the same in float32", rtol=1e-5, atol=1e-6)
            assert all(bool(torch.isfinite(g).all()) for g in gradients), f"gradient not finite in {dtype}"


def law_empty_classes(loss: Part[nn.Module], traits: LossTraits) -> None:
    """A class without training examples gives a finite loss and gradient, even where it is a label, or a
    ValueError.
    """
    counts = (50, 0, 9, 0, 1)
    try:
        value, gradients = value_and_gradients(build(loss, traits, counts=counts), draw(traits))
    except ValueError:
        return
    assert bool(torch.isfinite(value).all()), f"loss is {value} with an empty class"
    assert all(bool(torch.isfinite(g).all()) for g in gradients), (
        "the gradient is not finite with an empty class"
    )


def law_soft_labels(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Soft labels that are one-hot give the hard labels' losses; where soft labels are not defined:
    ValueError.
    """
    logits, target, *rest = draw(traits)
    soft = F.one_hot(target, logits.shape[1]).to(logits)
    if not traits.soft:
        try:
            build(loss, traits)(logits, soft, *rest)
        except ValueError:
            return
        raise AssertionError(
            "soft labels are taken without an error, though the traits say they are not defined"
        )
    module = build(loss, traits, reduction="none")
    close(
        module(logits, soft, *rest),
        build(loss, traits, reduction="none")(logits, target, *rest),
        "one-hot and hard",
    )
    mixed = 0.7 * soft + 0.3 * soft.roll(1, 0)
    value, gradients = value_and_gradients(build(loss, traits), (logits, mixed, *rest))
    finite = torch.isfinite(value).all() & torch.isfinite(gradients[0]).all()
    assert bool(finite), "mixed labels: not finite"


def law_ignore_index(loss: Part[nn.Module], traits: LossTraits) -> None:
    """An ignored target is as if absent; nothing but ignored targets, or no target, has loss and gradient
    0.
    """
    inputs = draw(traits)
    target = inputs[1].clone()
    target[2:4] = -100
    keep = target != -100
    value, gradients = value_and_gradients(build(loss, traits), (inputs[0], target, *inputs[2:]))
    close(value, build(loss, traits)(*(t[keep] for t in inputs)), "ignored and absent targets")
    assert not bool(gradients[0][2:4].any()), "an ignored target has a gradient"
    if traits.per_target:
        each = build(loss, traits, reduction="none")(inputs[0], target, *inputs[2:])
        assert not bool(each[2:4].any()), "an ignored target has a loss"
    for some in ((inputs[0], torch.full_like(target, -100), *inputs[2:]), tuple(t[:0] for t in inputs)):
        value, gradients = value_and_gradients(build(loss, traits), some)
        assert value.item() == 0, f"nothing to learn from, and the loss is {value.item()}"
        assert not bool(gradients[0].any()), "nothing to learn from, and the gradient is not 0"


def law_dense(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Logits ``[B, C, d1, d2]`` give what the same rows give as ``[B d1 d2, C]``."""
    inputs = draw(traits, batch=12)
    flat = build(loss, traits)(*inputs)
    dense = tuple(
        t.reshape(2, 3, 2) if t.dim() == 1 else t.reshape(2, 3, 2, -1).movedim(-1, 1).contiguous()
        for t in inputs
    )
    close(build(loss, traits)(*dense), flat, "dense and flat")
    if traits.per_target:
        each = build(loss, traits, reduction="none")(*dense)
        assert each.shape == dense[1].shape, (
            f"reduction='none' of dense targets has shape {tuple(each.shape)}"
        )
