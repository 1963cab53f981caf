"""What the losses of this room share: input checks that never wait for the device, the log-odds, and the
reductions.

Conventions, for every loss here: ``logits`` are ``[B, C]`` or dense ``[B, C, d1, ...]``; a hard ``target``
is integer ``[B, d1, ...]``, a soft one float like ``logits``. Half-precision logits are computed, and the
loss returned, in float32.

Only shapes and dtypes are checked in the hot path. A label out of range raises IndexError on the CPU and a
device assertion on CUDA, as in PyTorch; NaN logits give a NaN loss. :func:`check_values` looks at the
values, and waits.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Reduction = Literal["none", "mean", "sum"]
Normalizer = Literal["weights", "batch"]
Vector = Tensor | Sequence[float]


def check(logits: Tensor, target: Tensor, reduction: str, *, least: int = 2, soft: bool = True) -> bool:
    """Check shapes and dtypes; True where the target is soft.

    Raises:
        TypeError: logits are not floating, or labels are floats of the shape of hard labels.
        ValueError: shapes that do not fit, fewer than ``least`` classes, soft labels where ``soft`` is False.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction={reduction!r} is unknown; choose 'none', 'mean' or 'sum'")
    check_logits(logits, least)
    hard_shape = logits.shape[:1] + logits.shape[2:]
    if target.is_floating_point():
        if target.shape == logits.shape:
            if not soft:
                raise ValueError(
                    "target holds soft labels, for which this loss is not defined: pass class indices"
                )
            return True
        if target.shape == hard_shape:
            raise TypeError(f"target holds class indices as {target.dtype}; convert them with target.long()")
    elif target.dtype == torch.bool or target.is_complex():
        raise TypeError(f"target must be integer class indices or float probabilities, got {target.dtype}")
    if target.shape != hard_shape:
        raise ValueError(
            f"target has shape {tuple(target.shape)}; for logits {tuple(logits.shape)} it must be class "
            f"indices {tuple(hard_shape)} or soft labels {tuple(logits.shape)}"
        )
    return False


def check_logits(logits: Tensor, least: int = 1) -> None:
    """Check dtype, dimensions and the number of classes.

    Raises:
        TypeError: not floating. ValueError: no class dimension, or fewer than ``least`` classes.
    """
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating, got {logits.dtype}: pass the head's raw outputs")
    if logits.dim() < 2:
        raise ValueError(f"logits must be [B, C] or [B, C, d1, ...], got {tuple(logits.shape)}")
    if logits.shape[1] < least:
        raise ValueError(
            f"logits have C={logits.shape[1]} classes, need at least {least}: a softmax over one class "
            "is constant; use two outputs or a sigmoid loss"
        )


def check_values(logits: Tensor, target: Tensor, ignore_index: int = -100) -> None:
    """A debugging aid that waits for the device: are the logits finite and the labels in range?

    Raises:
        ValueError: it says which, and how many.

    >>> check_values(torch.zeros(2, 3), torch.tensor([0, 3]))
    Traceback (most recent call last):
    ValueError: target holds labels 0..3; with C=3 they must lie in 0..2 or equal ignore_index=-100
    """
    bad = int((~torch.isfinite(logits)).sum())
    if bad:
        raise ValueError(
            f"logits hold {bad} values that are not finite of {logits.numel()}: lower the learning rate"
        )
    if check(logits, target, "none", least=1):
        if bool((target < 0).any()):
            raise ValueError("target holds negative probabilities")
        return
    valid = target[target != ignore_index]
    if valid.numel() and (int(valid.min()) < 0 or int(valid.max()) >= logits.shape[1]):
        raise ValueError(
            f"target holds labels {int(valid.min())}..{int(valid.max())}; with C={logits.shape[1]} they must "
            f"lie in 0..{logits.shape[1] - 1} or equal ignore_index={ignore_index}"
        )


def wide(logits: Tensor) -> Tensor:
    """The logits in float32 or float64, whatever autocast says."""
    return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()


def as_vector(value: Vector) -> Tensor:
    """A tensor; plain numbers keep their 64 bits."""
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


def per_class(name: str, value: Vector, logits: Tensor) -> Tensor:
    """``value`` as a ``[C]`` tensor of the (wide) logits' dtype and device.

    Raises:
        ValueError: another length than C.
    """
    check_logits(logits)
    vector = as_vector(value)
    if vector.shape != logits.shape[1:2]:
        raise ValueError(
            f"{name} has shape {tuple(vector.shape)} and the logits have C={logits.shape[1]}: pass one "
            "value a class of the training set"
        )
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return vector.to(device=logits.device, dtype=dtype)


def along_classes(vector: Tensor, logits: Tensor) -> Tensor:
    """``[C]`` shaped to broadcast against ``[B, C, d1, ...]``."""
    return vector.view(1, -1, *[1] * (logits.dim() - 2))


