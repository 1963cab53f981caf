"""Group recall: the mean recall of the many-, medium- and few-shot classes.

Groups: Liu et al., *Large-Scale Long-Tailed Recognition in an Open World* (OLTR), CVPR 2019; the thresholds
used since are Kang et al.'s (*Decoupling*, ICLR 2020): many > 100, few < 20 training images. Differs from the
authors' code in that a group without a class is nan; Kang et al.'s returns 0, which reads like a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import Tensor

from longtail.metrics.balanced_accuracy import recall
from longtail.metrics.inputs import as_tensor
from longtail.metrics.metric import Metric, Seen
from longtail.metrics.sums import PLAIN_HITS


def group_recall(recall: Tensor, groups: Mapping[str, Tensor]) -> dict[str, float]:
    """Mean recall of the classes of each group; classes with nan are left out, and a group with none left is
    nan.

    >>> import torch
    >>> group_recall(torch.tensor([0.75, torch.nan]), {"many": torch.tensor([0]), "few": torch.tensor([1])})
    {'many': 0.75, 'few': nan}
    """
    return {name: float(mean_recall(recall, group)) for name, group in groups.items()}


def mean_recall(recall: Tensor, group: Tensor) -> Tensor:
    return recall[as_tensor(group).long().to(recall.device)].nanmean()


def _of(group: str, seen: Seen) -> Tensor:
    return mean_recall(recall(seen), seen.groups[group])


def of_group(group: str, said: str = "group's", place: float = 69.0, importance: int = 0) -> Metric:
    """The mean recall of a group of classes, under the group's name."""
    return Metric(
        name=group,
        title=group,
        meaning=f"Mean recall of the {said} classes.",
        better="higher",
        needs="decisions",
        weights="within classes",
        of=partial(_of, group),
        sums=(PLAIN_HITS,),
        smooth=True,
        group=group,
        place=place,
        importance=importance,
    )


METRICS = (
    of_group("many", "frequent (more than 100 training rows)", 61, 80),
    of_group("medium", "medium (20 to 100 training rows)", 62, 70),
    of_group("few", "rare (fewer than 20 training rows)", 63, 90),
)
