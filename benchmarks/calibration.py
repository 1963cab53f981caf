"""What the prior calculus promises, measured: calibration before and after the prior is set, under both priors.

    python benchmarks/calibration.py DATA [--folds 5] [--epochs E] [--imbalance 100] [--work FOLDER] [--recipes ...]

Before: the softmax of the recipe's own logits. After: ``predict_proba(prior)``, by the closed form where the recipe
claims one, else through a temperature and biases fitted on the inner split. Tempered: after, with one temperature more,
fitted on the same inner split: an over-fitted net is too sure whatever prior it assumes, which the calculus does not
touch. All are scored on the test rows of each fold under the natural and the balanced prior. The promise: a re-weighted
or re-sampled model comes out as well calibrated as erm, that is, the 95 % interval of the difference over the folds
(corrected resampled t) holds 0 or lies below it.

Trained as ``longtail compare --tuning holdout`` trains; with its ``--out`` folder as ``--work``, its stages are reused.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import longtail
from longtail import api
from longtail.adjust import Temperature
from longtail.comparison.plan import Plan
from longtail.comparison.prepared import Prepared
from longtail.comparison.results import hardware
from longtail.comparison.statistics import corrected_t_test
from longtail.comparison.work import Worker
from longtail.metrics import evaluate
from longtail.prior import Prior
from longtail.run import Engine
from longtail.store import FolderStore

RECIPES = "erm,weighted-ce,class-balanced-sampling,focal,ldam"
METRICS = ("ece", "nll", "brier")
WHEN = ("before", "after", "tempered")
PRIORS = ("natural", "balanced")
Scores = dict[tuple[str, str, str, str], list[float]]


def measured(plan: Plan, folder: Path) -> tuple[Scores, dict[str, str]]:
    """Scores of each fold by (recipe, prior, before or after, metric), and where each recipe's prior is known from."""
    worker, scores, sources = Worker(plan, FolderStore(folder)), {}, {}
    for fold in range(plan.folds):
        prepared = Prepared(plan, fold)
        for name, _ in plan.recipes:
            encoder, outcome, _ = worker.fit(prepared, name, 0)
            test = prepared.encode(encoder, prepared.test_rows)
            logits = outcome.logits(test.x)
            held = prepared.encode(encoder, prepared.held_rows)
            natural = outcome.probabilities(outcome.logits(held.x), "natural").double().clamp_min(1e-12).log()
            tempered = Temperature().fit(natural, held.labels.y)
            sources[name] = outcome.prior_source
            for prior in PRIORS:
                weights = None if prior == "natural" else Prior(prior).resolve(plan.dataset.labels.classes)
                probabilities = {
                    "before": torch.softmax(logits.double(), -1),
                    "after": outcome.probabilities(logits, prior),
                }
                shown = outcome.probabilities(logits, "natural").double().clamp_min(1e-12).log()
                shift = (
                    Prior(prior).resolve(plan.dataset.labels.classes).log()
                    - outcome.classes.prior.clamp_min(1e-12).log()
                )
                probabilities["tempered"] = torch.softmax(tempered(shown) + shift, -1)
                for when, p in probabilities.items():
                    found = evaluate(p, test.labels.y, prior=weights)
                    for metric in METRICS:
                        scores.setdefault((name, prior, when, metric), []).append(found[metric])
    return scores, sources


def interval(values: list[float], other: list[float], folds: int) -> tuple[float, float, float]:
    """Mean difference and its 95 % interval."""
    return corrected_t_test([a - b for a, b in zip(values, other)], 1 / folds)[:3]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--imbalance", type=float)
    parser.add_argument("--recipes", default=RECIPES)
    parser.add_argument("--work", type=Path)
    args = parser.parse_args()
    dataset = api.load(args.data, imbalance=args.imbalance)
    known = api.known_recipes()
    names = args.recipes.split(",")
    plan = Plan(
        dataset, tuple((n, known[n]) for n in names), folds=args.folds, epochs=args.epochs, baseline=names[0],
        tuning="holdout", engine=Engine(),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        scores, sources = measured(plan, args.work or Path(scratch))
    print(f"# Calibration before and after the prior is set: {dataset.name}\n")
    print(
        f"{len(dataset):,} rows, {dataset.labels.num_classes} classes; {args.folds} folds, 1 seed, tuning holdout",
        end="",
    )
    print(f", {plan.base.epochs} epochs; mean ± sd over the folds; {hardware()}, no GPU, ", end="")
    print(f"torch {torch.__version__}, longtail {longtail.__version__}\n")
    print(f"    python benchmarks/{Path(sys.argv[0]).name} {Path(args.data).name} {' '.join(sys.argv[2:])}\n")
    for prior in PRIORS:
        print(f"## Scored under the {prior} prior\n")
        print(f"The last three columns are differences to {names[0]}, with 95 % intervals.\n")
        heads = " | ".join(f"{m.upper()} {w}" for m in METRICS for w in WHEN)
        print(f"| recipe | prior known from | {heads} | ECE after | NLL after | Brier after |")
        print("|" + "---|" * (2 + len(WHEN) * len(METRICS) + 3))
        for name in names:
            cells: list[Any] = []
            for metric in METRICS:
                for when in WHEN:
                    v = scores[name, prior, when, metric]
                    cells.append(f"{np.mean(v):.3f} ± {np.std(v, ddof=1):.3f}")
            for metric, when in (("ece", "after"), ("nll", "after"), ("brier", "after")):
                d, low, high = interval(
                    scores[name, prior, when, metric], scores[names[0], prior, when, metric], args.folds
                )
                shown = name != names[0] and math.isfinite(low)
                cells.append(f"{d:+.3f} [{low:+.3f}, {high:+.3f}]" if shown else "–")
            print(f"| {name} | {sources[name]} | {' | '.join(cells)} |")
        print()


if __name__ == "__main__":
    main()
