"""The command and its version."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog="Exit codes: 0 done; 1 a fault of longtail's, or every run failed; 2 something in the input to mend; "
    "3 out of time with nothing finished; 130 stopped by Ctrl-C, 143 by SIGTERM.",
)


def show_version(asked: bool) -> None:
    if asked:
        from longtail import __version__

        typer.echo(f"longtail {__version__}")
        raise typer.Exit(0)


@app.callback()
def longtail(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=show_version)
    ] = False,
) -> None:
    """Long-tailed (class-imbalanced) learning: compare what works on **your** data, and keep the model."""
