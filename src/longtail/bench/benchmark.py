"""Benchmark: train recipes on CIFAR-LT, test their last epoch on the whole balanced test set, write the table.

The runner is the comparison's: stages that recipes share are trained once, everything finished is on disk, and the same
call goes on after a kill. The table is written again whenever a run finishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from longtail.bench import figures, tables
from longtail.bench.cifar import read_cifar
from longtail.bench.estimate import estimate
from longtail.bench.plan import CifarPlan, base_stage, chosen_recipes, design
from longtail.clock import today
from longtail.comparison.record import Run
from longtail.comparison.results import hardware, versions
from longtail.comparison.run import run
from longtail.comparison.study import RecipeLike
from longtail.comparison.task import Task
from longtail.comparison.work import Worker
from longtail.executors import Executor, on_this_machine
from longtail.files import held, write_json, write_text
from longtail.run import Engine
from longtail.run.loop import On, ignore
from longtail.store import FolderStore

PRESETS = {"quick": {"protocol": "modern", "augment": "crop-flip", "epochs": 15, "backbone": "resnet8"}}
Failures = dict[tuple[float, str, int, int], Run]
"""Runs that are not done, by imbalance, recipe, fold and seed."""
KEPT = (
    "recipe", "status", "error", "seconds", "predict_seconds", "prior_source", "stages", "scores", "per_class",
    "history",
)  # fmt: skip


def bench(
    benchmark: str,
    *,
    data: str | Path,
    imbalances: Sequence[float] = (100, 50, 10),
    recipes: Sequence[str] | Mapping[str, RecipeLike] | None = None,
    seeds: int = 3,
    vary: Sequence[str] = (),
    preset: str | None = None,
    protocol: str | None = None,
    augment: str | None = None,
    epochs: int | None = None,
    backbone: str | None = None,
    tuning: str = "refit",
    curve: int = 0,
    jobs: int = 1,
    budget: float | None = None,
    out: str | Path = "longtail-bench",
    engine: Engine | None = None,
    on: On = ignore,
    command: str | None = None,
) -> dict[str, Any]:
    """Reproduce a published CIFAR-LT table.

    Args:
        benchmark: "cifar10-lt" or "cifar100-lt".
        data: a folder with train and test parquet in the Hugging Face schema, or "hub" to fetch it.
        imbalances: largest class to smallest, each a table.
        recipes: names of deep recipes, None being all; or a mapping of names to recipes of your own, or to functions from
            a base stage to one.
        seeds: runs in which subset, initial weights and order all differ.
        vary: of "subset", "init" and "order": ``seeds - 1`` more runs each, in which that alone changes.
        preset: "quick": ResNet-8, 15 epochs, cosine, crop and flip.
        protocol: "ldam" (the default) or "modern".
        augment: "crop-flip", "autoaugment" or "randaugment" (both with cutout); None takes the protocol's own.
        epochs: of the base stage (200 by default); later stages scale with it.
        backbone: "resnet32" (the default), "resnet20" or "resnet8".
        tuning: "refit" or "none": see :class:`longtail.bench.plan.CifarPlan`.
        curve: measure test accuracy every so many epochs, for the learning curves; the last epoch is what counts.
        jobs: processes that work side by side, on one device too.
        budget: seconds after which what has not finished is left for the next call.
        out: folder for table.md, results.json, results.csv, the figures and the cache.
        engine: device and numerics.
        on: called with progress events.
        command: what to print as the way to make it again.

    Returns:
        the results; the same are in ``out``.

    Raises:
        ValueError: an unknown benchmark, recipe, preset, protocol, augmentation, factor or backbone; data that is not it.
    """
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"preset={preset!r} must be one of {', '.join(PRESETS)}")
    executor = on_this_machine(jobs)
    chosen: dict[str, Any] = PRESETS[preset] if preset else {}
    protocol = protocol or chosen.get("protocol", "ldam")
    own_augment = "autoaugment" if protocol == "modern" else "crop-flip"
    augment = augment or chosen.get("augment", own_augment)
    epochs = epochs or chosen.get("epochs", 200)
    backbone = backbone or chosen.get("backbone", "resnet32")
    engine, base, draws = engine or Engine(), base_stage(protocol, epochs, augment), design(seeds, vary)
    chosen_recipes(recipes, benchmark, 100)  # a wrong name is an error before anything is read
    folder, cifar = Path(out), read_cifar(benchmark, data)
    plans = [
        CifarPlan(
            cifar, float(imbalance), chosen_recipes(recipes, benchmark, imbalance, tuning, protocol), draws, base,
            backbone, tuning, engine=engine, curve=curve,
        )
        for imbalance in imbalances
    ]  # fmt: skip
    results: dict[str, Any] = {
        "format": 1,
        "command": command or "",
        "versions": versions(),
        "hardware": hardware(),
        "created": today(),
        "settings": {
            "benchmark": benchmark,
            "imbalances": [plan.imbalance for plan in plans],
            "recipes": [name for name, _ in plans[0].recipes],
            "seeds": seeds,
            "vary": list(vary),
            "preset": preset,
            "protocol": protocol,
            "augment": augment,
            "epochs": epochs,
            "batch": base.batch_size,
            "backbone": backbone,
            "tuning": tuning,
            "precision": engine.precision,
            "device": engine.on.type,
            "jobs": jobs,
            "base": base.to_json(),
        },
        "data": {f"{p.imbalance:g}": facts(p) for p in plans},
        "notes": notes(plans),
        "runs": [],
    }
    for note in results["notes"]:
        on({"note": note})
    began, todo = engine.clock(), estimate(plans, FolderStore(folder), executor.slots)
    if todo:
        on({"note": todo})

    with held(folder, "longtail bench"):
        return _measured(plans, folder, results, executor, budget, began, on)


def _measured(
    plans: Sequence[CifarPlan],
    folder: Path,
    results: dict[str, Any],
    executor: Executor,
    budget: float | None,
    began: float,
    on: On,
) -> dict[str, Any]:
    """Every plan run, in a folder that is this process's."""
    failures: Failures = {}
    for plan in plans:

        def listen(event: dict[str, Any], plan: CifarPlan = plan) -> None:
            on(event)
            made = event.get("run")
            if made is not None:
                if not made.done:
                    failures[plan.imbalance, made.recipe, *made.cell] = made
                write(results, plans, folder, failures)

        left = None if budget is None else max(0.0, began + budget - plan.engine.clock())
        for one in run(plan, FolderStore(folder), executor, budget=left, on=listen):
            if one.status == "skipped":
                failures[plan.imbalance, one.recipe, *one.cell] = one
    write(results, plans, folder, failures)
    return results


