"""Recommendation: which recipe, how sure, what else is as good, and what it costs the head, in plain
words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from longtail.comparison.against import MARGIN, against_winner, as_good, indistinguishable
from longtail.comparison.leaderboard import (
    LOWER_IS_BETTER,
    METRIC_NAMES,
    PRIOR_NAMES,
    Row,
    board,
    difference_test,
    ranked_by,
    shown_priors,
)
from longtail.comparison.record import Results

GROUP_NAMES = {"many": "frequent", "medium": "medium", "few": "rare"}


def recommendation(results: Results, margin: float = MARGIN) -> dict[str, str]:
    """One paragraph for each shown prior, by prior: plain text without markup.

    Words for certainty: a difference with a Holm-adjusted p below 0.05 is "more than luck"; "as good" is a recipe whose
    95 % interval of the difference to the best lies above ``-margin``. Only recipes whose training converged are
    recommended.

    Args:
        margin: how much of the ranking metric you would give for a quicker recipe.
    """
    return {prior: _paragraph(results, prior, margin) for prior in shown_priors(results)}


def _paragraph(results: Results, prior: str, margin: float) -> str:
    metric = ranked_by(results, prior)
    made = board(results, prior)
    rows, best = made.rows, made.winner
    if not made.ranked:
        return f"Under {PRIOR_NAMES[prior]}: no recipe finished, so there is nothing to recommend."
    if best is None:
        return (
            f"Under {PRIOR_NAMES[prior]}: nothing can be recommended yet, because no recipe's training converged. "
            "Train longer (--epochs, or a larger --budget), or add classical recipes, which are solved."
        )
    base = made.row(results.settings.baseline)
    score = f"{METRIC_NAMES[metric]} {_with_sd(best, metric)}"
    same = [row.title for row in rows if row.same_as == best.recipe]
    how = "lowest, which is best" if metric in LOWER_IS_BETTER else "highest"
    parts = [f"Under {PRIOR_NAMES[prior]}, {best.title} scores {how}: {score}."]
    if same:
        parts.append(f"The same predictions come from {_list(same)}.")
    parts.append(_expected(results, prior, best))
    parts.append(_against_baseline(best, base, rows, metric))
    if len(rows) > 1 and best.done > 1:
        parts.append(_as_good(results, prior, best, margin))
        parts.append(_smallest(rows))
    if base is not None and base.done and base.recipe != best.recipe:
        parts.append(_head_and_tail(results, prior, best, base))
    unsure = [row.title for row in rows if row.rank and not row.converged]
    if unsure:
        parts.append(f"Left out here, because their training did not converge: {_some(unsure)}.")
    left_out = [row.title for row in rows if row.rank is None]
    if left_out:
        parts.append(f"Not ranked, because runs failed or are missing: {_list(left_out)}.")
    return " ".join(part for part in parts if part)


def expected_score(results: Results, prior: str, best: Row) -> tuple[float, int] | None:
    """What the winner will score on new data, and of how many recipes it was picked; None where it is not known."""
    found = results.evidence.get(prior, {}).get("winner")
    if not found or found["recipe"] != best.recipe:
        return None
    return float(found["expected"]), int(found["candidates"])


def _expected(results: Results, prior: str, best: Row) -> str:
    found = expected_score(results, prior, best)
    if found is None:
        return ""
    expected, candidates = found
    score = best.mean[ranked_by(results, prior)]
    picked = f"It was picked from {candidates} by this score"
    if f"{score:.3f}" == f"{expected:.3f}":
        return f"{picked}, and owes nothing to that: expect {expected:.3f} on new data."
    return f"{picked}, so a part of it is luck: expect about {expected:.3f} on new data."


def _with_sd(row: Row, metric: str) -> str:
    value = f"{row.mean[metric]:.3f}"
    if not math.isfinite(row.sd[metric]):
        return f"{value} (one run)"
    return f"{value} (sd {row.sd[metric]:.3f} over {row.done} runs)"


def _against_baseline(best: Row, base: Row | None, rows: Sequence[Row], by: str) -> str:
    if base is None or not base.done:
        return "The baseline has no finished run, so no difference to it can be given."
    if best.recipe == base.recipe:
        return f"It is the baseline itself: nothing tried here scores {'lower' if by in LOWER_IS_BETTER else 'higher'}."
    gain = f"{best.difference:+.3f} against {base.title}"
    if not base.converged:
        gain += ", whose training did not converge"
    if best.done < 2:
        advice = "there is no interval, and the order is a hint at most; use more folds or seeds to be sure"
        return f"That is {gain}, from a single run: {advice}."
    if not math.isfinite(best.p):
        advice = "use more folds or seeds"
        return f"That is {gain}, but its uncertainty cannot be estimated from these runs: {advice}."
    tests = sum(math.isfinite(row.p) for row in rows if row.same_as is None)
    times = f", adjusted for {tests} comparisons" if tests > 1 else ""
    numbers = f"95% interval {best.low:+.3f} to {best.high:+.3f}, {p_text(best.p)}{times}"
    if best.p < 0.05:
        return f"That is more than luck: {gain} ({numbers})."
    sign = -1 if by in LOWER_IS_BETTER else 1
    surer = [
        row.title
        for row in rows
        if row.p < 0.05 and row.rank and row.converged and sign * (row.mean[by] - base.mean[by]) > 0
    ]
    shown = f"the gain of {_list(surer)} is not" if surer else "no recipe is shown to beat the baseline"
    return f"That may be luck: {gain} ({numbers}); {shown}."


def _as_good(results: Results, prior: str, best: Row, margin: float) -> str:
    others = [row for row, _, _ in against_winner(results, prior) if row.same_as is None]
    if not others:
        return ""
    ties = [row for row in indistinguishable(results, prior) if row.same_as is None]
    good = [row for row in as_good(results, prior, margin=margin) if row.same_as is None]
    if ties:
        parts = [f"Not distinguishable from it on these folds: {_some([row.title for row in ties])}."]
    else:
        parts = ["Every other ranked recipe is shown to be worse."]
    if good:
        text = f"As good within {margin:g} (the 95% interval allows no larger loss): {_some([r.title for r in good])}"
        quick = min(good, key=lambda row: row.alone)
        if quick.alone < 0.8 * best.alone:
            times = f"{duration(quick.alone)} a run against {duration(best.alone)}"
            text += f"; the quickest of them is {quick.title} ({times})"
        parts.append(text + ".")
    elif ties:
        parts.append(f"But none is shown to be as good within {margin:g}: each may be worse by more.")
    return " ".join(parts)


def _smallest(rows: Sequence[Row]) -> str:
    """What the data can show at all: the median over the recipes, against the baseline."""
    found = sorted(row.smallest for row in rows if math.isfinite(row.smallest) and row.smallest > 0)
    if not found:
        return ""
    return (
        f"These data show a difference to the baseline of about {found[len(found) // 2]:.3f} four times in five; "
        "a smaller one can go unseen."
    )


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
    tested = difference_test(results, best.recipe, base.recipe, prior, group)
    change, low, high = tested.mean, tested.low, tested.high
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
