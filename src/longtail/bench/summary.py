"""Summary: the runs of a benchmark, averaged by imbalance and recipe, with the published number beside."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from longtail.bench.plan import Draw
from longtail.bench.published import Published, reference
from longtail.bench.statistics import components, rank_agreement

Results = Mapping[str, Any]
Score = tuple[float, float]  # mean and sample standard deviation

METRICS = ("accuracy", "many", "medium", "few", "ece")


@dataclass(frozen=True)
class Line:
    """One recipe at one imbalance; scores in per cent, times in seconds.

    Attributes:
        recipe, imbalance: which.
        runs: finished runs in which all seeds differ; planned: how many there are to be.
        as_trained: (mean, sd) of each metric of the recipe's own decisions.
        balanced: the same with the prior set to balanced; empty where the prior of its logits is not known.
        seconds: mean training time of a run by itself, stages it shares with others and its teachers included.
        cost: the same in runs of erm with the same seeds (processor time on a CPU, where other work does not count); nan
            without a run of erm.
        published: the number beside it, if there is one.
        problem: the error of a failed run.
    """

    recipe: str
    imbalance: float
    runs: int
    planned: int
    as_trained: dict[str, Score]
    balanced: dict[str, Score]
    seconds: float
    cost: float
    published: Published | None
    problem: str | None

    @property
    def difference(self) -> float:
        """Ours, as trained, minus the published accuracy, in points; nan without one of the two."""
        if self.published is None or not self.runs:
            return math.nan
        return self.as_trained["accuracy"][0] - self.published.accuracy


def draw_of(run: Mapping[str, Any]) -> Draw:
    return Draw(run["subset"], run["init"], run["order"])


def lines(results: Results, imbalance: float) -> list[Line]:
    """One line a recipe, the most accurate (as trained) first; those without a finished run last."""
    settings = results["settings"]
    strong = settings["augment"] != "crop-flip"
    clock = "cpu_seconds" if settings["device"] == "cpu" else "seconds"
    unit = _units(results, imbalance, clock)
    out = []
    for name in settings["recipes"]:
        of = [r for r in results["runs"] if r["recipe"] == name and r["imbalance"] == imbalance]
        done = [
            r for r in of if r["status"] == "done" and r["subset"] == r["init"] == r["order"]
        ]  # those that change one factor alone are for the components
        failed = [r for r in of if r["status"] == "failed"]
        line = Line(
            recipe=name,
            imbalance=imbalance,
            runs=len(done),
            planned=settings["seeds"],
            as_trained=_scores(done, "as_trained"),
            balanced=_scores(done, "balanced"),
            seconds=statistics.fmean(own_seconds(r) for r in done) if done else math.nan,
            cost=_cost(done, unit, clock),
            published=reference(name, settings["benchmark"], imbalance, strong),
            problem=failed[0]["error"] if failed else None,
        )
        out.append(line)
    out.sort(key=lambda line: -line.as_trained["accuracy"][0] if line.runs else math.inf)
    return out


def own_seconds(run: Mapping[str, Any], clock: str = "seconds") -> float:
    """Training time of the recipe's own stages; not of the second training that fits tau or a calibrator."""
    return float(sum(s[clock] for s in run["stages"] if not s["refit"]))


def _units(results: Results, imbalance: float, clock: str) -> dict[Draw, float]:
    """What erm took, by run."""
    return {
        draw_of(r): own_seconds(r, clock)
        for r in results["runs"]
        if (r["recipe"], r["imbalance"], r["status"]) == ("erm", imbalance, "done")
    }


def _cost(runs: Sequence[Mapping[str, Any]], unit: Mapping[Draw, float], clock: str) -> float:
    found = [own_seconds(r, clock) / unit[draw_of(r)] for r in runs if unit.get(draw_of(r))]
    return statistics.fmean(found) if found else math.nan


def agreement(results: Results, imbalance: float, comparable: bool) -> tuple[float, float, float, int]:
    """Spearman's correlation of our accuracies with the published, its interval, and over how many recipes.

    Args:
        comparable: only numbers from the same net and the same kind of augmentation.
    """
    settings = results["settings"]
    wanted = "standard" if settings["augment"] == "crop-flip" else "strong"
    ours: dict[str, list[float]] = {}
    theirs: dict[str, float] = {}
    for line in lines(results, imbalance):
        p = line.published
        if p is None or not line.runs:
            continue
        if comparable and not (p.source.same_backbone and p.source.augment == wanted):
            continue
        theirs[line.recipe] = p.accuracy
        ours[line.recipe] = [
            r["scores"]["as_trained"]["accuracy"]
            for r in results["runs"]
            if (r["recipe"], r["imbalance"], r["status"]) == (line.recipe, imbalance, "done")
            and r["subset"] == r["init"] == r["order"]
        ]
    return rank_agreement(ours, theirs)


def spread(
    results: Results, imbalance: float, recipe: str, prior: str = "as_trained"
) -> dict[str, tuple[float, float, int]]:
    """Components of the spread of the accuracy, in points; see ``statistics.components``."""
    scores = {
        draw_of(r): 100 * r["scores"][prior]["accuracy"]
        for r in results["runs"]
        if (r["recipe"], r["imbalance"], r["status"]) == (recipe, imbalance, "done") and prior in r["scores"]
    }
    return components(scores)


def _scores(runs: Sequence[Mapping[str, Any]], prior: str) -> dict[str, Score]:
    out = {}
    for metric in METRICS:
        found = [r["scores"].get(prior, {}).get(metric) for r in runs]
        values = [100 * v for v in found if v is not None]
        if values:
            sd = statistics.stdev(values) if len(values) > 1 else math.nan
            out[metric] = (statistics.fmean(values), sd)
    return out
