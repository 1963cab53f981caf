"""Recommendation: which recipe, how sure, what it costs, what else is as good, and who gains or loses, in plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from longtail.comparison.against import MARGIN, against_winner, as_good, indistinguishable
from longtail.comparison.costs_said import cost_said, margin_of
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
from longtail.comparison.points import promise_said
from longtail.comparison.record import Results

GROUP_NAMES = {"many": "frequent", "medium": "medium", "few": "rare"}


@dataclass(frozen=True)
class Advice:
    """What to do under one prior.

    Attributes:
        verdict: one sentence, without a number but the margin of luck: which recipe, and how sure.
        reasons: sentences with the numbers behind it, the most important first.
        cost: what the best costs to train and to use, in a sentence; times differ from run to run, so it is no reason.
    """

    verdict: str
    reasons: tuple[str, ...] = ()
    cost: str = ""


def recommendation(results: Results, margin: float = MARGIN) -> dict[str, str]:
    """One paragraph for each shown prior, by prior: plain text without markup, the verdict first.

    Words for certainty: a difference with a Holm-adjusted p below 0.05 is "more than luck"; "as good" is a recipe whose
    95 % interval of the difference to the best lies above ``-margin``. Only recipes whose training converged are
    recommended.

    Args:
        margin: how much of the ranking metric you would give for a quicker recipe; of the expected cost, as a share of
            what the best single class for every row costs.
    """
    found = {prior: advice(results, prior, margin) for prior in shown_priors(results)}
    return {
        prior: " ".join((f"Under {PRIOR_NAMES[prior]}: {said.verdict}", *said.reasons))
        for prior, said in found.items()
    }


def advice(results: Results, prior: str, margin: float = MARGIN) -> Advice:
    """The verdict under one prior, and its reasons; see :func:`recommendation`."""
    metric = ranked_by(results, prior)
    made = board(results, prior)
    rows, best = made.rows, made.winner
    if not made.ranked:
        return Advice("no recipe finished, so there is nothing to recommend.")
    if best is None:
        remedy = "Train longer (--epochs, or a larger --budget), or add classical recipes, which are solved."
        return Advice("nothing can be recommended yet, because no recipe's training converged.", (remedy,))
    base = made.row(results.settings.baseline)
    same = [row.title for row in rows if row.same_as == best.recipe]
    how = "lowest, which is best" if metric in LOWER_IS_BETTER else "highest"
    parts = [f"It scores {how}: {METRIC_NAMES[metric]} {_with_sd(best, metric)}."]
    parts.append(_against_baseline(best, base, rows, metric))
    parts.append(cost_said(results, prior, best))
    parts.append(promise_said(results, prior, best.recipe))
    if base is not None and base.done and base.recipe != best.recipe:
        parts.append(_head_and_tail(results, prior, best, base))
    parts.append(_expected(results, prior, best))
    if same:
        parts.append(f"The same predictions come from {_list(same)}.")
    if len(rows) > 1 and best.done > 1:
        parts.append(_as_good(results, prior, best, margin_of(results, prior, metric, best, margin)))
        parts.append(_smallest(rows))
    unsure = [row.title for row in rows if row.rank and not row.converged]
    if unsure:
        parts.append(f"Left out here, because their training did not converge: {_some(unsure)}.")
    left_out = [row.title for row in rows if row.rank is None]
    if left_out:
        parts.append(f"Not ranked, because runs failed or are missing: {_list(left_out)}.")
    return Advice(_verdict(best, base, metric), tuple(part for part in parts if part), _cost(best))


def _verdict(best: Row, base: Row | None, metric: str) -> str:
    """Which recipe and how sure, in one sentence."""
    if base is None or not base.done:
        return f"use {best.title}, which scores best."
    if best.recipe == base.recipe:
        better = "lower" if metric in LOWER_IS_BETTER else "higher"
        return f"stay with {best.title}, the baseline: nothing tried here scores {better}."
    if best.done < 2 and not math.isfinite(best.p):
        return f"{best.title} scores best, but in a single run: that is a hint at most."
    if best.p < 0.05:
        return f"use {best.title}: it beats {base.title}, the baseline, by more than luck."
    return f"{best.title} scores best, but its gain over {base.title}, the baseline, may be luck."


def _cost(best: Row) -> str:
    """What the best costs to train and to use."""
    parts = []
    if math.isfinite(best.alone):
        parts.append(f"training takes {duration(best.alone)} per run")
    if math.isfinite(best.predict_per_row):
        parts.append(f"1,000 predictions take {per_thousand(best.predict_per_row)}")
    return f"{', '.join(parts).capitalize()}." if parts else ""


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
        return ""
    gain = f"{best.difference:+.3f} against {base.title}"
    if not base.converged:
        gain += ", whose training did not converge"
    if best.done < 2 and not math.isfinite(best.p):
        advice = "there is no interval, and the order is a hint at most; use more folds or seeds to be sure"
        return f"That is {gain}, from a single run: {advice}."
    if not math.isfinite(best.p):
        advice = "use more folds or seeds"
        return f"That is {gain}, but its uncertainty cannot be estimated from these runs: {advice}."
    tests = sum(math.isfinite(row.p) for row in rows if row.same_as is None)
    times = f", adjusted for {tests} comparisons" if tests > 1 else ""
    numbers = f"95% interval {best.low:+.3f} to {best.high:+.3f}, {p_text(best.p)}{times}"
    if best.p < 0.05:
        return f"That is {gain} ({numbers})."
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
        text = f"As good within {margin:.3g} (the 95% interval allows no larger loss): {_some([r.title for r in good])}"
        quick = min(good, key=lambda row: row.alone)
        if quick.alone < 0.8 * best.alone:
            times = f"{duration(quick.alone)} a run against {duration(best.alone)}"
            text += f"; the quickest of them is {quick.title} ({times})"
        parts.append(text + ".")
    elif ties:
        parts.append(f"But none is shown to be as good within {margin:.3g}: each may be worse by more.")
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
    (first, text), (last, last_text) = changes[0], changes[-1]
    if len(groups) == 1:
        return "" if results.data.num_classes == 2 else f"All classes are {GROUP_NAMES[groups[0]]}: {text}."
    head, tail = (_of_group(results, g) for g in (groups[0], groups[-1]))
    cost = f"What {head} loses" if first < 0 else f"{_capital(head)} loses nothing"
    gift = f"What {tail} gains" if last > 0 else f"{_capital(tail)} gains nothing"
    return f"{cost}: {text}. {gift}: {last_text}."


def _of_group(results: Results, group: str) -> str:
    """Of whom the numbers of a group speak: of its one class by name, or of the group."""
    members = results.data.groups.get(group, [])
    if len(members) == 1:
        return f"the class {results.data.names[members[0]]}"
    return f"the group of {GROUP_NAMES[group]} classes"


def _group_change(results: Results, prior: str, best: Row, base: Row, group: str) -> tuple[float, str]:
    """The change of a group's mean recall, and the words for it."""
    tested = difference_test(results, best.recipe, base.recipe, prior, group)
    change, low, high = tested.mean, tested.low, tested.high
    before, after = f"{base.mean[group]:.3f}", f"{best.mean[group]:.3f}"
    what = "its recall" if len(results.data.groups.get(group, [])) == 1 else "their mean recall"
    if before == after:
        return 0.0, f"{what} stays at {after}"
    verb = "rises" if change > 0 else "falls"
    text = f"{what} {verb} from {before} to {after}"
    return change, text + (" (within noise)" if low <= 0 <= high else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


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
