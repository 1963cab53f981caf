"""The reviews experiment as Markdown, for ``benchmarks/results``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from reviews import words

if TYPE_CHECKING:
    from reviews.experiment import Reviews


def markdown(found: Reviews) -> str:
    """The tables and the sentences."""
    results = found.results
    data, settings = results.data, results.settings
    folds, seeds = settings.folds, settings.seeds
    versions = ", ".join(f"{k} {v}" for k, v in results.versions.items())
    out = [
        "# The reviews experiment",
        "",
        f"F1 of class {found.positive} on {data.name}: {data.n:,} rows, {data.num_classes} classes, imbalance "
        f"{data.imbalance:.3g}; {folds} stratified folds x {seeds} seeds, backbone {settings.backbone}, "
        f"{words.length(results)}, one learning rate for all losses unless a name says faster; "
        f"{results.created[:10]}, {results.hardware}, no GPU, shared with "
        f"other work (so no times are reported), {versions}.",
        "",
        f"    {results.command}",
        "",
        "Decisions as trained; best mean first. sd: over the folds within a seed, pooled over the seeds. Difference to "
        "cross-entropy with its 95 % interval and p (corrected resampled t-test, Holm-adjusted). p of the spread: paired "
        "permutation test against cross-entropy, Holm-adjusted. Natural prior: mean F1 with decisions at the threshold "
        "that the natural prior asks for.",
        "",
        "| loss | mean | sd | difference | p | p of the spread | natural prior |",
        "|---|---|---|---|---|---|---|",
    ]
    out += ["| " + " | ".join([row[0], *row[-6:]]) + " |" for row in words.rows_of(found)]
    out += [
        "",
        "## Every fold",
        "",
        "| loss | seed | " + " | ".join(f"fold {f + 1}" for f in range(folds)) + " |",
    ]
    out += ["|---|---|" + "---|" * folds]
    for line in found.ranked:
        for seed, row in enumerate(line.scores):
            out.append(f"| {line.name} | {seed} | " + " | ".join(f"{v:.3f}" for v in row) + " |")
    out += ["", "## What can be said", ""]
    for heading, text in words.conclusions(found):
        out += [f"**{heading}** {text}", ""]
    epochs = next(iter(found.probes.values()))["epochs"]
    heads = [
        f"p_t > 0.9, epoch {epochs[0]}",
        *map(str, epochs[1:]),
        f"pull, epoch {epochs[0]}",
        *map(str, epochs[1:]),
    ]
    out += [
        "## How the losses treat their examples",
        "",
        "Training rows of the first fold, first seed, in evaluation mode: the share of rows with p_t above 0.9, and the "
        "share of the summed gradient norm that falls on rows with p_t below 0.5, after the epoch named.",
        "",
        "| loss | " + " | ".join(heads) + " |",
        "|---|" + "---|" * len(heads),
    ]
    for name, probe in found.probes.items():
        sure = [np.array(m["p"]).sum(0)[27:].sum() / np.array(m["p"]).sum() for m in probe["moments"]]
        pull = [sum(m["pull"][15:]) for m in probe["moments"]]
        out.append(f"| {name} | " + " | ".join(f"{v:.3f}" for v in (*sure, *pull)) + " |")
    return "\n".join(out) + "\n"
