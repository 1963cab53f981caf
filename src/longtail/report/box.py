"""Box: what the numbers of a comparison rest on, in plain words: data, prior, metric, folds, baseline, decisions."""

from __future__ import annotations

from longtail import metrics
from longtail.comparison.leaderboard import METRIC_NAMES, ranked_by, shown_priors
from longtail.comparison.points import points_of
from longtail.comparison.record import Results

MOST = 8  # classes whose declared frequency is said

PRIORS = {
    "natural": "once with classes as frequent as in the data (the natural prior)",
    "balanced": "once with every class equally frequent (the balanced prior)",
    "declared": "once with the class frequencies that you gave (the declared prior)",
}


def box(results: Results) -> list[tuple[str, str]]:
    """A word and a sentence or two on each thing that the numbers rest on."""
    data, settings, costs = results.data, results.settings, results.settings.costs
    priors = shown_priors(results)
    said = (
        " and ".join(PRIORS[p] for p in priors)
        if len(priors) > 1
        else PRIORS[priors[0]].removeprefix("once ")
    )
    times = "twice: " if len(priors) > 1 else ""
    by: dict[str, list[str]] = {}
    for prior in priors:
        by.setdefault(ranked_by(results, prior), []).append(prior)
    ranks = " ".join(_metric(name, of) for name, of in by.items())
    return [
        (
            "Data",
            f"{data.n:,} rows of {data.kind} data in {data.num_classes} classes. The largest class has "
            f"{data.imbalance:.4g} times the rows of the smallest.",
        ),
        ("Prior", f"Each recipe is judged {times}{said}.{_declared(results)}"),
        *([("Costs", costs.in_words(data.names))] if costs is not None else []),
        ("Metric", ranks),
        *([("Weights", _weights(settings.split["weight"]))] if "weight" in settings.split else []),
        ("Split", _folds(results)),
        ("Baseline", f"Every recipe is compared with {_title(results, settings.baseline)}."),
        ("Decisions", _decisions(results)),
    ]


def _metric(name: str, priors: list[str]) -> str:
    """Where a metric ranks, and what it says."""
    where = "" if len(priors) > 1 else f" under the {priors[0]} prior"
    meaning = metrics.named(name).meaning
    return f"Recipes are ranked by {METRIC_NAMES[name]}{where}: {meaning[:1].lower()}{meaning[1:]}"


def _declared(results: Results) -> str:
    settings, names = results.settings, results.data.names
    if "declared" not in shown_priors(results) or len(settings.prior_vector) != len(names):
        return ""
    if len(names) > MOST:
        return ""
    return " You gave: " + ", ".join(f"{n} {p:.3g}" for n, p in zip(names, settings.prior_vector)) + "."


def _weights(column: str) -> str:
    return (
        f"A row counts as often as its {column} says, in training, tuning and scores. Where rows are drawn again, to "
        "test a difference, a row is drawn with all its weight."
    )


def _folds(results: Results) -> str:
    settings = results.settings
    how = settings.split.get("name", "folds")
    words = str(settings.split.get("words", ""))
    grouped = "group" in settings.split
    if how == "own":
        text = f"{words[:1].upper()}{words[1:]}. Nothing else tests, and they trained nothing."
    elif how == "time":
        text = f"{words[:1].upper()}{words[1:]}. So the scores say how well the past tells the future."
    elif settings.folds == 1:
        text = f"One split: {100 * settings.test_share:.0f} % of the rows are tested, by models that trained on the rest."
    else:
        text = (
            f"{settings.folds} folds: each row is tested once, by a model that trained on the rows of the other folds. "
            "Classes are as frequent in each fold as in all."
        )
    if settings.seeds > 1:
        text += f" All of that {settings.seeds} times, each with other folds and other initial weights."
    if grouped:
        group = settings.split["group"]
        text += f" No {group} stands on two sides, so the scores are of ones that training has not seen."
    if settings.duplicates == "together" and how in ("folds", "hold-out"):
        text += " Equal rows stay on one side."
    return text


def _decisions(results: Results) -> str:
    if results.settings.costs is not None:
        own = " of that row" if results.settings.costs.columns else ""
        return f"A row is given the class that costs least, by the costs{own} and the probabilities under the prior."
    for point in points_of(results.settings.metric):
        of = "the rarest class" if point.of is None else f"the class {point.of!r}"
        return (
            f"A row is taken for {of} from a probability on that was set on held-out training rows, under each prior, "
            f"for {point.promise} there. Any other row is given the most probable of the other classes."
        )
    text = "A row is given its most probable class under the prior"
    if any(run.decided_by == "thresholds" for run in results.runs):
        text += "; under the natural prior thresholds decide, tuned on held-out training rows for every recipe alike"
    return text + "."


def _title(results: Results, recipe: str) -> str:
    about = results.recipes.get(recipe, {})
    title, summary = about.get("title") or recipe, about.get("summary", "")
    return f"{title} ({summary[:1].lower()}{summary[1:].rstrip('.')})" if summary else title
