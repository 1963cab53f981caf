"""Compare: which recipes work on the data, by how much and how surely; and the model of the best one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtail import data as data_room
from longtail import metrics
from longtail.api.comparison import Comparison
from longtail.api.keeping import earlier_model, keep
from longtail.api.loading import DEFAULT_OUT, Given
from longtail.api.question import Question
from longtail.api.splitting import load_parts, split_of
from longtail.api.telling import told
from longtail.catalogue import asks_all, first, without
from longtail.chosen import Asked, pick
from longtail.classes import Classes
from longtail.comparison.counted import check_finished, earlier, joinable
from longtail.comparison.features import frozen_features
from longtail.comparison.folds import fold_notes
from longtail.comparison.kept import write_predictions
from longtail.comparison.leaderboard import write_csv
from longtail.comparison.own_net import try_backbone
from longtail.comparison.patience import slowly
from longtail.comparison.plan import Plan
from longtail.comparison.points import aimed_of, points_of
from longtail.comparison.record import Results
from longtail.comparison.run import run
from longtail.comparison.split import Own
from longtail.comparison.split_words import split_notes
from longtail.costs import Costs, columns_named
from longtail.data import Dataset
from longtail.executors import on_this_machine
from longtail.files import held, write_json
from longtail.metrics import Aimed
from longtail.model import Model, decide_by
from longtail.prior import Prior, Said
from longtail.protocol import Backbone
from longtail.report.html import write_report
from longtail.run import Engine
from longtail.run.engine import engine_of
from longtail.run.loop import On
from longtail.run.ranks import launched
from longtail.store import FolderStore
from longtail.words import nearest

NOT_FOR_POINT = (
    "It was made without this point, so it does not decide for it, and nothing was trained: the same with --model "
    "(model=True in Python) makes one that does."
)


def compare(
    data: Given,
    *,
    recipes: Asked | Sequence[Asked] | Mapping[str, Asked] | None = None,
    folds: int = 5,
    seeds: int = 1,
    test: Given | None = None,
    valid: Given | None = None,
    holdout: float | None = None,
    gap: float | str | None = None,
    prior: Said = "natural",
    costs: Any = None,
    metric: str | None = None,
    baseline: str | None = None,
    jobs: int = 1,
    budget: float | None = None,
    began: float | None = None,
    out: str | Path = DEFAULT_OUT,
    backbone: Backbone = None,
    epochs: int | None = None,
    tuning: str = "refit",
    duplicates: str = "together",
    device: str | None = None,
    precision: str | None = None,
    engine: Engine | None = None,
    model: bool | None = None,
    rows: bool = True,
    unknown: bool = False,
    on: On | None = None,
    verbose: int = 1,
    command: str | None = None,
    **how: Any,
) -> Comparison:
    """Compare recipes on your data by stratified folds, and keep the best model.

    What a recipe said of every test row is kept. So a finished comparison that is asked for again, with another prior,
    costs, metric or baseline, is judged anew and trains nothing.

    Args:
        data: a file, a folder, ``"islands-lt"``, a ``Dataset``, a data frame with a label column (``label="..."``), or
            ``(X, y)``.
        recipes: names (``longtail recipes`` lists them), with settings (``focal:gamma=1``) or without, functions,
            partials, recipes, and classifiers with ``fit`` and ``predict_proba``: one, a list, or a dict by the name that
            tables show. None takes a dozen that suit the data, "all" all that the data can have.
        folds: each row is tested once a seed.
        seeds: repetitions with other folds, initial weights and order.
        test: rows of your own that test, in any form of ``data``: then nothing else does, and they never train. A folder
            that holds parts called train and test is taken so, and said; ``split="train"`` folds its train part.
        valid: rows of your own that everything is tuned on, and that train nothing; with ``test``.
        holdout: the share of the rows that one hold-out tests, in the place of folds.
        gap: with ``time``: rows that lie less than this before a test part do not train for it; a number in the unit of
            the column, or a duration such as "7d".
        prior: class frequencies where the model will be used: "natural" (as in the data), "balanced", or numbers, in any
            form that ``longtail.prior.Prior.of`` takes, or a JSON file of them.
        costs: what each decision costs, by true and decided class, in any form that ``longtail.costs.Costs.of`` takes
            ("0,1;20,0", a mapping by class name ...), or a csv or JSON file. A cell may name a column of the data, for
            costs of each row. Then the cheapest decision under the prior is taken.
        metric: that recipes are ranked by, such as "average_precision_rarest" (``longtail.metrics.found()`` has them
            all), or a point, such as "recall@precision>=0.9" (:class:`longtail.metrics.Point`). None is the expected cost
            where there are costs, else balanced accuracy under the balanced prior, and macro F1 under any other.
        baseline: what the others are compared with; None takes erm, or the first recipe.
        jobs: processes.
        budget: seconds, the model included. The cheapest recipes come first, each on one fold before any on two; what has
            not finished is left out, said, and goes on when the same call is made again.
        began: ``time.monotonic()`` from which the budget counts; None is this call.
        out: folder for results.json, results.csv, report.html, the model and the cache. Recipes that an earlier call with
            the same data and settings compared there stay in the table.
        backbone, epochs, tuning, duplicates: see ``longtail.comparison.plan.Plan``.
        device: "cpu", "cuda", "cuda:1"; None takes a GPU where there is one.
        precision: "fp32" (the default), "tf32" or "bf16"; see ``longtail.Engine``.
        engine: device, precision and more in one, in the place of the two.
        model: train the best recipe on all rows at the end. None does so unless there is a model already and no run was
            left to do.
        rows: may rows of the data stand in the report and in ``results.json``, as the most certain mistakes? False for
            data that must not be passed on.
        unknown: also score each recipe where classes are as frequent as in training, equally frequent, and as in training
            in reverse, when it is not told which: with the training's prior, the balanced one, or one estimated on the
            test rows without labels. Nothing is trained for it.
        on: called with progress events, from another thread at times.
        verbose: 0 shows nothing; 1 shows what was detected and how far it is, unless ``on`` is given.
        command: what to print in the report as the way to make it again.
        how: how to read the data, as for ``longtail.data.load``; and unlabelled, a file of rows without labels. Three of
            them say how rows are split: ``group`` (no group stands on two sides), ``time`` (each test part lies after
            its training rows) and ``split`` (a column that says "train", "validation" or "test").

    Returns:
        the results; the same are in ``out``.

    Raises:
        ValueError: ``out`` holds the results of another data set; or a wrong argument.
        OutOfTime: no run finished within the budget.
        RunsFailed: every run failed.
    """
    if launched() > 1:
        raise ValueError("compare starts its own processes: run it without torchrun, with jobs=... instead")
    engine = engine_of(engine, device, precision)
    deadline = math.inf if budget is None else (engine.clock() if began is None else began) + budget
    executor = on_this_machine(jobs)
    folder = Path(out)
    store = FolderStore(folder)
    with told(on, verbose) as say, ExitStack() as stack:
        if columns := columns_named(costs, files=True):
            how["cost_columns"] = columns
        dataset = load_parts(data, test, valid, on=say, **how)
        declared = None if costs is None else Costs.of(costs, dataset.labels.names, files=True)
        metric = "expected_cost" if metric is None and declared is not None else metric
        points = points_of(metric)
        metric = points[0].name if points else metric
        if on is None:
            say({"data": data_room.inspect_facts(dataset)})
        deploy = Prior.of(prior, dataset.labels.classes, files=True)
        found, other = earlier(folder, dataset.fingerprint, dataset.labels.counts.tolist())
        with slowly(say, f"computing the features of {backbone}"):
            frozen = frozen_features(dataset, backbone, store.stages, engine)
        taken, encoder, net = (dataset, None, backbone) if frozen is None else (*frozen, None)
        names, left_out = (recipes, None) if recipes is not None else first(taken, net)
        left_out = without(taken, net) if asks_all(names) else left_out
        chosen = pick(names, taken, net)
        split = split_of(taken, folds, holdout, gap)
        if isinstance(split, Own) and split.validated and tuning != "holdout":
            tuning = "holdout"  # what validates does not train
        plan = Plan(
            dataset=taken,
            recipes=tuple(chosen.items()),
            folds=folds,
            split=split,
            seeds=seeds,
            deploy_prior=deploy,
            costs=declared,
            points=points,
            baseline="erm" if "erm" in chosen else next(iter(chosen), "erm"),
            backbone=net,
            epochs=epochs,
            tuning=tuning,
            duplicates=duplicates,
            engine=engine,
        )
        plan.sides.check(taken, plan.together)  # what is wrong is an error now, not after training
        question = Question(
            plan=plan,
            data=dataset,
            encoder=encoder,
            backbone=backbone,
            path=dataset.path or taken.name,
            baseline="erm" if baseline is None else baseline,
            metric=metric,
            jobs=jobs,
            budget=budget,
            command=command,
            rows=rows,
            unknown=unknown,
        )
        other = other if found is None else joinable(question.results([]), found)
        if other is not None:
            say({"note": f"the earlier table in {folder} ({other}) will be replaced"})
            found = None
        if baseline is not None and baseline not in (() if found is None else found.recipes):
            plan = replace(plan, baseline=baseline)
        check_metric(metric, plan.labels(0, 0).classes, declared is not None, plan.dataset.scheme is not None)
        try_backbone(plan, on=say)
        notes = (*data_room.giveaways(taken), *split_notes(plan.sides, taken), *plan.remarks)
        if split is None:
            notes += fold_notes(taken.labels, plan.duplicate_of, folds)
        heading = [declared.in_words(taken.labels.names)] if declared is not None else []
        for note in (*heading, *([left_out] if left_out else []), *notes):
            say({"note": note})
        question = replace(question, plan=plan, notes=notes)
        stack.enter_context(held(folder, "longtail compare"))
        left = None if budget is None else max(1e-9, deadline - engine.clock())
        ran: list[str] = []

        def heard(event: dict[str, Any]) -> None:
            ran.extend([event["task"]] if "task" in event else [])
            say(event)

        runs = run(plan, store, executor, budget=left, keep=model is not False, metric=metric, on=heard)
        check_finished(runs, budget)
        results = question.answer(runs, found, store, say)
        kept: Model | Path | None = None
        about_model: Mapping[str, Any] | None = None
        if model is None and not ran and (was := earlier_model(results, found, folder)) is not None:
            kept, about_model = was
            if not decide_by(folder / "model", declared, aimed_of(results)):
                about_model = {"why": NOT_FOR_POINT, **about_model}
        elif model is not False:
            kept, about_model = keep(plan, results, folder, deadline, budget, say, encoder, found)
        if isinstance(kept, Model) and about_model:
            about_model = {**about_model, "notes": list(getattr(kept.encoder, "notes", ()))}
        said = tuple((about_model or {}).get("notes", ()))
        data_notes = replace(results.data, notes=(*results.data.notes, *said))
        results = results.but(model=about_model, data=data_notes)
        write(results, store, folder, dataset)
    return Comparison(results, folder, kept)


def write(results: Results, store: FolderStore, folder: Path, dataset: Dataset) -> None:
    """What a user reads: the numbers, the table, what was said of each row, and the page."""
    write_json(folder / "results.json", results.to_json())
    write_csv(results, folder / "results.csv")
    write_predictions(results, store.outputs, folder / "predictions.csv", dataset.costs_of)
    write_report(results, folder / "report.html")


def check_metric(metric: str | None, classes: Classes, costs: bool = False, sequences: bool = False) -> None:
    """A metric that recipes cannot be ranked by is an error before anything is trained.

    Raises:
        ValueError: there is no such metric, or it says nothing of these classes.
    """
    if metric is None:
        return
    for point in points_of(metric):
        Aimed.of(point, classes)
        return
    if metric not in metrics.found():
        raise ValueError(
            f"metric={metric!r}: there is no such metric{nearest(metric, metrics.found())}; there are "
            f"{', '.join(metrics.found())}"
        )
    groups = {name: members for name, members in classes.groups().items() if len(members)}
    if metrics.found()[metric].of_costs and not costs:
        raise ValueError(f"metric={metric!r} needs costs: costs='0,1;20,0', say")
    if metrics.found()[metric].of_sequences and not sequences:
        raise ValueError(
            f"metric={metric!r} is of entities, and these rows are no tokens with BIO tags: take another, macro_f1 say"
        )
    if not metrics.found()[metric].applies(classes.num_classes, groups, costs, sequences):
        why = f"{classes.num_classes} classes of these sizes"
        raise ValueError(f"metric={metric!r} says nothing of {why}: take another, macro_f1 say")