def floored(frequency: Tensor) -> Tensor:
    """Counts or prior with empty classes counted as the rarest class that has examples, so that logs stay
    finite.
    """
    rarest = torch.where(frequency > 0, frequency, torch.inf).amin()
    return torch.maximum(frequency, rarest)


def checked_counts(counts: Vector) -> Tensor:
    """Training counts as an int64 ``[C]`` tensor; values are looked at, so call it at construction only.

    Raises:
        TypeError: no tensor of whole numbers. ValueError: not one-dimensional, negative, or no example at
            all.
    """
    tensor = as_vector(counts)
    if tensor.is_floating_point() and bool((tensor != tensor.round()).any()):
        raise TypeError(
            f"counts={tensor.tolist()[:5]}... must be whole numbers: examples per class, not frequencies"
        )
    if tensor.dim() != 1 or tensor.numel() == 0:
        raise ValueError(f"counts must be [C], one number a class, got shape {tuple(tensor.shape)}")
    if bool((tensor < 0).any()):
        raise ValueError(
            f"counts hold {int(tensor.min())}: the number of training examples cannot be negative"
        )
    if not bool((tensor > 0).any()):
        raise ValueError("counts are all zero: pass the training set's counts (Labels.counts)")
    return tensor.to(torch.int64).clone()


def checked_prior(name: str, prior: Vector) -> Tensor:
    """A class distribution as a float64 ``[C]`` tensor summing to 1; call it at construction only.

    Raises:
        ValueError: not one-dimensional, negative, not finite, or all zero.
    """
    tensor = torch.as_tensor(prior, dtype=torch.float64)
    ok = (
        tensor.dim() == 1
        and tensor.numel() > 0
        and bool((tensor >= 0).all())
        and bool(torch.isfinite(tensor).all())
    )
    if not ok or not bool(tensor.sum() > 0):
        raise ValueError(
            f"{name}={tensor.tolist()} must be [C] class frequencies, none negative, not all zero"
        )
    return tensor / tensor.sum()


def checked_weight(weight: Vector | None) -> Tensor | None:
    """Class weights as a ``[C]`` tensor; call it at construction only.

    Raises:
        ValueError: not one-dimensional, negative or not finite.
    """
    if weight is None:
        return None
    tensor = as_vector(weight)
    if tensor.dim() != 1 or not bool(torch.isfinite(tensor).all()) or bool((tensor < 0).any()):
        raise ValueError(f"weight={tensor.tolist()} must be [C] finite class weights, none negative")
    return tensor.clone() if tensor.is_floating_point() else tensor.double()


def warn_if_batch(total: int, target: Tensor) -> None:
    """Warn where the counts sum to the batch size: most likely somebody counted a batch, not the training
    set.
    """
    if not torch.compiler.is_compiling() and total == target.numel() > 0:
        warnings.warn(
            f"counts sum to {total}, exactly the number of targets of this batch; they must be the counts of "
            "the whole training set (Labels.counts). Ignore this if the batch is the training set",
            stacklevel=3,
        )


def normalised(distribution: Tensor) -> Tensor:
    """``distribution`` over its sum."""
    return distribution / distribution.sum()


def log_odds(
    logits: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    shift: Tensor | None = None,
    margin: Tensor | None = None,
    drop: Tensor | None = None,
    ignore_index: int = -100,
) -> Tensor:
    """The log-odds *against* the label, ``r = logsumexp_{j != y} z'_j - z'_y`` of ``z' = scale z + shift -
    margin 1[y]``.

    Everything a hard-label softmax loss needs is an exact function of it, also at saturation:
    ``-log p_y = -logsigmoid(-r)`` and ``1 - p_y = sigmoid(r)``. Zero where the target is ignored.

    Args:
        scale: a number or ``[C]``. shift: ``[C]`` or like ``logits``. margin: ``[C]``.
        drop: bool like ``logits``; classes that leave the sum, the label excepted.

    Returns:
        ``[B, d1, ...]`` in float32 or float64.
    """
    return _odds_and_gap(logits, target, scale, shift, margin, drop, ignore_index, gap=False)[0]


def log_odds_and_gap(
    logits: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    shift: Tensor | None = None,
    margin: Tensor | None = None,
    ignore_index: int = -100,
) -> tuple[Tensor, Tensor]:
    """:func:`log_odds`, and ``z'_y - mean_j z'_j``: ``eps`` times it is what smoothing by eps adds to the
    loss.
    """
    return _odds_and_gap(logits, target, scale, shift, margin, None, ignore_index, gap=True)


OUT = -1e9
# The logit of a class that leaves the sum: finite, so that a sum nobody is left in has gradient 0, not NaN.


