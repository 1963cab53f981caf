"""Commands that look: inspect, errors, recipes; and clean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from longtail.cli.ending import errors
from longtail.cli.given import (
    Data,
)
from longtail.cli.options import reads
from longtail.cli.saying import plain, said


@reads()
def inspect(
    data: Data,
    test: Annotated[
        str | None,
        typer.Option(help="File or folder of your own test rows: what stands on both sides is said."),
    ] = None,
    valid: Annotated[str | None, typer.Option(help="File or folder of rows that all is tuned on.")] = None,
    how: Any = None,
) -> None:
    """Show the class distribution, the imbalance factor, and what to watch out for."""
    from longtail import api
    from longtail.report import listings

    with errors():
        listings.show_dataset(said(api.inspect(data, test=test, valid=valid, **how)), full=True)


@reads()
def mistakes(
    out: Annotated[Path, typer.Argument(help="Folder that compare wrote.")] = Path("longtail-out"),
    recipe: Annotated[str | None, typer.Option(help="Whose mistakes. Default: the best recipe's.")] = None,
    per_class: Annotated[int, typer.Option(help="Mistakes of each true class, at most.")] = 5,
    data: Annotated[
        str | None, typer.Option(help="The data that were compared, if they are no longer where they were.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="File to write them to as well: csv, parquet, ...")] = None,
    how: Any = None,
) -> None:
    """Show the most certain mistakes of the best recipe, class by class, with the row itself."""
    from longtail import api
    from longtail.report import listings
    from longtail.tables import check_table_file, write_table

    with errors():
        if to is not None:
            check_table_file(to)
        found = api.errors(out, recipe=recipe, per_class=per_class, data=data, **how)
        listings.show_mistakes(found, plain(found.attrs["note"]))
        if to is not None:
            write_table(found, to)


def clean(
    out: Annotated[Path, typer.Argument(help="Folder that compare or bench wrote.")] = Path("longtail-out"),
) -> None:
    """Free the disk space that compare keeps to go on from; results, report and model stay."""
    from longtail import api
    from longtail.report import listings

    with errors():
        typer.echo(
            f"{listings.memory(api.clean(out))} freed in {out}. Results, report and model are as they were."
        )


def recipes(
    search: Annotated[str | None, typer.Argument(help="Only recipes that say this word somewhere.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only recipes for this kind of data: table, text, image or embedding.")
    ] = None,
) -> None:
    """List every recipe by family: one line, its paper, the prior its logits carry, and its settings."""
    from longtail import api
    from longtail.report import listings

    with errors():
        listings.show_recipes(api.recipes(kind, search), search)
