"""Tables: a benchmark as Markdown beside the published numbers, and as tidy CSV."""

from __future__ import annotations

import csv
import io
import math

from longtail.bench.estimate import words
from longtail.bench.published import Published, published
from longtail.bench.summary import Line, Results, Score, agreement, lines, own_seconds, spread

NONE = "–"


def markdown(results: Results) -> str:
    """What was done and found, one table an imbalance."""
    s = results["settings"]
    depth = s["backbone"].removeprefix("resnet")
    protocol = {"ldam": "LDAM-DRW protocol", "modern": "modern protocol"}[s["protocol"]]
    out = [f"# {s['benchmark']}: ResNet-{depth}, {_number(s['epochs'], 'epoch')}, {protocol}", ""]
    if s["preset"]:
        out += [
            f"**Preset {s['preset']}: not the published protocol; published numbers for orientation only.**",
            "",
        ]
    versions = ", ".join(f"{k} {v}" for k, v in results["versions"].items())
    out += [
        f"{s['augment']}, batch {s['batch']}; last epoch, full balanced test set; {_number(s['seeds'], 'seed')}; tuning "
        f"{s['tuning']}; {s['precision']} on {s['device']}; {results['hardware']}; {versions}; {results['created'][:10]}",
        "",
        f"    {results['command']}",
        "",
        "Accuracy in per cent, mean ± sd (n runs, in which subset, initial weights and order all differ). *As trained*: "
        "the recipe's own decisions. *Prior set*: `predict_proba(prior=\"balanced\")`. ECE in per cent. *Time*: training "
        "of one run by itself, teachers included. *Cost*: the same in runs of erm"
        f"{', in processor time' if s['device'] == 'cpu' else ''}.",
        "",
        *[f"- {note}" for note in results["notes"]],
    ]  # fmt: skip
    for imbalance in s["imbalances"]:
        out += ["", f"## Imbalance {imbalance:g}", "", *_table(results, imbalance)]
        out += ["", *_agreement(results, imbalance), *_spread(results, imbalance)]
    out += ["", *_remarks(results)]
    return "\n".join(out).rstrip() + "\n"


def _table(results: Results, imbalance: float) -> list[str]:
    head = [
        "#", "recipe", "as trained", "prior set", "many", "medium", "few", "ECE as trained", "ECE prior set",
        "published", "ours − published", "time", "cost",
    ]  # fmt: skip
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    rows = lines(results, imbalance)
    for k, line in enumerate(rows):
        if not line.runs:
            continue
        n = f" ({line.runs})" if line.runs == line.planned else f" ({line.runs} of {line.planned})"
        cells = [
            str(k + 1),
            line.recipe,
            _score(line.as_trained.get("accuracy")) + n,
            _score(line.balanced.get("accuracy")),
            *[_score(line.as_trained.get(g), spread=False) for g in ("many", "medium", "few")],
            _score(line.as_trained.get("ece"), spread=False),
            _score(line.balanced.get("ece"), spread=False),
            _published(line),
            f"{line.difference:+.1f}" if math.isfinite(line.difference) else NONE,
            words(line.seconds),
            f"{line.cost:.2f}" if math.isfinite(line.cost) else NONE,
        ]
        out.append("| " + " | ".join(cells) + " |")
    waiting = [line.recipe for line in rows if not line.runs and not line.problem]
    if waiting:
        out += ["", f"Not run yet: {', '.join(waiting)}."]
    out += [f"\n{line.recipe} failed: {line.problem}" for line in rows if line.problem]
    return out


def _published(line: Line) -> str:
    p = line.published
    if p is None:
        return NONE
    marks = "" if p.source.same_backbone else " †"
    if p.source.augment == "strong":
        marks += " ‡"
    if p.evidence == "listed":
        marks += " *"
    return f"{p.accuracy:.1f}{marks}"


