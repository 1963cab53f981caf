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

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from longtail.comparison.prepared import Prepared
from longtail.comparison.work import Worker
from longtail.examples import Examples
from longtail.net import Net
from longtail.part import at
from longtail.recipe import Recipe, Stage
from longtail.run import train_stages
from longtail.run.chain import stage_keys
from longtail.run.loop import infer
from longtail.seeds import generator
from longtail.store import Cache

BINS = 30
"""Of g and v, as GHM's; p_t has as many."""
GRID = 121
"""Points at which the density is drawn."""


def probe(worker: Worker, prepared: Prepared, name: str, epochs: Sequence[int]) -> dict[str, Any]:
    """Train ``name`` on the fold's training rows with seed 0, or read what an earlier probe of the same training wrote.

    Args:
        worker: of the comparison; its cache is used and filled.
        prepared: the fold.
        name: of a recipe of one stage.
        epochs: after which to look, counted from 1; the last epoch is always looked at.

    Returns:
        ``{"epochs": [...], "moments": [...]}``, a moment as :func:`measure` gives it.
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


def measure(logits: Tensor, stage: Stage, examples: Examples) -> dict[str, Any]:
    """Histograms of p_t by class, of v with GHM's density over it, and how v is shared out over g.

    Args:
        logits: ``[N, C]`` of the examples.
        stage: whose loss is differentiated.

    Returns:
        ``p``: counts by class ``[C][BINS]`` over [0, 1]; ``norm``: counts ``[BINS]`` of v; ``density``: GHM's of v at
        ``GRID`` points, per row; ``pull``: the share of the summed gradient norm by g, ``[BINS]``.
    """
    y = examples.labels.y
    p = torch.softmax(logits.double(), -1).gather(1, y[:, None]).squeeze(1).clamp(0, 1)
    norm = gradient_norm(logits, stage, examples).double()
    v, g = norm / norm.max().clamp(min=1e-300), 1 - p
    counts = [torch.histc(p[y == c], BINS, 0, 1).tolist() for c in range(examples.labels.num_classes)]
    slot = (g * BINS).long().clamp(0, BINS - 1)
    pull = torch.zeros(BINS, dtype=torch.float64).index_add_(0, slot, norm) / norm.sum().clamp(min=1e-300)
    return {
        "p": counts,
        "norm": torch.histc(v, BINS, 0, 1).tolist(),
        "density": (density(v.numpy(), np.linspace(0, 1, GRID), 1 / BINS) / len(v)).tolist(),
        "pull": pull.tolist(),
    }


def gradient_norm(logits: Tensor, stage: Stage, examples: Examples) -> Tensor:
    """The norm of each row's gradient with respect to its logits ``[N]``, times the batch size, so that for
    cross-entropy it is ``|| softmax - onehot ||``.

    Running state (GHM's density, seesaw's counts) is warmed up by a first pass over the rows.
    """
    labels = examples.labels
    facts = {
        "counts": labels.counts, "prior": labels.prior, "num_classes": labels.num_classes, "labels": labels,
    }  # fmt: skip
    loss = at(stage.loss, 1.0).build(**facts)
    order = torch.randperm(len(labels), generator=generator("probe", 0))
    norm = torch.zeros(len(labels))
    for _ in range(2):
        for rows in order.split(stage.batch_size):
            z = logits[rows].detach().requires_grad_()
            value = loss(z, labels.y[rows])
            (gradient,) = torch.autograd.grad(value.sum(), z)
            norm[rows] = gradient.norm(dim=1) * (len(rows) if value.dim() == 0 else 1)
    return norm


def density(v: np.ndarray, at: np.ndarray, width: float) -> np.ndarray:
    """GHM's gradient density (equations 5 and 6 there): rows within ``width / 2`` of each point, over the part of that
    interval which lies in [0, 1].

    >>> density(np.array([0.0, 0.5, 0.5]), np.array([0.0, 0.5]), 0.1)
    array([20., 20.])
    """
    v = np.sort(v)
    low, high = at - width / 2, at + width / 2
    inside = np.searchsorted(v, high, "right") - np.searchsorted(v, low, "left")
    return inside / (np.minimum(high, 1) - np.maximum(low, 0))
