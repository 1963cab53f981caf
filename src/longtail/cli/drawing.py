"""The command that draws: figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from longtail.cli.ending import errors
from longtail.cli.given import Backbone, Device, Epochs
from longtail.cli.options import reads


@reads()
def figures(
    name: Annotated[
        str | None,
        typer.Argument(help="Which; settings may follow, as in gradients:gamma=1. Left out: list them."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Argument(help="Data as for train, or the folder of a model. Default: digits-lt."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Folder that train or compare wrote. Left out: a model is trained on the data."),
    ] = None,
    recipe: Annotated[str, typer.Option(help="What is trained where no model is given.")] = "erm",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: svg, png or pdf; json has the numbers. Default: longtail-figures/NAME.svg."
        ),
    ] = None,
    keep: Annotated[
        Path, typer.Option(help="Folder that keeps what is trained here: the next figure is quick.")
    ] = Path("longtail-figures"),
    backbone: Backbone = None,
    epochs: Epochs = None,
    device: Device = "auto",
    how: Any = None,
) -> None:
    """Draw a figure that teaches, of your data and model; without a name, list the figures."""
    from longtail import api
    from longtail.report.progress import progress

    with errors():
        if name is None:
            for one in api.figures():
                typer.echo(f"{one['name']}\t{one['teaches']}")
            return
        target = out or keep / f"{name.partition(':')[0]}.svg"
        with progress() as on:
            drawn = api.figures(
                name, data, model=model, recipe=recipe, out=target, keep=keep, backbone=backbone, epochs=epochs,
                device=device, on=on, **how,
            )  # fmt: skip
        typer.echo(f"{drawn.caption}\nWritten to {target}.")
