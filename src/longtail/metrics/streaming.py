"""Streaming: every metric of ``evaluate`` from batches, where the predictions don't fit in memory or sit on
several ranks.

All metrics are functions of sums, so batches, merged parts and ranks give the same result up to rounding.
Memory is O(C * bins).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from longtail.metrics.calibration import bin_index, classwise_gaps, expected_calibration_error
from longtail.metrics.classes import from_sums, group_recall
from longtail.metrics.inputs import ArrayLike, as_labels, as_probs, as_tensor
from longtail.metrics.weighting import class_weights

EPS = float(
    torch.finfo(torch.float64).eps
)  # as scikit-learn's log_loss: a certain mistake costs 36 nats, not infinity


class Streaming:
    """Accumulates batches of probabilities and labels.

    Args:
        num_classes: C.
        prior: the deployment prior ``[C]``; it needs ``counts``. None is the evaluation set's own.
        counts: examples of each class in the whole evaluation set, over all batches and ranks, ``[C]``
            (labels are cheap to count beforehand; the weights follow from them).
        groups: class indices by name, as ``Labels.groups`` gives; their mean recalls are reported under these
            names.
        bins: of the calibration errors.
        device: where the sums are kept.

    Raises:
        ValueError: a prior without counts.

    >>> s = Streaming(2)
    >>> for p, y in [([[0.9, 0.1]], [0]), ([[0.6, 0.4]], [1])]:
    ...     s.update(p, y)
    >>> s.compute()["accuracy"]
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        *,
        prior: ArrayLike | None = None,
        counts: ArrayLike | None = None,
        groups: Mapping[str, Tensor] | None = None,
        bins: int = 15,
        device: torch.device | str = "cpu",
    ) -> None:
        if prior is not None and counts is None:
            raise ValueError(
                "prior needs counts, the evaluation set's examples per class: count its labels first"
            )
        if counts is not None and tuple(as_tensor(counts).shape) != (num_classes,):
            raise ValueError(f"counts has shape {tuple(as_tensor(counts).shape)}; it must be [{num_classes}]")
        self.num_classes, self.bins, self.groups = num_classes, bins, dict(groups or {})
        ones = torch.ones(num_classes, dtype=torch.float64)
        weights = ones if prior is None or counts is None else class_weights(counts, prior)
        self.class_weight = weights.to(device)
        shapes: dict[str, tuple[int, ...]] = {
            **dict.fromkeys(("count", "plain_hits", "hits", "decided"), (num_classes,)),
            **dict.fromkeys(("nll", "brier"), ()),
            **dict.fromkeys(("bin_mass", "bin_confidence", "bin_hits"), (bins,)),
            "gaps": (num_classes, bins),
        }
        self.sums = {name: torch.zeros(s, dtype=torch.float64, device=device) for name, s in shapes.items()}

    def update(self, probs: ArrayLike, y: ArrayLike, decisions: ArrayLike | None = None) -> None:
        """Add a batch: ``probs [B, C]``, ``y [B]``, and ``decisions [B]`` where they are not the most
        probable class."""
        device, c, bins = self.class_weight.device, self.num_classes, self.bins
        p = as_probs(probs).to(device)
        if p.shape[1] != c:
            raise ValueError(f"probs has {p.shape[1]} columns for num_classes={c}")
        labels = as_labels(y, c, length=len(p)).to(device)
        confidence, best = p.max(1)
        chosen = best if decisions is None else as_labels(decisions, c, "decisions", len(p)).to(device)
        w, true = self.class_weight[labels], p.gather(1, labels[:, None]).squeeze(1)
        index, right = bin_index(confidence, bins), (best == labels).double()
        hit = (chosen == labels).double()
        # sum_j (p_j - 1[j = y])^2 = |p|^2 - 2 p_y + 1
        added = {
            "count": torch.bincount(labels, minlength=c).double(),
            "plain_hits": torch.bincount(labels, weights=hit, minlength=c),
            "hits": torch.bincount(labels, weights=w * hit, minlength=c),
            "decided": torch.bincount(chosen, weights=w, minlength=c),
            "nll": -(w * true.clamp(min=EPS).log()).sum(),
            "brier": (w * (p.square().sum(1) - 2 * true + 1)).sum(),
            "bin_mass": torch.bincount(index, weights=w, minlength=bins),
            "bin_confidence": torch.bincount(index, weights=w * confidence, minlength=bins),
            "bin_hits": torch.bincount(index, weights=w * right, minlength=bins),
            "gaps": classwise_gaps(p, labels, w, bins),
        }
        for name, value in added.items():
            self.sums[name] += value

    def merge(self, other: Streaming) -> None:
        """Add what ``other`` (made with the same arguments) has seen."""
        same = (self.num_classes, self.bins) == (other.num_classes, other.bins)
        if not same or not torch.equal(self.class_weight.cpu(), other.class_weight.cpu()):
            raise ValueError("merge: the other one was made with other classes, bins, prior or counts")
        for name, value in other.sums.items():
            self.sums[name] += value.to(self.class_weight.device)

    def all_reduce(self) -> None:
        """Sum over the ranks of the default ``torch.distributed`` group; call it once, before ``compute``."""
        for value in self.sums.values():
            torch.distributed.all_reduce(value)

    def compute(self) -> dict[str, float]:
        """The metrics of :func:`longtail.metrics.evaluate`.

        Raises:
            ValueError: nothing was added yet.
        """
        s = self.sums
        true = s["count"] * self.class_weight
        total = float(true.sum())
        if not total > 0:
            raise ValueError("no example of a class with a positive prior was added: call update first")
        occurs = true > 0
        recall = torch.where(occurs, s["plain_hits"] / s["count"], torch.nan)
        f1 = from_sums(s["hits"], true, s["decided"])["f1"]
        mass = torch.where(s["bin_mass"] > 0, s["bin_mass"], 1.0)
        binned = {
            "confidence": s["bin_confidence"] / mass,
            "accuracy": s["bin_hits"] / mass,
            "weight": s["bin_mass"],
        }
        seen = recall[occurs]
        return {
            "accuracy": float(s["hits"].sum()) / total,
            "balanced_accuracy": float(seen.mean()),
            "macro_f1": float(f1.nanmean()),
            "g_mean": float(seen.log().mean().exp()),
            "worst_class_recall": float(seen.min()),
            **group_recall(recall, self.groups),
            "nll": float(s["nll"]) / total,
            "brier": float(s["brier"]) / total,
            "ece": expected_calibration_error(binned),
            "classwise_ece": float(s["gaps"].abs().sum(1).mean()) / total,
        }
