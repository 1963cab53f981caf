"""Clean: free the disk space that is kept to go on from."""

from __future__ import annotations

from pathlib import Path

from longtail.api.loading import DEFAULT_OUT
from longtail.store import OURS, stores_in


def clean(out: str | Path = DEFAULT_OUT) -> int:
    """Free what ``compare`` or ``bench`` kept to go on from; results, finished runs, report and model stay.

    Made again, the same call shows the same table; more folds or another model are trained from the start.

    Args:
        out: the folder they wrote; of several data sets, the one that holds theirs.

    Returns:
        bytes freed.

    Raises:
        FileNotFoundError: no such folder, or it is none of theirs.
    """
    folder = Path(out)
    ours = ("results.json", "ranks.json", *OURS)
    if not any((folder / name).exists() for name in ours):
        raise FileNotFoundError(f"{folder} is no folder that compare or bench wrote")
    return sum(store.stages.clear() for store in stores_in(folder))


def cache_size(out: str | Path) -> int:
    """Bytes that :func:`clean` would free."""
    return sum(store.stages.size for store in stores_in(Path(out)))
