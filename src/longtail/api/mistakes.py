"""Errors: the rows that a compared recipe gets wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longtail.api.loading import DEFAULT_OUT, Given
from longtail.api.splitting import load_parts
from longtail.comparison.kept import best_recipe, cells, mistakes, predictions, with_cells
from longtail.comparison.record import read_results
from longtail.store import FolderStore


def errors(
    out: str | Path = DEFAULT_OUT,
    *,
    recipe: str | None = None,
    per_class: int = 5,
    data: Given | None = None,
    **how: Any,
) -> Any:
    """The most certain mistakes of a recipe for each class, as a pandas DataFrame.

    Columns: ``row`` (from 0, among the rows that were read), ``fold``, ``seed``, ``truth``, ``decision``, its
    ``probability`` under the declared prior, ``p_truth``, and the row itself (cells, text or path) where the data can
    still be read. ``frame.attrs["note"]`` says why it is not shown, if so; ``frame.attrs["recipe"]`` is the recipe.

    Args:
        out: the folder that ``compare`` wrote.
        recipe: None is the best one.
        per_class: mistakes of each true class, at most.
        data: the data that were compared, if they moved; None looks where they were.
        how: how to read the data, where that is otherwise than for the comparison.

    Raises:
        ValueError: ``recipe`` was not compared there, ``per_class`` is below 1, or what it said is no longer there.
        OSError: ``out`` holds no comparison.
    """
    if per_class < 1:
        raise ValueError(f"per_class={per_class} must be at least 1")
    results = read_results(Path(out) / "results.json")
    name = recipe or best_recipe(results)
    asked = {"test": None, "valid": None, **results.data.asked, **how}
    costs, of = results.settings.costs, None
    if costs is not None and costs.columns:  # what was decided hangs on them
        asked["cost_columns"] = costs.columns
        of = load_parts(results.data.path if data is None else data, **asked).costs_of
    found = mistakes(predictions(results, FolderStore(Path(out)).outputs, name, of), per_class)
    found = found.drop(columns=[f"p_{c}" for c in results.data.names if c != "truth"], errors="ignore")
    note = ""
    try:
        dataset = load_parts(results.data.path if data is None else data, **asked)
        if dataset.fingerprint == results.data.fingerprint:
            found = with_cells(found, cells(dataset.raw, found["row"].tolist()))
        else:
            note = (
                f"the rows are not shown: {results.data.path} is not as it was when compared, or is read with other "
                "options (such as --label) now"
            )
    except (OSError, ValueError, ImportError) as why:
        note = f"the rows are not shown: {why}"
    found.attrs.update(note=note, recipe=name)
    return found
