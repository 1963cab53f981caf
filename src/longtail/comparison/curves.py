"""Curves: how well the recipes that figures show find the rarest class, from what they said of every test row."""

from __future__ import annotations

import torch

from longtail.comparison.curve import Curve, curve_of
from longtail.comparison.judge import Judge
from longtail.comparison.leaderboard import board, equal_recipes, shown_priors
from longtail.comparison.outputs import load_outputs
from longtail.comparison.record import Results
from longtail.comparison.study import Study
from longtail.metrics.evaluate import rarest_of
from longtail.store import Entries

DRAWN = 5
"""Recipes in a figure, at most."""


def drawn(results: Results) -> list[str]:
    """The recipes that figures show: the baseline, the best under each prior, then the next best that are not the same as
    another under all of them.
    """
    boards = [board(results, prior) for prior in shown_priors(results)]
    ranked = [row.recipe for row in boards[0].ranked]
    best = [one.winner.recipe for one in boards if one.winner]
    same = set.intersection(*(set(equal_recipes(results, prior)) for prior in shown_priors(results)))
    wanted = [results.settings.baseline, *best, *(name for name in ranked if name not in same)]
    return [name for name in dict.fromkeys(wanted) if name in ranked][:DRAWN]


def curves(study: Study, results: Results, outputs: Entries) -> tuple[Curve, ...]:
    """Precision-recall and ROC curve of each recipe in the figures, for the rarest class against the rest.

    The test rows of all runs are taken together and weighted to the declared prior. A recipe whose outputs are no longer
    there, or do not say which prior they assume, has no curve; nor has a class without a test row.
    """
    name = shown_priors(results)[0]
    judge = Judge.of_study(study, study.labels(0, 0).classes)
    tested, positive = judge.tested_prior(name), rarest_of(judge.classes.counts)
    found = []
    for recipe in drawn(results):
        p, y, decided, rows = [], [], [], []
        for run in results.by_recipe[recipe].values():
            said = None if run.identity is None else load_outputs(outputs, run.identity)
            if said is None or said.meaning.source == "none":
                break
            probabilities, decisions = judge.under(said, judge.priors[name])
            p.append(probabilities[:, positive])
            decided.append(decisions == positive)
            y.append(said.y)
            rows.append(said.rows)
        else:
            labels = torch.cat(y)
            weight = judge.weight_of(torch.cat(rows), labels, tested)
            weight = torch.ones(len(labels)) if weight is None else weight
            arrays = torch.cat(p), labels == positive, weight, torch.cat(decided)
            made = curve_of(recipe, name, positive, *(t.numpy() for t in arrays))
            found += [made] if made is not None else []
    return tuple(found)
