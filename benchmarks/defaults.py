"""The default nets beside a tuned pipeline of scikit-learn, on the same folds: is ``erm`` with the prior set worse?

    LONGTAIL_DATA=... python benchmarks/defaults.py --folds 3 mammography reviews:1000 embedding:5000:0.02

Sets: a folder or file under LONGTAIL_DATA by its short name (reviews, mammography, wine, trec), ``:N`` for N of its rows,
any other file, and made-up embeddings of 64 columns, ``embedding:ROWS:RARE``. The pipelines are those of
``reference_pipelines.py``: tuned on three inner folds for the very metric. Not worse means: the interval of the paired
difference (corrected resampled t-test on folds) does not lie below -.02.

``--ours`` leaves the pipelines out: with PYTHONPATH at an earlier version, that is how it was before.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from reference_pipelines import one_fold

from longtail import data
from longtail.chosen import pick
from longtail.comparison.folds import folds
from longtail.comparison.plan import Plan
from longtail.comparison.record import Run
from longtail.comparison.results import hardware, versions
from longtail.comparison.statistics import corrected_t_test
from longtail.comparison.task import Task
from longtail.comparison.work import Worker
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.store import FolderStore

PLACES = {
    "reviews": "o2o-food-safety/train.tsv",
    "mammography": "mammography",
    "wine": "winequality-white",
    "trec": "own-trec/train_5500.label",
}
MARGIN = 0.02


def read(name: str) -> Dataset:
    """A set by its short name."""
    what, *rest = name.split(":")
    if what == "embedding":
        n, rare = int(rest[0]), float(rest[1])
        r = np.random.default_rng(1)
        y = (r.random(n) < rare).astype(int)
        x = r.normal(size=(n, 64)).astype(np.float32)
        x[:, 0] += 1.5 - 3 * y
        return Dataset.of(name, "embedding", torch.from_numpy(x), Labels.of(y))
    if Path(name).exists():
        return data.load(name)
    found = data.load(Path(os.environ["LONGTAIL_DATA"]) / PLACES[what])
    if not rest:
        return found
    rows = torch.randperm(len(found), generator=torch.Generator().manual_seed(0))[: int(rest[0])]
    some = found.take(rows.sort().values)
    return Dataset.of(name, some.kind, some.raw, some.labels)


class Frame:
    """Embeddings as the pipelines take a table."""

    def __init__(self, x: torch.Tensor) -> None:
        self.x = x.numpy()

    def to_numpy(self, dtype: Any) -> Any:
        return self.x.astype(dtype)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--recipe", default="erm")
    parser.add_argument("--ours", action="store_true", help="the recipe alone")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    v = ", ".join(f"{name} {number}" for name, number in versions().items())
    print(f"{hardware()}; {v}; {args.folds} folds, seed 0\n")
    columns = (
        "set", "rows", "metric", args.recipe, "tuned pipeline", "difference [95 %]", f"not below -{MARGIN}", "converged",
        "s", "s, pipeline",
    )  # fmt: skip
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name in args.sets:
        d = read(name)
        plain = d
        if d.kind == "embedding":
            plain = Dataset(d.name, "table", Frame(d.raw), d.labels, d.duplicate_of, (), d.fingerprint)
        plan = Plan(d, tuple(pick([args.recipe]).items()), folds=args.folds, baseline=args.recipe)
        ours: list[Run] = []
        theirs = []
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            worker = Worker(plan, FolderStore(Path(folder)))
            for fold in range(args.folds):
                run = worker.do(Task(args.recipe, fold, 0))
                assert run is not None
                if not run.done:
                    sys.exit(f"{name}: {run.error}")
                ours.append(run)
        seconds = time.perf_counter() - began
        for train, test in [] if args.ours else folds(d.labels, d.duplicate_of, args.folds, 0):
            theirs.append(one_fold(plain, train.numpy(), test.numpy()))
        converged = {True: "yes", False: "no", None: "not checked"}
        for prior, metric in (("natural", "macro_f1"), ("balanced", "balanced_accuracy")):
            a = [run.scores[prior][metric] for run in ours]
            if args.ours:
                print(
                    f"| {name} | {len(d):,} | {metric}, {prior} prior | {np.mean(a):.3f} | {seconds:.0f} s |",
                    flush=True,
                )
                continue
            b = [fold[metric]["score"] for fold in theirs]
            mean, low, high, _ = corrected_t_test([x - y for x, y in zip(a, b)], 1 / args.folds)
            states = ", ".join(sorted({converged[run.converged] for run in ours}))
            cells = (
                name, f"{len(d):,}", f"{metric.replace('_', ' ')}, {prior} prior", f"{np.mean(a):.3f}",
                f"{np.mean(b):.3f}", f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]", "no" if high < -MARGIN else "yes", states,
                f"{seconds:.0f}", f"{sum(f['seconds'] for f in theirs):.0f}",
            )  # fmt: skip
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
