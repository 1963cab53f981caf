"""Texts: one a row; or sparse rows of features that somebody made of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from longtail.backbones import MLP, BagOfWords, Identity, Pretrained, TextModel
from longtail.backbones.lora import TRAINED
from longtail.formats.columns import find
from longtail.formats.how import Wanted
from longtail.formats.sheet import Sheet
from longtail.inputs import Inputs, SparseRows
from longtail.kinds.kind import Kind, digest, sparse_keys
from longtail.kinds.roles import inputs_of
from longtail.kinds.table.read import sheet_of
from longtail.kinds.text.encoder import TextEncoder
from longtail.kinds.text.read import is_texts, rows_of_sparse, texts_in, texts_of
from longtail.kinds.text.sparse import SparseEncoder
from longtail.kinds.text.tokens import TokenEncoder
from longtail.labels import Labels
from longtail.part import Part, part
from longtail.protocol import SOLVED, enough
from longtail.recipe import Stage
from longtail.schedule import Cosine


def stage(n: int = 10_000, side: int = 32, epochs: int | None = None, classes: int = 2) -> Stage:
    """SGD with a cosine on bags of n-grams: Adam over-fits the rare ones (see ``backbones.bag_of_words``)."""
    return Stage(
        epochs=epochs or enough(n, classes, 128),
        batch_size=128,
        solve=SOLVED,
        optim=part(torch.optim.SGD, lr=0.02, momentum=0.9, nesterov=True, weight_decay=3e-3),
        schedule=part(Cosine, warmup=0.05),
    )


def fine_tune(n: int, epochs: int | None, side: int) -> Stage:
    """All weights of a pre-trained encoder, gently: AdamW at a small rate, warm-up, few epochs (Devlin et al., BERT,
    NAACL 2019: 2 to 4 epochs at 2e-5 to 5e-5)."""
    return Stage(
        epochs=epochs or max(2, min(4, round(40_000 / n))),
        batch_size=32,
        optim=part(torch.optim.AdamW, lr=3e-5, weight_decay=1e-2),
        schedule=part(Cosine, warmup=0.1),
    )


def adapt(n: int, epochs: int | None, side: int) -> Stage:
    """Low-rank adapters and the head, the encoder still: AdamW at 5e-4 (Hu et al., LoRA, ICLR 2022)."""
    chosen = epochs or max(3, min(6, round(60_000 / n)))
    return fine_tune(n, chosen, side).but(
        optim=part(torch.optim.AdamW, lr=5e-4, weight_decay=1e-2), trains=(TRAINED, "head.*")
    )


def net(x: Inputs, name: str | None) -> Part[Any]:
    """A linear model on bags of n-grams, unless a hidden layer is asked for."""
    width = int(x.shape[1])
    if isinstance(x, SparseRows):
        return part(BagOfWords, num_features=width, depth=1 if name == "mlp" else 0)
    return (
        part(Identity, num_features=width) if name == "linear" else part(MLP, num_features=width, dropout=0.3)
    )


def front(raw: Any, encoder: Pretrained) -> TokenEncoder:
    """The tokens of a pre-trained encoder."""
    return TokenEncoder.of(encoder.source, encoder.tokens, encoder.download).noting_cuts(raw)


def keys(raw: Any) -> Any:
    """The hash of each row, uint64 ``[N]``."""
    if isinstance(raw, SparseRows):
        return sparse_keys(raw)
    return np.array([digest(t.encode()) for t in raw], dtype=np.uint64)


def shape(raw: Any) -> str:
    """The number of columns, where there are any."""
    return repr(raw.num_columns) if isinstance(raw, SparseRows) else ""


def in_columns(sheet: Sheet, columns: list[str], skip_bad: bool, notes: list[str]) -> tuple[list[str], None]:
    """The column of a file that holds the texts."""
    return texts_in(sheet.frame[columns[0]], notes), None


def in_memory(
    x: Any, like: TextEncoder | TokenEncoder | SparseEncoder, text: str | int | None, missing: Sequence[str]
) -> tuple[Any, list[str]]:
    """Rows in memory, as the encoder takes them.

    Args:
        text: the column of texts, where a data frame has several.
    """
    if isinstance(like, SparseEncoder):
        return (x if isinstance(x, SparseRows) else rows_of_sparse(x)), []
    if not hasattr(x, "columns"):
        if np.ndim(x) > 1 or not (is_texts(x, "text") or all(v is None or v != v for v in x)):
            raise ValueError(
                "X: the model takes texts, one a row: a list of strings, a series, or a data frame"
            )
        return texts_of(x), []
    sheet, notes = sheet_of(x), list[str]()
    columns = [str(c) for c in sheet.frame.columns]
    words = find(sheet, text, "text") if text is not None else (columns[0] if len(columns) == 1 else None)
    _, inputs = inputs_of(sheet, "text", words, columns, False, notes, remedy="")
    return texts_of(sheet.frame[inputs[0]]), notes


def wanted(like: Any, classes: Sequence[str]) -> Wanted:
    """Texts, with labels in front of them or without."""
    return Wanted(text=True, classes=tuple(classes))


def form(raw: Any) -> str:
    """N-grams are sparse rows, as what was sparse before is."""
    return "sparse"


def warnings(raw: Any, labels: Labels) -> tuple[str, ...]:
    """Texts with nothing in them."""
    blank = 0 if isinstance(raw, SparseRows) else sum(not t.strip() for t in raw)
    return (f"{blank} empty texts: nothing in them to tell the classes apart",) if blank else ()


TEXT = Kind(
    name="text",
    keys=keys,
    shape=shape,
    in_columns=in_columns,
    in_memory=in_memory,
    wanted=wanted,
    encoder=lambda raw: SparseEncoder if isinstance(raw, SparseRows) else TextEncoder,
    form=form,
    usual="sparse",
    stage=stage,
    nets=("linear", "mlp"),
    net=net,
    pretrained={"hf": TextModel},
    front=front,
    fine_tune=fine_tune,
    adapt=adapt,
    given="TF-IDF of n-grams",
    remedy="Make its first layer nn.LazyLinear(...): the number of n-grams differs from fold to fold",
    warnings=warnings,
)
