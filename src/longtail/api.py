"""The verbs: compare, errors, inspect, train, predict, recipes, clean. Each command is one of them."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtail import data as data_room
from longtail import metrics
from longtail.adjust.apply import Adjusted, adjust_predictions
from longtail.adjust.predictions import Predictions
from longtail.adjust.saved import read_counts, read_predictions
from longtail.bench import bench
from longtail.catalogue import about, asks_all, first, known_recipes, listing, without
from longtail.chosen import Asked, pick
from longtail.classes import UNSEEN, Classes
from longtail.clock import monotonic, today
from longtail.comparison.counted import check_finished, counted, earlier, joinable, joined
from longtail.comparison.evidence import evidence
from longtail.comparison.features import frozen_features
from longtail.comparison.folds import check_folds, fold_notes
from longtail.comparison.kept import best_recipe, cells, mistakes, predictions, with_cells, write_predictions
from longtail.comparison.leaderboard import Row, board, shown_priors, write_csv
from longtail.comparison.length import Length, usual
from longtail.comparison.own_net import try_backbone
from longtail.comparison.patience import slowly
from longtail.comparison.plan import Plan
from longtail.comparison.ranking import Ranking, rank, shared_priors
from longtail.comparison.recommendation import recommendation
from longtail.comparison.record import Results, Run, read_results
from longtail.comparison.results import hardware, results_of, versions
from longtail.comparison.run import run
from longtail.comparison.schedule import CLOSING, rebuilt_seconds, whole_seconds
from longtail.comparison.work import Worker
from longtail.data import Dataset, FeatureEncoder
from longtail.data.predicted import columns_kept, label_column, predicted_frame, scored
from longtail.executors import on_this_machine
from longtail.files import held, read_json, write_json
from longtail.formats.reading import tell
from longtail.model import Model, tidy
from longtail.prior import Prior, Said
from longtail.protocol import Backbone
from longtail.report import brief
from longtail.report.html import write_report
from longtail.report.progress import progress
from longtail.report.ranks import write_ranks
from longtail.run import Engine, Outcome, OutOfTime
from longtail.run.engine import engine_of, stop_at
from longtail.run.loop import On, ignore
from longtail.run.ranks import here, launched
from longtail.store import OURS, FolderStore, stores_in
from longtail.tables import WRITTEN, check_table_file, ending, write_table
from longtail.words import nearest

if TYPE_CHECKING:
    from longtail.reproduce import Reviews

DEFAULT_OUT = "longtail-out"


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What ``compare`` found.

    Attributes:
        record: everything.
        folder: where the files are.
        kept: the best recipe trained on all rows, or the folder that an earlier call saved it to; None where it was not
            asked for, or is of another recipe.
    """

    record: Results
    folder: Path
    kept: Model | Path | None

    @cached_property
    def model(self) -> Model | None:
        """The best recipe trained on all rows, or None where it was not asked for, or is of another recipe."""
        return Model.load(self.kept) if isinstance(self.kept, Path) else self.kept

    @cached_property
    def results(self) -> dict[str, Any]:
        """Everything as plain numbers and strings, as written to ``results.json``."""
        return self.record.to_json()

    @property
    def rows(self) -> dict[str, list[Row]]:
        """Ranked rows by prior, the declared one first."""
        return {prior: list(board(self.record, prior).rows) for prior in shown_priors(self.record)}

    @property
    def table(self) -> Any:
        """A pandas DataFrame, one row per prior and recipe, best first: rank, finished runs, each metric's mean, the
        difference to the baseline with its interval and p, and seconds."""
        return brief.table(self.rows)

    def __repr__(self) -> str:
        return brief.comparison_text(self.record, self.folder)

    def _repr_html_(self) -> str:
        return brief.comparison_html(self.record, self.folder)

    @property
    def best(self) -> str:
        """The name of the best recipe under the declared prior, of those whose training converged."""
        return best_of(self.record)

    @property
    def recommendation(self) -> dict[str, str]:
        """What to do, in plain words, a paragraph a prior."""
        return recommendation(self.record)


Given = Any
"""A path, a ``Dataset``, a data frame with a label column, or ``(X, y)``: see ``longtail.data.load``."""


def load(data: Given, *, unlabelled: str | Path | None = None, on: On = ignore, **how: Any) -> Dataset:
    """Read data, unless it is read already; keywords as in ``longtail.data.load``, and ``unlabelled``: a file of rows
    without labels; ``on`` is told, if it takes long.
    """
    found = data
    if not isinstance(found, Dataset):
        with slowly(on, f"reading {found if isinstance(found, str | Path) else 'the data'}"):
            found = data_room.load(found, **{k: v for k, v in how.items() if v is not None})
    return found if unlabelled is None else data_room.with_unlabelled(found, unlabelled)


