"""Kind: all that the house asks about a kind of data, as one frozen value. Each folder beside this file makes one."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from longtail.backbones import Pretrained
from longtail.formats.how import Wanted
from longtail.formats.sheet import Sheet
from longtail.inputs import Inputs, SparseRows
from longtail.labels import Labels
from longtail.part import Part
from longtail.recipe import Stage

Notes = list[str]


def nothing_wanted(like: Any, classes: Sequence[str]) -> Wanted:
    """A model that needs no column by name."""
    return Wanted(classes=tuple(classes))


def rows_form(raw: Any) -> str:
    """The form of inputs that are rows of numbers: one of :data:`longtail.roles.INPUTS`."""
    return "sparse" if isinstance(raw, SparseRows) else "rows"


def nothing(raw: Any, labels: Labels) -> tuple[str, ...]:
    """Nothing to warn of."""
    return ()


@dataclass(frozen=True)
class Kind:
    """One kind of data.

    Attributes:
        name: as users write it: ``kind="table"``.
        keys: raw rows -> a 64-bit hash of each, uint64 ``[N]``: equal for equal inputs.
        shape: raw rows -> what else tells two data sets apart: names and types of columns, say.
        in_columns: ``(sheet, columns, skip_bad, notes) -> (raw, kept)``: the rows in columns of a file, and which of the
            file's rows they are; None is all.
        in_memory: ``(x, encoder, text, missing) -> (raw, notes)``: rows to predict, as the encoder takes them.
        sheet_like: ``(sheet, encoder, missing) -> (raw, notes)`` where the encoder names its columns; None where roles
            are found.
        wanted: ``(encoder, classes) -> Wanted``: what a file of rows to predict is searched for.
        in_folders: is a folder of files such data?
        encoder: raw rows -> the class of encoder for them.
        form: raw rows -> the form in which the encoder gives them, one of :data:`longtail.roles.INPUTS`.
        usual: that form, of rows in files of this kind.
        stage: ``(n, side, epochs, classes) -> Stage``: the base stage that recipes start from.
        nets: the backbones that can be named, the first being the default.
        net: ``(inputs, name) -> Part``: the backbone of that name, or the default.
        default: the name of the default where it has one.
        builds: the class of a default backbone that is known before rows are seen.
        pretrained: libraries of pre-trained encoders, and the class of backbone that theirs become.
        front: ``(raw, pretrained) -> encoder`` that stands before a pre-trained backbone.
        fine_tune, adapt: ``(n, epochs, side) -> Stage``: how a pre-trained one is trained, whole or by adapters.
        many, times: the search for the base stage's length goes up to ``times`` its own, below ``many`` rows.
        given, remedy: what a net of the user's own is given, and what to do where it does not take it.
        warnings: ``(raw, labels) -> lines`` on what may not be as it was meant.
        giveaways: ``(raw, labels) -> lines`` on columns that give the label away.
    """

    name: str
    keys: Callable[[Any], Any]
    shape: Callable[[Any], str]
    in_columns: Callable[[Sheet, list[str], bool, Notes], tuple[Any, list[int] | None]]
    in_memory: Callable[[Any, Any, str | int | None, Sequence[str]], tuple[Any, Notes]]
    encoder: Callable[[Any], Any]
    stage: Callable[[int, int, int | None, int], Stage]
    nets: tuple[str, ...]
    net: Callable[[Inputs, str | None], Part[Any]]
    given: str
    remedy: str
    sheet_like: Callable[[Sheet, Any, Sequence[str]], tuple[Any, Notes]] | None = None
    wanted: Callable[[Any, Sequence[str]], Wanted] = nothing_wanted
    in_folders: bool = False
    form: Callable[[Any], str] = rows_form
    usual: str = "rows"
    default: str | None = None
    builds: type | None = None
    pretrained: Mapping[str, type] = field(default_factory=dict)
    front: Callable[[Any, Pretrained], Any] | None = None
    fine_tune: Callable[[int, int | None, int], Stage] | None = None
    adapt: Callable[[int, int | None, int], Stage] | None = None
    many: float = math.inf
    times: int = 27
    warnings: Callable[[Any, Labels], tuple[str, ...]] = nothing
    giveaways: Callable[[Any, Labels], tuple[str, ...]] = nothing


def digest(data: bytes) -> int:
    """64 bits that name some bytes."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def tensor_keys(raw: Tensor) -> Any:
    """The hash of each row of a tensor, uint64 ``[N]``."""
    import numpy as np

    flat = raw.contiguous().reshape(len(raw), -1)
    return np.array([digest(row.tobytes()) for row in flat.numpy()], dtype=np.uint64)


def tensor_shape(raw: Tensor) -> str:
    """What tells tensors of the same numbers apart."""
    return repr((tuple(raw.shape[1:]), str(raw.dtype)))


def sparse_keys(raw: SparseRows) -> Any:
    """The hash of each sparse row, uint64 ``[N]``."""
    import numpy as np

    starts = raw.indptr.tolist()
    indices, values = raw.indices.numpy(), raw.values.numpy()
    return np.array(
        [digest(indices[a:b].tobytes() + values[a:b].tobytes()) for a, b in itertools.pairwise(starts)],
        dtype=np.uint64,
    )
