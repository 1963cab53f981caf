"""Recipes beside erm on one small real set, three folds each, with their cost.

    python benchmarks/new_recipes.py [RECIPE,RECIPE ...] [--data digits-lt] [--folds 3] [--epochs 30]
        [--out new-recipes-out] > benchmarks/results/DATE-new-recipes.md

``digits-lt`` (587 handwritten digits of 8 x 8 pixels, imbalance 20) is built in, and its images suit every recipe. All
train for ``--epochs``: what is shown is what a recipe does at the same length, not at its best. Without names it runs
``NEW``, those of them that exist. One process, whose processor time is the cost. The same call goes on where it was
stopped; other names are trained beside what is there.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time

from longtail import api
from longtail.catalogue import known_recipes
from longtail.comparison.leaderboard import board
from longtail.comparison.record import Results
from longtail.run import Engine

NEW = (
    "cost-sensitive", "repeat-factor-sampling", "cutmix", "mixup-drw", "remix-drw", "mamix-drw", "dsc", "eql",
    "softmax-eql", "eql-v2", "lade", "cdt", "influence-balanced", "gpaco", "weight-balancing", "glmc-max-norm",
    "m2m", "balms", "ncl-contrast", "ride-distilled",
)  # fmt: skip
BESIDE = ("erm", "balanced-softmax", "mixup")
"""For scale: the yardstick, a loss with a known prior, and the mixing that others build on."""


def table(results: Results, names: list[str]) -> str:
    """Markdown: balanced accuracy as trained and with the balanced prior set, log-loss, and seconds of a run."""
    by = {row.recipe: row for row in board(results, "balanced").rows}
    took = {name: row.seconds + row.shared for name, row in by.items()}
    head = [
        "recipe",
        "runs",
        "as trained",
        "prior set",
        "difference to erm",
        "log-loss",
        "CPU s per run",
        "runs of erm",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    order = sorted((n for n in names if n in by), key=lambda n: -by[n].mean.get("balanced_accuracy", -1.0))
    for name in order:
        row = by[name]
        done = [r for r in results.runs if r.recipe == name and r.status == "done"]
        if row.rank is None or not done:
            lines.append(f"| {name} | {len(done)} | {row.problem} |" + " |" * (len(head) - 3))
            continue
        own = [r.scores["as_trained"]["balanced_accuracy"] for r in done]
        spread = f" ± {statistics.stdev(own):.3f}" if len(own) > 1 else ""
        trained = f"{statistics.mean(own):.3f}{spread}"
        set_to = f"{row.mean['balanced_accuracy']:.3f} ± {row.sd['balanced_accuracy']:.3f}"
        away = (
            "–" if math.isnan(row.difference) else f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
        )
        cells = [name, str(len(done)), trained, set_to, away, f"{row.mean['nll']:.3f}"]
        lines.append(
            "| " + " | ".join([*cells, f"{took[name]:.1f}", f"{took[name] / took['erm']:.2f}"]) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="?", default=None, help="names, with commas between them")
    parser.add_argument("--data", default="digits-lt")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--out", default="new-recipes-out")
    given = parser.parse_args()
    known = known_recipes()
    asked = given.recipes.split(",") if given.recipes else [n for n in NEW if n in known]
    names = list(dict.fromkeys((*BESIDE, *asked)))
    found = api.compare(
        given.data, recipes=names, folds=given.folds, epochs=given.epochs, tuning="holdout", metric="balanced_accuracy",
        prior="balanced", out=given.out, engine=Engine(clock=time.process_time), model=False, verbose=0,
        on=lambda event: print(event["note"], file=sys.stderr) if "note" in event else None,
    )  # fmt: skip
    results = found.record
    data, made_with = results.data, ", ".join(f"{name} {v}" for name, v in results.versions.items())
    print(f"# Recipes beside erm on {data.name}\n")
    print(
        f"{data.n:,} rows, {data.num_classes} classes, imbalance {data.imbalance:.3g}; {given.folds} folds,",
        end=" ",
    )
    print(
        f"{given.epochs} epochs for all, `tuning=holdout`; balanced prior. {results.created[:10]}, ", end=""
    )
    print(
        f"{results.hardware}, {made_with}.\n\n    python benchmarks/new_recipes.py --epochs {given.epochs}\n"
    )
    print(table(results, names))


if __name__ == "__main__":
    main()
