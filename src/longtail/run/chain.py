"""Train a recipe: its stages one after another through the cache."""

from __future__ import annotations

import copy
import hashlib
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from longtail.examples import Examples
from longtail.net import Net, rebuild
from longtail.own_code import code_digest, is_own
from longtail.part import Own, Part, digest, parts, to_json
from longtail.recipe import Recipe
from longtail.roles import ChecksNet, plays, spec_of
from longtail.rooms import name_of
from longtail.run.engine import Engine
from longtail.run.finish import finish, fit_finish
from longtail.run.loop import Event, On, Probe, ignore, run_stage
from longtail.run.outcome import Outcome
from longtail.run.prior import stages_prior
from longtail.run.ranks import agreed, here
from longtail.run.suits import Given, check_suits
from longtail.store import Cache, Entries


def train(
    recipe: Recipe,
    net: Net,
    data: Examples,
    *,
    seed: int = 0,
    held: Examples | None = None,
    engine: Engine | None = None,
    cache: Entries | None = None,
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
    cache: Entries | None = None,
    on: On = ignore,
    probe: Probe | None = None,
) -> Outcome:
    """The stages only, through the cache; teachers first, where a stage asks for them."""
    engine, cache = engine or Engine(), cache or Cache(None)
    check_suits(recipe, Given.of(net, data), recipe.name)
    classes = data.targets.classes
    if net.num_classes != classes.num_classes:
        raise ValueError(f"net has {net.num_classes} outputs and the labels {classes.num_classes} classes")
    for part in (p for stage in recipe.stages for p in stage.parts):
        check: Any = part.target  # a net that a late stage cannot use is an error now
        if plays(check, ChecksNet):
            check.check_net(net)
    first, own = copy.deepcopy(net), own_parts(recipe, net)
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
    prior = stages_prior(recipe.stages, data.targets)
    return Outcome(net.eval(), recipe, classes, keys, tuple(history), prior, engine=engine)


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
    """SHA-256 of a net's structure and weights, and of the code of modules of the user's own."""
    h = hashlib.sha256(repr(net).encode())
    for cls in dict.fromkeys(type(m) for m in net.modules()):
        if is_own(cls.__module__):
            h.update(code_digest(cls).encode())
    for name, t in net.state_dict().items():
        if is_lazy(t):
            h.update(f"{name} lazy".encode())
            continue
        h.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        h.update(t.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return h.hexdigest()


def specs(net: Net) -> dict[str, Any]:
    """How backbone and head are rebuilt; None for a module of the user's own."""
    return {name: to_json(spec) for name, spec in given(net).items()}


def given(net: Net) -> dict[str, Part[Any] | None]:
    """The specs of backbone and head."""
    return {"backbone": spec_of(net.backbone), "head": spec_of(net.head)}


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


def own_parts(recipe: Recipe, net: Net) -> dict[str, Any]:
    """The classes that a recipe and its first net are made of, by their names in files: what cached nets may hold."""
    made = (*(p for stage in recipe.stages for p in stage.parts), *parts(tuple(given(net).values())))
    return {name_of(p.target): p.target for p in made}
