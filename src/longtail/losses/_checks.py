"""Checks of the losses' inputs that never wait for the device, and per-class vectors.

Conventions, for every loss of this room: ``logits`` are ``[B, C]`` or dense ``[B, C, d1, ...]``; a hard
``target`` is integer ``[B, d1, ...]``, a soft one float like ``logits``. Half-precision logits are computed, and
the loss returned, in float32.

Only shapes and dtypes are checked where that would wait for the device. On the CPU labels are looked at too: one out
of range is a :class:`LabelError`. On CUDA it is a device assertion, as in PyTorch, or a NaN loss. NaN and infinite
logits give a NaN loss. :func:`check_values` looks at the values, and waits. What begins with ``checked_`` looks at
values too: it is for constructors.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from longtail.by_class import by_class
from longtail.prior import distribution

Vector = Tensor | Sequence[float] | Mapping[int, float]


class LabelError(ValueError, IndexError):
    """A label that no class has. It is an IndexError too, which is what PyTorch raises."""


def check(logits: Tensor, target: Tensor, reduction: str, *, least: int = 2, soft: bool = True) -> bool:
    """Check shapes and dtypes; True where the target is soft.

    Raises:
        TypeError: logits are not floating, or labels are floats of the shape of hard labels.
        ValueError: shapes that do not fit, fewer than ``least`` classes, soft labels where ``soft`` is False.
    """
    check_reduction(reduction)
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


def check_reduction(reduction: str) -> None:
    """Raise ValueError where the reduction is unknown."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction={reduction!r} is unknown; choose 'none', 'mean' or 'sum'")


def check_finite_or_none(**numbers: float | None) -> None:
    """:func:`check_finite` of those that are not None."""
    check_finite(**{name: value for name, value in numbers.items() if value is not None})


def check_not_negative(**numbers: float) -> None:
    """:func:`check_finite` of those that must be at least 0."""
    check_finite(**numbers)
    for name, value in numbers.items():
        if value < 0:
            raise ValueError(f"{name}={value} must be at least 0")


def check_finite(**numbers: float) -> None:
    """Raise ValueError where a number is NaN or infinite, TypeError where it is no number.

    >>> check_finite(gamma=float("nan"))
    Traceback (most recent call last):
    ValueError: gamma=nan must be a finite number
    """
    for name, value in numbers.items():
        if not isinstance(value, int | float):
            raise TypeError(f"{name}={value!r} must be a number, got {type(value).__name__}")
        if not math.isfinite(value):
            raise ValueError(f"{name}={value} must be a finite number")


def looks(target: Tensor) -> bool:
    """Can values be looked at without waiting for a device, and outside of compiled code?"""
    return (
        target.device.type == "cpu"
        and target.numel() > 0
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and type(target) is Tensor
    )


def may_be_infinite(logits: Tensor) -> bool:
    """False where a look at the logits' sum costs no waiting and shows that none of them is infinite."""
    return not looks(logits) or not math.isfinite(logits.detach().sum().numpy())


def check_labels(
    target: Tensor, classes: int, ignore_index: float | None = None, name: str = "target"
) -> None:
    """On the CPU: are these class indices, or ``ignore_index``? Elsewhere the indexing itself complains.

    Raises:
        LabelError: it says which label is not.
    """
    if not looks(target):
        return
    y = target.detach().numpy()  # which no tool takes for a wait, and is none
    if y.min() >= 0 and y.max() < classes:
        return
    bad = y[(y < 0) | (y >= classes)]
    bad = bad if ignore_index is None else bad[bad != ignore_index]
    if bad.size:
        ignored = "" if ignore_index is None else f", or equal ignore_index={ignore_index}"
        raise LabelError(
            f"{name} holds label {bad[0]}, out of 0..{classes - 1}: labels must lie there{ignored}"
        )


