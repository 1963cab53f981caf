"""The reviews experiment: which loss finds the food-safety complaints among restaurant reviews?

Published as a five-fold comparison of cross-entropy, weighted cross-entropy, focal loss with several gammas and seesaw
loss on 10,000 Chinese reviews (15 % about food safety; DataFountain competition 370), scored by the F1 of class 1 with
the decisions as trained. GHM, dice, DSC, LDAM, logit adjustment and balanced softmax stand beside them here, and each
claim is tested. The folds, the trainings and the scores are those of ``longtail compare``; a finished training is never
repeated.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from reviews import findings
from reviews.probe import probe

from longtail import recipes
from longtail.clock import today
from longtail.comparison.features import frozen_features
from longtail.comparison.plan import Plan
from longtail.comparison.record import Results
from longtail.comparison.results import results_of
from longtail.comparison.run import run
from longtail.comparison.study import RecipeLike
from longtail.comparison.work import Worker
from longtail.data import Dataset, load
from longtail.executors import Executor, on_this_machine
from longtail.files import held, whole, write_json, write_text
from longtail.losses import DSC, CrossEntropy
from longtail.part import part
from longtail.protocol import Backbone
from longtail.recipe import Recipe, Stage
from longtail.run import Engine
from longtail.run.loop import On, ignore
from longtail.store import FolderStore

BASELINE = "ce"
PUBLISHED = ("ce", "weighted-ce", "focal-0.5", "focal-1", "focal-2", "focal-5", "seesaw")
"""The losses of the published comparison."""


def losses(base: Stage) -> dict[str, RecipeLike]:
    """Every loss of the experiment by name, in the order of the table."""
    made = {
        "ce": recipes.erm(base),
        "weighted-ce": recipes.weighted_ce(base),
        **{f"focal-{gamma:g}": recipes.focal(base, gamma=gamma) for gamma in (0.5, 1.0, 2.0, 5.0)},
        "seesaw": recipes.seesaw(base),
        "ghm": recipes.ghm(base),
        "dice": recipes.dice(base),
        "dsc": Recipe("dsc", (base.but(name="dsc", loss=part(DSC)),)),
        "ldam": recipes.ldam(base),
        "logit-adjustment": recipes.logit_adjustment(base),
        "balanced-softmax": recipes.balanced_softmax(base),
    }
    made["focal-5-faster"] = faster(made["focal-5"])
    return {name: recipe.but(name=name) for name, recipe in made.items()}


def loss_named(name: str, base: Stage) -> RecipeLike:
    """One of them, on a base stage of whatever length."""
    return losses(base)[name]


def faster(recipe: Recipe) -> Recipe:
    """The same loss with a learning rate that makes its first step as long as cross-entropy's.

    SGD, unlike the AdamW of the published experiment, takes shorter steps under a loss with shorter gradients.
    """
    (stage,) = recipe.stages
    return recipe.but(stages=(stage.but(optim=stage.tune(lr_factor=first_gradient_ratio(stage.loss))),))


def first_gradient_ratio(loss: Any) -> float:
    """How many times longer cross-entropy's gradient is than this loss's where both classes have probability 1/2.

    >>> first_gradient_ratio(part(CrossEntropy))
    1.0
    """
    y, norms = torch.tensor([0, 1]), []
    for each in (part(CrossEntropy), loss):
        z = torch.zeros(2, 2, requires_grad=True)
        (gradient,) = torch.autograd.grad(each.build()(z, y), z)
        norms.append(float(gradient.norm()))
    return round(norms[0] / norms[1], 3)


ABOUT = {
    "ce": "cross-entropy",
    "weighted-ce": "cross-entropy weighted by 1 / class count",
    "focal-0.5": "focal loss, gamma 0.5",
    "focal-1": "focal loss, gamma 1",
    "focal-2": "focal loss, gamma 2",
    "focal-5": "focal loss, gamma 5",
    "seesaw": "seesaw loss, p 0.8, q 2",
    "ghm": "gradient harmonising (GHM-C), 30 bins, momentum 0.75",
    "dice": "soft Dice over the batch",
    "dsc": "self-adjusting Dice (DSC), alpha 1; its gradient is 0 where both classes have probability 1/2",
    "ldam": "LDAM margins up to 0.5 on a cosine head, scale 30",
    "logit-adjustment": "cross-entropy, the prior taken out of the logits afterwards",
    "balanced-softmax": "balanced softmax (the logit-adjusted loss, tau 1)",
    "focal-5-faster": "focal loss, gamma 5, at a learning rate that makes up for its short gradients",
}


@dataclass(frozen=True, eq=False)
class Reviews:
    """What the experiment found.

    Attributes:
        results: of the comparison, as ``longtail compare`` writes them.
        lines: one a loss.
        tests: what chance gives for the extremes, by set of losses ("all", "published").
        sources: where the spread comes from, among the losses :func:`near` the best.
        probes: p_t and gradient norms of the first fold, by loss.
        positive: name of the class whose F1 is scored.
        folder: where the files are.
    """

    results: Results
    lines: tuple[findings.Line, ...]
    tests: dict[str, dict[str, Any]]
    sources: dict[str, float]
    probes: dict[str, Any]
    positive: str
    folder: Path

    @property
    def ranked(self) -> list[findings.Line]:
        """Highest mean first."""
        return sorted(self.lines, key=lambda line: -line.mean)


def reviews(
    data: str | Path | Dataset | None = None,
    *,
    folds: int = 5,
    seeds: int = 1,
    backbone: Backbone = None,
    epochs: int | None = None,
    look: Sequence[int] = (1, 3),
    jobs: int = 1,
    out: str | Path = "longtail-reviews",
    engine: Engine | None = None,
    on: On = ignore,
    command: str | None = None,
) -> Reviews:
    """Run the experiment and write ``reviews.html``, ``reviews.md``, ``reviews.csv``, ``reviews.json`` and the figures.

    Args:
        data: texts with labels of two classes; None takes ``o2o-food-safety/train.tsv`` under ``LONGTAIL_DATA``.
        folds, seeds: each loss is trained ``folds * seeds`` times.
        backbone: None is the text default (TF-IDF); ``"hf:PATH"`` is a Hugging Face encoder.
        epochs: None takes the protocol's.
        look: epochs (from 1) after which p_t and the gradient norms are measured, beside the last.
        jobs: processes.
        out: folder; a second call with the same settings goes on where the first stopped.
        engine: device and numerics.
        on: called with progress events.
        command: what to print in the page as the way to make it again.

    Raises:
        FileNotFoundError: no data given and none found.
        RuntimeError: cross-entropy failed on some fold, so that there is nothing to compare with.
    """
    dataset = data if isinstance(data, Dataset) else load(found_data(data))
    folder, executor = Path(out), on_this_machine(jobs)
    kind, said_backbone = dataset.kind, backbone
    frozen = frozen_features(dataset, backbone, FolderStore(folder).stages, engine)
    if frozen is not None:
        dataset, backbone = frozen[0], None
    plan = Plan(
        dataset=dataset,
        recipes=(("erm", recipes.erm),),
        baseline="erm",
        folds=folds,
        seeds=seeds,
        redeal=False,  # the findings part what folds do from what seeds do
        backbone=backbone,
        epochs=epochs,
        engine=engine or Engine(),
    )
    made = losses(plan.base)
    plan = Plan(
        **{
            **vars(plan),
            "recipes": tuple((name, partial(loss_named, name)) for name in made),
            "baseline": BASELINE,
        }
    )
    said = data.name if isinstance(data, Dataset) else str(data or "o2o-food-safety/train.tsv")
    shown = None if frozen is None else {"kind": kind, "backbone": str(said_backbone)}
    with held(folder, "benchmarks/reviews"):
        return _reviewed(plan, made, folder, said, shown, look, executor, on, command)


def _reviewed(
    plan: Plan,
    made: dict[str, RecipeLike],
    folder: Path,
    path: str,
    shown: dict[str, str] | None,
    look: Sequence[int],
    executor: Executor,
    on: On,
    command: str | None,
) -> Reviews:
    """The experiment itself, in a folder that is this process's; ``shown``: kind and backbone where they are frozen."""
    from reviews.markdown import markdown
    from reviews.page import write_page

    dataset = plan.dataset
    names = dataset.labels.names
    positive = names.index("1") if "1" in names else int(dataset.labels.counts.argmin())
    worker = Worker(plan, FolderStore(folder), on=on)
    prepared = worker.prepared(0)
    probes = {}
    for name in made:
        if name != "logit-adjustment":  # its training is cross-entropy's
            on({"running": f"{name}, fold 1, watched"})
            probes[name] = probe(worker, prepared, name, look)
    runs = run(plan, FolderStore(folder), executor, on=on)
    said = {name: {"title": name, "paper": "", "summary": ABOUT[name]} for name in made}
    results = results_of(
        plan,
        runs,
        path,
        executor.slots,
        None,
        command,
        said,
        today(),
    )
    if shown is not None:
        results = results.but(
            data=replace(results.data, kind=shown["kind"]),
            settings=replace(results.settings, backbone=shown["backbone"]),
        )
    failed = [one.error for one in runs if one.recipe == BASELINE and not one.done]
    if failed:
        raise RuntimeError(f"cross-entropy failed, so there is nothing to compare with: {failed[0]}")
    lines = tuple(findings.lines(results, positive))
    by_name = {line.name: np.array(line.scores) for line in lines}
    found = Reviews(
        results,
        lines,
        {"all": extremes(by_name), "published": extremes({n: by_name[n] for n in PUBLISHED if n in by_name})},
        findings.sources(np.stack([by_name[line.name] for line in near(lines)])),
        probes,
        names[positive],
        folder,
    )
    write_json(folder / "results.json", results.to_json())
    summary = {"positive": found.positive, "lines": [asdict(line) for line in lines], "tests": found.tests}
    write_json(folder / "reviews.json", {**summary, "sources": found.sources, "probes": probes})
    write_csv(found, folder / "reviews.csv")
    write_page(found, folder)
    write_text(folder / "reviews.md", markdown(found))
    return found


