"""What folds at random flatter: the same recipes by plain folds, by groups, in time, and on the data's own test rows.

    LONGTAIL_DATA=... python benchmarks/splits.py --out benchmarks/results/DATE-splits.md

Beside each stands scikit-learn by hand on the same rows: the same estimator behind a scaler, the most probable class.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from longtail import api
from longtail.api.splitting import split_of
from longtail.comparison.results import hardware, versions
from longtail.comparison.split import Folds, Split, together_of
from longtail.data import Dataset

BY_HAND = {
    "logistic": lambda: LogisticRegression(max_iter=2000),
    "random-forest": lambda: RandomForestClassifier(300, random_state=0, n_jobs=1),
}
BOTH = ["logistic", "random-forest"]
ROOM = "own-occupancy/datatraining.txt"
SETS: list[tuple[str, str, list[str], dict[str, Any]]] = [
    ("grp-wisdm/wisdm.csv", "plain folds", BOTH, {"drop": ["UNIQUE_ID", "user"]}),
    ("grp-wisdm/wisdm.csv", "by user", BOTH, {"drop": ["UNIQUE_ID"], "group": "user"}),
    ("ts-ozone/eighthr.data", "plain folds", BOTH, {"drop": [0]}),
    ("ts-ozone/eighthr.data", "in time", BOTH, {"time": 0, "gap": "7d"}),
    ("own-ann-thyroid/ann-train.data", "own test", BOTH, {"test": "own-ann-thyroid/ann-test.data"}),
    ("own-trec/train_5500.label", "own test", ["logistic"], {"test": "own-trec/TREC_10.label"}),
    (ROOM, "own test", BOTH, {"test": "own-occupancy/datatest.txt", "drop": ["date"]}),
    (ROOM, "own test 2", BOTH, {"test": "own-occupancy/datatest2.txt", "drop": ["date"]}),
]
"""File, how it is split, recipes, and options."""


def by_hand(name: str, raw: Any) -> Any:
    """A pipeline of scikit-learn for these rows."""
    if isinstance(raw, list):
        return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), BY_HAND[name]())
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=object)),
    )
    return make_pipeline(columns, BY_HAND[name]())


def hand_scores(data: Dataset, split: Split, name: str) -> tuple[float, float]:
    """Macro F1 and balanced accuracy of scikit-learn by hand on the same training and test rows, mean over folds."""
    scores = []
    for fold in range(split.folds):
        train, test = split.rows(data, together_of(data, copies=True), fold, 0)
        a, b = data.take(train), data.take(test)
        model = by_hand(name, a.raw).fit(a.raw, a.labels.y.numpy())
        said, y = model.predict(b.raw), b.labels.y.numpy()
        scores.append((f1_score(y, said, average="macro"), balanced_accuracy_score(y, said)))
    macro, balanced = np.mean(scores, axis=0)
    return float(macro), float(balanced)


def main() -> None:
    """Compare each, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=4)
    asked = parser.parse_args()
    root = Path(os.environ["LONGTAIL_DATA"])
    lines = [
        "| data | split | recipe | macro F1 | macro F1, argmax | bal. accuracy, balanced prior | by hand: macro F1 | "
        "bal. accuracy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for file, split, recipes, options in SETS:
        how = {k: root / v if k == "test" else v for k, v in options.items()}
        with tempfile.TemporaryDirectory() as out, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gap = how.pop("gap", None)
            data = api.load_parts(root / file, **{"test": None, "valid": None, **how})
            found = api.compare(
                data, recipes=recipes, folds=asked.folds, gap=gap, out=out, model=False, verbose=0
            )
            split_by = split_of(data, asked.folds, None, gap) or Folds(asked.folds)
            for name in recipes:
                rows = {p: next(r for r in of if r.recipe == name) for p, of in found.rows.items()}
                natural, balanced = rows["natural"].mean, rows["balanced"].mean
                hand = hand_scores(data, split_by, name)
                lines.append(
                    f"| {file.split('/')[0]} | {split} | {name} | {natural['macro_f1']:.3f} | "
                    f"{natural['macro_f1_argmax']:.3f} | {balanced['balanced_accuracy']:.3f} | {hand[0]:.3f} | "
                    f"{hand[1]:.3f} |"
                )
                print(lines[-1], flush=True)
    about = ", ".join(f"{k} {v}" for k, v in versions().items())
    asked.out.write_text(
        "\n".join(["# Splits", "", *lines, "", f"{hardware()}; {about}; {asked.folds} folds, seed 0", ""])
    )


if __name__ == "__main__":
    main()
