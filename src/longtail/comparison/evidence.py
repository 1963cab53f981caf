"""Evidence: what all out-of-fold predictions of a comparison say, as plain numbers for ``results.json``.

Under each shown prior: which recipes are the same (equal predictions of every row), every other recipe's difference to
the baseline and to the best with its test on rows, and what the winner will score on new data.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtail.comparison.influence import GROUPS, LOSSES, SMOOTH, Array, decision_influence, loss_influence
from longtail.comparison.leaderboard import (
    LOWER_IS_BETTER,
    Results,
    Row,
    as_float,
    finished,
    leaderboard,
    ranking_metric,
    shown_priors,
    tie_order,
    winner,
)
from longtail.comparison.outputs import load_outputs, outputs_file
from longtail.comparison.plan import Study
from longtail.comparison.row_test import Layout, expected_of_winner, row_test
from longtail.run.outcome import prior_vector


def evidence(study: Study, results: Results, folder: Path) -> dict[str, Any]:
    """Tests on rows for every shown prior, from the outputs that the runs left in ``folder``.

    Recipes that lack a run which another finished, or a run's outputs, are left out: the leaderboard tests them on
    folds. So is all, where nothing but one run per recipe finished.

    Returns:
        By prior: ``same_as`` (recipe to the one it equals), ``tests`` (by metric: the reference recipe, then the
        recipe, to ``[mean, low, high, p, error, degrees]``, null where nan or infinite) and ``winner`` (``recipe``,
        ``score`` as picked, ``expected`` on new data, ``candidates``; absent with one candidate).
    """
    runs = {name: finished(results, name) for name in results["recipes"]}
    most: set[tuple[int, int]] = max((set(r) for r in runs.values()), key=len, default=set())
    cells = sorted(most, key=lambda cell: cell[::-1])  # fold after fold, seed after seed
    files = {
        name: [outputs_file(folder, runs[name][cell]["identity"]) for cell in cells]
        for name in runs
        if cells and set(cells) <= set(runs[name]) and all("identity" in runs[name][cell] for cell in cells)
    }
    found = {}
    if len(cells) > 1:
        for prior in shown_priors(results):
            found[prior] = _UnderPrior(study, results, prior, cells, files).found()
    return found


class _UnderPrior:
    """The outputs of all recipes under one prior: what ``evidence`` reads and works out."""

    def __init__(
        self,
        study: Study,
        results: Results,
        prior: str,
        cells: list[tuple[int, int]],
        files: Mapping[str, list[Path]],
    ) -> None:
        self.results, self.prior, self.cells = results, prior, cells
        self.rows = {row.recipe: row for row in leaderboard(results, prior) if row.rank is not None}
        self.decision: dict[str, Array] = {}
        self.loss: dict[str, dict[str, Array]] = {}
        layout: Layout | None = None
        for name in sorted(set(files) & set(self.rows), key=lambda n: tie_order(results, self.rows[n])):
            read = [load_outputs(file) for file in files[name]]
            if any(one is None or f"{prior}/nll" not in one for one in read):
                continue
            together = {
                key: torch.cat([one[key] for one in read if one is not None]).numpy()
                for key in ("rows", "y", *(f"{prior}/{what}" for what in ("decision", *LOSSES)))
            }
            self.decision[name] = together[f"{prior}/decision"]
            self.loss[name] = {what: together[f"{prior}/{what}"] for what in LOSSES}
            if layout is None:
                sizes = [len(one["rows"]) for one in read if one is not None]
                layout = Layout(
                    together["y"].astype(np.int64),
                    np.repeat(np.arange(len(cells)), sizes),
                    np.array([seed for _, seed in cells]),
                    study.dataset.duplicate_of.numpy()[together["rows"]],
                )
        self.layout = layout
        weights = None
        if prior != study.tested_under:
            given = "balanced" if prior == "balanced" else study.prior if prior == "declared" else prior
            weights = prior_vector(given, study.dataset.labels).numpy()
        self.weights = weights

    def found(self) -> dict[str, Any]:
        if self.layout is None:
            return {}
        same = self.same_as()
        tests: dict[str, Any] = {}
        for metric in SMOOTH:
            tests[metric] = self.tests(metric, same)
        picked = self.winner(same)
        return {"same_as": same, "tests": tests} | ({"winner": picked} if picked else {})

    def same_as(self) -> dict[str, str]:
        """Recipes that decide every row as another does, with the same losses but for rounding: the baseline, or the
        cheapest, stands for all of them."""
        first: dict[str, list[str]] = {}
        same = {}
        for name, decision in self.decision.items():
            alike = first.setdefault(hashlib.sha256(decision.tobytes()).hexdigest(), [])
            for other in alike:
                pairs = [(self.loss[name][k], self.loss[other][k]) for k in LOSSES]
                if all(np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in pairs):
                    same[name] = other
                    break
            else:
                alike.append(name)
        return same

    def scores(self, name: str, metric: str) -> Array:
        """The recorded scores, one for each run."""
        runs = finished(self.results, name)
        return np.array([as_float(runs[c]["scores"][self.prior].get(metric)) for c in self.cells])

    def influence(self, name: str, metric: str) -> Array:
        layout, c = self.layout, int(self.results["data"]["num_classes"])
        assert layout is not None
        if metric in LOSSES:
            return loss_influence(layout.y, layout.run, self.loss[name][metric], c, self.weights)
        groups = self.results["data"]["groups"] if metric in GROUPS else None
        return decision_influence(layout.y, layout.run, self.decision[name], c, metric, self.weights, groups)

    def tests(self, metric: str, same: Mapping[str, str]) -> dict[str, dict[str, list[float | None]]]:
        """Every recipe against the baseline, and against the best by this metric."""
        assert self.layout is not None
        names = [n for n in self.decision if n not in same and np.isfinite(self.scores(n, metric)).all()]
        if not names:
            return {}
        best = winner(leaderboard(self.results, self.prior, metric))
        references = [
            same.get(r, r) for r in (self.results["settings"]["baseline"], best.recipe if best else "")
        ]
        references = [r for r in dict.fromkeys(references) if r in names]
        held = {r: (self.scores(r, metric), self.influence(r, metric)) for r in references}
        out: dict[str, dict[str, list[float | None]]] = {r: {} for r in references}
        for name in names:
            score, psi = self.scores(name, metric), self.influence(name, metric)
            for r in references:
                if name != r:
                    tested = row_test(score - held[r][0], psi - held[r][1], self.layout)
                    out[r][name] = [v if math.isfinite(v) else None for v in astuple(tested)]
        return out

    def winner(self, same: Mapping[str, str]) -> dict[str, Any] | None:
        """What the winner will score on new data, by the ranking metric."""
        assert self.layout is not None
        metric = ranking_metric(self.prior)
        rows: list[Row] = [r for r in self.rows.values() if r.converged and r.recipe in self.decision]
        names = [r.recipe for r in rows if r.recipe not in same]
        names = [n for n in names if np.isfinite(self.scores(n, metric)).all()]
        best = winner(list(self.rows.values()))
        if len(names) < 2 or best is None or best.recipe not in names:
            return None
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        scores = sign * np.array([self.scores(n, metric).mean() for n in names])
        moved = sign * np.stack([self.layout.moved(self.influence(n, metric)) for n in names])
        return {
            "recipe": best.recipe,
            "metric": metric,
            "score": best.mean[metric],
            "expected": sign * expected_of_winner(scores, moved),
            "candidates": len(names),
        }
