"""Tables: columns of numbers, dates and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from longtail.backbones import MLP, Identity
from longtail.formats.how import Wanted
from longtail.formats.sheet import Sheet
from longtail.inputs import Inputs
from longtail.kinds.kind import Kind
from longtail.kinds.table.beside import beside
from longtail.kinds.table.encoder import TableEncoder
from longtail.kinds.table.giveaways import giveaways
from longtail.kinds.table.read import rows_like, table, table_like
from longtail.labels import Labels
from longtail.part import Part, part
from longtail.protocol import SOLVED, enough
from longtail.recipe import Stage
from longtail.schedule import Cosine


def stage(n: int = 10_000, side: int = 32, epochs: int | None = None, classes: int = 2) -> Stage:
    """AdamW with a cosine on standardised columns; a long table takes larger batches and fewer epochs."""
    batch = 128 * 2 ** max(0, min(3, round(math.log2(max(n, 1) / 20_000))))
    return Stage(
        epochs=epochs or enough(n, classes, batch),
        batch_size=batch,
        solve=SOLVED,
        optim=part(torch.optim.AdamW, lr=2e-3, weight_decay=1e-2),
        schedule=part(Cosine, warmup=0.05),
    )


def net(x: Inputs, name: str | None) -> Part[Any]:
    """A hidden layer, unless a linear model is asked for."""
    width = int(x.shape[1])
    return (
        part(Identity, num_features=width) if name == "linear" else part(MLP, num_features=width, dropout=0.3)
    )


def keys(raw: Any) -> Any:
    """The hash of each row, uint64 ``[N]``."""
    import pandas as pd

    return pd.util.hash_pandas_object(raw, index=False).to_numpy()


def shape(raw: Any) -> str:
    """The columns' names and types."""
    return repr([(str(c), str(d)) for c, d in raw.dtypes.items()])


def in_columns(sheet: Sheet, columns: list[str], skip_bad: bool, notes: list[str]) -> tuple[Any, None]:
    """The columns of a file as a table."""
    frame, said = table(sheet, columns)
    notes += said
    return frame, None


def in_memory(
    x: Any, like: TableEncoder, text: str | int | None, missing: Sequence[str]
) -> tuple[Any, list[str]]:
    """Rows in memory, as the encoder takes them."""
    return rows_like(x, like, missing)


def wanted(like: TableEncoder, classes: Sequence[str]) -> Wanted:
    """The columns that a model needs."""
    return Wanted(tuple(like.columns), classes=tuple(classes))


def warnings(raw: Any, labels: Labels) -> tuple[str, ...]:
    """Columns that carry nothing, values that are missing, and columns that look like groups or times."""
    out = [*beside(raw, labels)]
    constant = [str(c) for c in raw.columns if raw[c].nunique(dropna=False) <= 1]
    if constant:
        out.append(f"constant columns, which carry nothing: {', '.join(constant[:10])}")
    empty = {str(c): int(n) for c, n in raw.isna().sum().items() if n}
    if empty:
        shown = ", ".join(f"{c} ({n})" for c, n in list(empty.items())[:10])
        out.append(f"missing values: {shown}; filled with the training median, and marked")
    return tuple(out)


TABLE = Kind(
    name="table",
    keys=keys,
    shape=shape,
    in_columns=in_columns,
    in_memory=in_memory,
    sheet_like=table_like,
    wanted=wanted,
    encoder=lambda raw: TableEncoder,
    stage=stage,
    nets=("mlp", "linear"),
    net=net,
    given="standardised numbers, and words as 0/1 columns",
    remedy="Make its first layer nn.Linear({d}, ...), or nn.LazyLinear(...): columns of words differ from fold to fold",
    warnings=warnings,
    giveaways=giveaways,
)