def _agreement(results: Results, imbalance: float) -> list[str]:
    out = []
    for comparable, which in ((False, "all"), (True, "the same net and augmentation")):
        rho, low, high, n = agreement(results, imbalance, comparable)
        if n >= 4:
            between = f"[{low:.2f}, {high:.2f}]" if math.isfinite(low) else "no interval"
            text = f"Spearman's rank correlation of our accuracies with the published, {which}: {rho:.2f} {between}, "
            out.append(f"{text}n = {n} recipes (95 % bootstrap over recipes and runs).")
    return out


def _spread(results: Results, imbalance: float) -> list[str]:
    out: list[str] = []
    for name in results["settings"]["recipes"]:
        found = spread(results, imbalance, name)
        for factor in results["settings"]["vary"]:
            if factor in found:
                sd, own, n = found[factor]
                part = f"{own:.2f}" if math.isfinite(own) else NONE
                out.append(f"| {name} | {factor} | {n} | {sd:.2f} | {part} |")
    if not out:
        return []
    head = [
        "",
        "What the spread comes from: the sd of the accuracy as trained when one factor changes and the others do not, in "
        "points. Order is drawn anew with subset and initial weights, so their own part is what is left of the variance "
        "without order's.",
        "",
        "| recipe | varied | n | sd | own part |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    return head + out


def _remarks(results: Results) -> list[str]:
    """What the published numbers in the tables differ in."""
    seen = {}
    for imbalance in results["settings"]["imbalances"]:
        for line in lines(results, imbalance):
            if line.published is not None:
                seen[line.recipe] = line.published
    if not seen:
        return []
    out = [
        "Published numbers (†: another net, does not compare; ‡: AutoAugment and cutout; *: as listed by later papers):",
        "",
    ]
    for recipe, p in sorted(seen.items()):
        epochs = f"{p.source.epochs} epochs; " if p.source.epochs else ""
        out.append(f"- {recipe}: {p.method}, {p.source.paper}; {epochs}{'; '.join(p.source.remarks)}")
    return out


def published_table() -> str:
    """Every published number, a line a method and source: accuracy in per cent at imbalance 100, 50 and 10."""
    head = ["method", "recipe", "CIFAR-10-LT", "CIFAR-100-LT", "net, augmentation, epochs, batch", "source"]
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    groups: dict[tuple[str, str], list[Published]] = {}
    for p in published():
        groups.setdefault((p.method, p.source.paper), []).append(p)
    for (method, paper), found in groups.items():
        values = {(p.benchmark, p.imbalance): p.accuracy for p in found}
        source, star = found[0].source, " *" if found[0].evidence == "listed" else ""
        cells = []
        for benchmark in ("cifar10-lt", "cifar100-lt"):
            three = [values.get((benchmark, imbalance)) for imbalance in (100, 50, 10)]
            shown = " / ".join(NONE if v is None else f"{v:.1f}" for v in three)
            cells.append(shown + star if any(v is not None for v in three) else "")
        how = [source.backbone + ("" if source.same_backbone else " †"), source.augment]
        how += [str(source.epochs or "?"), str(source.batch)]
        out.append("| " + " | ".join([method, found[0].recipe or "", *cells, ", ".join(how), paper]) + " |")
    return "\n".join(out)


def tidy(results: Results) -> str:
    """CSV, one line a run, prior and metric; and the seconds of each run."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["benchmark", "imbalance", "recipe", "subset", "init", "order", "prior", "metric", "value"])
    for run in results["runs"]:
        if run["status"] != "done":
            continue
        where = [results["settings"]["benchmark"], f"{run['imbalance']:g}", run["recipe"]]
        where += [run[factor] for factor in ("subset", "init", "order")]
        out.writerow([*where, "", "seconds", own_seconds(run)])
        for prior, scores in run["scores"].items():
            for metric, value in scores.items():
                out.writerow([*where, prior, metric, "" if value is None else value])
    return text.getvalue()


def _score(score: Score | None, spread: bool = True) -> str:
    if score is None:
        return NONE
    mean, sd = score
    return f"{mean:.1f}" + (f" ± {sd:.1f}" if spread and math.isfinite(sd) else "")


def _number(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
