"""The laws every loss must keep, as checks for your own losses too: ``check_loss(part(MyLoss))``.

A loss is a Module called with ``(logits [B, C], target [B])``, built from the facts ``counts``, ``prior``
and ``num_classes`` where its constructor names them. Each law is a function of the part and its
:class:`LossTraits`; it raises AssertionError naming what broke. A law that cannot hold for a loss is named
in ``LossTraits.exempt`` with the reason.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from longtail.part import Part

COUNTS = (50, 20, 9, 3, 1)
WEIGHT = (0.5, 1.0, 2.0, 3.0, 0.25)
PERMUTATION = (3, 0, 4, 1, 2)
Arguments = tuple[Tensor, ...]


def softmax_inputs(generator: torch.Generator, batch: int, classes: int) -> Arguments:
    """Float64 logits ``[B, C]`` and class indices ``[B]``."""
    logits = 2 * torch.randn(batch, classes, generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, (batch,), generator=generator)


def cross_entropy_reference(logits: Tensor, target: Tensor, *rest: Tensor) -> Tensor:
    """Per-target cross-entropy, what a neutral loss equals."""
    return F.cross_entropy(logits, target, reduction="none")


@dataclass(frozen=True)
class LossTraits:
    """What the laws must know of a loss that is not plain.

    Attributes:
        settings: constructor arguments used throughout (to switch randomness off, say).
        neutral: constructor arguments at which the loss is ``neutral_is``.
        neutral_is: ``(*inputs) -> [B]``, cross-entropy by default.
        inputs: ``(generator, B, C) -> (logits, target, ...)``; float tensors are differentiated.
        reference: ``(module, *inputs) -> [B]``, a slow independent implementation.
        soft: soft labels are accepted; where not, they must raise ValueError.
        per_target: ``reduction="none"`` gives one loss a target.
        coupled: a target's loss depends on the rest of the batch.
        exempt: name of a law -> why it cannot hold.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    neutral: Mapping[str, Any] = field(default_factory=dict)
    neutral_is: Callable[..., Tensor] = cross_entropy_reference
    inputs: Callable[[torch.Generator, int, int], Arguments] = softmax_inputs
    reference: Callable[..., Tensor] | None = None
    soft: bool = True
    per_target: bool = True
    coupled: bool = False
    exempt: Mapping[str, str] = field(default_factory=dict)


def check_loss(loss: Part[nn.Module], traits: LossTraits | None = None) -> None:
    """Every law, in turn.

    Raises:
        AssertionError: a law is broken; the message begins with its name.

    >>> from longtail.losses import Focal
    >>> from longtail.part import part
    >>> check_loss(part(Focal, gamma=2.0), LossTraits(neutral={"gamma": 0.0}))
    """
    traits = traits or LossTraits()
    for name, law in LAWS.items():
        if name in traits.exempt:
            continue
        try:
            law(loss, traits)
        except Exception as error:
            raise AssertionError(f"{name}: {loss} breaks this law: {error}") from error


def build(
    loss: Part[nn.Module], traits: LossTraits, counts: tuple[int, ...] = COUNTS, **changes: Any
) -> nn.Module:
    """The loss with the traits' settings and some changes, built from facts that fit ``counts``."""
    n = torch.tensor(counts)
    settings = {**traits.settings, **changes}
    return loss.but(**settings).build(counts=n, prior=n.double() / n.sum(), num_classes=len(counts))


def draw(traits: LossTraits, batch: int = 7, classes: int = len(COUNTS), seed: int = 0) -> Arguments:
    """Inputs of the loss; every class occurs where the batch allows."""
    inputs = traits.inputs(torch.Generator().manual_seed(seed), batch, classes)
    return inputs


def takes(loss: Part[nn.Module], argument: str) -> bool:
    """Has the loss's constructor this argument?"""
    return argument in inspect.signature(loss.target).parameters


