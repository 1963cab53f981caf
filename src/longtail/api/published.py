"""Published experiments, made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtail.bench.benchmark import bench
from longtail.data import Dataset

if TYPE_CHECKING:
    from longtail.reproduce import Reviews


def reproduce(experiment: str, data: str | Path | Dataset | None = None, **settings: Any) -> Reviews:
    """Run a published experiment again, with tests for what it claims.

    Args:
        experiment: "reviews".
        data: None looks under ``LONGTAIL_DATA``.
        settings: as ``longtail.reproduce.reviews`` takes them: folds, seeds, backbone, epochs, look, jobs, out.

    Raises:
        ValueError: no experiment of that name.
    """
    from longtail.reproduce import reviews

    if experiment != "reviews":
        raise ValueError(f"there is no experiment {experiment!r} to reproduce; there is: reviews")
    return reviews(data, **settings)


__all__ = ["bench", "reproduce"]