def told(on: On | None, verbose: int) -> AbstractContextManager[On]:
    """Whom to tell of progress: ``on``, or the terminal or notebook, or nobody."""
    if on is not None or not verbose:
        return nullcontext(on or ignore)
    return progress()


def compare(
    data: Given,
    *,
    recipes: Asked | Sequence[Asked] | Mapping[str, Asked] | None = None,
    folds: int = 5,
    seeds: int = 1,
    prior: Said = "natural",
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
    on: On | None = None,
    verbose: int = 1,
    command: str | None = None,
    **how: Any,
) -> Comparison:
    """Compare recipes on your data by stratified folds, and keep the best model.

    What a recipe said of every test row is kept. So a finished comparison that is asked for again, with another prior,
    metric or baseline, is judged anew and trains nothing.

    Args:
        data: a file, a folder, ``"islands-lt"``, a ``Dataset``, a data frame with a label column (``label="..."``), or
            ``(X, y)``.
        recipes: names (``longtail recipes`` lists them), with settings (``focal:gamma=1``) or without, functions,
            partials, recipes, and classifiers with ``fit`` and ``predict_proba``: one, a list, or a dict by the name that
            tables show. None takes a dozen that suit the data, "all" all that the data can have.
        folds: each row is tested once a seed.
        seeds: repetitions with other folds, initial weights and order.
        prior: class frequencies where the model will be used: "natural" (as in the data), "balanced", or numbers, in any
            form that ``longtail.prior.Prior.of`` takes, or a JSON file of them.
        metric: that recipes are ranked by, such as "average_precision_rarest" (``longtail.metrics.found()`` has them
            all); None is balanced accuracy under the balanced prior, and macro F1 under any other.
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
        on: called with progress events, from another thread at times.
        verbose: 0 shows nothing; 1 shows what was detected and how far it is, unless ``on`` is given.
        command: what to print in the report as the way to make it again.
        how: how to read the data, as for ``longtail.data.load``; and unlabelled, a file of rows without labels.

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
    with told(on, verbose) as say, ExitStack() as stack:
        dataset = load(data, on=say, **how)
        if on is None:
            say({"data": data_room.inspect_facts(dataset)})
        deploy = Prior.of(prior, dataset.labels.classes, files=True)
        folder = Path(out)
        found, other = earlier(folder, dataset.fingerprint, dataset.labels.counts.tolist())
        with slowly(say, f"computing the features of {backbone}"):
            frozen = frozen_features(dataset, backbone, FolderStore(folder).stages, engine)
        before, whole, said_backbone = None, dataset, backbone
        if frozen is not None:
            (dataset, before), backbone = frozen, None
        names, left_out = (recipes, None) if recipes is not None else first(dataset, backbone)
        left_out = without(dataset, backbone) if asks_all(names) else left_out
        chosen = pick(names, dataset, backbone)
        plan = Plan(
            dataset=dataset,
            recipes=tuple(chosen.items()),
            folds=folds,
            seeds=seeds,
            deploy_prior=deploy,
            baseline="erm" if "erm" in chosen else next(iter(chosen), "erm"),
            backbone=backbone,
            epochs=epochs,
            tuning=tuning,
            duplicates=duplicates,
            engine=engine,
        )
        path = str(data) if isinstance(data, str | Path) else dataset.name

        def result(runs: Sequence[Run]) -> Results:
            begun = {run.recipe for run in runs}
            about_all = {name: about(name, recipe) for name, recipe in plan.recipes if name in begun}
            made = results_of(plan, runs, path, jobs, budget, command, about_all, today())
            kind = whole.kind if frozen is not None else made.data.kind
            net = made.settings.backbone if frozen is None else str(said_backbone)
            data = replace(made.data, fingerprint=whole.fingerprint, kind=kind)
            made = made.but(data=data, settings=replace(made.settings, metric=metric, backbone=net))
            return made

        other = other if found is None else joinable(result([]), found)
        if other is not None:
            say({"note": f"the earlier table in {folder} ({other}) will be replaced"})
            found = None
        others = () if found is None else tuple(found.recipes)
        wanted = "erm" if baseline is None else baseline
        if baseline is not None and baseline not in others:
            plan = replace(plan, baseline=baseline)
        check_folds(plan.duplicate_of, folds)  # what is wrong is an error now, not after training
        check_metric(metric, dataset.labels.classes)
        try_backbone(plan, on=say)
        notes = (*data_room.giveaways(dataset), *fold_notes(dataset.labels, plan.duplicate_of, folds))
        for note in (*([left_out] if left_out else []), *notes):
            say({"note": note})
        stack.enter_context(held(folder, "longtail compare"))
        left = None if budget is None else max(1e-9, deadline - engine.clock())
        ran: list[str] = []

        def heard(event: dict[str, Any]) -> None:
            ran.extend([event["task"]] if "task" in event else [])
            say(event)

        runs = run(
            plan,
            FolderStore(folder),
            executor,
            budget=left,
            keep=model is not False,
            metric=metric,
            on=heard,
        )
        check_finished(runs, budget)
        runs, unfinished = counted(runs, plan.cells, budget)
        results = result(runs)
        if found is not None:
            results, more = joined(results, found, Worker(plan, FolderStore(folder)).judged_again)
            if more:
                say({"note": f"from an earlier call, in the same table: {', '.join(more)}"})
            if wanted in results.recipes:
                results = results.but(settings=replace(results.settings, baseline=wanted))
        results = results.but(left_out=unfinished)
        results = results.but(evidence=evidence(plan, results, FolderStore(folder).outputs))
        kept: Model | Path | None = None
        about_model: Mapping[str, Any] | None = None
        if model is None and not ran and (was := earlier_model(results, found, folder)) is not None:
            kept, about_model = was
        elif model is not False:
            kept, about_model = _keep(plan, results, folder, deadline, budget, say, before, found)
        if isinstance(kept, Model) and about_model:
            about_model = {**about_model, "notes": list(getattr(kept.encoder, "notes", ()))}
        notes += tuple((about_model or {}).get("notes", ()))
        noted = replace(results.data, notes=(*results.data.notes, *notes))
        results = results.but(model=about_model, data=noted)
        write_json(folder / "results.json", results.to_json())
        write_csv(results, folder / "results.csv")
        write_predictions(results, FolderStore(folder).outputs, folder / "predictions.csv")
        write_report(results, folder / "report.html")
    return Comparison(results, folder, kept)


def check_metric(metric: str | None, classes: Classes) -> None:
    """A metric that recipes cannot be ranked by is an error before anything is trained.

    Raises:
        ValueError: there is no such metric, or it says nothing of these classes.
    """
    if metric is None:
        return
    if metric not in metrics.found():
        raise ValueError(
            f"metric={metric!r}: there is no such metric{nearest(metric, metrics.found())}; there are "
            f"{', '.join(metrics.found())}"
        )
    groups = {name: members for name, members in classes.groups().items() if len(members)}
    if not metrics.found()[metric].applies(classes.num_classes, groups):
        why = f"{classes.num_classes} classes of these sizes"
        raise ValueError(f"metric={metric!r} says nothing of {why}: take another, macro_f1 say")


def earlier_model(
    results: Results, found: Results | None, folder: Path
) -> tuple[Path | None, dict[str, Any]] | None:
    """What to say of the model on all rows that an earlier call left; None where there is none. Where it is of the best
    recipe, as that is judged now, its folder comes first.
    """
    was, best = None if found is None else found.model, best_of(results)
    if (
        not was
        or not was["path"]
        or was["rows"] != "all rows"
        or not (folder / "model" / "model.json").exists()
    ):
        return None
    tidy(folder / "model")
    said = {**{k: was[k] for k in ("recipe", "rows", "notes") if k in was}, "path": str(folder / "model")}
    if was["recipe"] == best:
        return folder / "model", said
    why = f"Now {best} is best, and nothing was trained: the same with --model (model=True in Python) makes its model."
    return None, {**said, "why": why}


def _keep(
    plan: Plan,
    results: Results,
    folder: Path,
    deadline: float,
    budget: float | None,
    on: On,
    before: FeatureEncoder | None,
    found: Results | None,
) -> tuple[Model | None, Mapping[str, Any] | None]:
    """The best recipe trained on all rows and saved; where there is no time for that, its model of the first fold.

    Returns:
        The model, and what to say of it.
    """
    name = best_of(results)
    if name not in dict(plan.recipes):
        try:
            plan = replace(plan, recipes=(*plan.recipes, *pick([name]).items()))
        except ValueError:
            was = None if found is None else found.model
            if was and was["recipe"] == name:
                return None, was
            why = "it is of an earlier call: pass that recipe again to have its model"
            return None, {"recipe": name, "path": None, "why": why}
    runs = list(results.by_recipe[name].values())
    first = runs[0]
    target = folder / "model"
    try:
        late = (
            math.inf if budget is None else max(10.0, budget / 10) / 2
        )  # seconds after the deadline, at most
        rebuilt = 0.0 if budget is None else rebuilt_seconds(first)
        if plan.engine.clock() + whole_seconds(first, 1 - 1 / plan.folds) <= deadline - CLOSING[0]:
            try:
                on({"running": f"{name} on all rows, to keep"})
                length = usual([run.length for run in runs if run.length is not None])
                kept = _fitted(plan, name, folder, deadline - rebuilt, on, before, None, length)
                kept.save(target)
                return kept, {"recipe": name, "path": str(target), "rows": "all rows"}
            except OutOfTime:
                pass
        on({"running": f"{name}, its model of fold {first.fold + 1}, to keep"})
        kept = _fitted(plan, name, folder, max(plan.engine.clock(), deadline) + late, on, before, first)
        kept.save(target)
        rows = f"the training rows of fold {first.fold + 1}: no time for all rows"
        return kept, {"recipe": name, "path": str(target), "rows": rows}
    except OutOfTime:
        return None, {"recipe": name, "path": None, "why": "out of time; the same again makes it"}
    except Exception as why:  # the comparison must not be lost for its last step
        return None, {"recipe": name, "path": None, "why": f"{type(why).__name__}: {why}"}


def _fitted(
    plan: Plan,
    name: str,
    folder: Path,
    deadline: float,
    on: On,
    before: FeatureEncoder | None,
    of: Run | None,
    length: Length | None = None,
) -> Model:
    """A recipe trained on all rows, for the length that the folds found, or on those of a run, by a deadline."""
    stop = None if math.isinf(deadline) else deadline
    fold, seed = (None, 0) if of is None else of.cell
    with stop_at(stop, plan.engine.clock):
        return fit_all(
            plan, name, folder, replace(plan.engine, deadline=stop), on, seed=seed, before=before, fold=fold,
            length=length,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Several:
    """What ``compare_several`` found.

    Attributes:
        comparisons: one a data set, by its name.
        rankings: recipes ranked over the data sets, one a prior.
        folder: where ranks.json, report.html and a folder a data set are.
    """

    comparisons: dict[str, Comparison]
    rankings: tuple[Ranking, ...]
    folder: Path

    @property
    def table(self) -> Any:
        """A pandas DataFrame, one row per prior and recipe, best mean rank first, with the score on each data set."""
        return brief.ranks_table(self.rankings)

    def __repr__(self) -> str:
        return brief.several_text(self.rankings, self.folder)

    def _repr_html_(self) -> str:
        return brief.several_html(self.rankings, self.folder)


def compare_several(
    data: Sequence[Given],
    *,
    out: str | Path = DEFAULT_OUT,
    prior: str = "natural",
    budget: float | None = None,
    began: float | None = None,
    on: On | None = None,
    verbose: int = 1,
    command: str | None = None,
    model: bool | None = None,
    how: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Several:
    """Compare recipes on several data sets, each as ``compare`` does, and rank them over the data sets.

    Made again with the same settings, it goes on where it was.

    Args:
        data: two or more files, folders or data sets; all are read before anything is trained.
        out: folder; each data set gets a folder of its name in it.
        prior: "natural" or "balanced"; probabilities of your own belong to one data set's classes.
        budget: seconds for all of them; each gets its share of what is left.
        began: as for ``compare``.
        on, verbose, command, model: as for ``compare``.
        how: how to read the data, as for ``load``.
        settings: recipes, folds, seeds, metric, baseline, jobs, backbone, epochs, tuning, duplicates, device, precision,
            engine, as for ``compare``.

    Raises:
        ValueError: fewer than two data sets, another prior, or a device that is not there.
        OutOfTime: no run finished on any of them but one.
    """
    if len(data) < 2:
        raise ValueError(f"data holds {len(data)} data sets; ranks over data sets need at least two")
    if prior not in ("natural", "balanced"):
        raise ValueError(f"prior={prior!r}: over several data sets it must be natural or balanced")
    said = [settings.pop(name, None) for name in ("engine", "device", "precision")]
    settings["engine"] = engine_of(*said)
    folder, began = Path(out), monotonic() if began is None else began
    if (folder / "results.json").exists():
        raise ValueError(
            f"{folder} holds the results of one data set: name another folder with --out (out=... in Python)"
        )
    sets: dict[str, Dataset] = {}
    found: dict[str, Comparison] = {}
    late = ""
    with told(on, verbose) as say:
        for given in data:
            dataset = load(given, on=say, **(how or {}))
            title = re.sub(r"[^\w.-]+", "-", dataset.name).strip(".-") or "data"
            name = next(
                n for n in (title, *(f"{title}-{k}" for k in range(2, len(data) + 2))) if n not in sets
            )
            sets[name] = dataset
        for k, (name, dataset) in enumerate(sets.items()):
            left = None if budget is None else (budget - (monotonic() - began)) / (len(sets) - k)
            say({"note": f"data set {name}"})
            if on is None:
                say({"data": data_room.inspect_facts(dataset)})
            try:
                found[name] = compare(
                    dataset,
                    out=folder / name,
                    prior=prior,
                    budget=None if left is None else max(1e-9, left),
                    on=say,
                    command=command,
                    model=model,
                    **settings,
                )
            except OutOfTime as why:  # the other data sets must not be lost for this one
                late = f"data set {name}: {why}"
                say({"note": late})
    if len(found) < 2:
        raise OutOfTime(late)
    if any(c.record.left_out for c in found.values()):
        boards = [{row.recipe for row in next(iter(c.rows.values())) if row.rank} for c in found.values()]
        if len(set.intersection(*boards)) < 2:
            raise OutOfTime(
                "fewer than two recipes finished on all data sets, so there is nothing to rank; each data set has its "
                f"own table in {folder}. The same again goes on from here"
            )
    results = {name: c.record for name, c in found.items()}
    priors = shared_priors([shown_priors(r) for r in results.values()])
    rankings = tuple(rank(results, p) for p in priors)
    about_all = {
        "format": 1,
        "command": command or "",
        "created": today(),
        "hardware": hardware(),
        "versions": versions(),
        "folds": next(iter(results.values())).settings.folds,
        "datasets": {
            name: {
                **{k: getattr(r.data, k) for k in ("n", "num_classes", "imbalance")},
                "link": f"{name}/report.html",
            }
            for name, r in results.items()
        },
    }
    write_json(folder / "ranks.json", {**about_all, "rankings": [r.to_json() for r in rankings]})
    write_ranks(about_all, rankings, folder / "report.html")
    return Several(found, rankings, folder)


best_of = best_recipe


def fit_all(
    plan: Plan,
    name: str,
    folder: Path,
    engine: Engine,
    on: On = ignore,
    seed: int = 0,
    before: FeatureEncoder | None = None,
    fold: int | None = None,
    length: Length | None = None,
) -> Model:
    """One recipe trained on all rows, or on those of a fold, as a model to keep; ``before`` is the frozen encoder that
    made the plan's data, ``length`` that of the base stage where it is known.
    """
    plan = Plan(**{**vars(plan), "engine": engine})
    worker = Worker(plan, FolderStore(folder), on=on, length=length)
    prepared = plan.prepare(fold)
    prepared.on = on
    encoder, outcome, _ = worker.fit(prepared, name, seed)
    encoder = encoder if before is None else before.followed_by(encoder)
    d = plan.dataset
    recipe = outcome.recipe
    facts = {
        "data": {
            "name": d.name,
            "kind": d.kind,
            "n": len(d),
            "fingerprint": d.fingerprint,
            "reading": dict(d.reading),
        },
        "recipe": {"name": name, "definition": recipe.to_json()},
        "prior_source": outcome.prior_source,
        "versions": versions(),
        "created": today(),
    }
    return Model(outcome, encoder, facts)


def train(
    data: Given,
    *,
    recipe: Asked = "erm",
    out: str | Path | None = None,
    backbone: Backbone = None,
    epochs: int | None = None,
    tuning: str = "refit",
    device: str | None = None,
    precision: str | None = None,
    engine: Engine | None = None,
    seed: int = 0,
    on: On = ignore,
    **how: Any,
) -> Model:
    """Train one recipe on all rows. Under ``torchrun`` or ``accelerate launch``, the processes train it together.

    Args:
        data: a file, a folder, ``"islands-lt"``, a ``Dataset``, a data frame with a label column (``label="..."``), or
            ``(X, y)``.
        recipe: a name, or anything else that ``compare`` takes in ``recipes``.
        out: folder to save the model to; None does not save.
        backbone, epochs, tuning: see ``longtail.comparison.plan.Plan``.
        device, precision, engine: as for ``compare``.
        seed: of initial weights, order and estimators.
        on: called with progress events; left out, what could not be read is warned of.
        how: how to read the data, as for ``longtail.data.load``; and unlabelled, a file of rows without labels.
    """
    engine = engine_of(engine, device, precision)
    dataset = load(data, **how)
    if on is ignore:  # nobody else shows them
        tell(dataset.notes)
    chosen = pick(recipe if isinstance(recipe, Mapping) else [recipe])
    if len(chosen) != 1:
        raise ValueError(f"recipe={recipe!r}: one recipe is trained, and these are {len(chosen)}")
    (name,) = chosen
    frozen, before = frozen_features(dataset, backbone, engine=engine), None
    if frozen is not None:
        (dataset, before), backbone = frozen, None
    plan = Plan(
        dataset=dataset, recipes=tuple(chosen.items()), baseline=name, backbone=backbone, epochs=epochs,
        tuning=tuning, engine=engine,
    )  # fmt: skip
    try_backbone(plan, None, on)
    if out is None:
        import tempfile

        with tempfile.TemporaryDirectory() as scratch:
            return fit_all(plan, name, Path(scratch), plan.engine, on, seed, before)
    folder = Path(out)
    work = folder.with_name(folder.name + ".work")
    with (
        held(work, "longtail train") if launched() == 1 else nullcontext()
    ):  # launched processes train it together
        model = fit_all(plan, name, work, plan.engine, on, seed, before)
        if here()[0] == 0:
            model.save(folder)
            shutil.rmtree(work, ignore_errors=True)
    return model


def predict(
    model: str | Path | Model,
    data: Given,
    *,
    prior: Said = "natural",
    out: str | Path | None = None,
    keep: str | Sequence[str | int] = (),
    label: str | None = None,
    say: Callable[[str], None] | None = None,
    raw: bool = False,
    device: str | None = None,
    precision: str | None = None,
    **how: Any,
) -> Any:
    """Predicted class, most probable class and probabilities for every row, as a pandas DataFrame.

    Under the natural prior classes are decided by thresholds tuned on held-out rows (for macro F1), where training found
    some that help; ``prediction`` then differs from ``most_probable`` in some rows.

    Columns: ``path`` where rows are image files, the kept columns, ``label`` where the file has labels, ``prediction``,
    and ``p_CLASS`` for each class. ``frame.attrs["notes"]`` says what was detected and not used;
    ``frame.attrs["scores"]`` has the scores where there are labels: under the prior asked for, and as frequent as in the
    file.

    Args:
        model: a folder that ``train`` or ``compare`` wrote, or the model itself.
        data: rows with the columns the model was trained on, in a file or in memory (a data frame, an array, texts ...);
            a label column is not needed.
        prior: class frequencies where the model is used, as in ``compare``; "natural" is as in training.
        out: a csv, tsv, jsonl, parquet, feather or xlsx file to write, by its ending; None does not write.
        keep: columns of the file to keep beside the predictions; "all" keeps all.
        label: the column of labels, for scores; None takes the one that training had, where the file has it.
        raw: leave cells alone that a spreadsheet would run; else they get a quote in front.
        say: called with each note on how the rows were read; None warns of what could not be read.
        device, precision: as for ``compare``, whatever the model was trained on; None leaves a model in memory as it is.
        how: how to read the data: text, header, split, encoding, delimiter, missing, skip_bad, sheet, images; all but
            text are for files, and refused for data in memory.

    Raises:
        ValueError: an ending of ``out`` that is not written, or a device that is not there, before any work; data that
            the model cannot take.
    """
    if out is not None:
        check_table_file(out)
    engine = engine_of(None, device, precision)
    loaded = model if isinstance(model, Model) else Model.load(model_folder(Path(model)), engine)
    if (device, precision) != (None, None):
        loaded = loaded.running(engine)
    deploy = Prior.of(prior, loaded.outcome.classes, files=True)
    like = loaded.encoder.front if isinstance(loaded.encoder, FeatureEncoder) else loaded.encoder
    if isinstance(data, Dataset):
        rows = data_room.Rows(data.raw)
        labels: list[Any] | None = [data.labels.names[k] for k in data.labels.y.tolist()]
    else:
        remembered = loaded.reading
        rows = data_room.read_inputs(data, like, classes=loaded.names, reading=remembered, **how)
        labels = label_column(
            rows, loaded.names, label, remembered.get("label"), tuple(getattr(like, "columns", ()))
        )
    kept = columns_kept(rows, keep)  # a column that is not there is an error before the work
    rows.notes += [f"class {name!r} had no training row: {UNSEEN}" for name in loaded.outcome.classes.unseen]
    encoded = loaded.encoder(rows.raw)
    probabilities = loaded.outcome.predict_proba(encoded, deploy)
    chosen = loaded.outcome.decide(probabilities, deploy)
    scores: dict[str, dict[str, float]] = {}
    if labels is not None:
        tested = deploy.resolve(loaded.outcome.classes)
        labels, scores, said = scored(labels, loaded.names, probabilities, chosen, tested)
        rows.notes.append(said)
    frame = predicted_frame(rows, kept, labels, loaded.names, probabilities, chosen)
    if scores:
        frame.attrs["scores"] = scores
    frame.attrs["notes"] = list(rows.notes)
    tell(rows.notes, say)
    if out is not None:
        write_table(frame, out, raw)
    return frame


def model_folder(folder: Path) -> Path:
    """The folder of a model: the one given, or the model in a folder that ``compare`` wrote."""
    inner = folder / "model"
    return inner if not (folder / "model.json").exists() and (inner / "model.json").exists() else folder


def adjust(
    predictions: str | Path | Predictions | Any,
    *,
    counts: str | Path | Sequence[int] | Mapping[Any, int],
    prior: Said = "balanced",
    from_prior: Said | None = None,
    held: str | Path | Predictions | Any | None = None,
    kind: str | None = None,
    label: str | None = None,
    classes: Sequence[str] | None = None,
    unseen: str = "rarest",
    out: str | Path | None = None,
    raw: bool = False,
    on: On = ignore,
) -> Adjusted:
    """Saved predictions of any model, for the prior you deploy under; no retraining.

    Counts and priors are taken by class name or index where they are given by class (a mapping, a pandas Series, a JSON
    object), and in the order of the columns where they are a list.

    Args:
        predictions: a file (csv, tsv, jsonl, parquet, feather, xlsx or npz) or a data frame with columns ``p_*`` or
            ``logit_*`` (or named by class), and a label column where the labels are known, as ``longtail predict`` gives;
            or ``longtail.adjust.Predictions``, such as ``longtail.adjust.predictions_of`` makes of a scikit-learn, torch
            or Hugging Face model.
        counts: training examples per class: numbers, by class, or a JSON file of either.
        prior: "balanced", "natural" (the counts), or numbers, in any form that ``longtail.prior.Prior.of`` takes, or a
            JSON file of them.
        from_prior: the prior the model was trained under, where it is not the counts': the same forms.
        held: labelled predictions of the same model on held-out rows, which fit a calibrator first; the same forms as
            ``predictions``.
        kind: "probabilities" or "logits", where the column names do not say.
        label: the column of labels; None takes ``label`` or ``labels`` where there is one.
        classes: class names in the order of numbered columns, where labels or counts use names.
        unseen: a class without training rows counts as the "rarest" that training saw, and a note says so; or it is an
            "error".
        out: folder for the adjusted predictions and ``adjuster.json``, which ``longtail.adjust.load`` reads in
            production with numpy alone; None does not write.
        raw: leave cells alone that a spreadsheet would run; else they get a quote in front.
        on: called with progress events.

    Raises:
        ValueError: a file or table that holds no predictions, or numbers that do not fit its classes; the place is named.
        TypeError: predictions in another form.
    """
    numbers: Any = counts
    known: tuple[str, ...] | None = None
    if isinstance(counts, str | Path):
        read, known = read_counts(counts)
        numbers = read if known is None else dict(zip(known, read.tolist()))
    elif callable(getattr(counts, "items", None)):
        known = tuple(str(k) for k, _ in counts.items())  # type: ignore[union-attr]

    def read_one(given: Any, argument: str) -> Predictions:
        if isinstance(given, Predictions):
            return given
        found = read_predictions(given, classes, kind, label, known, argument)
        on({"total": steps, "done": 1, "task": str(given) if isinstance(given, str | Path) else argument})
        return found

    steps = 3 if out is not None else 2
    given = read_one(predictions, "predictions")
    other = None if held is None else read_one(held, "held")
    adjusted = adjust_predictions(given, numbers, prior, from_prior, other, unseen, files=True)
    on({"total": steps, "done": 2, "task": "adjusted"})
    if out is not None:
        form = ending(predictions) if isinstance(predictions, str | Path) else (".csv", "")
        adjusted.write(out, "".join(form) if form[0] in (*WRITTEN, ".npz") else ".csv", raw)
        on({"total": steps, "done": 3, "task": f"written to {out}"})
    return adjusted


def inspect(data: Given, **how: Any) -> dict[str, Any]:
    """What is in the data: classes, counts, imbalance factor, groups, and what to watch out for."""
    return data_room.inspect_facts(load(data, **how))


def reproduce(experiment: str, data: str | Path | Dataset | None = None, **settings: Any) -> Reviews:
    """Run a published experiment again, with tests for what it claims.

    Args:
        experiment: "reviews".
        data: None looks under ``LONGTAIL_DATA``.
        settings: as ``longtail.reproduce.reviews`` takes them: folds, seeds, backbone, epochs, look, jobs, out.

    Raises:
        ValueError: no experiment of that name.
    """
    from longtail.reproduce import reviews

    if experiment != "reviews":
        raise ValueError(f"there is no experiment {experiment!r} to reproduce; there is: reviews")
    return reviews(data, **settings)


def errors(
    out: str | Path = DEFAULT_OUT,
    *,
    recipe: str | None = None,
    per_class: int = 5,
    data: Given | None = None,
    **how: Any,
) -> Any:
    """The most certain mistakes of a recipe for each class, as a pandas DataFrame.

    Columns: ``row`` (from 0, among the rows that were read), ``fold``, ``seed``, ``truth``, ``decision``, its
    ``probability`` under the declared prior, ``p_truth``, and the row itself (cells, text or path) where the data can
    still be read. ``frame.attrs["note"]`` says why it is not shown, if so; ``frame.attrs["recipe"]`` is the recipe.

    Args:
        out: the folder that ``compare`` wrote.
        recipe: None is the best one.
        per_class: mistakes of each true class, at most.
        data: the data that were compared, if they moved; None looks where they were.
        how: how to read the data, as for ``longtail.data.load``.

    Raises:
        ValueError: ``recipe`` was not compared there, ``per_class`` is below 1, or what it said is no longer there.
        OSError: ``out`` holds no comparison.
    """
    if per_class < 1:
        raise ValueError(f"per_class={per_class} must be at least 1")
    results = read_results(Path(out) / "results.json")
    name = recipe or best_of(results)
    found = mistakes(predictions(results, FolderStore(Path(out)).outputs, name), per_class)
    found = found.drop(columns=[f"p_{c}" for c in results.data.names if c != "truth"], errors="ignore")
    note = ""
    try:
        dataset = load(results.data.path if data is None else data, **{**_reading(Path(out)), **how})
        if dataset.fingerprint == results.data.fingerprint:
            found = with_cells(found, cells(dataset.raw, found["row"].tolist()))
        else:
            note = (
                f"the rows are not shown: {results.data.path} reads otherwise than when it was compared (pass the same "
                "reading options again, such as --label)"
            )
    except (OSError, ValueError, ImportError) as why:
        note = f"the rows are not shown: {why}"
    found.attrs.update(note=note, recipe=name)
    return found


def _reading(folder: Path) -> dict[str, Any]:
    """How the data of a comparison were read, as far as its model remembers."""
    try:
        known = read_json(folder / "model" / "model.json")["data"]["reading"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {name: known[name] for name in ("label", "missing") if known.get(name) is not None}


def clean(out: str | Path = DEFAULT_OUT) -> int:
    """Free what ``compare`` or ``bench`` kept to go on from; results, finished runs, report and model stay.

    Made again, the same call shows the same table; more folds or another model are trained from the start.

    Args:
        out: the folder they wrote; of several data sets, the one that holds theirs.

    Returns:
        bytes freed.

    Raises:
        FileNotFoundError: no such folder, or it is none of theirs.
    """
    folder = Path(out)
    ours = ("results.json", "ranks.json", *OURS)
    if not any((folder / name).exists() for name in ours):
        raise FileNotFoundError(f"{folder} is no folder that compare or bench wrote")
    return sum(store.stages.clear() for store in stores_in(folder))


def cache_size(out: str | Path) -> int:
    """Bytes that :func:`clean` would free."""
    return sum(store.stages.size for store in stores_in(Path(out)))


def recipes(kind: str | None = None, search: str | None = None) -> list[dict[str, str]]:
    """Every recipe: name, paper, the prior its logits carry, its settings, one line, its family, and kinds of data.

    Args:
        kind: "table", "text", "image" or "embedding": only those that such data can have.
        search: only those that have this word in one of their texts.
    """
    return listing(kind, search)


__all__ = [
    "Comparison", "Model", "Outcome", "Several", "adjust", "bench", "cache_size", "clean", "compare",
    "compare_several", "errors", "inspect",
    "known_recipes", "load", "predict", "recipes", "reproduce", "train",
]  # fmt: skip
