"""Classical recipes beside the libraries they come from, and a long table end to end: time and memory.

    python benchmarks/tables.py                 fit and prediction time, ratio in one process
    python benchmarks/tables.py --million       three recipes compared on a made-up table of 10^6 x 30
    python benchmarks/tables.py --smote         what SMOTE holds on a table of 10^6 x 50

Ratio: the recipe's ``fit`` (which exports the estimator to arrays) and its net's prediction against the estimator's own
``fit`` and ``predict_proba`` with the same settings and one thread, turn and turn about in one process; medians.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from longtail import api, classical
from longtail.classical import Classical
from longtail.classical.estimators import Logistic, Resampled, RUSBoost
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.part import part


def made_up(n: int, d: int, classes: int, seed: int = 0) -> tuple[Any, Labels]:
    """Long-tailed classes (imbalance 100) as overlapping clouds with curved borders, float32 ``[n, d]``."""
    g = torch.Generator().manual_seed(seed)
    share = 100.0 ** -torch.linspace(0, 1, classes)
    y = torch.multinomial(share / share.sum(), n, replacement=True, generator=g)
    means = 0.8 * torch.randn(classes, d, generator=g)
    x = torch.randn(n, d, generator=g) + means[y]
    x[:, : d // 2] += 0.5 * x[:, d // 2 : 2 * (d // 2)] ** 2
    return x, Labels.of(y, num_classes=classes)


def pairs() -> dict[str, tuple[Classical, Callable[[], Any]]]:
    """Recipe and the same thing of scikit-learn or imbalanced-learn."""
    from imblearn import ensemble, over_sampling, pipeline
    from sklearn.ensemble import AdaBoostClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    def logistic() -> Any:
        return LogisticRegression(C=1.0, max_iter=1000)

    def smote() -> Any:
        return pipeline.make_pipeline(over_sampling.SMOTE(random_state=0), logistic())

    return {
        "logistic": (classical.logistic(), logistic),
        "random-forest": (
            classical.random_forest(trees=100), lambda: RandomForestClassifier(100, random_state=0)
        ),
        "gradient-boosting": (
            classical.gradient_boosting(), lambda: HistGradientBoostingClassifier(early_stopping=False, random_state=0)
        ),
        "smote+logistic": (classical.resampled("smote", classical.logistic()), smote),
        "balanced-random-forest": (
            classical.balanced_random_forest(trees=100),
            lambda: ensemble.BalancedRandomForestClassifier(
                100, sampling_strategy="all", replacement=True, bootstrap=False, random_state=0
            ),
        ),
        "balanced-bagging": (
            classical.balanced_bagging(), lambda: ensemble.BalancedBaggingClassifier(n_estimators=50, random_state=0)
        ),
        "easy-ensemble": (
            classical.easy_ensemble(),
            lambda: ensemble.EasyEnsembleClassifier(10, estimator=AdaBoostClassifier(n_estimators=50), random_state=0),
        ),
        "rus-boost": (
            Classical("rus-boost", part(RUSBoost, depth=3)),  # three classes: stumps are worse than chance
            lambda: ensemble.RUSBoostClassifier(
                estimator=DecisionTreeClassifier(max_depth=3), n_estimators=50, random_state=0
            ),
        ),
    }  # fmt: skip


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    value = work()
    return time.perf_counter() - began, value


def ratio(n: int, d: int, repeats: int) -> None:
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    x, labels = made_up(n, d, classes=3)
    new, _ = made_up(n, d, classes=3, seed=1)
    a, b, y = x.double().numpy(), new.double().numpy(), labels.y.numpy()
    print(
        "| recipe | fit, s | library's own | ratio | 10,000 predictions, ms | library's own | ratio |\n|"
        + "---|" * 7
    )
    for name, (recipe, own) in pairs().items():
        ours = partial(recipe.fit, x, labels, seed=0), lambda fitted: fitted[0](new)
        theirs = partial(own().fit, a, y), lambda fitted: fitted.predict_proba(b)
        times: dict[str, list[float]] = {k: [] for k in ("fit", "own fit", "predict", "own predict")}
        for k in range(repeats):
            sides = [("", *ours), ("own ", *theirs)]
            for side, fit, predict in sides if k % 2 == 0 else sides[::-1]:
                with threadpool_limits(1), torch.no_grad():
                    seconds, fitted = timed(fit)
                    predicted = statistics.median(timed(partial(predict, fitted))[0] for _ in range(3))
                times[side + "fit"].append(seconds)
                times[side + "predict"].append(predicted)
        middle = {key: statistics.median(values) for key, values in times.items()}
        ms = {key: 1e7 / n * middle[key] for key in ("predict", "own predict")}
        print(
            f"| {name} | {middle['fit']:.2f} | {middle['own fit']:.2f} | {middle['fit'] / middle['own fit']:.2f} |"
            f" {ms['predict']:.0f} | {ms['own predict']:.0f} | {ms['predict'] / ms['own predict']:.2f} |",
            flush=True,
        )


def gigabytes(who: int) -> float:
    return resource.getrusage(who).ru_maxrss * 1024 / 1e9


def million(jobs: int, names: list[str]) -> None:
    x, labels = made_up(10**6, 30, classes=5)
    import pandas as pd

    frame = pd.DataFrame(x.double().numpy(), columns=[f"x{k}" for k in range(30)])
    dataset = Dataset.of("made-up", "table", frame, labels)
    with tempfile.TemporaryDirectory() as out:
        seconds, found = timed(
            lambda: api.compare(dataset, recipes=names, folds=2, jobs=jobs, out=out, model=False)
        )
    assert all(run.done for run in found.record.runs), found.record.runs
    parent, worker = gigabytes(resource.RUSAGE_SELF), gigabytes(resource.RUSAGE_CHILDREN)
    print(
        f"10^6 x 30, 2 folds, {', '.join(names)}: {seconds:.0f} s with {jobs} jobs; peak {parent:.1f} GB in the parent,"
        f" {worker:.1f} GB in the largest worker"
    )
    for prior, rows in found.rows.items():
        shown = ", ".join(f"{r.recipe} {r.mean['balanced_accuracy']:.4f}" for r in rows)
        print(f"balanced accuracy, {prior} prior: {shown}")


def smote() -> None:
    """Each in a process of its own, since a peak stays."""
    for what in ("table", "resampled", "fitted"):
        done = subprocess.run(
            [sys.executable, __file__, "--one", what], capture_output=True, text=True, check=True
        )
        print(done.stdout.strip())


def one(what: str) -> None:
    x, labels = made_up(10**6, 50, classes=10)
    seconds, rows = 0.0, len(x)
    if what == "resampled":
        seconds, (new, _) = timed(lambda: Resampled("smote", None).resample(x, labels, 0))
        rows = len(new)
    if what == "fitted":
        inner = part(Logistic, iterations=30)
        recipe = Classical("smote+logistic", part(Resampled, method="smote", estimator=inner))
        seconds, _ = timed(lambda: recipe.fit(x, labels, seed=0))
    print(
        f"10^6 x 50, 10 classes, {what}: peak {gigabytes(resource.RUSAGE_SELF):.1f} GB, {seconds:.0f} s, {rows:,} rows"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--smote", action="store_true")
    parser.add_argument("--one", choices=("table", "resampled", "fitted"), help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--recipes", default="erm,logit-adjustment,logistic")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if args.one:
        one(args.one)
    elif args.million:
        million(args.jobs, args.recipes.split(","))
    elif args.smote:
        smote()
    else:
        ratio(args.rows, args.columns, args.repeats)


if __name__ == "__main__":
    main()
