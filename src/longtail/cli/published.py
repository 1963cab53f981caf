"""The command that makes the published tables again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from longtail.cli.ending import errors
from longtail.cli.given import (
    Device,
    Epochs,
    Graphs,
)
from longtail.cli.options import names
from longtail.cli.saying import command, duration


def bench(
    benchmark: Annotated[str, typer.Argument(help="cifar10-lt or cifar100-lt.")],
    data: Annotated[
        str,
        typer.Option(help="Folder with train and test parquet (Hugging Face schema), or hub to fetch it."),
    ],
    imbalance: Annotated[str, typer.Option(help="Imbalance factors separated by commas.")] = "100,50,10",
    recipes: Annotated[
        str, typer.Option(help="Names separated by commas, with settings (focal:gamma=1) or without; or all.")
    ] = "all",
    seeds: Annotated[int, typer.Option(help="Runs with other subsets, initial weights and orders.")] = 3,
    vary: Annotated[
        str | None,
        typer.Option(help="subset,init,order: further runs in which that alone changes; splits the spread."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="quick: ResNet-8, 15 epochs, minutes a run on one core.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="ldam (SGD and steps, the default) or modern (Nesterov and a cosine).")
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(help="crop-flip, autoaugment or randaugment (both with cutout); default by protocol."),
    ] = None,
    epochs: Epochs = None,
    backbone: Annotated[str | None, typer.Option(help="resnet32 (the default), resnet20 or resnet8.")] = None,
    tuning: Annotated[
        str, typer.Option(help="refit: fit tau and calibrators on a held-out part. none: own decisions only.")
    ] = "refit",
    curve: Annotated[
        int,
        typer.Option(help="Measure test accuracy every so many epochs, for the curves only; 0: at the end."),
    ] = 0,
    jobs: Annotated[int, typer.Option(help="Runs side by side, on one GPU too.")] = 1,
    budget: Annotated[str | None, typer.Option(help="Time to stop at, such as 90s, 10m or 2h.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, tf32 or bf16; default bf16 on a GPU.")] = None,
    device: Device = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Run the step through torch.compile.")] = False,
    graphs: Graphs = True,
    out: Annotated[Path, typer.Option(help="Folder for the table, the results and the figures.")] = Path(
        "longtail-bench"
    ),
) -> None:
    """Reproduce the published CIFAR-LT table: last epoch, whole balanced test set, beside the published numbers."""
    from longtail import api
    from longtail.report.progress import progress
    from longtail.run.engine import Engine, engine_of

    with errors():
        best = "bf16" if Engine(device=device).on.type == "cuda" else "fp32"
        engine = engine_of(device=device, precision=precision or best, compile=compiled, graphs=graphs)
        with progress() as on:
            api.bench(
                benchmark,
                data=data,
                imbalances=[float(f) for f in names(imbalance) or ()],
                recipes=None if recipes == "all" else names(recipes),
                seeds=seeds,
                vary=names(vary) or (),
                preset=preset,
                protocol=protocol,
                augment=augment,
                epochs=epochs,
                backbone=backbone,
                tuning=tuning,
                curve=curve,
                jobs=jobs,
                budget=None if budget is None else duration(budget),
                out=out,
                engine=engine,
                on=on,
                command=command(),
            )
        typer.echo((out / "table.md").read_text(encoding="utf-8"))
        typer.echo(f"Table: {out / 'table.md'}; every run: {out / 'results.csv'}; figures: {out}/*.svg")
