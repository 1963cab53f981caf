"""The threshold below which a class is rare, found in the training set's own counts."""

from __future__ import annotations

from torch import Tensor


def tail_threshold(sizes: Tensor, tail: float) -> float:
    """The share lambda below which classes are rare: the rarest classes that together hold at most ``tail`` of all
    examples are. 0 where no class is.

    Tan et al., "Equalization Loss", CVPR 2020, measure lambda by the "tail ratio", the share of all examples that rare
    classes hold, and do best at 2 % to 10 %. At 10 % this gives .005 on CIFAR-100-LT and .05 on CIFAR-10-LT, both at 100,
    to within the gap between two classes: what their ports set by hand.

    Args:
        sizes: counts or shares ``[C]``.
        tail: in [0, 1).

    Raises:
        ValueError: ``tail`` outside [0, 1).

    >>> import torch
    >>> tail_threshold(torch.tensor([80, 12, 5, 3]), 0.1), tail_threshold(torch.tensor([50, 50]), 0.1)
    (0.12, 0.0)
    """
    check_tail(tail)
    share = sizes.double() / sizes.sum()
    levels = share.unique()  # rising; classes of one size are rare together or not at all
    held = (share.unsqueeze(0) * (share.unsqueeze(0) <= levels.unsqueeze(1))).sum(1)
    common = levels[held > tail + 1e-12]
    return 0.0 if len(common) == len(levels) else float(common[0])


def check_tail(tail: float) -> None:
    """Raise ValueError unless it is a share below 1."""
    if not 0 <= tail < 1:
        raise ValueError(
            f"tail={tail} must lie in [0, 1): the share of the examples that rare classes may hold"
        )


def no_rare_class(counts: Tensor, plain: str, threshold: float, found: bool) -> str | None:
    """What to say where no class is rare; None where one is.

    Args:
        counts: examples or shares ``[C]``.
        plain: what the loss is then.
        threshold: a class with a smaller share is rare.
        found: was it found in the counts?
    """
    share = counts.double() / counts.sum()
    if bool((share < threshold).any()):
        return None
    why = (
        "its tail would hold more of the rows than it may (tail)"
        if found
        else f"the rarest has a share of {float(share.min()):.3g}, and the threshold is {threshold:g}"
    )
    return (
        f"no class is rare here: {why}, so the loss is {plain}. Take weighted-ce or balanced-softmax instead"
    )
