"""The data sets that come with longtail, by name: ``digits-lt``, or ``digits-lt:100`` at another imbalance factor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from longtail.data.dataset import Dataset
from longtail.data.digits import digits_lt
from longtail.data.islands import islands_lt
from longtail.data.names import names_lt

BUILT_IN: dict[str, Callable[..., Dataset]] = {
    "digits-lt": digits_lt, "islands-lt": islands_lt, "names-lt": names_lt,
}  # fmt: skip


def is_built_in(path: str | Path) -> bool:
    """Does it name one of ours, and no file or folder?

    >>> is_built_in("digits-lt"), is_built_in("islands-lt:10"), is_built_in("reviews.csv")
    (True, True, False)
    """
    return str(path).partition(":")[0] in BUILT_IN and not Path(path).exists()


def built_in(path: str | Path, imbalance: float | None = None) -> Dataset:
    """One of them; the factor in its name counts before ``imbalance``.

    Raises:
        ValueError: a factor that is no number, or that the data cannot have.
    """
    name, colon, factor = str(path).partition(":")
    make = BUILT_IN[name]
    try:
        asked = float(factor) if colon else imbalance
        return make() if asked is None else make(asked)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; write {name} or, say, {name}:100") from error