def near(lines: Sequence[findings.Line], within: float = 0.02) -> list[findings.Line]:
    """The losses whose mean is within 0.02 of the best: one that hardly learns would drown the rest."""
    best = max(line.mean for line in lines)
    return [line for line in lines if line.mean >= best - within]


def extremes(tables: dict[str, np.ndarray]) -> dict[str, Any]:
    """Which loss holds the highest single fold and which the highest spread, over all seeds and in each; and how often a
    focal loss would by chance."""
    names = list(tables)
    stack = np.stack(list(tables.values()))
    spread = [findings.sd(t) for t in stack]
    each = [
        {
            "best": names[int(stack[:, s].max(axis=1).argmax())],
            "spread": names[int(stack[:, s].std(axis=1).argmax())],
        }
        for s in range(stack.shape[1])
    ]
    return {
        "losses": names,
        "best": names[int(stack.max(axis=(1, 2)).argmax())],
        "spread": names[int(np.argmax(spread))],
        "by_seed": each,
        "chance": findings.chances(stack, [name.startswith("focal") for name in names]),
    }


def found_data(data: str | Path | None) -> Path:
    """The file given, or the reviews under ``LONGTAIL_DATA``."""
    if data is not None:
        return Path(data)
    root = os.environ.get("LONGTAIL_DATA")
    file = Path(root or ".") / "o2o-food-safety" / "train.tsv"
    if not file.exists():
        raise FileNotFoundError(
            f"no reviews at {file}: give the file (columns label and comment; DataFountain competition 370), or set "
            "LONGTAIL_DATA to the folder that holds o2o-food-safety/train.tsv"
        )
    return file


def write_csv(found: Reviews, path: Path) -> None:
    """A row a loss and seed, a column a fold, decisions as trained."""
    folds = found.results.settings.folds
    with whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["loss", "seed", *(f"fold {f + 1}" for f in range(folds)), "mean", "sd"])
        for line in found.lines:
            for seed, row in enumerate(line.scores):
                numbers = [*row, float(np.mean(row)), float(np.std(row, ddof=1))]
                out.writerow([line.name, seed, *(f"{v:.6f}" for v in numbers)])
