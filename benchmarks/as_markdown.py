"""The ranked tables of a comparison as Markdown, with n, spread, hardware, versions and the command.

python benchmarks/as_markdown.py longtail-out/results.json > benchmarks/results/name.md
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from longtail.comparison.leaderboard import (
    METRIC_NAMES,
    PRIOR_NAMES,
    board,
    shown_priors,
)
from longtail.comparison.record import read_results

COLUMNS = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "worst_class_recall",
    "many",
    "medium",
    "few",
    "nll",
    "brier",
    "ece",
)


def number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"


def main() -> None:
    results = read_results(sys.argv[1])
    data, settings = results.data, results.settings
    versions = ", ".join(f"{name} {v}" for name, v in results.versions.items())
    command = results.command.split()
    command = [Path(word).name if "/" in word else word for word in command]
    about = [
        f"{data.n:,} rows, {data.num_classes} classes, imbalance {data.imbalance:.3g}",
        f"{settings.folds} folds x {settings.seeds} seed, duplicates {settings.duplicates}",
        f"tuning {settings.tuning}, {settings.epochs} epochs, backbone {settings.backbone}",
        f"{results.created[:10]}, {results.hardware}, {versions}",
    ]
    print(f"# {data.name}\n\n{'; '.join(about)}\n\n    {' '.join(command)}\n")
    for prior in shown_priors(results):
        made = board(results, prior)
        metric = made.metric
        print(f"## Under {PRIOR_NAMES[prior]}\n")
        print(
            f"Ranked by {METRIC_NAMES[metric]}: mean ± sd over the runs; difference to {settings.baseline}",
            end="",
        )
        test = "test on rows" if results.evidence else "corrected resampled t-test"
        print(f", with its 95 % interval and Holm-adjusted p ({test}).", end="")
        expected = results.evidence.get(prior, {}).get("winner")
        if expected:
            print(f" Expected of {expected['recipe']} on new data: {expected['expected']:.3f}.", end="")
        print("\n")
        shown = COLUMNS if metric in COLUMNS else (metric, *COLUMNS)
        names = [METRIC_NAMES[c] for c in shown]
        print("| # | recipe | " + " | ".join(names) + " | as trained | difference | p | s a run |")
        print("|" + "---|" * (len(shown) + 6))
        for row in made.rows:
            if row.rank is None:
                print(f"| – | {row.recipe} | did not run: {row.problem}" + " |" * (len(shown) + 4))
                continue
            cells = [number(row.mean.get(c, math.nan)) for c in shown]
            cells[shown.index(metric)] += f" ± {number(row.sd.get(metric, math.nan))}"
            interval = (
                f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
                if math.isfinite(row.difference)
                else "–"
            )
            own = number(row.as_trained.get(metric, math.nan))
            print(f"| {row.rank} | {row.recipe} | " + " | ".join(cells), end="")
            print(f" | {own} | {interval} | {number(row.p)} | {row.seconds:.1f} |")
        print()


if __name__ == "__main__":
    main()
