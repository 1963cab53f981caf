"""Counted: what of a comparison counts. The folds that can be compared when time ran out, the recipes of an earlier
call that join the table, and what to say where nothing finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from longtail.comparison.record import FORMAT, Results, Run
from longtail.comparison.run import mark_shared
from longtail.comparison.schedule import duration, many
from longtail.run.engine import OutOfTime

Cell = tuple[int, int]

MOST = 0.75
"""A deeper fold counts when so large a share of the recipes has finished it."""

ALIKE = ("folds", "seeds", "tuning", "duplicates", "epochs", "backbone", "device", "precision", "split")
"""Settings that have to be equal for two tables to be one. How runs are judged is none of them: they are judged anew."""


class RunsFailed(RuntimeError):
    """Every run of a comparison failed."""


def check_finished(runs: Sequence[Run], budget: float | None) -> None:
    """Where no run finished there is no table.

    Raises:
        OutOfTime: there was no time for any.
        RunsFailed: they failed.
    """
    if any(run.done for run in runs):
        return
    failed = {run.recipe: run.error for run in runs if run.status == "failed"}
    why = "; ".join(f"{name}: {error}" for name, error in list(failed.items())[:5])
    if any(run.status == "skipped" for run in runs):
        some = f" (failed: {why})" if why else ""
        raise OutOfTime(
            f"no run finished in {duration(budget or 0)}{some}. What was begun is kept: the same again goes on; "
            "or give it a larger --budget (budget=... in Python), fewer recipes, or fewer rows"
        )
    raise RunsFailed(f"every run failed. {why}")


def counted(runs: list[Run], cells: Sequence[Cell], budget: float | None) -> tuple[list[Run], str | None]:
    """The runs that count, and what was left out, in words; None where nothing was.

    As many folds count as most of the recipes that finished the first one have finished, so that what is compared was
    tested on the same rows. The others stay on disk, and count when the same call is made again.

    >>> run = lambda name, fold, status="done": Run(recipe=name, fold=fold, seed=0, status=status)
    >>> runs = [run("a", 0), run("a", 1), run("b", 0), run("b", 1, "skipped")]
    >>> kept, said = counted(runs, [(0, 0), (1, 0)], 60)
    >>> [(run.recipe, run.fold) for run in kept]
    [('a', 0), ('b', 0)]
    >>> said
    'Out of time after 60 s: 2 of 2 recipes are ranked, on 1 of 2 folds. The same again goes on from here.'
    """
    if not any(run.status == "skipped" for run in runs):
        return runs, None
    done: dict[str, set[Cell]] = {run.recipe: set() for run in runs}
    for run in runs:
        if run.done:
            done[run.recipe].add(run.cell)
    first = [name for name, of in done.items() if cells[0] in of]
    whole = {k: [name for name in done if set(cells[:k]) <= done[name]] for k in range(1, len(cells) + 1)}
    k = max((k for k, of in whole.items() if first and len(of) >= MOST * len(first)), default=len(cells))
    inside = set(cells[:k])
    kept = [run for run in runs if run.status == "failed" or (run.done and run.cell in inside)]
    folds = "fold" if all(seed == 0 for _, seed in cells) else "run"
    ranked = whole[k] if first else []
    failed = {run.recipe for run in runs if run.status == "failed"}
    none = [name for name in done if not done[name] and name not in failed]
    fewer = [name for name in done if done[name] and name not in ranked]
    parts = [
        f"Out of time after {duration(budget or 0)}: {len(ranked)} of {many(len(done), 'recipe')} are ranked, "
        f"on {k} of {many(len(cells), folds)}."
    ]
    parts += [f"Not run: {', '.join(none)}."] if none else []
    parts += [f"Not on all of these {folds}s, so not ranked: {', '.join(fewer)}."] if fewer else []
    return kept, " ".join([*parts, "The same again goes on from here."])


def earlier(folder: Path, fingerprint: str, counts: Sequence[int]) -> tuple[Results | None, str | None]:
    """The results that a folder holds; None where there are none, or, with the reason, none that can be gone on from.

    Raises:
        ValueError: they are of another data set, or of several.
    """
    remedy = "name another folder with --out (out=... in Python), or delete this one"
    if (folder / "ranks.json").exists():
        raise ValueError(f"{folder} holds the ranks over several data sets: {remedy}")
    file = folder / "results.json"
    if not file.exists():
        return None, None
    try:
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        data = about["data"]
        same = data["fingerprint"] == fingerprint if "fingerprint" in data else data["counts"] == list(counts)
        name, n, known = data["name"], data["n"], about["format"] == FORMAT
        found = Results.from_json(about) if known else None
    except (ValueError, KeyError, TypeError) as why:
        raise ValueError(f"{file} is damaged or not of longtail ({why}): {remedy}") from why
    if not same:
        raise ValueError(f"{folder} holds the results of another data set ({name}, {n:,} rows): {remedy}")
    return found, None if known else "another version of longtail"


def joinable(results: Results, found: Results) -> str | None:
    """Why the recipes of an earlier table cannot stand in this one; None where they can."""
    for name in ("longtail", "torch"):
        if found.versions.get(name) != results.versions[name]:
            return f"another version of {name}"
    for name in ALIKE:
        then, now = getattr(found.settings, name), getattr(results.settings, name)
        if then != now and not (then is None and name in ("device", "precision")):
            return f"other {name}"
    return None


def joined(
    results: Results, found: Results, judged: Callable[[Run], Run | None]
) -> tuple[Results, list[str]]:
    """The results, with the recipes of an earlier table that they lack in front; and the names of those.

    Args:
        judged: a finished run of the earlier table as it is judged now; None where its outputs are gone, which leaves its
            recipe out.
    """
    runs, gone = [], set()
    for run in found.runs:
        if run.recipe in results.recipes or run.status == "skipped":
            continue
        now = judged(run) if run.done else run
        if now is None:
            gone.add(run.recipe)
        else:
            runs.append(now)
    more = [name for name in found.recipes if name not in results.recipes and name not in gone]
    if not more:
        return results, []
    runs = [run for run in runs if run.recipe in more]
    recipes = {**{name: found.recipes[name] for name in more}, **results.recipes}
    definitions = {name: of for name, of in found.definitions.items() if name in more} | {
        **results.definitions
    }
    runs = mark_shared([*runs, *results.runs], list(recipes))
    return results.but(recipes=recipes, definitions=definitions, runs=tuple(runs)), more
