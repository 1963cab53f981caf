"""Unknown: how recipes do where nobody tells them how frequent the classes are, from what they said of the test rows.

The test rows are weighted to three priors, as SADE's paper tests (Zhang et al., NeurIPS 2022): "forward" is that of
training, "balanced", and "backward" is that of training with the rarest class as frequent as the most frequent one was.
Under each a recipe decides the most probable class in several ways, of which only the last knows the prior:

| way | decides under |
|---|---|
| natural | the training frequencies |
| even | equal frequencies |
| estimated | frequencies estimated on the weighted test rows, without labels (:mod:`longtail.run.unknown`) |
| experts | none: the recipe's experts, weighed for the rows; of recipes that have some |
| told | the frequencies that the rows are weighted to |

The score is the accuracy on the weighted rows. "off" is how far the estimate is from the truth: half the sum of absolute
differences, from 0 to 1.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail.adjust import expert_weights
from longtail.classes import Classes, floored
from longtail.comparison.judge import Judge
from longtail.comparison.outputs import Outputs, load_outputs
from longtail.comparison.record import Results
from longtail.comparison.study import Study
from longtail.run.unknown import EACH, estimated_on
from longtail.seeds import generator
from longtail.store import Entries
from longtail.weights import expert_priors

TESTED = ("forward", "balanced", "backward")
WAYS = ("natural", "even", "estimated", "experts", "told")
MOST = 20_000
"""Rows that experts are weighed on, at most."""


def untold_priors(classes: Classes) -> dict[str, Tensor]:
    """The three priors, float64 ``[C]`` each, by name.

    >>> {name: p.round(decimals=6).tolist() for name, p in untold_priors(Classes.of(torch.tensor([9, 1]))).items()}
    {'forward': [0.9, 0.1], 'balanced': [0.5, 0.5], 'backward': [0.1, 0.9]}
    """
    forward, even, backward = expert_priors(floored(classes.counts.double()), tau=1.0)
    return dict(zip(TESTED, (forward, even, backward)))


def unknown(study: Study, results: Results, outputs: Entries) -> dict[str, Any]:
    """By recipe, tested prior and way, the accuracy of each of its runs; None where a way is not open to it.

    Recipes whose outputs are gone, or do not say which prior they assume, are left out.
    """
    found: dict[str, Any] = {}
    for recipe, runs in results.by_recipe.items():
        made = []
        for run in runs.values():
            said = None if run.identity is None else load_outputs(outputs, run.identity)
            if said is None or said.meaning.source == "none":
                break
            classes = study.labels(*run.cell).classes
            made.append(judged(said, Judge.of_study(study, classes), untold_priors(classes)))
        else:
            if made:
                ways = (*WAYS, "off")
                found[recipe] = {
                    name: {w: [one[name].get(w) for one in made] for w in ways} for name in TESTED
                }
    return found


def judged(said: Outputs, judge: Judge, priors: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """The accuracy of one run by tested prior and way, and how far off the estimate is."""
    y, found = said.y, {}
    for name, target in priors.items():
        weight = judge.weight_of(said.rows, y, target)
        assert weight is not None
        weight = weight.double() / weight.sum()
        there = torch.zeros_like(target).index_add_(
            0, y, weight
        )  # a class without a test row cannot be there
        decided = {
            "natural": decide(said, judge.classes.prior),
            "even": decide(said, torch.full_like(target, 1 / len(target))),
            "told": decide(said, target),
        }
        off = {}
        if len(y) >= EACH * len(target):
            estimate = torch.from_numpy(estimated_on(said.meaning, said.logits, weight))
            decided["estimated"], off = (
                decide(said, estimate),
                {"off": float((estimate - there).abs().sum() / 2)},
            )
            if said.experts is not None:
                decided["experts"] = by_experts(said.experts, weight)
        found[name] = {way: float(weight[classes == y].sum()) for way, classes in decided.items()} | off
    return found


def decide(said: Outputs, prior: Tensor) -> Tensor:
    """The most probable classes ``[n]`` under a prior ``[C]``."""
    return said.meaning.probabilities(said.logits, prior.tolist()).argmax(1)


def by_experts(experts: Tensor, weight: Tensor) -> Tensor:
    """Classes ``[n]`` by experts ``[3, n, K, C]`` that are weighed on rows drawn by their weights ``[n]``."""
    n = min(len(weight), MOST)
    drawn = torch.multinomial(weight, n, replacement=True, generator=generator("unknown", len(weight)))
    plain, one, two = experts.float()
    weights = torch.tensor(expert_weights(one[drawn], two[drawn]))
    return torch.einsum("k,nkc->nc", weights, plain).argmax(1)
