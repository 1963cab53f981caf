"""Train a recipe: its stages one after another through the cache, then the parts that need no training."""

from __future__ import annotations

import copy
import hashlib
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from longtail.examples import Examples
from longtail.labels import Labels
from longtail.net import Net, rebuild
from longtail.part import Own, Part, Switch, at, digest, name_of, to_json
from longtail.recipe import Recipe, Stage
from longtail.run.cache import Cache
from longtail.run.engine import Engine
from longtail.run.loop import Event, On, Probe, facts_of, ignore, infer, run_stage
from longtail.run.outcome import Outcome
from longtail.run.ranks import agreed, here
from longtail.surgery import ResetHead, SwapHead


def train(
    recipe: Recipe,
    net: Net,
    data: Examples,
    *,
    seed: int = 0,
    held: Examples | None = None,
    engine: Engine | None = None,
    cache: Cache | None = None,
    on: On = ignore,
    probe: Probe | None = None,
) -> Outcome:
    """Train a recipe and return its outcome.

    Args:
        recipe: what to do.
        net: initial weights; not changed.
        data: training examples.
        seed: of all randomness; equal seeds and prefixes of stages give equal bits.
        held: held-out examples that fit what the recipe leaves to be fitted (tau, temperature, thresholds) and a
            calibrator where the logits have no closed-form prior. Never test data.
        engine: device and numerics.
        cache: trained stages by key; equal prefixes are trained once.
        on: called with one event an epoch.
        probe: measures the net along the way.
    """
    outcome = train_stages(recipe, net, data, seed=seed, engine=engine, cache=cache, on=on, probe=probe)
    return finish(outcome, data, fit_finish(outcome, data, held))


def train_stages(
    recipe: Recipe,
    net: Net,
    data: Examples,
    *,
    seed: int = 0,
    engine: Engine | None = None,
    cache: Cache | None = None,
    on: On = ignore,
    probe: Probe | None = None,
) -> Outcome:
    """The stages only, through the cache; teachers first, where a stage asks for them."""
    engine, cache = engine or Engine(), cache or Cache(None)
    if net.num_classes != data.labels.num_classes:
        raise ValueError(
            f"net has {net.num_classes} outputs and the labels {data.labels.num_classes} classes"
        )
    for part in (p for stage in recipe.stages for p in stage.parts):
        if hasattr(part.target, "check_net"):  # a net that a late stage cannot use is an error now
            part.target.check_net(net)
    first, own = copy.deepcopy(net), own_parts(recipe)
    keys = stage_keys(recipe, net, data, seed, engine)
    done = agreed(lambda: max((k for k, key in enumerate(keys) if key in cache), default=-1))
    history: list[Event] = []
    for k, (stage, key) in enumerate(zip(recipe.stages, keys)):
        if k < done:
            continue
        stored = agreed(lambda key=key: cache.get(key))  # type: ignore[misc]
        if stored is None and k == done:  # the entry was damaged: go back to what is whole
            return train_stages(
                recipe, first, data, seed=seed, engine=engine, cache=cache, on=on, probe=probe
            )
        if stored is not None:
            net = restore(first, *stored, own=own)
            history = list(stored[1]["history"])
            on({"stage": stage.name, "key": key, "cached": True})
            continue
        taught = [
            train_stages(teacher, first, data, seed=seed, engine=engine, cache=cache, on=on)
            for teacher in (recipe.teachers if stage.asks("teachers") else ())
        ]
        for number, teacher in enumerate(taught):  # their time is this recipe's too, once
            known = {event["key"] for event in history}
            history += [
                {**event, "teacher": number} for event in teacher.history if event["key"] not in known
            ]
        with warnings.catch_warnings():
            # The losses are given the training counts here: that a small set fits one batch is nothing to warn of.
            warnings.filterwarnings("ignore", message="counts sum to")
            net, events = run_stage(
                net,
                stage,
                data,
                key=key,
                engine=engine,
                cache=cache,
                on=on,
                teachers=tuple(teacher.net for teacher in taught),
                probe=probe,
            )
        history += [{**event, "key": key} for event in events]
        seconds = sum(e["seconds"] for e in events)
        if here()[0] == 0:
            cache.put(key, net.state_dict(), {"history": history, "seconds": seconds, **specs(net)})
            cache.drop(key + ".partial")
    prior = stages_prior(recipe.stages, data.labels)
    return Outcome(net.eval(), recipe, data.labels, keys, tuple(history), prior, engine=engine)


