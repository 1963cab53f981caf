"""Expected cost of longtail's recipes that decide by costs, beside scikit-learn's tuned threshold and a threshold of 0.5.

    python benchmarks/costs.py --out benchmarks/results/DATE-costs.md

On ``cost-german`` (a published matrix) and ``cost-churn-tv`` (costs of each row, in columns), under ``LONGTAIL_DATA``.
Every way of deciding sees the same rows, columns and folds, and is scored on the same test rows:

- *longtail*: ``compare`` with ``costs``, the decisions of its test rows as kept;
- *0.5*: the most probable class of the same model;
- *scikit-learn*: scaled numbers and one-hot words before ``LogisticRegression``, at 0.5 and in
  ``TunedThresholdClassifierCV`` (its defaults: 5 inner folds, 100 thresholds) with the cost as its scorer, which gets the
  costs of the rows by metadata routing, as scikit-learn's own example does.

The interval is that of the row test of a comparison (``longtail.comparison.row_test``), for the paired difference.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from longtail import api, metrics
from longtail.comparison.influence import influence, terms_of
from longtail.comparison.kept import predictions
from longtail.comparison.results import hardware, versions
from longtail.comparison.row_test import Layout, row_test
from longtail.store import FolderStore

RECIPES = ("logistic", "erm")


@dataclass(frozen=True)
class Case:
    """A data set with costs.

    Attributes:
        file: under ``LONGTAIL_DATA``.
        label, drop: columns.
        costs: by class name.
        unit: of a cost.
        seeds: repetitions over other folds.
    """

    file: str
    label: str
    drop: tuple[str, ...]
    costs: dict[str, dict[str, Any]]
    unit: str
    seeds: int


CASES = {
    "cost-german": Case(
        "cost-german/german.data", "CLASSIFICATION", (), {"1": {"1": 0, "0": 1}, "0": {"1": 5, "0": 0}}, "points", 3
    ),
    "cost-churn-tv": Case(
        "cost-churn-tv/churn_tv_subscriptions.csv", "target", ("id", "C_FP", "C_FN", "C_TP", "C_TN"),
        {"0": {"0": "C_TN", "1": "C_FP"}, "1": {"0": "C_FN", "1": "C_TP"}}, "money", 1,
    ),
}  # fmt: skip


def negative_cost(y: Any, decided: Any, cost: Any) -> float:
    """Minus the mean cost, with ``cost [n, 2, 2]`` of each row."""
    return -float(np.asarray(cost)[np.arange(len(y)), np.asarray(y), np.asarray(decided)].mean())


def reference(x: Any, y: Any, cost: Any, train: Any, test: Any) -> dict[str, Any]:
    """What scikit-learn decides for the test rows, by way of deciding."""
    words = make_column_selector(dtype_exclude=np.number)
    front = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), words), remainder=StandardScaler()
    )
    model = make_pipeline(front, LogisticRegression(max_iter=5000))
    scorer = make_scorer(negative_cost).set_score_request(cost=True)
    tuned = TunedThresholdClassifierCV(model, scoring=scorer, random_state=0)
    tuned.fit(x.iloc[train], y[train], cost=cost[train])
    model.fit(x.iloc[train], y[train])
    return {
        "scikit-learn, logistic at 0.5": model.predict(x.iloc[test]),
        "scikit-learn, TunedThresholdClassifierCV": tuned.predict(x.iloc[test]),
    }


def measured(name: str, case: Case, folds: int, kept: Path | None) -> list[str]:
    """The lines of one data set."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() if kept is None else nullcontext(str(kept / name)) as folder:
        columns = [c for row in case.costs.values() for c in row.values() if isinstance(c, str)]
        dataset = api.load(
            Path(os.environ["LONGTAIL_DATA"]) / case.file,
            label=case.label,
            drop=list(case.drop),
            cost_columns=columns,
        )
        found = api.compare(
            dataset, recipes=list(RECIPES), folds=folds, seeds=case.seeds, costs=case.costs, out=folder, model=False,
            verbose=0,
        )  # fmt: skip
        store = FolderStore(Path(folder)).outputs
        said = {r: predictions(found.record, store, r, dataset.costs_of) for r in RECIPES}
    names = list(found.record.data.names)
    y = dataset.labels.y.numpy()
    declared = found.record.settings.costs
    assert declared is not None
    cost = np.broadcast_to(declared.matrix(dataset.costs_of), (len(y), 2, 2))
    table = said[RECIPES[0]].sort_values(["seed", "fold", "row"], kind="stable")
    runs = table.groupby(["seed", "fold"], sort=True).ngroup().to_numpy()
    rows = table["row"].to_numpy()
    ways: dict[str, Any] = {}
    for recipe, frame in said.items():
        frame = frame.sort_values(["seed", "fold", "row"], kind="stable")
        assert (frame["row"].to_numpy() == rows).all()
        ways[f"longtail {recipe}, by costs"] = frame["decision"].map(names.index).to_numpy()
        ways[f"longtail {recipe}, at 0.5"] = frame[[f"p_{n}" for n in names]].to_numpy().argmax(1)
    x = dataset.raw.reset_index(drop=True)
    x = x.astype({c: str for c in x.columns if x[c].dtype == object})
    for run in np.unique(runs):
        test = rows[runs == run]
        train = np.setdiff1d(np.arange(len(y)), test)
        for way, decided in reference(x, y, cost, train, test).items():
            ways.setdefault(way, np.zeros(len(rows), dtype=np.int64))[runs == run] = decided
    best = min((0, 1), key=lambda k: cost[np.arange(len(y)), y, k].mean())
    ways[f"always {names[best]!r}"] = np.full(len(rows), best)

    metric = metrics.found()["expected_cost"]
    seeds = table.groupby(["seed", "fold"], sort=True)["seed"].first().to_numpy()
    layout = Layout(y[rows], runs, seeds, dataset.duplicate_of.numpy()[rows])
    flat = torch.full((len(rows), 2), 0.5)

    def of(decided: Any) -> tuple[Any, Any]:
        each = cost[rows, y[rows], decided]
        terms = terms_of(
            flat, torch.from_numpy(y[rows]), torch.from_numpy(decided), [metric], torch.from_numpy(cost[rows])
        )
        means = np.array([each[runs == run].mean() for run in np.unique(runs)])
        return means, influence(metric, terms, y[rows], runs, 2)

    ours = {recipe: of(ways[f"longtail {recipe}, by costs"]) for recipe in RECIPES}
    constant = cost[rows, y[rows], best].mean()
    head = " | ".join(f"{r} minus it, 95 % interval" for r in RECIPES)
    lines = [
        f"## {name}",
        "",
        f"{len(y):,} rows, {case.seeds} x {folds} folds. Cost in {case.unit} per 1,000 rows. {declared.in_words(names)}",
        "",
        f"| decided by | cost per 1,000 rows | saving | {head} |",
        "|---|---|---|" + "---|" * len(RECIPES),
    ]
    for way, decided in sorted(ways.items(), key=lambda pair: of(pair[1])[0].mean()):
        means, psi = of(decided)
        cells = []
        for recipe in RECIPES:
            if way == f"longtail {recipe}, by costs":
                cells.append("")
                continue
            test = row_test(ours[recipe][0] - means, ours[recipe][1] - psi, layout)
            cells.append(f"{1000 * test.mean:+,.0f} ({1000 * test.low:+,.0f} to {1000 * test.high:+,.0f})")
        saving = 1 - cost[rows, y[rows], decided].mean() / constant
        lines.append(f"| {way} | {1000 * means.mean():,.0f} | {saving:.3f} | {' | '.join(cells)} |")
    return [*lines, "", f"Made in {time.perf_counter() - began:.0f} s.", ""]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=list(CASES))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the comparisons there, and go on from them")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    sklearn.set_config(enable_metadata_routing=True)
    lines = []
    for name, case in CASES.items():
        if given.only in (None, name):
            lines += measured(name, case, given.folds, given.folder)
    told = versions()
    lines.append(
        f"{hardware()}; " + ", ".join(f"{k} {told[k]}" for k in ("longtail", "torch", "scikit-learn"))
    )
    text = "\n".join(lines) + "\n"
    print(text)
    if given.out is not None:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
