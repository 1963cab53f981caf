"""Probe: how sure the net is of each training row, and how hard the loss pulls at it, during and after training.

    p_t  the softmax probability of the true class
    g    1 - p_t, the gradient length of cross-entropy (Li, Liu & Wang, AAAI 2019, equation 4, for two classes)
    v    || d L / d z ||, the gradient norm of the loss that trains, over its largest value

The training is the comparison's own, through its cache and bit for bit: the net is watched from outside, after
chosen epochs, in evaluation mode. A batch-wide loss (GHM, dice) is differentiated on batches of the training size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from longtail.comparison.prepared import Prepared
from longtail.comparison.work import Worker
from longtail.figures.gradient_norm import measure
from longtail.net import Net
from longtail.recipe import Recipe
from longtail.run import train_stages
from longtail.run.chain import stage_keys
from longtail.run.loop import infer
from longtail.store import Cache


def probe(worker: Worker, prepared: Prepared, name: str, epochs: Sequence[int]) -> dict[str, Any]:
    """Train ``name`` on the fold's training rows with seed 0, or read what an earlier probe of the same training wrote.

    Args:
        worker: of the comparison; its cache is used and filled.
        prepared: the fold.
        name: of a recipe of one stage.
        epochs: after which to look, counted from 1; the last epoch is always looked at.

    Returns:
        ``{"epochs": [...], "moments": [...]}``, a moment as :func:`longtail.figures.gradient_norm.measure` gives it.
    """
    _, examples = prepared.training("full")
    recipe = worker.recipe(name, prepared, 0)  # as long as was found to be enough
    assert isinstance(recipe, Recipe)
    stage = recipe.stages[-1]
    wanted = sorted({*(e for e in epochs if 1 <= e < stage.epochs), stage.epochs})
    net = prepared.net("full", 0)
    key = stage_keys(recipe, net, examples, 0, worker.plan.engine)[-1]
    kept, of = worker.store.records("probe"), f"{key}-{'-'.join(map(str, wanted))}"
    if (seen_before := worker.finished(kept, of)) is not None:
        return seen_before
    moments: list[dict[str, Any]] = []
    with watching() as seen:

        def look(event: dict[str, Any]) -> None:
            worker.on(event)
            if event.get("epoch", -1) + 1 in wanted and event["stage"] == stage.name:
                moments.append(measure(infer(seen[0], examples.source, worker.plan.engine), stage, examples))

        cache = Cache(None) if key in worker.cache else worker.cache
        cache.drop(key + ".partial")  # an unfinished training would be resumed after what is to be seen
        train_stages(
            recipe.but(finish=()), net, examples, engine=worker.plan.engine, cache=cache, on=look
        )  # fmt: skip
    found = {"epochs": wanted, "moments": moments}
    kept.put(of, found)
    return found


@contextmanager
def watching() -> Iterator[list[Net]]:
    """A list whose only entry is the net being trained, from its first step on.

    >>> import torch
    >>> with watching() as seen:
    ...     _ = Net(nn.Identity(), nn.Linear(2, 2)).train()(torch.zeros(1, 2))
    >>> len(seen)
    1
    """
    seen: list[Net] = []

    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(module, Net) and module.training:
            seen[:] = [module]

    handle = register_module_forward_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()