def stage_keys(recipe: Recipe, net: Net, data: Examples, seed: int, engine: Engine) -> tuple[str, ...]:
    """``key_0 = H(data, initial weights, seed, numerics)``, ``key_k = H(key_{k-1}, stage_k)``; a stage that asks for
    teachers counts theirs in, and one that learns from unlabelled rows those.
    """
    key = digest(
        {"data": data.fingerprint, "net": net_digest(net), "seed": seed, "numerics": engine.numerics()}
    )
    keys = []
    for stage, identity in zip(recipe.stages, recipe.stage_digests):
        taught = [s for t in recipe.teachers for s in t.stages] if stage.asks("teachers") else []
        unlabelled = any(s.asks("unlabelled") for s in (stage, *taught))
        key = digest([key, identity, data.unlabelled_fingerprint] if unlabelled else [key, identity])
        keys.append(key)
    return tuple(keys)


def net_digest(net: nn.Module) -> str:
    """SHA-256 of a net's structure and weights."""
    h = hashlib.sha256(repr(net).encode())
    for name, t in net.state_dict().items():
        h.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        h.update(t.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return h.hexdigest()


def specs(net: Net) -> dict[str, Any]:
    """How backbone and head are rebuilt; None for a module of the user's own."""
    named = {"backbone": getattr(net.backbone, "spec", None), "head": getattr(net.head, "spec", None)}
    return {name: to_json(spec) for name, spec in named.items()}


def restore(
    like: Net | None, tensors: dict[str, Tensor], facts: dict[str, Any], own: Own | None = None
) -> Net:
    """The net of a cache entry: our modules from their spec, the user's own by class, or copied from ``like``."""

    def module(name: str) -> nn.Module:
        under = {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}
        if facts[name] is not None:
            return rebuild(facts[name], under, name, own)
        made: nn.Module = copy.deepcopy(getattr(like, name))
        made.load_state_dict(under)
        return made

    return Net(module("backbone"), module("head")).eval()


def own_parts(recipe: Recipe) -> dict[str, Any]:
    """The classes that a recipe is made of, by their names in files: what its cached nets may hold."""
    return {name_of(p.target): p.target for stage in recipe.stages for p in stage.parts}


def stages_prior(stages: tuple[Stage, ...], labels: Labels) -> Tensor | None:
    """The class prior that the logits assume after these stages, where it has a closed form (DESIGN: the prior calculus).

    The last stage that trains the head decides: its first stream's class distribution, changed by its loss. Mixing and
    objectives of their own have none. Nor has a head on its way from one prior to another (deferral, progressive
    sampling, a later stage without a fresh head): it gets there only in the limit.
    """
    prior: Tensor | None = None
    for k, stage in enumerate(stages):
        before = prior
        objective: Any = stage.objective.target
        if hasattr(objective, "logit_prior"):
            prior = objective.logit_prior(stage, labels)
            continue
        prior = None
        loss = at(stage.loss, 1.0)
        if at(stage.mix, 1.0) is None and getattr(objective, "reads_logits_only", False) and _has_prior(loss):
            facts = _facts_of(labels)
            stream = at(stage.streams[0], 1.0).build(**facts)
            seen = stream.class_distribution(labels, 1.0)
            if torch.allclose(seen, stream.class_distribution(labels, 0.0)):
                prior = loss.build(**facts).logit_prior(seen)
        arrived = before is not None and prior is not None and torch.allclose(before, prior)
        fresh = k == 0 or any(p.target in (ResetHead, SwapHead) for p in stage.surgery)
        deferred = isinstance(stage.loss, Switch) or isinstance(stage.streams[0], Switch)
        if deferred or not (fresh or arrived) or any(_differs_in_eval(p) for p in stage.surgery):
            prior = None
    return prior


def _differs_in_eval(surgery: Part[Any]) -> bool:
    """Does it put a head on whose logits at test are not those that the loss saw?"""
    head = dict(surgery.kwargs).get("head")
    return isinstance(head, Part) and getattr(head.target, "differs_in_eval", False)


def _has_prior(loss: Part[Any] | Switch) -> bool:
    return isinstance(loss, Part) and hasattr(loss.target, "logit_prior")


def needs_held(recipe: Recipe, labels: Labels) -> bool:
    """Does this recipe leave something to be fitted on held-out data?"""
    if any(is_open(p.build(**_facts_without_net(labels))) for p in recipe.finish):
        return True
    return carried_prior(recipe, labels) is None


def carried_prior(recipe: Recipe, labels: Labels) -> Tensor | None:
    """The class prior that a recipe's logits assume, where it has a closed form."""
    prior = stages_prior(recipe.stages, labels)
    for p in recipe.finish:
        if not hasattr(p.target, "decide"):
            prior = p.build(**_facts_without_net(labels)).logit_prior(prior)
    return prior


def fit_finish(
    outcome: Outcome, data: Examples, held: Examples | None, logits: Tensor | None = None
) -> tuple[Any, ...]:
    """What the recipe leaves open, fitted on held-out examples: finishing parts, and a calibrator where one is needed.

    A part with nothing to fit comes back unbuilt, so that ``finish`` builds it for the net it is applied to. Without
    held-out data, parts keep their defaults, and logits without a closed-form prior stay without one.

    Args:
        outcome: trained without ``held``.
        data: what it was trained on.
        held: held-out examples; never test data.
        logits: the net's logits of ``held`` where they are at hand.
    """
    fitted: list[Any] = []
    for p in outcome.recipe.finish:
        now = finish(outcome, data, tuple(fitted))
        made = p.build(**facts_of(now.net, data, now.engine))
        if held is None or not is_open(made):
            fitted.append(p)
            continue
        if is_surgery(made):
            features = infer(now.net, held.x, now.engine, features=True)
            made = made.tune(now.net, features, held.labels.y, now.labels.prior)
        elif hasattr(made, "decide"):
            if now.logit_prior is None and now.calibrator is None:
                fitted.append(_calibrator(now, held, logits))
                now = finish(outcome, data, tuple(fitted))
            made = made.fit(now.probabilities(_held_logits(now, held, logits), "natural"), held.labels.y)
        else:
            made = made.fit(_held_logits(now, held, logits), held.labels.y)
        fitted.append(made)
    now = finish(outcome, data, tuple(fitted))
    if held is not None and now.logit_prior is None and now.calibrator is None:
        fitted.append(_calibrator(now, held, logits))
    return tuple(fitted)


def finish(outcome: Outcome, data: Examples, fitted: tuple[Any, ...]) -> Outcome:
    """Apply what ``fit_finish`` gave to an outcome of the same recipe (it may have been trained on more data)."""
    for made in fitted:
        if isinstance(made, Part):
            made = made.build(**facts_of(outcome.net, data, outcome.engine))
        if isinstance(made, Calibrator):
            outcome = outcome.but(calibrator=made.adjuster)
        elif hasattr(made, "decide"):
            outcome = outcome.but(thresholds=None if is_open(made) else made)
        elif is_surgery(made):
            outcome = outcome.but(
                net=made(outcome.net).eval(), logit_prior=made.logit_prior(outcome.logit_prior)
            )
        else:
            adjusters = (*outcome.adjusters, made)
            outcome = outcome.but(adjusters=adjusters, logit_prior=made.logit_prior(outcome.logit_prior))
    return outcome


def matched(outcome: Outcome, data: Examples) -> Outcome:
    """An outcome whose calibrator was fitted on another training: its biases are set for this one, on the rows it was
    trained on, by their class frequencies alone. The temperature, for which held-out rows are needed, stays.
    """
    if outcome.calibrator is None:
        return outcome
    again = outcome.calibrator.matched(outcome.logits(data.x), data.labels.prior)
    return outcome.but(calibrator=again)


@dataclass(frozen=True)
class Calibrator:
    """Marks the adjuster that was added for probabilities only, so that the recipe's own logits stay as published."""

    adjuster: Any


def _calibrator(outcome: Outcome, held: Examples, logits: Tensor | None) -> Calibrator:
    from longtail.adjust import BiasTemperature

    return Calibrator(BiasTemperature().fit(_held_logits(outcome, held, logits), held.labels.y))


def _held_logits(outcome: Outcome, held: Examples, logits: Tensor | None) -> Tensor:
    if logits is None:
        return outcome.logits(held.x)
    for adjust in outcome.adjusters:
        logits = adjust(logits)
    return logits


def is_surgery(made: Any) -> bool:
    """Surgery works on nets, an adjuster on logits; an adjuster says whether it keeps the argmax."""
    return not hasattr(made, "keeps_argmax")


def is_open(made: Any) -> bool:
    """Is something left to be fitted or tuned on held-out data?"""
    return (hasattr(made, "tune") or hasattr(made, "fit")) and not made.fitted


def _facts_without_net(labels: Labels) -> dict[str, Any]:
    return {
        **_facts_of(labels),
        "embed": None,
        "feature_dim": 1,
        "net": None,
        "unlabelled": None,
        "teachers": (),
    }


def _facts_of(labels: Labels) -> dict[str, Any]:
    return {
        "counts": labels.counts,
        "prior": labels.prior,
        "num_classes": labels.num_classes,
        "labels": labels,
    }


__all__ = [
    "Calibrator",
    "finish",
    "fit_finish",
    "matched",
    "needs_held",
    "stages_prior",
    "train",
    "train_stages",
]