def _close(got: Tensor, want: Tensor, what: str, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    assert got.shape == want.shape, f"{what}: shapes {tuple(got.shape)} and {tuple(want.shape)}"
    assert torch.allclose(got, want.to(got.dtype), rtol=rtol, atol=atol, equal_nan=False), (
        f"{what}: {got} != {want}"
    )


def _gradients(module: nn.Module, inputs: Arguments) -> tuple[Tensor, list[Tensor]]:
    leaves = [t.detach().clone().requires_grad_(t.is_floating_point()) for t in inputs]
    loss = module(*leaves)
    wanted = [t for k, t in enumerate(leaves) if t.requires_grad and k != 1]
    return loss, list(torch.autograd.grad(loss.sum(), wanted))


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
    _close(function(*inputs, **keywords), want, "function and Module")


def law_reductions(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Sum and mean follow from the per-target losses; the mean counts the class weights, or the targets."""
    if not traits.per_target:
        return
    inputs = draw(traits)
    variants: list[dict[str, Any]] = [{}, {"weight": WEIGHT}] if takes(loss, "weight") else [{}]
    for variant in variants:
        each = build(loss, traits, reduction="none", **variant)(*inputs)
        assert each.shape == inputs[1].shape, f"reduction='none' has shape {tuple(each.shape)}"
        _close(build(loss, traits, reduction="sum", **variant)(*inputs), each.sum(), "sum and sum of 'none'")
        mean = build(loss, traits, reduction="mean", **variant)
        if not hasattr(mean, "normalizer") or mean.normalizer in ("weights", "batch"):
            by_weight = bool(variant) and getattr(mean, "normalizer", "weights") == "weights"
            mass = torch.tensor(WEIGHT, dtype=each.dtype)[inputs[1]].sum() if by_weight else each.numel()
            _close(mean(*inputs), each.sum() / mass, f"mean and sum of 'none' over the mass {mass}")


def law_weight_is_a_factor(loss: Part[nn.Module], traits: LossTraits) -> None:
    """A class weight multiplies the loss of its label, and changes nothing else: it never enters p_t."""
    if not takes(loss, "weight") or not traits.per_target:
        return
    inputs = draw(traits)
    plain = build(loss, traits, reduction="none", weight=(1.0,) * len(COUNTS))(*inputs)
    weighted = build(loss, traits, reduction="none", weight=WEIGHT)(*inputs)
    _close(
        weighted, plain * torch.tensor(WEIGHT, dtype=plain.dtype)[inputs[1]], "weighted and weight * plain"
    )


def law_gradient(loss: Part[nn.Module], traits: LossTraits) -> None:
    """The gradient is that of the value (float64 gradcheck)."""
    module, inputs = build(loss, traits), draw(traits)
    leaves = [t.clone().requires_grad_(t.is_floating_point() and k != 1) for k, t in enumerate(inputs)]
    torch.autograd.gradcheck(lambda *a: copy.deepcopy(module)(*a).sum(), leaves, check_undefined_grad=False)


def law_finite(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Finite value and gradient for logits up to 1e4 in float32, right and wrong."""
    inputs = draw(traits)
    logits = inputs[0].float().sign() * 1e4
    logits[0] = 0.0
    rest = [t.float() if t.is_floating_point() else t for t in inputs[1:]]
    value, gradients = _gradients(build(loss, traits), (logits, *rest))
    assert bool(torch.isfinite(value).all()), f"loss is {value} for logits of +-1e4"
    assert all(bool(torch.isfinite(g).all()) for g in gradients), (
        "the gradient is not finite for logits of +-1e4"
    )


def law_half_precision(loss: Part[nn.Module], traits: LossTraits) -> None:
    """bf16 and fp16 logits, under autocast too, give what the same logits give in float32."""
    inputs = draw(traits)
    for dtype in (torch.bfloat16, torch.float16):
        half = [t.to(dtype) if t.is_floating_point() and k != 1 else t for k, t in enumerate(inputs)]
        full = [t.float() if t.is_floating_point() else t for t in half]
        want, _ = _gradients(build(loss, traits), tuple(full))
        for autocast in (False, True):
            with torch.autocast("cpu", dtype=dtype, enabled=autocast):
                value, gradients = _gradients(build(loss, traits), tuple(half))
            assert value.dtype == torch.float32, (
                f"{dtype} logits give a {value.dtype} loss; compute it in float32"
            )
            _close(value, want, f"{dtype} logits and the same in float32", rtol=1e-5, atol=1e-6)
            assert all(bool(torch.isfinite(g).all()) for g in gradients), f"gradient not finite in {dtype}"


def law_batch_order(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Permuting the batch permutes the per-target losses and leaves the mean."""
    inputs = draw(traits)
    order = torch.randperm(len(inputs[1]), generator=torch.Generator().manual_seed(1))
    mixed = tuple(t[order] for t in inputs)
    _close(build(loss, traits)(*mixed), build(loss, traits)(*inputs), "the loss of the permuted batch")
    if traits.per_target:
        each = build(loss, traits, reduction="none")(*inputs)
        _close(
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
    _close(first, each[:3], "the losses of three of seven examples")


def law_class_order(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Renaming the classes, with their counts and weights, changes nothing."""
    inputs, p = draw(traits), torch.tensor(PERMUTATION)
    variant: dict[str, Any] = {"weight": WEIGHT} if takes(loss, "weight") else {}
    renamed: dict[str, Any] = {"weight": tuple(WEIGHT[k] for k in PERMUTATION)} if variant else {}
    want = build(loss, traits, **variant)(*inputs)
    counts = tuple(COUNTS[k] for k in PERMUTATION)
    got = build(loss, traits, counts=counts, **renamed)(inputs[0][:, p], p.argsort()[inputs[1]], *inputs[2:])
    _close(got, want, "the loss with renamed classes")


def law_neutral(loss: Part[nn.Module], traits: LossTraits) -> None:
    """With neutral arguments the loss is cross-entropy."""
    inputs = draw(traits)
    uniform = (10,) * len(COUNTS)
    module = build(loss, traits, counts=uniform, **{"reduction": "none", **traits.neutral})
    _close(module(*inputs), traits.neutral_is(*inputs), "neutral arguments and cross-entropy")


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
        _close(module(*inputs), want, "the loss and its reference", rtol=1e-9, atol=1e-11)


def law_empty_classes(loss: Part[nn.Module], traits: LossTraits) -> None:
    """A class without training examples gives a finite loss and gradient, even where it is a label, or a
    ValueError.
    """
    counts = (50, 0, 9, 0, 1)
    try:
        value, gradients = _gradients(build(loss, traits, counts=counts), draw(traits))
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
    _close(
        module(logits, soft, *rest),
        build(loss, traits, reduction="none")(logits, target, *rest),
        "one-hot and hard",
    )
    mixed = 0.7 * soft + 0.3 * soft.roll(1, 0)
    value, gradients = _gradients(build(loss, traits), (logits, mixed, *rest))
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
    value, gradients = _gradients(build(loss, traits), (inputs[0], target, *inputs[2:]))
    _close(value, build(loss, traits)(*(t[keep] for t in inputs)), "ignored and absent targets")
    assert not bool(gradients[0][2:4].any()), "an ignored target has a gradient"
    if traits.per_target:
        each = build(loss, traits, reduction="none")(inputs[0], target, *inputs[2:])
        assert not bool(each[2:4].any()), "an ignored target has a loss"
    for some in ((inputs[0], torch.full_like(target, -100), *inputs[2:]), tuple(t[:0] for t in inputs)):
        value, gradients = _gradients(build(loss, traits), some)
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
    _close(build(loss, traits)(*dense), flat, "dense and flat")
    if traits.per_target:
        each = build(loss, traits, reduction="none")(*dense)
        assert each.shape == dense[1].shape, (
            f"reduction='none' of dense targets has shape {tuple(each.shape)}"
        )


def law_no_waiting(loss: Part[nn.Module], traits: LossTraits) -> None:
    """No value is read from the device on the way, and the number of operations grows with nothing."""
    seen = []
    for batch, classes in ((4, 5), (9, 5), (4, 11)):
        counts = tuple(range(1, classes + 1))
        module, inputs = build(loss, traits, counts=counts), draw(traits, batch=batch, classes=classes)
        with _Watch() as watch:
            _gradients(module, inputs)
        assert not watch.waits, f"waits for the device in {sorted(watch.waits)}"
        seen.append(watch.operations)
    assert len(set(seen)) == 1, (
        f"{seen} operations for (B, C) = (4, 5), (9, 5), (4, 11): a Python loop over them"
    )


def law_travels(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Pickle, deepcopy and state_dict keep the loss, its state included."""
    module, inputs = build(loss, traits), draw(traits)
    module(*inputs)
    fresh = build(loss, traits)
    fresh.load_state_dict(module.state_dict())
    copies = [pickle.loads(pickle.dumps(module)), copy.deepcopy(module), fresh]
    want = module(*inputs)
    for other in copies:
        _close(other(*inputs), want, "a copy", rtol=0, atol=0)


def law_compiles(loss: Part[nn.Module], traits: LossTraits, backend: str = "aot_eager") -> None:
    """``torch.compile(fullgraph=True)`` gives the same value and gradient."""
    inputs = draw(traits)
    torch._dynamo.reset()
    compiled = torch.compile(build(loss, traits), fullgraph=True, backend=backend)
    value, gradients = _gradients(compiled, inputs)  # type: ignore[arg-type]
    want, expected = _gradients(build(loss, traits), inputs)
    _close(value, want, "compiled and eager")
    for g, e in zip(gradients, expected):
        _close(g, e, "compiled and eager gradient")


def law_prior(loss: Part[nn.Module], traits: LossTraits) -> None:
    """``logit_prior(seen)`` is a distribution or None, and the expected loss is least at logits that carry
    it.
    """
    module = build(loss, traits)
    assert hasattr(module, "logit_prior"), (
        "the loss does not say what prior its logits carry: logit_prior(seen)"
    )
    seen = torch.tensor(COUNTS, dtype=torch.float64) / sum(COUNTS)
    prior: Tensor | None = module.logit_prior(seen)  # type: ignore[operator]
    if prior is None:
        return
    _close(prior.sum(), torch.tensor(1.0, dtype=torch.float64), "the sum of the prior")
    # Without features the posterior *is* the prior: minimise the expected loss over one vector of logits.
    z = prior.log().unsqueeze(0).expand(2 * sum(COUNTS), -1).clone().requires_grad_()
    y = torch.repeat_interleave(torch.arange(len(COUNTS)), 2 * torch.tensor(COUNTS))
    (slope,) = torch.autograd.grad(build(loss, traits, reduction="sum")(z, y), z)
    slope = slope.sum(0) / slope.abs().sum()
    assert float(slope.abs().max()) < 1e-6, (
        f"the loss still falls at the prior it claims: slope {slope.tolist()}"
    )


class _Watch(TorchDispatchMode):
    """Counts the operations, and notes those that wait for the device."""

    WAITING = (
        "_local_scalar_dense",
        "nonzero",
        "masked_select",
        "unique",
        "bincount",
        "equal.",
        "is_nonzero",
    )

    def __init__(self) -> None:
        super().__init__()
        self.operations, self.waits = 0, set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        name = str(func).removeprefix("aten.")
        if name.startswith(self.WAITING) or _is_boolean_indexing(name, args):
            self.waits.add(name)
        return func(*args, **(kwargs or {}))


def _is_boolean_indexing(name: str, args: Any) -> bool:
    indices = args[1] if name.startswith("index.") and len(args) > 1 else ()
    return any(isinstance(t, Tensor) and t.dtype == torch.bool for t in indices or () if t is not None)


LAWS: dict[str, Callable[[Part[nn.Module], LossTraits], None]] = {
    name.removeprefix("law_").replace("_", " "): law
    for name, law in list(globals().items())
    if name.startswith("law_")
}
"""Name -> law."""
