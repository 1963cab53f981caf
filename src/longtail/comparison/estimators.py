"""Classical recipes in a comparison: fitted, and asked about rows that they were not fitted on, through the cache."""

from __future__ import annotations

import contextlib
import time
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor

from longtail.classical import Classical, out_of_fold_logits
from longtail.classical.categorical import Blocks
from longtail.classical.head import Fitted
from longtail.classical.stored import Unstorable
from longtail.examples import Examples
from longtail.inputs import PlacedTokens, TokenRows
from longtail.net import Net
from longtail.part import digest, name_of, parts
from longtail.run import Engine
from longtail.run.chain import restore, specs
from longtail.source import no_rows
from longtail.store import Entries

FOLDS = 3
"""Of the out-of-fold predictions of a classical recipe."""


def fit(
    recipe: Classical, examples: Examples, seed: int, categorical: Blocks, cache: Entries, engine: Engine
) -> tuple[Net, Tensor | None, dict[str, Any]]:
    """A fitted estimator as a net, the prior its probabilities assume, and the event of fitting it.

    Raises:
        TypeError: the rows are tokens.
    """
    if isinstance(no_rows(examples.source), TokenRows | PlacedTokens):
        raise TypeError(
            "a classical recipe cannot read tokens: compare it with tune=frozen, or without a backbone"
        )
    key = key_of("classical", recipe, examples, seed, categorical)
    found = _restored(cache, key, recipe)
    if found is None:
        engine.check_time()
        began = time.perf_counter()
        net, prior = recipe.fit(examples.source.whole(), examples.labels, seed=seed, categorical=categorical)
        seconds = time.perf_counter() - began
        kept = None if prior is None else prior.tolist()
        with contextlib.suppress(Unstorable):  # then it is fitted again when it is needed again
            cache.put(key, net.state_dict(), {"prior": kept, "seconds": seconds, **specs(net)})
    else:
        net, facts = found
        seconds = facts["seconds"]
        prior = None if facts["prior"] is None else torch.tensor(facts["prior"], dtype=torch.float64)
    return net, prior, {"stage": "fit", "epoch": 0, "epochs": 1, "seconds": seconds, "key": key}


def out_of_fold(
    recipe: Classical,
    examples: Examples,
    seed: int,
    duplicate_of: Tensor,
    categorical: Blocks,
    cache: Entries,
    engine: Engine,
) -> tuple[Tensor, dict[str, Any]]:
    """Logits of the training rows by models that did not see them, and the event of making them."""
    key = key_of("out of fold", recipe, examples, seed, categorical)
    stored = cache.get(key)
    if stored is None:
        engine.check_time()
        began = time.perf_counter()
        logits = out_of_fold_logits(
            recipe, examples.source.whole(), examples.labels, seed=seed, folds=FOLDS, groups=duplicate_of,
            categorical=categorical,
        )  # fmt: skip
        stored = {"logits": logits}, {"seconds": time.perf_counter() - began}
        cache.put(key, *stored)
    event = {"stage": "out of fold", "epoch": 0, "epochs": 1, "seconds": stored[1]["seconds"], "key": key}
    return stored[0]["logits"], event


def key_of(what: str, recipe: Classical, examples: Examples, seed: int, categorical: Blocks) -> str:
    """What names a fit in the cache; another version of a library fits anew."""
    fitted = [recipe.but(finish=()).digest, categorical, libraries()]
    return digest({"data": examples.fingerprint, "seed": seed, what: fitted})


@lru_cache(maxsize=1)
def libraries() -> tuple[str, ...]:
    """The versions of the libraries that estimators come from."""
    found = []
    for name in ("scikit-learn", "imbalanced-learn"):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return tuple(found)


def size_of(net: Net) -> dict[str, Any]:
    """``parameters``: the numbers in a net, None for an estimator, which is bytes; ``bytes`` of either, where it can be
    stored.
    """
    try:
        tensors = net.state_dict().values()
    except Unstorable:
        return {"parameters": None}
    numbers = None if isinstance(net.head, Fitted) else sum(t.numel() for t in tensors)
    return {"parameters": numbers, "bytes": sum(t.numel() * t.element_size() for t in tensors)}


def _restored(cache: Entries, key: str, recipe: Classical) -> tuple[Net, dict[str, Any]] | None:
    """A fitted estimator from the cache; None where there is none that is made of classes that longtail or the recipe
    names.
    """
    stored = cache.get(key)
    if stored is None:
        return None
    try:
        return restore(None, *stored, {name_of(p.target): p.target for p in parts(recipe.estimator)}), stored[
            1
        ]
    except ValueError:
        return None
