"""Estimate: how long the runs will take, from a few steps that are timed."""

from __future__ import annotations

import os

import torch

from longtail.bench.plan import CifarPlan
from longtail.comparison.run import tasks
from longtail.recipe import Recipe
from longtail.run import run_stage
from longtail.run.chain import stage_keys
from longtail.store import Store

IMAGES = 512


def seconds_an_image(plan: CifarPlan) -> float:
    """Training time of one image in one epoch of the base stage, in this process; the first steps, and on a GPU the one
    that is recorded, are not counted.
    """
    prepared = plan.prepare(plan.cells[0][0])
    _, examples = prepared.training("full")
    few = examples.take(torch.arange(min(IMAGES, len(examples))))
    net, stage = prepared.net("full", 0), plan.base.but(epochs=3)
    _, events = run_stage(net, stage, few, key="estimate", engine=plan.engine)
    return float(events[-1]["seconds"]) / len(few)


def images_left(plan: CifarPlan, store: Store) -> tuple[int, float]:
    """Stages that are still to be trained, and the images they will see; stages of the head alone count a third.

    An unfinished stage counts in full, and samplers that lengthen an epoch are not reckoned with.
    """
    graph, cache = tasks(plan, store), store.stages
    rows = {fold: plan.prepare(fold) for fold, _ in plan.cells}
    stages, images = 0, 0.0
    for task in graph:
        if task.stage is None:
            continue
        recipe, prepared = plan.recipe(task.recipe), rows[task.fold]
        initial, order = plan.draws(task.seed)
        _, examples = prepared.training(task.part)
        assert isinstance(recipe, Recipe)
        for k in task.teacher:
            recipe = recipe.teachers[k]
        net = prepared.net(task.part, initial)
        if stage_keys(recipe, net, examples, order, plan.engine)[task.stage] in cache:
            continue
        stage = recipe.stages[task.stage]
        head_only = all(name.startswith("head.") for name in stage.trains)
        stages += 1
        images += stage.epochs * len(examples) * len(stage.streams) * (1 / 3 if head_only else 1)
    return stages, images


def words(seconds: float) -> str:
    """A duration for people.

    >>> [words(s) for s in (8, 400, 9000)]
    ['8 s', '7 min', '2.5 h']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def estimate(plans: list[CifarPlan], store: Store, slots: int) -> str | None:
    """What is left to do and how long it will take, in words; None where nothing is left."""
    found = [images_left(plan, store) for plan in plans]
    stages = sum(n for n, _ in found)
    if not stages:
        return None
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if slots > 1 else threads)  # as the worker processes will have it
    cost = seconds_an_image(plans[0])
    torch.set_num_threads(threads)
    side_by_side = min(slots, stages, (os.cpu_count() or 1) if plans[0].engine.on.type == "cpu" else slots)
    total = cost * sum(images for _, images in found) / side_by_side
    many = f"{stages} trainings" if stages > 1 else "1 training"
    text = f"{many} to do: about {words(total)} ({1000 * cost:.2f} ms an image and epoch, {side_by_side} at a time)"
    if plans[0].engine.on.type == "cpu" and total > 1800:
        shorter = "" if plans[0].backbone == "resnet8" else "--preset quick is for a first look, and "
        text += f"; without a GPU this is long: {shorter}a killed command goes on where it was"
    return text