def _odds_and_gap(
    logits: Tensor,
    target: Tensor,
    scale: float | Tensor,
    shift: Tensor | None,
    margin: Tensor | None,
    drop: Tensor | None,
    ignore_index: int,
    gap: bool,
) -> tuple[Tensor, Tensor]:
    z = wide(logits)
    valid = target != ignore_index
    y = torch.where(valid, target, 0).long()
    factor = along_classes(scale, z) if isinstance(scale, Tensor) else float(scale)
    term = along_classes(shift, z) if shift is not None and shift.dim() == 1 else shift
    less = None if margin is None else margin[y].unsqueeze(1)
    core = _plain if torch.compiler.is_compiling() else _OneRead.apply
    r, excess = core(z, y.unsqueeze(1), factor, term, less, drop, gap)[:2]
    return torch.where(valid, r.squeeze(1), 0.0), torch.where(
        valid, excess.squeeze(1), 0.0
    ) if gap else excess


def _plain(
    z: Tensor,
    at: Tensor,
    scale: float | Tensor,
    shift: Tensor | None,
    margin: Tensor | None,
    drop: Tensor | None,
    gap: bool,
) -> tuple[Tensor, Tensor]:
    """The maths, for the compiler, which fuses it. All ``[B, C, ...]`` or ``[B, 1, ...]``."""
    if isinstance(scale, Tensor) or scale != 1.0:
        z = z * scale
    if shift is not None:
        z = z + shift
    # A masked sum instead of a gather: the compiler makes one loop of it, and of its gradient.
    label = along_classes(torch.arange(z.shape[1], device=z.device, dtype=torch.int32), z) == at.int()
    own = torch.where(label, z, 0.0).sum(1, keepdim=True)
    total = z.sum(1, keepdim=True) if gap else own
    if margin is not None:
        own, total = own - margin, total - margin
    others = z if drop is None else torch.where(drop, OUT, z)
    others = torch.where(label, -torch.inf, others)
    top = others.detach().amax(1, keepdim=True)
    log_sum = (others - top).clamp_min(FAINT).exp().sum(1, keepdim=True).log() + top
    return log_sum - own, own - total / z.shape[1]


FAINT = -75.0
# Exponentials below 1e-38 are denormal numbers, on which a CPU is thirty times slower. e^-75 of the largest
# term is far below the rounding of the sum in either precision.


class _OneRead(torch.autograd.Function):
    """``_plain`` in eager mode: one buffer forward, one backward, where autograd would keep five.

    ``e`` (the others' exponentials, about 0 at the label) and ``s`` (their sum) are outputs, so that a second
    derivative finds its way through them; the maximum that was subtracted is a constant, of which nothing
    depends.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        z: Tensor,
        at: Tensor,
        scale: float | Tensor,
        shift: Tensor | None,
        margin: Tensor | None,
        drop: Tensor | None,
        gap: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if isinstance(scale, Tensor):
            e = z * scale if shift is None else torch.addcmul(shift, z, scale)
        elif shift is not None:
            e = torch.add(shift, z, alpha=scale)
        else:
            e = z * scale if scale != 1.0 else z.clone()
        own = e.gather(1, at)
        total = e.sum(1, keepdim=True) if gap else own
        if margin is not None:
            own, total = own - margin, total - margin
        if drop is not None:
            e.add_(drop.to(e.dtype), alpha=OUT)  # several times faster than masked_fill_ on a CPU
        e.scatter_(1, at, -torch.inf)
        top = e.amax(1, keepdim=True)
        s = e.sub_(top).clamp_min_(FAINT).exp_().sum(1, keepdim=True)
        return top + s.log() - own, own - total / z.shape[1], e, s

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        at, scale = inputs[1:3]
        ctx.set_materialize_grads(False)
        tensors = (scale,) if isinstance(scale, Tensor) else ()
        ctx.scale = None if tensors else scale
        ctx.save_for_backward(at, output[2], output[3], *tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        of_r, of_gap, of_e, of_s = grads
        at, e, s, *tensors = ctx.saved_tensors
        zero = torch.zeros_like(s)
        g = zero if of_r is None else of_r
        out = e * (g / s if of_s is None else g / s + of_s)
        if of_e is not None:
            out = out + e * of_e
        at_label = -g
        if of_gap is not None:
            out = out - of_gap / e.shape[1]
            at_label = at_label + of_gap * (1 - 1 / e.shape[1])
        out = out.scatter_(1, at, at_label)
        if tensors:
            out = out * tensors[0] if torch.is_grad_enabled() else out.mul_(tensors[0])
        elif ctx.scale != 1.0:
            out = out * ctx.scale if torch.is_grad_enabled() else out.mul_(ctx.scale)
        return out, None, None, None, None, None, None


def nll_of(r: Tensor) -> Tensor:
    """``-log p_y`` of the log-odds against the label."""
    return -F.logsigmoid(-r)


def nll(
    logits: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    shift: Tensor | None = None,
    margin: Tensor | None = None,
    ignore_index: int = -100,
) -> Tensor:
    """``-log p_y`` of ``z' = scale z + shift - margin 1[y]``, for losses that need nothing else; see :func:`log_odds`."""
    if margin is not None or not torch.compiler.is_compiling():
        r = log_odds(logits, target, scale=scale, shift=shift, margin=margin, ignore_index=ignore_index)
        return nll_of(r)
    z = wide(logits)
    z = z * (along_classes(scale, z) if isinstance(scale, Tensor) else scale)
    if shift is not None:
        z = z + (along_classes(shift, z) if shift.dim() == 1 else shift)
    return F.cross_entropy(z, torch.where(target == ignore_index, 0, target).long(), reduction="none")


