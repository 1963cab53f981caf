"""Commands that make and use a model: train, predict, adjust."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from longtail.cli.ending import errors
from longtail.cli.given import (
    Backbone,
    CostsOption,
    Data,
    Device,
    Epochs,
    Graphs,
    Precision,
    PriorOption,
    Raw,
    Tuning,
    Unlabelled,
)
from longtail.cli.options import PREDICTING, names, reads
from longtail.cli.saying import plain, said


@reads()
def train(
    data: Data,
    recipe: Annotated[
        str, typer.Option(help="Name of the recipe; settings may follow, as in focal:gamma=1.")
    ] = "erm",
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("longtail-model"),
    backbone: Backbone = None,
    epochs: Epochs = None,
    tuning: Tuning = "refit",
    costs: CostsOption = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="A point that the model decides for, such as 'recall@precision>=0.9'; left out, the most probable class."
        ),
    ] = None,
    device: Device = "auto",
    precision: Precision = None,
    graphs: Graphs = True,
    unlabelled: Unlabelled = None,
    how: Any = None,
) -> None:
    """Train one recipe on all rows and save the model."""
    from longtail import api
    from longtail.costs import columns_named
    from longtail.data import inspect_facts
    from longtail.report import listings
    from longtail.report.progress import progress
    from longtail.run.engine import engine_of

    with errors():
        engine = engine_of(device=device, precision=precision, graphs=graphs)
        dataset = api.load(data, unlabelled=unlabelled, cost_columns=columns_named(costs, files=True), **how)
        if os.environ.get("RANK", "0") == "0":
            listings.show_dataset(said(inspect_facts(dataset)))
        with progress() as on:
            api.train(
                dataset,
                recipe=recipe,
                out=out,
                backbone=backbone,
                epochs=epochs,
                tuning=tuning,
                costs=costs,
                metric=metric,
                engine=engine,
                on=on,
            )
        if os.environ.get("RANK", "0") != "0":
            return
        typer.echo(f"Saved to {out}. Use it: longtail predict {shlex.quote(str(out))} DATA --prior natural")


@reads(*PREDICTING)
def predict(
    model: Annotated[Path, typer.Argument(help="Folder that train or compare wrote.")],
    data: Data,
    prior: Annotated[
        str,
        typer.Option(
            help="Class frequencies where you deploy: natural (as in training), balanced, 0.7,0.3 or "
            "sick=0.3,healthy=0.7, a JSON file; or estimated (on these rows, without labels), or experts (of sade, "
            "weighed for these rows)."
        ),
    ] = "natural",
    costs: CostsOption = None,
    reject_below: Annotated[
        float | None,
        typer.Option(help="Predict 'none of these' where the largest probability is below this number."),
    ] = None,
    reject_rate: Annotated[
        float | None,
        typer.Option(
            help="The same, by the number below which this share of held-out training rows lies, such as 0.05."
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            help="File to write: csv, tsv, jsonl, parquet, feather or xlsx, by its ending; tags: conll, txt too."
        ),
    ] = Path("predictions.csv"),
    keep: Annotated[
        str | None, typer.Option(help="Columns of the data to keep, separated by commas, or all.")
    ] = None,
    raw: Raw = False,
    device: Device = "auto",
    precision: Precision = None,
    how: Any = None,
) -> None:
    """Predict classes and probabilities under the prior you deploy under; with labels in the data, score them."""
    from longtail import api
    from longtail.data.tagged import is_tagged_file
    from longtail.report import listings
    from longtail.run.engine import engine_of
    from longtail.tables import check_table_file

    with errors():
        if not is_tagged_file(out):
            check_table_file(out)
        engine = engine_of(device=device, precision=precision)
        loaded = api.Model.load(api.model_folder(model), engine)
        frame = api.predict(
            loaded,
            data,
            prior=prior,
            costs=costs,
            reject_below=reject_below,
            reject_rate=reject_rate,
            out=out,
            keep=names(keep) or (),
            raw=raw,
            say=lambda note: None,
            **how,
        )  # shown with the result
        listings.show_predicted(frame, prior, out, [plain(note) for note in frame.attrs["notes"]])


def adjust(
    predictions: Annotated[
        Path, typer.Argument(help="csv, tsv, jsonl, parquet or npz: columns p_* or logit_*, and label.")
    ],
    counts: Annotated[
        Path, typer.Option(help="JSON: training rows per class, a list or an object by class name.")
    ],
    prior: PriorOption = "balanced",
    costs: CostsOption = None,
    from_prior: Annotated[
        str | None, typer.Option(help="The prior the model was trained under, if not the counts'.")
    ] = None,
    held: Annotated[
        Path | None, typer.Option(help="Predictions on held-out rows with labels, to calibrate on first.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="probabilities or logits, if the columns do not say.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Name of the label column; label or labels if left out.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Class names in the order of numbered columns, separated by commas.")
    ] = None,
    unseen: Annotated[
        str,
        typer.Option(help="A class without training rows: rarest (counts as the rarest seen), or error."),
    ] = "rarest",
    out: Annotated[Path, typer.Option(help="Folder for the adjusted predictions and the adjuster.")] = Path(
        "longtail-adjusted"
    ),
    raw: Raw = False,
) -> None:
    """Make any model's saved predictions right for the prior you deploy under, without retraining."""
    from longtail import api
    from longtail.report import listings
    from longtail.report.progress import progress

    with errors():
        with progress() as on:
            found = api.adjust(
                predictions,
                counts=counts,
                prior=prior,
                costs=costs,
                from_prior=from_prior,
                held=held,
                kind=kind,
                label=label,
                classes=names(classes),
                unseen=unseen,
                out=out,
                raw=raw,
                on=on,
            )
        listings.show_adjusted(replace(found, notes=tuple(map(plain, found.notes))))
        typer.echo(
            f"Written to {out}. In production: longtail.adjust.load({str(out / 'adjuster.json')!r})(logits)"
        )
