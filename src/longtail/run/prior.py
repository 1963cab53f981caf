"""The prior calculus of recipes: which class prior the logits assume after a recipe's stages and finishing parts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail.part import Part, Switch, at
from longtail.recipe import Recipe, Stage
from longtail.roles import ClaimsPrior, ClaimsShares, ShowsPrior, plays, traits_of, works_on
from longtail.surgery import ResetHead, SwapHead
from longtail.targets import Targets


def stages_prior(stages: tuple[Stage, ...], targets: Targets) -> Tensor | None:
    """The class prior that the logits assume after these stages, where it has a closed form (DESIGN: the prior calculus);
    of several labels per row, the share of rows with each.

    The last stage that trains the head decides: its first stream's class distribution, changed by its loss. Mixing and
    objectives of their own have none. Nor has a head on its way from one prior to another (deferral, progressive
    sampling, a later stage without a fresh head): it gets there only in the limit.
    """
    prior: Tensor | None = None
    for k, stage in enumerate(stages):
        before, prior = prior, _stage_prior(stage, targets)
        arrived = before is not None and prior is not None and torch.allclose(before, prior)
        fresh = k == 0 or any(p.target in (ResetHead, SwapHead) for p in stage.surgery)
        deferred = isinstance(stage.loss, Switch) or isinstance(stage.streams[0], Switch)
        if deferred or not (fresh or arrived) or any(_differs_in_eval(p) for p in stage.surgery):
            prior = None
    return prior


def _stage_prior(stage: Stage, targets: Targets) -> Tensor | None:
    """What a stage's logits assume where a fresh head trains to the end: its loss says it of what its stream shows."""
    loss, facts = at(stage.loss, 1.0), _facts_of(targets)
    objective: Any = stage.objective.target
    several = targets.classes.several
    if at(stage.mix, 1.0) is not None or not _claims(loss, ClaimsShares if several else ClaimsPrior):
        return None
    stream = at(stage.streams[0], 1.0)
    if not plays(stream.target, ShowsPrior):
        return None
    made = stream.build(**facts)
    seen: Tensor = made.stream_prior(targets, 1.0)
    if not torch.allclose(seen, made.stream_prior(targets, 0.0)):
        return None
    if several and not torch.allclose(seen, targets.classes.prior):
        return None  # rows drawn by their labels: others come along, so rows with a label look otherwise
    if traits_of(objective).reads_logits_only or traits_of(objective).prior_of_loss:
        asked = loss.build(**facts)
        claimed: Tensor | None = asked.assumes_shares(seen) if several else asked.assumes(seen)
        return claimed
    if not plays(objective, ClaimsPrior):
        return None
    own: Tensor | None = stage.objective.build(**facts, loss=loss.build(**facts)).assumes(seen)
    return own


def _differs_in_eval(surgery: Part[Any]) -> bool:
    """Does it put a head on whose logits at test are not those that the loss saw?"""
    head = dict(surgery.kwargs).get("head")
    return isinstance(head, Part) and traits_of(head.target).differs_in_eval


def _claims(loss: Part[Any] | Switch, role: type) -> bool:
    return isinstance(loss, Part) and plays(loss.target, role)


def carried_prior(recipe: Recipe, targets: Targets) -> Tensor | None:
    """The class prior that a recipe's logits assume, where it has a closed form."""
    prior = stages_prior(recipe.stages, targets)
    for p in recipe.finish:
        if works_on(p.target) != "probabilities":
            prior = p.build(**facts_without_net(targets)).assumes(prior)
    return prior


def facts_without_net(targets: Targets) -> dict[str, Any]:
    return {
        **_facts_of(targets),
        "embed": None,
        "feature_dim": 1,
        "net": None,
        "unlabelled": None,
        "teachers": (),
    }


def _facts_of(targets: Targets) -> dict[str, Any]:
    classes = targets.classes
    return {
        "counts": classes.counts,
        "prior": classes.prior,
        "num_classes": classes.num_classes,
        "labels": targets,
    }