def check_smoothing(label_smoothing: float) -> None:
    """Raise ValueError where it is no share."""
    check_finite(label_smoothing=label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing={label_smoothing} must lie in [0, 1]")


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


def checked_counts(counts: Vector) -> Tensor:
    """Training counts as an int64 ``[C]`` tensor; values are looked at, so call it at construction only.

    Raises:
        TypeError: no tensor of whole numbers. ValueError: not one-dimensional, negative, or no example at
            all.
    """
    tensor = as_vector(counts, "counts")
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"counts={tensor.tolist()[:9]} must be finite: examples per class (Labels.counts)")
    if tensor.is_floating_point() and bool((tensor != tensor.round()).any()):
        raise TypeError(
            f"counts={tensor.tolist()[:5]}... must be whole numbers: examples per class. Pass class shares as prior="
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
        ValueError: see :func:`longtail.prior.distribution`.
    """
    try:
        found = torch.from_numpy(distribution(name, prior))
    except ValueError as why:
        more = "; examples per class may be given as counts=" if name == "prior" else ""
        raise ValueError(f"{why}{more}") from None
    return found.to(prior.device if isinstance(prior, Tensor) else "cpu") / found.sum()


def checked_weight(weight: Vector | None, name: str = "weight") -> Tensor | None:
    """Class weights as a ``[C]`` tensor; call it at construction only.

    Raises:
        ValueError: not one-dimensional, negative or not finite.
    """
    if weight is None:
        return None
    tensor = as_vector(weight, name)
    if tensor.dim() != 1 or not bool(torch.isfinite(tensor).all()) or bool((tensor < 0).any()):
        raise ValueError(f"{name}={tensor.tolist()} must be [C] finite class weights, none negative")
    return tensor.clone() if tensor.is_floating_point() else tensor.double()


def wide(logits: Tensor) -> Tensor:
    """The logits in float32 or float64, whatever autocast says."""
    return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()


def as_vector(value: Vector, name: str) -> Tensor:
    """A tensor in class order; plain numbers keep their 64 bits.

    Raises:
        TypeError: what is no list of numbers.
    """
    if isinstance(value, Tensor):
        return value
    try:
        return torch.tensor(by_class(name, value), dtype=torch.float64)
    except (TypeError, RuntimeError):
        raise TypeError(f"{name}={value!r} must be numbers, one per class: [C]") from None


def per_class(name: str, value: Vector, logits: Tensor) -> Tensor:
    """``value`` as a ``[C]`` tensor of the (wide) logits' dtype and device.

    Raises:
        ValueError: another length than C.
    """
    check_logits(logits)
    vector = as_vector(value, name)
    if vector.shape != logits.shape[1:2]:
        raise ValueError(
            f"{name} has shape {tuple(vector.shape)} and the logits have C={logits.shape[1]}: pass one "
            "value a class of the training set"
        )
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return vector.to(device=logits.device, dtype=dtype)


def frequency(counts: Vector | None, prior: Vector | None, logits: Tensor) -> Tensor:
    """How frequent the classes are in training, up to a factor: the counts, or else the prior, ``[C]``.

    Raises:
        TypeError: neither is given, or both are. ValueError: another length than C.
    """
    check_one_of(counts, prior)
    return per_class("prior", prior, logits) if counts is None else per_class("counts", counts, logits)  # type: ignore[arg-type]


def share(counts: Vector | None, prior: Vector | None, logits: Tensor) -> Tensor:
    """:func:`frequency` where the factor matters: the prior as it is given, or the counts over their sum."""
    n = frequency(counts, prior, logits)
    return n if counts is None else n / n.sum()


def check_one_of(counts: Vector | None, prior: Vector | None) -> None:
    """Raise TypeError unless one of the two is given."""
    if counts is None and prior is None:
        raise TypeError(
            "counts and prior are missing: pass counts= (examples per class, Labels.counts) or prior= (class shares)"
        )
    if counts is not None and prior is not None:
        raise TypeError("counts and prior are both given, and say the same thing: pass counts= or prior=")


def along_classes(vector: Tensor, logits: Tensor) -> Tensor:
    """``[C]`` shaped to broadcast against ``[B, C, d1, ...]``."""
    return vector.view(1, -1, *[1] * (logits.dim() - 2))


def normalised(distribution: Tensor) -> Tensor:
    """``distribution`` over its sum."""
    return distribution / distribution.sum()
