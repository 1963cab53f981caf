"""What calibrates a model that was trained again on all training rows: the biases of the model they were fitted on, or
biases matched to the new one.

    python benchmarks/refit.py DATA ... [--recipes ldam,ldam-drw,mixup,lws,focal] [--epochs E] [--folds 5] [--seeds 1]

Of each fold: *refitted* is the model of all training rows with the calibrator of the model that left the inner split
out (``--tuning refit`` before matching), *matched* the same with biases matched to it (``--tuning refit``), *held out*
the inner model itself (``--tuning holdout``). NLL under the natural prior and balanced accuracy under the balanced one,
on the fold's test rows; mean and standard deviation over folds and seeds, and the paired difference of matched to
refitted with its 95 % interval (corrected resampled t).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import warnings
from pathlib import Path

import torch

from longtail import api, catalogue
from longtail.comparison.plan import Plan
from longtail.comparison.results import hardware
from longtail.comparison.statistics import corrected_t_test
from longtail.comparison.work import Worker
from longtail.examples import Examples
from longtail.metrics import evaluate
from longtail.run import Outcome
from longtail.run.chain import finish, fit_finish, matched

WAYS = ("refitted", "matched", "held out")
Scores = dict[tuple[str, str], list[float]]


def scored(outcome: Outcome, test: Examples) -> dict[str, float]:
    """Natural NLL and balanced accuracy with the balanced prior set."""
    logits, y = outcome.logits(test.x), test.labels.y
    natural = evaluate(outcome.probabilities(logits, "natural"), y)
    balanced = evaluate(outcome.probabilities(logits, "balanced"), y)
    return {"nll": natural["nll"], "balanced accuracy": balanced["balanced_accuracy"]}


def measured(plan: Plan, name: str, folder: Path) -> Scores:
    """Scores of every run of a recipe by way and metric."""
    worker, found = Worker(plan, folder), {}
    for fold, seed in plan.cells:
        prepared = plan.prepare(fold)
        encoder, examples = prepared.training("full")
        inner_encoder, inner_examples = prepared.training("inner")
        full, inner = (worker.outcome(prepared, name, seed, part) for part in ("full", "inner"))
        fitted = fit_finish(inner, inner_examples, prepared.encode(inner_encoder, prepared.held_rows))
        refitted = finish(full, examples, fitted)
        test = prepared.encode(encoder, prepared.test_rows)
        inner_test = prepared.encode(inner_encoder, prepared.test_rows)
        ways = (refitted, test), (matched(refitted, examples), test), (
            finish(inner, inner_examples, fitted), inner_test,
        )  # fmt: skip
        for way, (outcome, rows) in zip(WAYS, ways):
            for metric, value in scored(outcome, rows).items():
                found.setdefault((way, metric), []).append(value)
    return found


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
    print("\n| data, epochs | recipe | metric | refitted | matched | held out | matched - refitted |")
    print("|---|---|---|---|---|---|---|")
    for path in args.data:
        dataset = api.load(path)
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
                    pairs = zip(found["matched", metric], found["refitted", metric])
                    mean, low, high = corrected_t_test([a - b for a, b in pairs], 1 / args.folds)[:3]
                    where = f"{dataset.name}, {plan.base.epochs}"
                    print(
                        f"| {where} | {name} | {metric} | {' | '.join(cells)} | {mean:+.3f} [{low:+.3f}, {high:+.3f}] |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
