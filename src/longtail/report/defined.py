"""Defined: what each recipe is and how its training went, in words for those who check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from longtail.comparison.leaderboard import as_float
from longtail.comparison.record import Results, Run
from longtail.part import to_json
from longtail.recipe import Stage

ALWAYS = ("epochs", "batch_size", "optim", "schedule")
"""Settings of a stage that are said even where they are the usual ones."""
WORDS = {"batch_size": "batch", "optim": "optimiser", "streams": "rows by", "norm_stats": "statistics move"}
MOST = 8
"""Numbers of a vector, and runs, that are written out."""
PRIORS = {
    "closed form": "by a formula; held-out rows agree",
    "closed form, off: fitted": "by a formula that held-out rows contradicted, so calibrated on them",
    "fitted": "calibrated on held-out rows",
    "none": "not known",
}


@dataclass(frozen=True)
class Defined:
    """One recipe.

    Attributes:
        title: as tables show it.
        settings: a line for each stage, and one for what comes after them.
        fitted: what was fitted on held-out rows, a line for each run.
        ended: whether training converged, and after how long.
        prior: where the prior of its scores is known from.
    """

    title: str
    settings: tuple[str, ...]
    fitted: tuple[str, ...]
    ended: tuple[str, ...]
    prior: str


def defined(results: Results) -> list[Defined]:
    """Each recipe that has a finished run, in the order of the table."""
    found = []
    for name, about in results.recipes.items():
        runs = list(results.by_recipe.get(name, {}).values())
        if runs:
            sources = dict.fromkeys(PRIORS.get(run.prior_source, run.prior_source) for run in runs)
            found.append(
                Defined(
                    title=about.get("title") or name,
                    settings=tuple(_settings(results.definitions.get(name, {}))),
                    fitted=tuple(_by_run(runs)),
                    ended=tuple(_ended(runs)),
                    prior="; ".join(sources),
                )
            )
    return found


def in_words(value: Any) -> str:
    """A value of a recipe, as its JSON has it, in a line.

    >>> in_words({"part": "losses/Focal", "kwargs": {"gamma": 2.0, "alpha": None}})
    'Focal(gamma 2)'
    >>> in_words({"switch": [[0.0, 1], [0.8, 2]]}), in_words([0.25, 0.5]), in_words(list(range(20)))
    ('1, from 80 % of training 2', '0.25, 0.5', '20 numbers from 0 to 19')
    """
    if isinstance(value, Mapping):
        if "switch" in value:
            first, *later = ((start, in_words(v)) for start, v in value["switch"])
            return "".join([first[1], *(f", from {100 * start:.0f} % of training {v}" for start, v in later)])
        if "part" in value:
            name = str(value["part"]).rpartition("/")[2].rpartition(":")[2]
            inside = ", ".join(
                f"{k} {in_words(v)}" for k, v in value["kwargs"].items() if v is not None and v != []
            )
            return f"{name}({inside})" if inside else name
        return ", ".join(f"{k} {in_words(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        if len(value) > MOST and all(isinstance(v, int | float) for v in value):
            return f"{len(value)} numbers from {min(value):.4g} to {max(value):.4g}"
        return ", ".join(in_words(v) for v in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _settings(definition: Mapping[str, Any]) -> list[str]:
    lines = [in_words(definition["estimator"])] if "estimator" in definition else []
    lines += [_stage(stage) for stage in definition.get("stages", ())]
    if definition.get("finish"):
        lines.append(f"then {in_words(definition['finish'])}")
    for teacher in definition.get("teachers", ()):
        lines += [f"teacher {teacher['name']}: {line}" for line in _settings(teacher)]
    return lines


def _stage(stage: Mapping[str, Any]) -> str:
    """A stage's usual settings, and those that differ from the defaults."""
    parts = []
    for name in (*ALWAYS, *(f.name for f in fields(Stage) if f.name not in ALWAYS)):
        value = stage.get(name)
        if name == "name" or value is None or (name not in ALWAYS and value == _usual().get(name)):
            continue
        parts.append(f"{WORDS.get(name, name.replace('_', ' '))} {in_words(value)}")
    name = f"{stage['name']}: " if stage.get("name") else ""
    return name + "; ".join(parts)


def _usual() -> dict[str, Any]:
    return {f.name: to_json(f.default) for f in fields(Stage) if f.name not in ("epochs", "name")}


def _by_run(runs: Sequence[Run]) -> list[str]:
    """What was fitted, a line for each run, or one for all where it is the same."""
    lines = [
        (f"fold {run.fold + 1}" + (f", seed {run.seed}" if run.seed else ""), _fitted(run)) for run in runs
    ]
    if len({text for _, text in lines}) == 1:
        return [lines[0][1]] if lines[0][1] else []
    more = [f"and {len(lines) - MOST} more in results.json"] if len(lines) > MOST else []
    return [f"{where}: {text or 'nothing'}" for where, text in lines[:MOST]] + more


def _fitted(run: Run) -> str:
    parts = [in_words(value) for value in run.fitted.values()]
    penalties = [as_float(event["c"]) for event in run.history if event.get("c") is not None]
    parts += [f"penalty 1/c with c {in_words(penalties)}"] if penalties else []
    return "; ".join(parts)


def _ended(runs: Sequence[Run]) -> list[str]:
    done = sum(run.converged is True for run in runs)
    checked = sum(run.converged is not None for run in runs)
    said = f"converged in {done} of {checked} runs" if checked else "not checked, since its length was given"
    epochs = [run.length.epochs for run in runs if run.length is not None]
    tried = next((run.length.tried for run in runs if run.length is not None and run.length.tried), ())
    lines = [said]
    if epochs:
        lines.append(f"base stage: {in_words(epochs)} epochs")
    if tried:
        lines.append(
            "tried in the first run: " + ", ".join(f"{e} epochs (held-out loss {v:.3f})" for e, v in tried)
        )
    return lines
