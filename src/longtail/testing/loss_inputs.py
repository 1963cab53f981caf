"""Laws of what a loss takes: large logits, half precision, empty classes, soft, ignored and dense labels."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from longtail.part import Part
from longtail.testing.loss_traits import (
    LossTraits,
    build,
    close,
    draw,
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
