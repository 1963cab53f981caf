"""The room: every metric of it, found by walking its files. There is no other list."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from torch import Tensor

from longtail.metrics.group_recall import of_group
from longtail.metrics.metric import COUNT, Metric, Sum
from longtail.metrics.point import Point


@cache
def found() -> Mapping[str, Metric]:
    """Every metric by its name, in the order in which tables list them.

    >>> metric = found()["macro_f1"]
    >>> metric.title, metric.better, metric.needs, metric.weights
    ('macro F1', 'higher', 'decisions', 'rows')
    """
    metrics: dict[str, Metric] = {}
    for file in pkgutil.iter_modules([str(Path(__file__).parent)]):
        module = importlib.import_module(f"longtail.metrics.{file.name}")
        for metric in getattr(module, "METRICS", ()):
            if metric.name in metrics:
                raise ValueError(f"two metrics are called {metric.name!r}")
            metrics[metric.name] = metric
    return {m.name: m for m in sorted(metrics.values(), key=lambda m: (m.place, m.name))}


def named(name: str) -> Metric:
    """The metric of a name: of the room, or a point such as ``recall@precision>=0.9``: for its title, its meaning and
    which side is better. (What a point is computed from needs its class.)

    Raises:
        ValueError: there is none.

    >>> named("fpr@recall>=0.95").better
    'lower'
    """
    if "@" in name:
        point = Point.of_text(name.rpartition(" of ")[2])
        return point.metrics(0)[int(name != point.name)]
    if name not in found():
        raise ValueError(f"there is no metric {name!r}; there are {', '.join(found())}")
    return found()[name]


def chosen(
    num_classes: int,
    groups: Mapping[str, Tensor],
    asked: Sequence[str | Metric] | None = None,
    costs: bool = False,
    sequences: bool = False,
) -> tuple[Metric, ...]:
    """The metrics that say something of so many classes and these groups.

    Args:
        num_classes: C.
        groups: class indices by name; each gets its mean recall, under its name.
        asked: names, or metrics of your own; None is every one of the room.
        costs: are costs declared?
        sequences: are rows tagged tokens in sequences?

    Raises:
        ValueError: there is no metric of a name that was asked for.
    """
    known = {**found(), **{name: of_group(name) for name in groups if name not in found()}}
    if asked is None:
        wanted = list(known.values())
    else:
        if unknown := [m for m in asked if isinstance(m, str) and m not in known]:
            raise ValueError(f"there is no metric {unknown[0]!r}; there are {', '.join(known)}")
        wanted = [known[m] if isinstance(m, str) else m for m in asked]
    return tuple(m for m in wanted if m.applies(num_classes, groups, costs, sequences))


def sums_of(metrics: Sequence[Metric]) -> dict[str, Sum]:
    """The sums that some metrics need, each once, by name."""
    return {s.name: s for s in (COUNT, *(s for m in metrics for s in m.sums))}