def facts(plan: CifarPlan) -> dict[str, Any]:
    """The training set at one imbalance: size, counts, groups."""
    labels = plan.dataset.labels.take(plan.cifar.train_rows(plan.imbalance))
    groups = {name: len(members) for name, members in labels.classes.groups().items()}
    return {"n": len(labels), "counts": labels.counts.tolist(), "groups": groups}


def notes(plans: Sequence[CifarPlan]) -> list[str]:
    """What a reader must know about the data."""
    out = list(plans[0].dataset.notes)
    several = len({d.subset for d in plans[0].runs}) > 1
    for plan in plans:
        rows = [plan.cifar.train_rows(plan.imbalance, k) for k in (0, 1)]
        if several and torch.equal(*rows):
            out.append(
                f"at imbalance {plan.imbalance:g} the file holds no other images: the subset is always the same"
            )
        elif several and not plan.cifar.whole:
            shared = int(torch.isin(rows[0], rows[1]).sum()) / len(rows[0])
            text = f"at imbalance {plan.imbalance:g} subsets come from a long-tailed file"
            out.append(f"{text} and share {100 * shared:.0f} % of their images (subsets 0 and 1)")
    return out


def write(
    results: dict[str, Any],
    plans: Sequence[CifarPlan],
    folder: Path,
    failures: Failures,
) -> None:
    """Put every run that is on disk into the results, and write all files, each atomically."""
    results["runs"] = [row for plan in plans for row in finished(plan, folder, failures)]
    write_json(folder / "results.json", results)
    write_text(folder / "results.csv", tables.tidy(results))
    write_text(folder / "table.md", tables.markdown(results))
    for plan in plans:
        for name, draw in (("cost", figures.cost), ("curves", figures.curves)):
            svg = draw(results, plan.imbalance)
            if svg is not None:
                write_text(folder / f"{name}-{plan.imbalance:g}.svg", svg)


def finished(plan: CifarPlan, folder: Path, failures: Failures) -> list[dict[str, Any]]:
    """The runs of a plan that have finished or failed, with their seeds."""
    worker, out = Worker(plan, FolderStore(folder)), []
    for name, _ in plan.recipes:
        for fold, seed in plan.cells:
            made = worker.kept(Task(name, fold, seed)) or failures.get((plan.imbalance, name, fold, seed))
            if made is None:
                continue
            row = made.to_json()
            init, order = plan.draws(seed)
            where = {"imbalance": plan.imbalance, "subset": fold, "init": init, "order": order}
            out.append({**{k: row[k] for k in KEPT}, **where})
    return out
