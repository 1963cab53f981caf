"""Evidence: what all out-of-fold predictions of a comparison say, as plain numbers for ``results.json``.

Under each shown prior: which recipes are the same (equal predictions of every row), every other recipe's difference to
the baseline and to the best with its test on rows, and what the winner will score on new data.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.comparison.clustered import rates_of
from longtail.comparison.influence import Array, influence, parts, smooth, terms_of
from longtail.comparison.judge import Judge
from longtail.comparison.leaderboard import (
    LOWER_IS_BETTER,
    as_float,
    board,
    ranked_by,
    shown_priors,
    tie_order,
)
from longtail.comparison.outputs import Outputs, Said, load_outputs, said
from longtail.comparison.record import Results
from longtail.comparison.row_test import Layout, expected_of_winner, row_test
from longtail.comparison.set_test import set_test
from longtail.comparison.split import together_of
from longtail.comparison.study import Study
from longtail.metrics import Entities
from longtail.metrics.evaluate import rarest_of
from longtail.store import Entries


def evidence(study: Study, results: Results, outputs: Entries) -> dict[str, Any]:
    """Tests on rows for every shown prior, from the outputs that the runs left.

    Recipes that lack a run which another finished, or a run's outputs, are left out: the leaderboard tests them on
    folds. So is all, where nothing but one run per recipe finished.

    Returns:
        By prior: ``same_as`` (recipe to the one it equals), ``tests`` (by metric: the reference recipe, then the
        recipe, to ``[mean, low, high, p, error, degrees]``, null where nan or infinite), ``winner`` (``recipe``,
        ``score`` as picked, ``expected`` on new data, ``candidates``; absent with one candidate) and ``rates`` (by
        recipe, of two classes, where rows have groups or weights).
    """
    runs = results.by_recipe
    most: set[tuple[int, int]] = max((set(r) for r in runs.values()), key=len, default=set())
    cells = sorted(most, key=lambda cell: cell[::-1])  # fold after fold, seed after seed
    kept = {}
    for name, of in runs.items():
        identities = [of[cell].identity for cell in cells if cell in of]
        known = [identity for identity in identities if identity is not None]
        if cells and len(known) == len(cells):
            kept[name] = known
    found = {}
    if len(cells) > 1 or (cells and study.sides.single):
        for prior in shown_priors(results):
            found[prior] = _UnderPrior(study, results, prior, cells, kept, outputs).found()
    return found


class _UnderPrior:
    """The outputs of all recipes under one prior: what ``evidence`` reads and works out."""

    def __init__(
        self,
        study: Study,
        results: Results,
        prior: str,
        cells: list[tuple[int, int]],
        kept: Mapping[str, list[str]],
        outputs: Entries,
    ) -> None:
        self.results, self.prior, self.cells = results, prior, cells
        self.test = set_test if study.sides.single else row_test
        beside = study.dataset.beside
        self.apart = beside.group is not None or beside.weight is not None
        self.kept, self.outputs = kept, outputs
        self.judge = Judge.of_study(study, study.labels(*cells[0]).classes)
        weights = self.judge.tested_prior(prior)
        self.weights = None if weights is None else weights.numpy()
        self.metric = ranked_by(results, prior)
        self.smooth = {**smooth(), **{aimed.value.name: aimed.value for aimed in self.judge.points}}
        self.rows = {row.recipe: row for row in board(results, prior).ranked}
        self.said: dict[str, Said] = {}
        self.moved: dict[str, Array] = {}
        layout: Layout | None = None
        for name in sorted(set(kept) & set(self.rows), key=lambda n: tie_order(results, self.rows[n])):
            read = self.read(name)
            if read is None:
                continue
            rows, y, probabilities, decisions, sizes, _ = read
            self.said[name] = said(probabilities, y, decisions)
            if layout is None:
                own = self.judge.weight_of(rows, y)
                layout = Layout(
                    y.numpy(),
                    np.repeat(np.arange(len(cells)), sizes),
                    np.array([seed for _, seed in cells]),
                    together_of(study.dataset, copies=True)[rows].numpy(),
                    None if own is None else own.numpy(),
                )
        self.layout = layout

    def read(self, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor, list[int], dict[str, Tensor]] | None:
        """The numbers, classes, probabilities and decisions of the test rows of all runs of a recipe, one run after the
        other, how many each run has, and the flags of points; None where outputs are missing, or do not say which prior
        they assume.
        """
        read = [load_outputs(self.outputs, identity) for identity in self.kept[name]]
        whole = [one for one in read if one is not None and one.meaning.source != "none"]
        if len(whole) < len(read):
            return None
        under = [self.judge.under(one, self.judge.priors[self.prior]) for one in whole]
        return (
            torch.cat([one.rows for one in whole]),
            torch.cat([one.y for one in whole]),
            torch.cat([probabilities for probabilities, _ in under]),
            torch.cat([decisions for _, decisions in under]),
            [len(one.rows) for one in whole],
            self.flags(whole, [probabilities for probabilities, _ in under]),
        )

    def flags(self, whole: Sequence[Outputs], probabilities: Sequence[Tensor]) -> dict[str, Tensor]:
        """The test rows that are taken for the class of each point, bool ``[n]`` by its name; none of a point that a run
        lacks.
        """
        prior = self.judge.priors[self.prior]
        out = {}
        for aimed in self.judge.points:
            parts = [one.flags(aimed, p, prior) for one, p in zip(whole, probabilities)]
            known = [part for part in parts if part is not None]
            if len(known) == len(parts):
                out[aimed.point.name] = torch.cat(known)
        return out

    def entities(self, rows: Tensor, y: Tensor, decisions: Tensor) -> Entities | None:
        """Those in the test rows of all runs, one run after the other; None where rows are no tagged tokens."""
        assert self.layout is not None
        of_runs = [self.judge.entities(rows[k], y[k], decisions[k]) for k in parts(self.layout.run)]
        known = [one for one in of_runs if one is not None]
        return Entities.joined(known) if known else None

    def found(self) -> dict[str, Any]:
        if self.layout is None:
            return {}
        same = self.same_as()
        tests = self.tests(same)
        picked = self.winner(same)
        return {"same_as": same, "tests": tests} | ({"winner": picked} if picked else {}) | self.rates()

    def rates(self) -> dict[str, Any]:
        """Of two classes, sensitivity and specificity of each recipe and how surely they are known, where rows of a group
        are alike or rows have weights: :func:`longtail.comparison.clustered.rates_of`.
        """
        if self.results.data.num_classes != 2 or not self.apart or self.layout is None:
            return {}
        layout, k = self.layout, rarest_of(self.judge.classes.counts)
        return {
            "rates": {
                name: rates_of(layout.y == k, of.decision.numpy() == k, layout.unit, layout.weight)
                for name, of in self.said.items()
            }
        }

    def same_as(self) -> dict[str, str]:
        """Recipes that decide every row as another does, with the same losses but for rounding: the baseline, or the
        cheapest, stands for all of them."""
        first: dict[str, list[str]] = {}
        same = {}
        for name, of in self.said.items():
            alike = first.setdefault(hashlib.sha256(of.decision.numpy().tobytes()).hexdigest(), [])
            for other in alike:
                pairs = [(of.nll, self.said[other].nll), (of.brier, self.said[other].brier)]
                if all(np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in pairs):
                    same[name] = other
                    break
            else:
                alike.append(name)
        return same

    def scores(self, name: str, metric: str) -> Array:
        """The recorded scores, one for each run."""
        runs = self.results.by_recipe[name]
        return np.array([as_float(runs[c].scores[self.prior].get(metric)) for c in self.cells])

    def influences(self, name: str, metrics: Sequence[str]) -> dict[str, Array]:
        """How each row moves each metric of a recipe, ``[n]``."""
        layout, c, read = self.layout, self.results.data.num_classes, self.read(name)
        assert layout is not None
        assert read is not None
        rows, y, probabilities, decisions, _, flags = read
        made = [self.smooth[m] for m in metrics]
        entities = self.entities(rows, y, decisions)
        terms = terms_of(probabilities, y, decisions, made, self.judge.cost_of(rows), flags, entities)
        groups = self.results.data.groups
        own = self.judge.weight_of(rows, y)
        each = None if own is None else own.numpy()
        return {
            m.name: influence(m, terms, layout.y, layout.run, c, self.weights, groups, each) for m in made
        }

    def tests(self, same: Mapping[str, str]) -> dict[str, dict[str, dict[str, list[float | None]]]]:
        """By metric: every recipe against the baseline, and against the best by that metric."""
        assert self.layout is not None
        own = [name for name in self.said if name not in same]
        scores = {m: {n: self.scores(n, m) for n in own} for m in self.smooth}
        scores = {m: {n: s for n, s in of.items() if np.isfinite(s).all()} for m, of in scores.items()}
        out: dict[str, dict[str, dict[str, list[float | None]]]] = {}
        for metric, of in scores.items():
            best = board(self.results, self.prior, metric).winner if of else None
            asked = (self.results.settings.baseline, best.recipe if best else "")
            out[metric] = {r: {} for r in dict.fromkeys(same.get(r, r) for r in asked) if r in of}
        held = {
            r: self.influences(r, [m for m in out if r in out[m]])
            for r in {r for of in out.values() for r in of}
        }
        for name in own:
            tested = [m for m in out if out[m] and name in scores[m]]
            for metric, psi in self.influences(name, tested).items():
                if metric == self.metric:
                    self.moved[name] = self.layout.moved(psi)
                for r, of in out[metric].items():
                    if name != r:
                        difference = scores[metric][name] - scores[metric][r]
                        found = self.test(difference, psi - held[r][metric], self.layout)
                        of[name] = [v if math.isfinite(v) else None for v in astuple(found)]
        return out

    def winner(self, same: Mapping[str, str]) -> dict[str, Any] | None:
        """What the winner will score on new data, by the ranking metric; None where it has no derivative to trust."""
        names = [n for n, row in self.rows.items() if row.converged and n in self.moved and n not in same]
        best = board(self.results, self.prior).winner
        if len(names) < 2 or best is None or best.recipe not in names:
            return None
        sign = -1.0 if self.metric in LOWER_IS_BETTER else 1.0
        scores = sign * np.array([self.scores(n, self.metric).mean() for n in names])
        moved = sign * np.stack([self.moved[n] for n in names])
        return {
            "recipe": best.recipe,
            "metric": self.metric,
            "score": best.mean[self.metric],
            "expected": sign * expected_of_winner(scores, moved),
            "candidates": len(names),
        }
