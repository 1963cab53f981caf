"""Bench: the published CIFAR-LT tables, trained again: protocol, published numbers, runner, tables and figures.
The room is a verb too: ``longtail.bench("cifar10-lt", data=...)``.
"""

from longtail.bench.benchmark import bench
from longtail.bench.cifar import CifarLT, read_cifar
from longtail.bench.plan import CifarPlan, Draw, design
from longtail.bench.published import Published, published, reference
from longtail.bench.statistics import components, rank_agreement, spearman
from longtail.verb import callable_room

__all__ = [
    "CifarLT",
    "CifarPlan",
    "Draw",
    "Published",
    "bench",
    "components",
    "design",
    "published",
    "rank_agreement",
    "read_cifar",
    "reference",
    "spearman",
]

callable_room(__name__)
