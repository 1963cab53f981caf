"""Recommendation: which recipe, how sure, what else is as good, and what it costs the head, in plain
words."""

from __future__ import annotations

import math

from longtail.comparison.leaderboard import (
    METRIC_NAMES,
    PRIOR_NAMES,
    Results,
    Row,
    indistinguishable,
    leaderboard,
    paired,
    ranking_metric,
    shown_priors,
)
from longtail.comparison.statistics import corrected_t_test

GROUP_NAMES = {"many": "frequent", "medium": "medium", "few": "rare"}


def recommendation(results: Results) -> dict[str, str]:
    """One paragraph for each shown prior, by prior: plain text without markup.

    Words for certainty: a difference with a Holm-adjusted p below 0.05 (corrected resampled t-test) is "more
        than luck".
    """
    return {prior: _paragraph(results, prior) for prior in shown_priors(results)}


def _paragraph(results: Results, prior: str) -> str:
    metric = ranking_metric(prior)
    rows = leaderboard(results, prior)
    if not any(row.rank for row in rows):
        return f"Under {PRIOR_NAMES[prior]}: no recipe finished, so there is nothing to recommend."
    best = rows[0]
    base = next((row for row in rows if row.recipe == results["settings"]["baseline"]), None)
    score = f"{METRIC_NAMES[metric]} {_with_sd(best, metric)}"
    parts = [f"Under {PRIOR_NAMES[prior]}, {best.title} scores highest: {score}."]
    parts.append(_against_baseline(best, base, rows, metric))
    if len(rows) > 1 and best.done > 1:
        parts.append(_as_good(results, prior, best))
    if base is not None and base.done and base.recipe != best.recipe:
        parts.append(_head_and_tail(results, prior, best, base))
    left_out = [row.title for row in rows if row.rank is None]
    if left_out:
        parts.append(f"Not ranked, because runs failed or are missing: {_list(left_out)}.")
    return " ".join(part for part in parts if part)


def _with_sd(row: Row, metric: str) -> str:
    value = f"{row.mean[metric]:.3f}"
    if not math.isfinite(row.sd[metric]):
        return f"{value} (one run)"
    return f"{value} (sd {row.sd[metric]:.3f} over {row.done} runs)"


def _against_baseline(best: Row, base: Row | None, rows: list[Row], by: str) -> str:
    if base is None or not base.done:
        return "The baseline has no finished run, so no difference to it can be given."
    if best.recipe == base.recipe:
        return "It is the baseline itself: nothing tried here scores higher."
    gain = f"{best.difference:+.3f} against {base.title}"
    if best.done < 2:
        advice = "there is no interval, and the order is a hint at most; use more folds or seeds to be sure"
        return f"That is {gain}, from a single run: {advice}."
    if not math.isfinite(best.p):
        advice = "use more folds or seeds"
        return f"That is {gain}, but its uncertainty cannot be estimated from these runs: {advice}."
    tests = sum(math.isfinite(row.p) for row in rows)
    times = f", adjusted for {tests} comparisons" if tests > 1 else ""
    numbers = f"95% interval {best.low:+.3f} to {best.high:+.3f}, {p_text(best.p)}{times}"
    if best.p < 0.05:
        return f"That is more than luck: {gain} ({numbers})."
    surer = [row.title for row in rows if row.p < 0.05 and row.rank and row.mean[by] > base.mean[by]]
    shown = f"the gain of {_list(surer)} is not" if surer else "no recipe is shown to beat the baseline"
    return f"That may be luck: {gain} ({numbers}); {shown}."


def _as_good(results: Results, prior: str, best: Row) -> str:
    ties = indistinguishable(results, prior)
    if not ties:
        return "Every other ranked recipe is shown to be worse."
    text = f"Not distinguishable from it on these folds: {_some([row.title for row in ties])}."
    quick = min(ties, key=lambda row: row.alone)
    if quick.alone < 0.8 * best.alone:
        times = f"{duration(quick.alone)} a run against {duration(best.alone)}"
        text += f" The quickest of them is {quick.title} ({times})."
    return text


def _head_and_tail(results: Results, prior: str, best: Row, base: Row) -> str:
    groups = [
        g for g in GROUP_NAMES if math.isfinite(best.mean.get(g, math.nan) - base.mean.get(g, math.nan))
    ]
    if not groups:
        return ""
    changes = [_group_change(results, prior, best, base, g) for g in dict.fromkeys((groups[0], groups[-1]))]
    (head, text), (tail, tail_text) = changes[0], changes[-1]
    if len(groups) == 1:
        return f"All classes count as {GROUP_NAMES[groups[0]]}: {text}."
    cost = "What it costs the head" if head < 0 else "It costs the head nothing"
    gift = "What the tail gets" if tail > 0 else "The tail gets nothing"
    return f"{cost}: {text}. {gift}: {tail_text}."


def _group_change(results: Results, prior: str, best: Row, base: Row, group: str) -> tuple[float, str]:
    """The change of a group's mean recall, and the words for it."""
    differences = paired(results, best.recipe, base.recipe, prior, group)
    change, low, high, _ = corrected_t_test(differences, results["settings"]["test_share"])
    before, after = f"{base.mean[group]:.3f}", f"{best.mean[group]:.3f}"
    if before == after:
        return 0.0, f"the mean recall of the {GROUP_NAMES[group]} classes stays at {after}"
    verb = "rises" if change > 0 else "falls"
    text = f"the mean recall of the {GROUP_NAMES[group]} classes {verb} from {before} to {after}"
    return change, text + (" (within noise)" if low <= 0 <= high else "")


def p_text(p: float) -> str:
    """A p-value as people write it.

    >>> p_text(0.0004), p_text(0.0312)
    ('p < 0.001', 'p = 0.031')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def duration(seconds: float) -> str:
    """Seconds as people read them.

    >>> duration(0.42), duration(75.0), duration(7500.0)
    ('0.4 s', '1 min 15 s', '2 h 05 min')
    """
    if not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def data_size(count: float) -> str:
    """Bytes as people read them.

    >>> data_size(812.0), data_size(54_000.0), data_size(3_210_000.0)
    ('0.8 kB', '54 kB', '3.2 MB')
    """
    if not math.isfinite(count):
        return "–"
    number, unit = next(
        (count / f, u) for f, u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= f or u == "kB"
    )
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"


def per_thousand(seconds_a_row: float) -> str:
    """The time that a thousand rows take, in milliseconds.

    >>> per_thousand(4.2e-6), per_thousand(0.00012)
    ('4.2 ms', '120 ms')
    """
    if not math.isfinite(seconds_a_row):
        return "–"
    ms = 1e6 * seconds_a_row
    return f"{ms:.1f} ms" if ms < 9.95 else f"{ms:.0f} ms"


def _some(names: list[str], most: int = 6) -> str:
    """The first names and how many others there are."""
    return _list(
        names if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} others (≈ in the table)"]
    )


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
