"""Train: one recipe on all rows."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtail.api.loading import Given, load
from longtail.api.splitting import split_of
from longtail.chosen import Asked, pick
from longtail.clock import today
from longtail.comparison.features import frozen_features
from longtail.comparison.length import Length
from longtail.comparison.own_net import try_backbone
from longtail.comparison.plan import Plan
from longtail.comparison.points import points_decided
from longtail.comparison.results import versions
from longtail.comparison.split import Own
from longtail.comparison.work import Worker
from longtail.costs import Costs, columns_named
from longtail.data import FeatureEncoder
from longtail.files import held
from longtail.formats.reading import tell
from longtail.metrics import Aimed
from longtail.model import Model
from longtail.protocol import Backbone
from longtail.run import Engine
from longtail.run.engine import engine_of
from longtail.run.loop import On, ignore
from longtail.run.ranks import here, launched
from longtail.store import FolderStore


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
    plan = replace(plan, engine=engine)
    worker = Worker(plan, FolderStore(folder), on=on, length=length)
    prepared = plan.prepare(fold)
    prepared.on = on
    encoder, outcome, _ = worker.fit(prepared, name, seed)
    aimed = next((Aimed.of(point, plan.labels(0, seed).classes) for point in plan.points), None)
    outcome = outcome.but(costs=plan.costs, aimed=aimed)
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
    costs: Any = None,
    metric: str | None = None,
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
        costs: what each decision costs, as for ``compare``: kept with the model, which takes the cheapest decision.
        metric: a point such as "recall@precision>=0.9", that the model then decides for: its threshold is fitted on
            held-out training rows. None decides the most probable class, or by thresholds tuned for macro F1.
        device, precision, engine: as for ``compare``.
        seed: of initial weights, order and estimators.
        on: called with progress events; left out, what could not be read is warned of.
        how: how to read the data, as for ``longtail.data.load``; and unlabelled, a file of rows without labels. With
            ``group`` no group stands on both sides where rows are held out to tune; with ``time`` the latest rows are;
            with ``split`` only the training part trains.

    Raises:
        ValueError: costs that do not fit the classes, or a metric that is no point of them.
    """
    engine = engine_of(engine, device, precision)
    points = points_decided(metric)
    dataset = load(data, cost_columns=columns_named(costs, files=True), **how)
    declared = None if costs is None else Costs.of(costs, dataset.labels.names, files=True)
    for point in points:
        Aimed.of(point, dataset.labels.classes)  # what is wrong is an error now, not after training
    if on is ignore:  # nobody else shows them
        tell(dataset.notes)
    chosen = pick(recipe if isinstance(recipe, Mapping) else [recipe])
    if len(chosen) != 1:
        raise ValueError(f"recipe={recipe!r}: one recipe is trained, and these are {len(chosen)}")
    (name,) = chosen
    frozen, before = frozen_features(dataset, backbone, engine=engine), None
    if frozen is not None:
        (dataset, before), backbone = frozen, None
    split = split_of(dataset, 5, None, None)
    if isinstance(split, Own) and split.validated:
        tuning = "holdout"  # what validates does not train
    plan = Plan(
        dataset=dataset, recipes=tuple(chosen.items()), baseline=name, backbone=backbone, epochs=epochs,
        tuning=tuning, engine=engine, split=split, costs=declared, points=points,
    )  # fmt: skip
    for remark in plan.remarks:
        warnings.warn(remark, stacklevel=2)
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
