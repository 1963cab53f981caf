"""Options of the command line: how to read data, the same for every command; and messages in their words.

The library's messages name arguments as Python has them (``label=``, ``header=False``). On the command line they are said
as its options (``--label``, ``--no-header``).
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from longtail.words import printable

READING: dict[str, Any] = {
    "kind": Annotated[str | None, typer.Option(help="table, text, image, embedding or token; detected if left out.")],
    "text": Annotated[str | None, typer.Option(help="Name of the text column.")],
    "label": Annotated[str | None, typer.Option("--label", help="Name of the label column.")],
    "features": Annotated[
        str | None, typer.Option(help="Columns to use, separated by commas; all others are left out.")
    ],
    "group": Annotated[
        str | None,
        typer.Option(
            help="Column of groups, such as patients: no group stands on two sides. Of folders of images: folder, or a "
            "regular expression that finds the group in file names."
        ),
    ],
    "time": Annotated[
        str | None, typer.Option(help="Column of times: later rows are tested than those that train.")
    ],
    "weight": Annotated[
        str | None, typer.Option(help="Column of how much each row counts, in training and in scores.")
    ],
    "drop": Annotated[str | None, typer.Option(help="Columns to leave out, separated by commas.")],
    "header": Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Does the first row name the columns? Detected if left out."),
    ],
    "delimiter": Annotated[
        str | None, typer.Option(help="comma, tab, semicolon, bar or space; detected if left out.")
    ],
    "encoding": Annotated[
        str | None, typer.Option(help="Of a text file, such as utf-8 or latin-1; detected if left out.")
    ],
    "missing": Annotated[
        str | None, typer.Option(help="Further cells that mean no value, separated by commas, such as -999.")
    ],
    "skip_bad": Annotated[
        bool,
        typer.Option(
            "--skip-bad", help="Leave out and count rows and pictures that cannot be read, instead of stopping."
        ),
    ],
    "sheet": Annotated[str | None, typer.Option(help="Sheet of an xlsx file, by name or number (from 0).")],
    "images": Annotated[
        Path | None, typer.Option(help="Folder of the pictures that a table names in a column.")
    ],
    "split": Annotated[
        str | None,
        typer.Option(
            help="train, test or validation, of a folder that holds them; or the column that says so for each row."
        ),
    ],
    "imbalance": Annotated[
        float | None, typer.Option(help="Make the classes long-tailed at this imbalance factor first.")
    ],
}  # fmt: skip
PREDICTING = tuple(
    name
    for name in READING
    if name not in ("kind", "features", "group", "time", "weight", "drop", "imbalance")
)
"""The options for rows to predict: a model knows the rest."""

LISTS = ("features", "drop", "missing")


def reads(*chosen: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options on how to read data; they reach it as its parameter ``how``.

    Args:
        chosen: names among ``READING``; none are all of them.
    """

    def decorate(call: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(call, eval_str=True)
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=False if name == "skip_bad" else None,
                annotation=READING[name],
            )
            for name in chosen or READING
        ]
        kept = [p for p in own.parameters.values() if p.name != "how"]

        def run(**given: Any) -> None:
            how = {p.name: given.pop(p.name) for p in added}
            how = {name: names(v) if name in LISTS else v for name, v in how.items()}
            call(**given, how={name: v for name, v in how.items() if v is not None})

        run.__name__, run.__doc__ = call.__name__, call.__doc__
        run.__annotations__ = {p.name: p.annotation for p in (*kept, *added)}
        vars(run)["__signature__"] = own.replace(parameters=[*kept, *added])
        return run

    return decorate


def names(text: str | None) -> list[str] | None:
    """Names separated by commas.

    >>> names("a, b,")
    ['a', 'b']
    """
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def options_of(call: Callable[..., Any]) -> set[str]:
    """The names of a command's options, as Python has them."""
    return set(inspect.signature(call).parameters)


_ARGUMENT = re.compile(
    r"(?<![\w.'\"-])([a-z_]+)=(True\b|False\b|'[^']*'|\"[^\"]*\"|-?[0-9.]*[0-9]|(?![=\w\[({.]))"
)


def as_options(message: str, known: Iterable[str]) -> str:
    """A message with Python arguments said as options, and without characters that act on a terminal.

    Args:
        known: the names of the command's options; other arguments stay as they are.

    >>> as_options("name it with label=, or pass header=False; encoding='utf-8:replace'", ["label", "header", "encoding"])
    'name it with --label, or pass --no-header; --encoding utf-8:replace'
    """
    options = set(known)

    def said(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        if name not in options:
            return found[0]
        option = "--" + name.replace("_", "-")
        if value in ("True", "False"):
            return option if value == "True" else option.replace("--", "--no-", 1)
        return f"{option} {shlex.quote(value.strip(chr(39) + chr(34)))}" if value else option

    return "\n".join(printable(_ARGUMENT.sub(said, line)) for line in message.split("\n"))
