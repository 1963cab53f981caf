"""Predicting with classical recipes beside the estimators themselves, in one run: processor seconds for 10,000 rows, and
what keeping an estimator costs.

    OMP_NUM_THREADS=1 python benchmarks/classical_speed.py

Each pair predicts the same rows with the same fitted estimator, by turns, on one thread; seconds are the processor's, for
others may use the machine. The ratio is of the medians. "Through a file" predicts with the model as it comes out of a
``state_dict``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from longtail import classical
from longtail.classical.inputs import matrix
from longtail.comparison.results import hardware, versions
from longtail.labels import Labels
from longtail.net import rebuild
from longtail.part import to_json
from longtail.run import Engine, infer

RECIPES = {
    "logistic": classical.logistic(),
    "random-forest": classical.random_forest(),
    "gradient-boosting": classical.gradient_boosting(),
    "balanced-random-forest": classical.balanced_random_forest(),
    "balanced-bagging": classical.balanced_bagging(),
    "easy-ensemble": classical.easy_ensemble(),
    "rus-boost": classical.rus_boost(),
}


def toy(rows: int, columns: int, classes: int, seed: int) -> tuple[torch.Tensor, Labels]:
    """Gaussian classes, each half as frequent as the one before."""
    r = np.random.default_rng(seed)
    share = 0.5 ** np.arange(classes)
    y = r.choice(classes, rows, p=share / share.sum())
    x = r.normal(size=(rows, columns))
    x[:, 0] += 1.5 * y
    return torch.from_numpy(x).float(), Labels.of(torch.from_numpy(y), num_classes=classes)


def by_turns(calls: list[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Processor seconds of each call, one after another, ``repeats`` times."""
    out: list[list[float]] = [[] for _ in calls]
    for k in range(repeats + 1):
        for times, call in zip(out, calls):
            began = time.process_time()
            call()
            if k:  # the first warms up
                times.append(time.process_time() - began)
    return out


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    x, labels = toy(args.train, args.columns, args.classes, 0)
    new, _ = toy(args.rows, args.columns, args.classes, 1)
    began = time.process_time()
    net, _ = RECIPES[name].fit(x, labels, seed=0)
    fit = time.process_time() - began
    began = time.process_time()
    state = net.head.state_dict()
    store = time.process_time() - began
    began = time.process_time()
    head = rebuild(json.loads(json.dumps(to_json(net.head.spec))), state, "head")
    read = time.process_time() - began
    again, engine = net.with_head(head), Engine(device="cpu")
    rows = matrix(net.backbone(new))
    own, ours, filed = by_turns(
        [
            lambda: net.head.estimator.predict_proba(rows),
            lambda: infer(net, new, engine),
            lambda: infer(again, new, engine),
        ],
        args.repeats,
    )
    assert torch.equal(infer(net, new, engine), infer(again, new, engine))
    middle = statistics.median(own)
    return {
        "recipe": name, "fit": fit, "own": middle, "spread": (min(own), max(own)),
        "ratio": statistics.median(ours) / middle, "filed": statistics.median(filed) / middle,
        "store": store, "read": read, "bytes": sum(t.numel() * t.element_size() for t in state.values()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--recipes", default=",".join(RECIPES))
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = versions()
    print(f"{hardware()}; {', '.join(f'{k} {v}' for k, v in found.items())}; one thread")
    print(
        f"fitted on {args.train} rows of {args.columns} columns in {args.classes} classes; {args.rows} rows predicted"
    )
    print(
        "| recipe | own: predict_proba, s (range) | longtail / own | through a file / own | fit, s | store | read | MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in args.recipes.split(","):
        m = measure(name, args)
        low, high = m["spread"]
        ours = f"{m['own']:.4f} ({low:.4f} to {high:.4f}) | {m['ratio']:.2f} | {m['filed']:.2f}"
        costs = f"{m['fit']:.1f} | {m['store']:.2f} | {m['read']:.2f} | {m['bytes'] / 1e6:.1f}"
        print(f"| {name} | {ours} | {costs} |", flush=True)


if __name__ == "__main__":
    main()
