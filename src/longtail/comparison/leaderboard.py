"""Leaderboard: the results of a comparison as ranked rows, and what they mean in plain words.

Nothing here computes a score: it averages over folds and seeds, pairs recipes run by run, and ranks. Tests are those on
rows that the comparison left in its results (:mod:`longtail.comparison.evidence`); without them, those on folds
(:mod:`longtail.comparison.statistics`).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from longtail import metrics
from longtail.comparison.record import Results, Run
from longtail.comparison.statistics import Difference, corrected_t_test, holm, t_quantile
from longtail.files import whole
from longtail.run.outcome import OFF


class _Lower:
    """The names of metrics whose lower value is the better one; points among them."""

    def __contains__(self, name: object) -> bool:
        return metrics.named(str(name)).better == "lower"


class _Titles(dict[str, str]):
    """The title of each metric by its name; of points too, which are not listed."""

    def __missing__(self, name: str) -> str:
        return metrics.named(name).title


LOWER_IS_BETTER = _Lower()
METRIC_NAMES = _Titles({m.name: m.title for m in metrics.found().values()})
PRIOR_NAMES = {
    "natural": "the natural prior (classes as frequent as in the data)",
    "balanced": "the balanced prior (every class equally frequent)",
    "declared": "the declared prior (the class frequencies you gave)",
}


@dataclass(frozen=True)
class Row:
    """One recipe under one prior.

    Attributes:
        rank: 1 is best; None for a recipe with fewer finished runs than the others, which is not comparable.
        done, planned: finished runs, and folds times seeds.
        mean, sd: of each metric over the finished runs where it is defined; sd is nan with one.
        defined: in how many finished runs each metric is defined.
        as_trained: the mean of each metric of the recipe's own logits, with no prior put in.
        difference, low, high: of the ranking metric to the baseline's, paired, with the 95 % interval of this one
            difference; nan for the baseline itself.
        p: of no difference, Holm-adjusted over the recipes; nan where it cannot be tested. Before that correction it is
            below 0.05 exactly where the interval leaves 0 out.
        smallest: the true difference to the baseline that this test would show, in four of five comparisons.
        same_as: the recipe that gives the same predictions under this prior; such recipes are tested once.
        converged: no run says that its training stopped before it had converged.
        seconds: mean own training time of a run; shared: mean time of the stages it got from another recipe
            or the cache.
        prior_source: "closed form", "closed form, off: fitted" (held-out rows contradicted it in some run), "fitted" or
            "none": where the prior its logits carry is known from.
        problem: the error of a failed run, or why runs are missing.
        size: bytes of the fitted model's arrays, mean over the runs.
        predict_per_row: seconds from a raw row to its logits, where all test rows of a fold are predicted at once.
    """

    recipe: str
    title: str
    rank: int | None
    done: int
    planned: int
    mean: dict[str, float]
    sd: dict[str, float]
    as_trained: dict[str, float]
    difference: float
    low: float
    high: float
    p: float
    seconds: float
    shared: float
    predict_seconds: float
    parameters: int | None
    prior_source: str
    problem: str | None = None
    size: float = math.nan
    predict_per_row: float = math.nan
    smallest: float = math.nan
    same_as: str | None = None
    converged: bool = True
    defined: Mapping[str, int] = field(default_factory=dict)

    @property
    def alone(self) -> float:
        """Seconds a run takes by itself: its own stages and those it shares."""
        return self.seconds + self.shared


def shown_priors(results: Results) -> tuple[str, ...]:
    """The priors to show, the declared one first: ("natural", "balanced"), ("balanced",) or ("declared",
    "balanced")."""
    prior = results.settings.prior
    if prior == "balanced":
        return ("balanced",)
    return (prior if prior == "natural" else "declared", "balanced")


def ranking_metric(prior: str) -> str:
    """What recipes are ranked by: balanced accuracy under the balanced prior, macro F1 under any other.

    >>> ranking_metric("natural")
    'macro_f1'
    """
    return "balanced_accuracy" if prior == "balanced" else "macro_f1"


def ranked_by(results: Results, prior: str) -> str:
    """What recipes are ranked by under a prior: the metric that was asked for, else :func:`ranking_metric`."""
    return results.settings.metric or ranking_metric(prior)


@dataclass(frozen=True)
class Board:
    """Recipes ranked and tested under one prior.

    Attributes:
        prior, metric: what was scored, and how.
        rows: one a recipe, best first; incomplete recipes follow without a rank, then the failed ones. Exact ties go to
            the baseline, then to the recipe that is trained in the least time.
    """

    prior: str
    metric: str
    rows: tuple[Row, ...]

    @property
    def ranked(self) -> list[Row]:
        return [row for row in self.rows if row.rank is not None]

    @property
    def winner(self) -> Row | None:
        """The best ranked recipe whose training converged, which is what a recommendation rests on; None without one."""
        return next((row for row in self.ranked if row.converged), None)

    def row(self, recipe: str) -> Row | None:
        """The row of a recipe; None where it has none."""
        return next((row for row in self.rows if row.recipe == recipe), None)


def board(results: Results, prior: str, metric: str | None = None, test: str = "rows") -> Board:
    """The recipes ranked and tested; built once for each question.

    Args:
        prior: "natural", "balanced" or "declared": which of the runs' scores to show.
        metric: to rank by; None is :func:`ranked_by`.
        test: "rows" takes the tests on rows where there are any; "folds" the corrected resampled t-test.

    Raises:
        ValueError: no finished run was scored under this prior or has this metric, or there is no such test.
    """
    by = metric or ranked_by(results, prior)
    key = prior, by, test
    if key not in results.boards:
        results.boards[key] = Board(prior, by, tuple(_rows(results, prior, by, test)))
    found: Board = results.boards[key]
    return found


def _rows(results: Results, prior: str, by: str, test: str) -> list[Row]:
    done = results.by_recipe
    scored = [run.scores for runs in done.values() for run in runs.values()]
    if scored and not any(by in of.get(prior, {}) for of in scored):
        known = sorted({key for of in scored for key in of})
        raise ValueError(
            f"no run has metric={by!r} under prior={prior!r}; the priors scored are: {', '.join(known)}"
        )
    baseline = results.settings.baseline
    same = equal_recipes(results, prior)
    tested = {name: difference_test(results, name, baseline, prior, by, test) for name in done}
    own = [name for name in done if name not in same]
    adjusted = dict(zip(own, holm([tested[name].p for name in own])))
    complete = max((set(runs) for runs in done.values()), key=len, default=set())
    rows = []
    for name, runs in done.items():
        scores = [run.scores.get(prior, {}) for run in runs.values()]
        means, sds = _spread(scores)
        seconds = [run.seconds for run in runs.values()]
        shared = [sum(s.seconds for s in run.stages if s.shared) for run in runs.values()]
        row = Row(
            recipe=name,
            title=results.recipes[name].get("title") or name,
            rank=0 if runs and complete <= set(runs) and math.isfinite(means.get(by, math.nan)) else None,
            done=len(runs),
            planned=results.settings.runs,
            mean=means,
            sd=sds,
            as_trained=_spread([run.scores.get("as_trained", {}) for run in runs.values()])[0],
            difference=tested[name].mean,
            low=tested[name].low,
            high=tested[name].high,
            p=adjusted[same.get(name, name)],
            seconds=_mean(seconds),
            shared=_mean(shared),
            predict_seconds=_mean(
                [r.predict_seconds for r in runs.values() if r.predict_seconds is not None]
            ),
            parameters=next((run.parameters for run in runs.values()), None),
            prior_source=_source([run.prior_source for run in runs.values()]),
            problem=_problem(results, name),
            size=_mean([run.bytes for run in runs.values() if run.bytes is not None]),
            predict_per_row=_mean([s for run in runs.values() if (s := _per_row(run)) is not None]),
            smallest=tested[name].smallest,
            same_as=same.get(name),
            converged=all(run.converged for run in runs.values()),
            defined={m: sum(math.isfinite(as_float(s.get(m))) for s in scores) for m in means},
        )
        rows.append(row)
    sign = 1.0 if by in LOWER_IS_BETTER else -1.0

    def order(row: Row) -> tuple[Any, ...]:
        score = sign * row.mean.get(by, math.nan)
        score = round(score, 12) if math.isfinite(score) else math.inf
        return row.rank is None, not row.done, score, tie_order(results, row)

    rows.sort(key=order)
    return [_ranked(row, i + 1) for i, row in enumerate(rows)]


def tie_order(results: Results, row: Row) -> tuple[bool, float, str]:
    """The order of recipes that score the same: the baseline, then the cheapest."""
    cost = row.alone if math.isfinite(row.alone) else math.inf
    return row.recipe != results.settings.baseline, cost, row.recipe


def equal_recipes(results: Results, prior: str) -> Mapping[str, str]:
    """Recipes that give the same predictions as another under this prior, with that other."""
    found: Mapping[str, str] = results.evidence.get(prior, {}).get("same_as", {})
    return found


def compares_rows(results: Results, prior: str) -> bool:
    """Are differences of the metric that ranks tested on rows, or on folds alone?"""
    tests = results.evidence.get(prior, {}).get("tests", {})
    return bool(tests.get(ranked_by(results, prior)))


def difference_test(
    results: Results, recipe: str, other: str, prior: str, metric: str, test: str = "rows"
) -> Difference:
    """``recipe`` minus ``other``, tested.

    Args:
        test: "rows": on rows where the comparison left such a test (against the baseline and against the best), else as
            "folds": the corrected resampled t-test.
    """
    if test not in ("rows", "folds"):
        raise ValueError(f"test={test!r} must be 'rows' or 'folds'")
    if recipe == other:
        return Difference()
    same = equal_recipes(results, prior)
    a, b = same.get(recipe, recipe), same.get(other, other)
    if a == b:
        return Difference(mean=0.0)
    tests = results.evidence.get(prior, {}).get("tests", {}).get(metric, {})
    if test == "rows" and a in tests.get(b, {}):
        mean, low, high, p, error, degrees = map(as_float, tests[b][a])
        return Difference(mean, low, high, p, error, math.inf if math.isnan(degrees) else degrees)
    differences = paired(results, recipe, other, prior, metric)
    share = results.settings.test_share
    mean, low, high, p = corrected_t_test(differences, share)
    free = max(1, min(len(differences), round(1 / share)) - 1)
    return Difference(mean, low, high, p, (high - low) / 2 / t_quantile(0.95, free), free)


def _source(sources: Sequence[str]) -> str:
    """Where the prior of some runs is known from: a claim that was off in one of them is said."""
    return OFF if OFF in sources else next(iter(sources), "none")


def paired(results: Results, recipe: str, other: str, prior: str, metric: str) -> list[float]:
    """``recipe`` minus ``other``, one difference a fold and seed that both finished with a finite score."""
    a, b = results.by_recipe[recipe], results.by_recipe.get(other, {})
    pairs = [(_score(a[k], prior, metric), _score(b[k], prior, metric)) for k in a if k in b]
    return [x - y for x, y in pairs if math.isfinite(x) and math.isfinite(y)]


COSTS = {"fit_seconds": "seconds", "predict_seconds": "predict_seconds", "model_bytes": "bytes"}
"""What a run cost: its name in ``results.csv``, and that of a :class:`Run`."""


def write_csv(results: Results, path: str | Path) -> None:
    """``results.csv``, tidy: one line per recipe, fold, seed, prior and metric; a score that does not exist
    is empty, and so is the prior of what a run cost."""
    with whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["recipe", "fold", "seed", "prior", "metric", "value"])
        for name, runs in results.by_recipe.items():
            for (fold, seed), run in runs.items():
                for metric, key in COSTS.items():
                    if (cost := getattr(run, key)) is not None:
                        out.writerow([name, fold, seed, "", metric, cost])
                for prior, scores in run.scores.items():
                    for metric, value in scores.items():
                        number = as_float(value)
                        out.writerow(
                            [name, fold, seed, prior, metric, number if math.isfinite(number) else ""]
                        )


def as_float(value: float | None) -> float:
    """A number of ``results.json``; null is nan."""
    return math.nan if value is None else float(value)


def _score(run: Run, prior: str, metric: str) -> float:
    return as_float(run.scores.get(prior, {}).get(metric))


def _per_row(run: Run) -> float | None:
    """Seconds from a raw test row to its logits."""
    return run.predict_seconds / run.test_rows if run.predict_seconds is not None and run.test_rows else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _spread(scores: Sequence[Mapping[str, float | None]]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and sample standard deviation of each metric over its finite values."""
    means, sds = {}, {}
    for metric in dict.fromkeys(key for s in scores for key in s):
        values = [v for s in scores if math.isfinite(v := as_float(s.get(metric)))]
        mean = means[metric] = _mean(values)
        squares = math.fsum((v - mean) ** 2 for v in values)
        sds[metric] = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else math.nan
    return means, sds


def _problem(results: Results, recipe: str) -> str | None:
    bad = [run for run in results.runs if run.recipe == recipe and not run.done]
    for run in sorted(bad, key=lambda r: r.status != "failed"):
        return f"{run.status} ({run.where}): {run.error or 'no reason was recorded'}"
    if results.left_out:  # there was no time: that is said once, for all
        return None
    planned = results.settings.runs
    missing = planned - len(results.by_recipe[recipe])
    return f"{missing} of {planned} runs are missing" if missing > 0 else None


def _ranked(row: Row, place: int) -> Row:
    return replace(row, rank=place) if row.rank is not None else row
