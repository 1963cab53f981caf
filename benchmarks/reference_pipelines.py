"""Tuned scikit-learn and imbalanced-learn pipelines on the folds of a comparison, and the best recipes beside them.

    longtail compare DATA --recipes A,B,... --no-model --out OUT
    python benchmarks/reference_pipelines.py DATA --results OUT/results.json

What a careful user of scikit-learn would do, on the very folds of ``longtail compare``: in each, every candidate
(logistic regression, random forest, gradient boosting, SMOTE before boosting, balanced random forest; for texts
TF-IDF of character 1-3-grams before logistic regression and naive Bayes) is cross-validated on the training part (3 inner
folds), the best is taken and fitted on all of it. For macro F1 the threshold of two classes is tuned on the inner
predictions too (as ``TunedThresholdClassifierCV`` does); for balanced accuracy each candidate also stands for its
probabilities divided by the training prior. Nothing of longtail is used but the reader and the folds.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from imblearn.ensemble import BalancedRandomForestClassifier
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.naive_bayes import ComplementNB
from sklearn.preprocessing import StandardScaler

from longtail import data
from longtail.comparison.folds import folds
from longtail.comparison.leaderboard import board, ranking_metric
from longtail.comparison.record import Results, read_results
from longtail.comparison.statistics import corrected_t_test

INNER = 3


def boosting(leaves: int, rate: float = 0.1) -> Any:
    return HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=leaves, learning_rate=rate, early_stopping=False, random_state=0
    )


def table_candidates(smallest: int) -> dict[str, Any]:
    """Pipelines on numbers; ``smallest``: rows of the rarest class in an inner training part."""
    k = max(1, min(5, smallest - 1))
    found = {
        f"logistic C={c}": make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000))
        for c in (1, 30)
    }
    found |= {
        f"random forest, leaves of {m}": RandomForestClassifier(300, min_samples_leaf=m, random_state=0)
        for m in (1, 3)
    }
    found |= {f"boosting, {leaves} leaves": boosting(leaves) for leaves in (7, 31)}
    if smallest > 1:
        found["SMOTE, boosting"] = make_pipeline(SMOTE(k_neighbors=k, random_state=0), boosting(15))
    found["balanced random forest"] = BalancedRandomForestClassifier(
        300, sampling_strategy="all", replacement=True, bootstrap=False, random_state=0
    )
    return found


def text_candidates(smallest: int) -> dict[str, Any]:
    """Classifiers on TF-IDF; ``smallest`` as for tables."""
    found: dict[str, Any] = {f"logistic C={c}": LogisticRegression(C=c, max_iter=2000) for c in (3, 10, 30)}
    found["logistic C=10, balanced"] = LogisticRegression(C=10, class_weight="balanced", max_iter=2000)
    found["complement naive Bayes"] = ComplementNB(alpha=0.3)
    if smallest > 1:  # imbalanced-learn refuses classes of one row
        smote = SMOTE(k_neighbors=min(5, smallest - 1), random_state=0)
        found["SMOTE, logistic"] = make_pipeline(smote, LogisticRegression(C=10, max_iter=2000))
    return found


def features(kind: str, raw: Any, train: Any, test: Any) -> tuple[Any, Any]:
    """Train and test inputs; TF-IDF is fitted on the training part."""
    if kind == "text":
        rows = np.array(raw, dtype=object)
        encoder = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
        return encoder.fit_transform(rows[train]), encoder.transform(rows[test])
    x = raw.to_numpy(dtype=float)
    return x[train], x[test]


def probabilities(model: Any, x: Any, classes: int) -> Any:
    """``[N, C]``, zero for classes that training lacked."""
    out = np.zeros((x.shape[0], classes))
    out[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(x)
    return out


def decide(p: Any, prior: Any, rule: float | str) -> Any:
    """Classes by a rule: "argmax", "prior out", or a threshold on the second of two classes."""
    if rule == "prior out":
        return (p / np.maximum(prior, prior[prior > 0].min())).argmax(1)
    return p.argmax(1) if rule == "argmax" else (p[:, 1] >= float(rule)).astype(int)


def rules(p: Any, metric: str) -> list[float | str]:
    if metric == "balanced_accuracy":
        return ["argmax", "prior out"]
    return ["argmax", *np.quantile(p[:, 1], np.linspace(0.5, 0.999, 100))] if p.shape[1] == 2 else ["argmax"]


def score(y: Any, decided: Any, metric: str) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if metric == "balanced_accuracy":
            return float(balanced_accuracy_score(y, decided))
        return float(f1_score(y, decided, average="macro", zero_division=0))


def one_fold(d: Any, train: Any, test: Any) -> dict[str, Any]:
    """The tuned pipeline of each metric on a fold: its name, its score, and the seconds of it all."""
    began, classes = time.perf_counter(), d.labels.num_classes
    y = d.labels.y.numpy()
    labels = d.labels.take(torch.from_numpy(train))
    inner = folds(labels, d.duplicate_of[torch.from_numpy(train)], INNER, seed=1)
    counts = min(
        np.bincount(y[train][fit.numpy()], minlength=classes)[np.unique(y[train][fit.numpy()])].min()
        for fit, _ in inner
    )
    candidates = (text_candidates if d.kind == "text" else table_candidates)(int(counts))
    held = {name: np.zeros((len(train), classes)) for name in candidates}
    for fit, other in inner:
        a, b = features(d.kind, d.raw, train[fit.numpy()], train[other.numpy()])
        for name, model in candidates.items():
            held[name][other.numpy()] = probabilities(model.fit(a, y[train][fit.numpy()]), b, classes)
    a, b = features(d.kind, d.raw, train, test)
    prior = labels.prior.numpy()
    out: dict[str, Any] = {}
    for metric in ("macro_f1", "balanced_accuracy"):
        tried = [
            (score(y[train], decide(p, prior, r), metric), n, r)
            for n, p in held.items()
            for r in rules(p, metric)
        ]
        _, name, rule = max(tried, key=lambda t: t[0])
        p = probabilities(candidates[name].fit(a, y[train]), b, classes)
        how = rule if isinstance(rule, str) else f"threshold {rule:.2g}"
        out[metric] = {"pipeline": f"{name}, {how}", "score": score(y[test], decide(p, prior, rule), metric)}
    return {**out, "seconds": time.perf_counter() - began}


def beside(results: Results, reference: list[dict[str, Any]], deep: set[str]) -> list[str]:
    """Markdown rows: the best deep and the best classical recipe beside the reference, paired fold by fold."""
    lines = []
    share = results.settings.test_share
    for prior in ("natural", "balanced"):
        metric = ranking_metric(prior)
        scores = [fold[metric]["score"] for fold in reference]
        spread = f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}"
        lines.append(f"| {prior} | {metric} | tuned pipeline | {spread} | |")
        ranked = board(results, prior, metric).ranked
        groups = {"deep": deep, "classical": {r.recipe for r in ranked} - deep}
        for kind, names in groups.items():
            rows = [row for row in ranked if row.recipe in names]
            if not rows:
                continue
            row, runs = rows[0], results.by_recipe[rows[0].recipe]
            differences = [runs[f, 0].scores[prior][metric] - scores[f] for f in range(len(scores))]
            mean, low, high, p = corrected_t_test(differences, share)
            lines.append(
                f"| {prior} | {metric} | best {kind}: {row.recipe} (of {len(rows)}) | {row.mean[metric]:.3f} ±"
                f" {row.sd[metric]:.3f} | {mean:+.3f} [{low:+.3f}, {high:+.3f}], p = {p:.2f} |"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--results", type=Path, help="results.json of a comparison on the same data, seed 1")
    parser.add_argument(
        "--keep", type=Path, help="JSON file of the finished folds' scores: goes on from there"
    )
    parser.add_argument("--folds", type=int, default=5)
    args = parser.parse_args()
    d = data.load(args.data)
    found = json.loads(args.keep.read_text(encoding="utf-8")) if args.keep and args.keep.exists() else []
    for train, test in folds(d.labels, d.duplicate_of, args.folds, 0)[len(found) :]:
        found.append(one_fold(d, train.numpy(), test.numpy()))
        if args.keep:
            args.keep.write_text(json.dumps(found), encoding="utf-8")
    print(
        "| fold | macro F1, natural | pipeline | balanced accuracy | pipeline | s |\n|---|---|---|---|---|---|"
    )
    for k, fold in enumerate(found):
        a, b = fold["macro_f1"], fold["balanced_accuracy"]
        print(
            f"| {k + 1} | {a['score']:.3f} | {a['pipeline']} | {b['score']:.3f} | {b['pipeline']} "
            f"| {fold['seconds']:.0f} |"
        )
    if args.results:
        from longtail import recipes

        deep = {f.__name__.replace("_", "-") for f in recipes.ALL}
        print(
            "\n| prior | metric | what | mean ± sd over folds | minus the pipeline [95 %], corrected t-test |"
            "\n|---|---|---|---|---|"
        )
        print("\n".join(beside(read_results(args.results), found, deep)))


if __name__ == "__main__":
    main()
