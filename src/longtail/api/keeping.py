"""The model to keep: the best recipe of a comparison, trained on all rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtail.api.training import fit_all
from longtail.chosen import pick
from longtail.comparison.kept import best_recipe
from longtail.comparison.length import Length, usual
from longtail.comparison.plan import Plan
from longtail.comparison.record import Results, Run
from longtail.comparison.schedule import CLOSING, rebuilt_seconds, whole_seconds
from longtail.data import FeatureEncoder
from longtail.model import Model, tidy
from longtail.run import OutOfTime
from longtail.run.engine import stop_at
from longtail.run.loop import On


def earlier_model(
    results: Results, found: Results | None, folder: Path
) -> tuple[Path | None, dict[str, Any]] | None:
    """What to say of the model on all rows that an earlier call left; None where there is none. Where it is of the best
    recipe, as that is judged now, its folder comes first.
    """
    was, best = None if found is None else found.model, best_recipe(results)
    if (
        not was
        or not was["path"]
        or was["rows"] != "all rows"
        or not (folder / "model" / "model.json").exists()
    ):
        return None
    tidy(folder / "model")
    said = {**{k: was[k] for k in ("recipe", "rows", "notes") if k in was}, "path": str(folder / "model")}
    if was["recipe"] == best:
        return folder / "model", said
    why = f"Now {best} is best, and nothing was trained: the same with --model (model=True in Python) makes its model."
    return None, {**said, "why": why}


def keep(
    plan: Plan,
    results: Results,
    folder: Path,
    deadline: float,
    budget: float | None,
    on: On,
    before: FeatureEncoder | None,
    found: Results | None,
) -> tuple[Model | None, Mapping[str, Any] | None]:
    """The best recipe trained on all rows and saved; where there is no time for that, its model of the first fold.

    Returns:
        The model, and what to say of it.
    """
    name = best_recipe(results)
    if name not in dict(plan.recipes):
        try:
            plan = replace(plan, recipes=(*plan.recipes, *pick([name]).items()))
        except ValueError:
            was = None if found is None else found.model
            if was and was["recipe"] == name:
                return None, was
            why = "it is of an earlier call: pass that recipe again to have its model"
            return None, {"recipe": name, "path": None, "why": why}
    runs = list(results.by_recipe[name].values())
    first = runs[0]
    target = folder / "model"
    try:
        late = (
            math.inf if budget is None else max(10.0, budget / 10) / 2
        )  # seconds after the deadline, at most
        rebuilt = 0.0 if budget is None else rebuilt_seconds(first)
        if plan.engine.clock() + whole_seconds(first, plan.trained_share) <= deadline - CLOSING[0]:
            try:
                on({"running": f"{name} on all rows, to keep"})
                length = usual([run.length for run in runs if run.length is not None])
                kept = _fitted(plan, name, folder, deadline - rebuilt, on, before, None, length)
                kept.save(target)
                return kept, {"recipe": name, "path": str(target), "rows": "all rows"}
            except OutOfTime:
                pass
        on({"running": f"{name}, its model of fold {first.fold + 1}, to keep"})
        kept = _fitted(plan, name, folder, max(plan.engine.clock(), deadline) + late, on, before, first)
        kept.save(target)
        rows = f"the training rows of fold {first.fold + 1}: no time for all rows"
        return kept, {"recipe": name, "path": str(target), "rows": rows}
    except OutOfTime:
        return None, {"recipe": name, "path": None, "why": "out of time; the same again makes it"}
    except Exception as why:  # the comparison must not be lost for its last step
        return None, {"recipe": name, "path": None, "why": f"{type(why).__name__}: {why}"}


def _fitted(
    plan: Plan,
    name: str,
    folder: Path,
    deadline: float,
    on: On,
    before: FeatureEncoder | None,
    of: Run | None,
    length: Length | None = None,
) -> Model:
    """A recipe trained on all rows, for the length that the folds found, or on those of a run, by a deadline."""
    stop = None if math.isinf(deadline) else deadline
    fold, seed = (None, 0) if of is None else of.cell
    with stop_at(stop, plan.engine.clock):
        return fit_all(
            plan, name, folder, replace(plan.engine, deadline=stop), on, seed=seed, before=before, fold=fold,
            length=length,
        )  # fmt: skip
