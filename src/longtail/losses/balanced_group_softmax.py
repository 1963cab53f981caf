"""BAGS, balanced group softmax. Li et al., "Overcoming Classifier Imbalance for Long-tail Object Detection
with Balanced Group Softmax", CVPR 2020.

Equation: ``L = sum_g (1 / max(sum_i k_gi, 1)) sum_i k_gi CE(z_g, y_gi)``: a softmax in each group of
similarly frequent classes, with one more slot, "others", that is the target of samples from other groups.

=================  =========================
symbol             argument
=================  =========================
groups             ``edges``: a class with n examples is in group ``#{edges <= n}``
beta               ``others_ratio``: samples of other groups kept for each one of the group, at random
k                  ``keep``, drawn by :func:`kept_others`
group 0            ``background``: ``"first"`` (label 0) or ``"last"`` (label C) adds one of two
                   columns, background and foreground
=================  =========================

Use it to retrain the last layer of a trained model over a thousand classes or so, with a grouped head.

The logits are ``[B, K]``, not ``[B, C]``: group after group, "others" first, then its classes by index;
:class:`GroupLayout` knows the columns, and :func:`merge_groups` turns them back into log scores ``[B, C]``.
Differs from the authors' code (``"first"``) and from the port in that of EQL v2 (``"last"``, whose background
group comes last and holds "others", background) in nothing known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from longtail.losses._checks import Vector, check_finite, check_labels, checked_counts, warn_if_batch, wide
from longtail.losses._reduce import Reduction

Background = Literal["first", "last"]


@dataclass(frozen=True, eq=False)
class GroupLayout:
    """Which columns of grouped logits belong to which label. Make one with :func:`group_layout`.

    Attributes:
        sizes: columns of each group, "others" included.
        column: int64 ``[G, L]``, the column that label l (of L, background included) has as its target in
            group g.
        own: int64 ``[L]``, the group of each label.
        always: bool ``[G]``, True for the background group: all its samples are kept.
        foreground: column of "not background", or None.
        background: label of background, or None.
    """

    sizes: tuple[int, ...]
    column: Tensor
    own: Tensor
    always: Tensor
    foreground: int | None
    background: int | None

    @property
    def width(self) -> int:
        """Number of columns, K."""
        return sum(self.sizes)

    def to(self, device: torch.device) -> GroupLayout:
        """The layout on another device."""
        return replace(
            self, column=self.column.to(device), own=self.own.to(device), always=self.always.to(device)
        )


def group_layout(
    counts: Vector, edges: tuple[int, ...] = (10, 100, 1000), background: Background | None = None
) -> GroupLayout:
    """The columns of grouped logits for classes with these training counts.

    Raises:
        ValueError: edges that do not rise, or an unknown ``background``.

    >>> layout = group_layout([500, 50, 5], edges=(10, 100))
    >>> layout.sizes, layout.column.tolist()
    ((2, 2, 2), [[0, 0, 1], [2, 3, 2], [5, 4, 4]])
    """
    if list(edges) != sorted(set(edges)):
        raise ValueError(f"edges={edges} must rise: the smallest count of the second, third, ... group")
    if background not in (None, "first", "last"):
        raise ValueError(f"background={background!r} is unknown; choose None, 'first' or 'last'")
    n = checked_counts(counts).cpu()
    own = torch.bucketize(n, torch.tensor(edges, dtype=torch.int64), right=True)
    groups, labels = len(edges) + 1, torch.arange(len(n))
    if background == "first":
        own, groups, labels = (
            torch.cat([torch.zeros(1, dtype=torch.int64), own + 1]),
            groups + 1,
            torch.arange(len(n) + 1),
        )
    elif background == "last":
        own, groups, labels = torch.cat([own, torch.tensor([groups])]), groups + 1, torch.arange(len(n) + 1)
    members = own == torch.arange(groups).unsqueeze(1)
    slot = torch.where(members, members.cumsum(1), 0)  # "others" is slot 0
    sizes = members.sum(1) + 1
    always = torch.zeros(groups, dtype=torch.bool)
    foreground = None
    if background == "first":  # its two slots are background, foreground
        slot[0], always[0], foreground = (labels != 0).long(), True, 1
    elif background == "last":  # its two slots are foreground ("others"), background
        always[-1], foreground = True, int(sizes[:-1].sum())
    column = slot + (sizes.cumsum(0) - sizes).unsqueeze(1)
    label = {None: None, "first": 0, "last": len(n)}[background]
    return GroupLayout(tuple(sizes.tolist()), column, own, always, foreground, label)


def kept_others(
    target: Tensor,
    layout: GroupLayout,
    ratio: float = 8.0,
    noise: Tensor | None = None,
    valid: Tensor | None = None,
) -> Tensor:
    """Which samples each group's loss keeps, bool ``[G, B]``: all of the group, and at most ``ratio`` times
    as many others.

    A group without a sample keeps none; the background group keeps all.

    Args:
        noise: uniform in [0, 1), ``[G, B]``; the others with the smallest are kept. None draws it.
        valid: bool ``[B]``; samples where it is False are never kept.
    """
    mine = layout.own[target] == torch.arange(len(layout.sizes), device=target.device).unsqueeze(1)
    valid = torch.ones_like(mine[0]) if valid is None else valid
    mine = mine & valid
    if noise is None:
        noise = torch.rand(mine.shape, device=target.device)
    rank = noise.masked_fill(mine | ~valid, torch.inf).argsort(1).argsort(1)
    room = torch.floor(mine.sum(1, keepdim=True) * ratio)
    return (mine | (rank < room) | layout.always.unsqueeze(1)) & valid


def balanced_group_softmax(
    logits: Tensor,
    target: Tensor,
    layout: GroupLayout,
    *,
    others_ratio: float = 8.0,
    keep: Tensor | None = None,
    reduction: Reduction = "mean",
    ignore_index: int = -100,
) -> Tensor:
    """Balanced group softmax.

    Args:
        logits: grouped, ``[B, K]`` or ``[B, K, d1, ...]``, K = ``layout.width``.
        target: labels ``[B, d1, ...]`` (with ``background="first"``, 0 is background and the classes start at
            1).
        layout: of :func:`group_layout`.
        others_ratio: samples of other groups kept for each one of the group.
        keep: bool or 0/1 ``[G, B]`` to use instead of drawing one.
        reduction: ``"mean"`` is the equation; ``"none"`` gives ``[B, d1, ...]`` whose mean is that, ``"sum"``
            their sum.
        ignore_index: targets of this value count for nothing.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit, or soft labels.

    >>> layout = group_layout([500, 5], edges=(10,))
    >>> z, y = torch.zeros(2, 4), torch.tensor([0, 1])
    >>> round(balanced_group_softmax(z, y, layout).item(), 4)  # 2 groups, log 2 each
    1.3863
    """
    check_finite(others_ratio=others_ratio)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction={reduction!r} is unknown; choose 'none', 'mean' or 'sum'")
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating, got {logits.dtype}: pass the head's raw outputs")
    if target.is_floating_point():
        raise ValueError(
            f"target has dtype {target.dtype}; balanced group softmax needs integer labels, not soft ones"
        )
    if logits.dim() < 2 or logits.shape[1] != layout.width:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}; the {len(layout.sizes)} groups need [B, "
            f"{layout.width}]: use a grouped head"
        )
    if target.shape != logits.shape[:1] + logits.shape[2:]:
        raise ValueError(
            f"target has shape {tuple(target.shape)}; logits {tuple(logits.shape)} need one label a row"
        )
    layout = layout if layout.own.device == logits.device else layout.to(logits.device)
    z = wide(logits).movedim(1, -1).reshape(-1, layout.width)
    flat = target.reshape(-1)
    check_labels(flat, len(layout.own), ignore_index)
    valid = flat != ignore_index
    y = torch.where(valid, flat, 0).long()
    if keep is None:
        keep = kept_others(y, layout, others_ratio, valid=valid)
    k = keep.to(z.dtype)
    lse = torch.stack(
        [torch.logsumexp(part, 1) for part in z.split(layout.sizes, 1)]
    )  # a loop over groups, not classes
    nll = lse - z.gather(1, layout.column[:, y].T).T
    # Not k times the loss: 0 times one that overflowed is no number.
    each = (torch.where(k > 0, k * nll, 0.0) / k.sum(1, keepdim=True).clamp(min=1)).sum(0)
    if reduction == "mean":
        return each.sum()
    each = (each * len(flat)).reshape(target.shape)
    return each if reduction == "none" else each.sum()


def merge_groups(logits: Tensor, layout: GroupLayout) -> Tensor:
    """Grouped logits ``[B, K]`` to the log scores of the labels ``[B, L]``: log p in the own group, plus log
    p(foreground).

    The scores are not normalised over the labels, as published; as logits they are, by any softmax.

    >>> layout = group_layout([500, 5], edges=(10,))
    >>> merge_groups(torch.zeros(1, 4), layout).exp().tolist()
    [[0.5, 0.5]]
    """
    layout = layout if layout.own.device == logits.device else layout.to(logits.device)
    log_p = torch.cat([torch.log_softmax(part, 1) for part in wide(logits).split(layout.sizes, 1)], 1)
    own = log_p[:, layout.column.gather(0, layout.own.unsqueeze(0)).squeeze(0)]
    if layout.foreground is None or layout.background is None:
        return own
    labels = torch.arange(own.shape[1], device=own.device)
    foreground = log_p[:, layout.foreground].unsqueeze(1)
    return own + foreground.masked_fill(labels.eq(layout.background), 0.0)


class BalancedGroupSoftmax(nn.Module):
    """Balanced group softmax; arguments as in :func:`group_layout` and :func:`balanced_group_softmax`.

    ``out_features`` is the number of columns its head needs; :meth:`merge` gives ``[B, C]`` scores at test
    time.

    >>> loss = BalancedGroupSoftmax(counts=torch.tensor([500, 50, 5]), edges=(10, 100))
    >>> loss.out_features, loss(torch.zeros(2, 6), torch.tensor([0, 2])).shape
    (6, torch.Size([]))
    """

    column: Tensor
    own: Tensor
    always: Tensor

    def __init__(
        self,
        counts: Vector,
        *,
        edges: tuple[int, ...] = (10, 100, 1000),
        background: Background | None = None,
        others_ratio: float = 8.0,
        reduction: Reduction = "mean",
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        check_finite(others_ratio=others_ratio)
        if others_ratio < 0:
            raise ValueError(f"others_ratio={others_ratio} must be at least 0")
        layout = group_layout(counts, edges, background)
        self.register_buffer("column", layout.column)
        self.register_buffer("own", layout.own)
        self.register_buffer("always", layout.always)
        self.sizes, self.foreground, self.background = layout.sizes, layout.foreground, layout.background
        self.out_features, self.others_ratio, self.ignore_index = layout.width, others_ratio, ignore_index
        self.total = int(checked_counts(counts).sum())
        self.reduction: Reduction = reduction

    @property
    def layout(self) -> GroupLayout:
        """The columns of each label, on the module's device."""
        return GroupLayout(self.sizes, self.column, self.own, self.always, self.foreground, self.background)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return balanced_group_softmax(
            logits, target, self.layout, others_ratio=self.others_ratio, reduction=self.reduction,
            ignore_index=self.ignore_index,
        )  # fmt: skip

    def merge(self, logits: Tensor) -> Tensor:
        """Log scores ``[B, L]`` of grouped logits; see :func:`merge_groups`."""
        return merge_groups(logits, self.layout)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: the scores come from several softmaxes over sampled negatives."""
        return None