def reduced(
    loss: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None,
    reduction: str,
    normalizer: str,
    ignore_index: int,
) -> Tensor:
    """Weigh per-target losses of *hard* labels, zero the ignored ones, and reduce.

    The mean divides by the sum of the targets' weights (``normalizer="weights"``) or by their number
    (``"batch"``), ignored ones not counted; over nothing it is 0, not NaN.
    """
    if normalizer not in ("weights", "batch"):
        raise ValueError(f"normalizer={normalizer!r} is unknown; choose 'weights' or 'batch'")
    valid = target != ignore_index
    mass = valid.to(loss.dtype)
    if weight is not None:
        own = torch.where(valid, weight[torch.where(valid, target, 0).long()], 0.0)
        loss = loss * own
        mass = own if normalizer == "weights" else mass
    loss = torch.where(valid, loss, 0.0)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    total = mass.sum()
    return loss.sum() / torch.where(total > 0, total, 1.0)


def cross_entropy_of(
    logits: Tensor,
    target: Tensor,
    *,
    scale: float | Tensor = 1.0,
    shift: Tensor | None = None,
    margin: Tensor | None = None,
    weight: Vector | None,
    reduction: str,
    normalizer: str,
    ignore_index: int,
    label_smoothing: float,
) -> Tensor:
    """Weighted cross-entropy of ``z' = scale z + shift - margin * (label)``: what every CE-shaped loss is.

    With soft labels the margin is weighed by them, and the mean divides by the number of targets, as in
    PyTorch.
    """
    soft = check(logits, target, reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing={label_smoothing} must lie in [0, 1]")
    w = None if weight is None else per_class("weight", weight, logits)
    rest: dict[str, Any] = {"reduction": reduction, "normalizer": normalizer, "ignore_index": ignore_index}
    if not soft and label_smoothing == 0:
        loss = nll(logits, target, scale=scale, shift=shift, margin=margin, ignore_index=ignore_index)
        return reduced(loss, target, weight=w, **rest)
    if not soft and w is None:
        r, gap = log_odds_and_gap(
            logits, target, scale=scale, shift=shift, margin=margin, ignore_index=ignore_index
        )
        return reduced(nll_of(r) + label_smoothing * gap, target, weight=None, **rest)
    z = wide(logits)
    z = z * (along_classes(scale, z) if isinstance(scale, Tensor) else scale)
    if shift is not None:
        z = z + (along_classes(shift, z) if shift.dim() == 1 else shift)
    if soft:
        target = target.to(z.dtype)
        if margin is not None:
            z = z - target * along_classes(margin, z)
        loss = F.cross_entropy(z, target, weight=w, reduction="none", label_smoothing=label_smoothing)
        return reduced_soft(loss, reduction)
    valid = target != ignore_index
    y = torch.where(valid, target, 0).long()
    if margin is not None:
        z = z.scatter_add(1, y.unsqueeze(1), -margin[y].unsqueeze(1))
    loss = F.cross_entropy(z, y, weight=w, reduction="none", label_smoothing=label_smoothing)
    if reduction != "mean" or w is None:
        return reduced(loss, target, weight=None, **rest)
    mass = torch.where(valid, w[y] if normalizer == "weights" else 1.0, 0.0).sum()
    return torch.where(valid, loss, 0.0).sum() / torch.where(mass > 0, mass, 1.0)


def reduced_soft(loss: Tensor, reduction: str) -> Tensor:
    """Reduce per-target losses of soft labels: the mean is over the targets; over nothing it is 0."""
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / max(loss.numel(), 1)


def summed_over_ranks(batch_statistic: Tensor) -> Tensor:
    """The sum over the processes of a distributed run; itself in a single process. Stateful losses count
    with it.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        batch_statistic = batch_statistic.clone()
        torch.distributed.all_reduce(batch_statistic)
    return batch_statistic
