"""Words: what the reviews experiment found, in plain sentences, every number from the run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from longtail.comparison.recommendation import p_text

if TYPE_CHECKING:
    from reviews.experiment import Reviews

    from longtail.comparison.record import Results


def conclusions(found: Reviews) -> list[tuple[str, str]]:
    """Heading and paragraph, one a question."""
    return [means(found), best_fold(found), spread(found), together(found), thresholds(found), sources(found)]


def length(results: Results) -> str:
    """How long the losses were trained: as was said, or as cross-entropy was found to need on held-out rows."""
    found = sorted({run.length.epochs for run in results.runs if run.done and run.length is not None})
    if not found:
        return f"{results.settings.epochs} epochs"
    return f"{' to '.join(map(str, dict.fromkeys((found[0], found[-1]))))} epochs, found on held-out rows"


def means(found: Reviews) -> tuple[str, str]:
    """Does any loss beat cross-entropy?"""
    others = [line for line in found.lines if not math.isnan(line.p)]
    above = [line for line in others if line.p < 0.05 and line.difference > 0]
    below = [line for line in others if line.p < 0.05 and line.difference < 0]
    best = found.ranked[0]
    base = next(line for line in found.lines if math.isnan(line.difference))
    text = (
        f"Highest mean: {best.name}, {best.mean:.3f}; cross-entropy has {base.mean:.3f}. Over {_runs(found)} "
        f"{_listed(above, 'is', 'are') or 'no loss is'} surely above cross-entropy, "
        f"{_listed(below, 'is', 'are') or 'none is'} surely below "
        "(corrected resampled t-test, p below 0.05 after Holm's adjustment). What is in neither list may be either."
    )
    return "Is any loss better than cross-entropy?", text


def best_fold(found: Reviews) -> tuple[str, str]:
    """What the highest single fold says."""
    sentences = []
    for key, title in (("published", "the losses of the published comparison"), ("all", "all losses here")):
        t = found.tests[key]
        focal = sum(name.startswith("focal") for name in t["losses"])
        held = ", ".join(f"{e['best']} (seed {s})" for s, e in enumerate(t["by_seed"]))
        sentences.append(
            f"Among {title} the highest single fold belongs to {t['best']}; seed by seed: {held}. "
            f"{focal} of these {len(t['losses'])} are focal losses, so if the losses were alike, one of them would hold "
            f"it in {_percent(t['chance']['best'])} of cases."
        )
    return "Does focal loss give the highest single fold?", " ".join(sentences)


def spread(found: Reviews) -> tuple[str, str]:
    """What the highest variance says."""
    t = found.tests["published"]
    held = ", ".join(f"{e['spread']} (seed {s})" for s, e in enumerate(t["by_seed"]))
    tested = [line for line in found.lines if not math.isnan(line.spread_p)]
    focal = [line for line in tested if line.name.startswith("focal")]
    sure = [line for line in tested if line.spread_p < 0.05]
    said = ", ".join(f"{line.name} sd {line.sd:.4f} ({p_text(line.spread_p)})" for line in focal)
    base = next(line for line in found.lines if math.isnan(line.spread_p))
    pairs = sum(len(row) for row in base.scores)
    floor = (
        f" Five folds with one seed cannot give less than p = {2 / 2**pairs:.3f} here, whatever the losses do."
        if pairs <= 5
        else ""
    )
    text = (
        f"Among the published losses {t['spread']} spreads most; seed by seed: {held}. By chance a focal loss would in "
        f"{_percent(t['chance']['spread'])} of cases. Tested against cross-entropy (sd {base.sd:.4f}): {said}. "
        f"{_listed(sure, 'differs', 'differ') or 'No loss differs'} surely in spread from cross-entropy "
        f"(paired permutation test over {_runs(found)}, Holm-adjusted over {len(tested)} losses).{floor}"
    )
    return "Does focal loss have the highest variance?", text


def together(found: Reviews) -> tuple[str, str]:
    """Are the two claims two?"""
    t = found.tests["published"]
    n = len(t["losses"])
    text = (
        f"With {n} losses that are alike, the one that holds the highest fold also has the highest spread in "
        f"{_percent(t['chance']['same'])} of cases ({_percent(1 / n)} if the two were unrelated), and a focal loss has "
        f"both in {_percent(t['chance']['both'])} of cases. (The published losses; scores standardised, labels shuffled "
        "within each fold and seed.)"
    )
    return "Are these two findings, or one?", text


def thresholds(found: Reviews) -> tuple[str, str]:
    """How much of the table is the decision threshold."""
    lines = [line for line in found.ranked if not math.isnan(line.natural)]
    moved = [line for line in lines if abs(line.natural - line.mean) >= 0.01]
    said = ", ".join(f"{line.name} {line.mean:.3f} to {line.natural:.3f}" for line in moved)
    text = (
        "The same models can decide at the threshold that the natural prior asks for: the prior that a loss's logits "
        "assume is taken into account, or, where it has no closed form, a temperature and a bias fitted on held-out "
        f"training rows. By 0.01 or more that moves {said or 'none of the means'}. What it moves was the threshold; what "
        "it does not move is how well the model ranks the reviews."
    )
    return "How much of it is the decision threshold?", text


def sources(found: Reviews) -> tuple[str, str]:
    """Where the spread comes from."""
    heading, s = "Where does the spread come from?", found.sources
    seed = f", and {s['seed']:.4f} between seeds of one loss on one fold" if not math.isnan(s["seed"]) else ""
    best = found.ranked[0].mean
    some = sum(line.mean >= best - 0.02 for line in found.lines)
    if some < 2:
        return (
            heading,
            f"Only {found.ranked[0].name} is within 0.02 of the best mean: there is nothing to compare it with.",
        )
    text = (
        f"Among the {some} losses whose mean is within 0.02 of the best: the standard deviation between folds, common to "
        f"these losses, is {s['fold']:.4f}; between the losses' means "
        f"{s['loss']:.4f}; what is left of a score once its fold and its loss are known is {s['rest']:.4f}{seed}."
    )
    return heading, text


def rows_of(found: Reviews) -> list[list[str]]:
    """The scores as text, best mean first: loss, one column a fold and seed, mean, sd, difference, p, p of the spread."""
    out = []
    for line in found.ranked:
        flat = [f"{v:.3f}" for row in line.scores for v in row]
        difference = "–" if math.isnan(line.difference) else f"{line.difference:+.3f}"
        interval = "" if math.isnan(line.low) else f" [{line.low:+.3f}, {line.high:+.3f}]"
        out.append(
            [line.name, *flat, f"{line.mean:.3f}", f"{line.sd:.4f}", difference + interval,
             _p(line.p), _p(line.spread_p), f"{line.natural:.3f}"]
        )  # fmt: skip
    return out


def columns(results: Results) -> list[str]:
    """The heads of :func:`rows_of`."""
    folds, seeds = results.settings.folds, results.settings.seeds
    runs = [f"{f + 1}" if seeds == 1 else f"{f + 1} s{s}" for s in range(seeds) for f in range(folds)]
    return ["loss", *runs, "mean", "sd", "to cross-entropy", "p", "p of the spread", "natural prior"]


def _runs(found: Reviews) -> str:
    folds, seeds = found.results.settings.folds, found.results.settings.seeds
    return f"{folds} folds" if seeds == 1 else f"{folds} folds and {seeds} seeds"


def _p(value: float) -> str:
    return "–" if math.isnan(value) else p_text(value).removeprefix("p = ").removeprefix("p ")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _listed(lines: list[Any], one: str, more: str) -> str:
    if not lines:
        return ""
    names = [line.name for line in lines]
    text = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    return f"{text} {one if len(names) == 1 else more}"


def show(found: Reviews) -> None:
    """Print the scores and the conclusions."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    folds = found.results.settings.folds
    one, two = Table(box=None, pad_edge=False), Table(box=None, pad_edge=False)
    one.add_column("loss", no_wrap=True)
    for head in ("seed", *(f"fold {f + 1}" for f in range(folds))):
        one.add_column(head, justify="right", no_wrap=True)
    for k, head in enumerate(("loss", *columns(found.results)[-6:])):
        two.add_column(head, justify="right" if k else "left")
    for line, row in zip(found.ranked, rows_of(found)):
        for seed, scores in enumerate(line.scores):
            one.add_row("" if seed else line.name, str(seed), *(f"{v:.3f}" for v in scores))
        two.add_row(line.name, *row[-6:])
    console.print(Text(f"F1 of class {found.positive}, decisions as trained"))
    console.print(one)
    console.print(two)
    for heading, text in conclusions(found):
        console.print(Text(heading, style="bold"))
        console.print(Text(text))
