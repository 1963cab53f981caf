"""The law of sources: wherever rows lie, training on them gives the bits that it gives on rows in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from longtail.examples import Examples
from longtail.inputs import Index, Inputs, SparseRows, TokenRows
from longtail.labels import Labels
from longtail.net import Net
from longtail.optim import LBFGS
from longtail.part import part
from longtail.recipe import Recipe
from longtail.recipes import crt
from longtail.run.chain import train
from longtail.run.outcome import Outcome
from longtail.source import Resident, Source, no_rows
from longtail.testing.recipe import toy_stage

ROWS = 24
"""Rows that a source must have to be checked."""


def check_source(source: Source) -> None:
    """Raises AssertionError unless a source gives the bits of :class:`longtail.source.Resident`.

    1. Its rows are those of ``whole()``, as many and in that order: in batches by slice or by any index, which may repeat
       a row; as often as they are asked for.
    2. What is taken, from what was taken too, is those rows, and the source stays.
    3. Moved to a device, it has the same rows.
    4. Its fingerprint is that of its rows in memory.
    5. A recipe whose stages step and train on features computed once gives the same keys, weights and logits; for rows of
       floating-point numbers so does one that is solved.

    Args:
        source: at least 24 rows, few enough for ``whole()``.

    >>> from longtail.source import OnDisk
    >>> check_source(OnDisk(torch.randn(24, 3)))
    """
    for name, law in LAWS.items():
        try:
            law(source)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def it_is_a_source(source: Source) -> None:
    assert isinstance(source, Source), f"{type(source).__name__} lacks a method of longtail.source.Source"
    assert len(source) >= ROWS, f"it has {len(source)} rows, and the law needs {ROWS}"
    whole = source.whole()
    assert isinstance(whole, Tensor | SparseRows | TokenRows), f"whole() gives a {type(whole).__name__}"


def batches_are_the_rows_asked_for(source: Source) -> None:
    check_rows(source, source.whole(), "")
    check_rows(source, source.whole(), "asked again, ")


def what_is_taken_is_those_rows(source: Source) -> None:
    whole, n = source.whole(), len(source)
    before, index = source.fingerprint(), order(n)[: n // 2].repeat(2)
    taken = source.take(index)
    assert source.fingerprint() == before, "taking rows changed the source"
    check_rows(taken, whole[index], "taken, ")
    second = torch.tensor([5, 0, 5, 1, 7, 3])
    check_rows(taken.take(second), whole[index][second], "taken twice, ")
    assert taken.take(second).fingerprint() == Resident(whole[index][second]).fingerprint(), (
        "the fingerprint of what was taken is not that of its rows"
    )
    assert len(source.take(index[:0])) == 0, "taking no rows gives some"


def a_device_has_the_same_rows(source: Source) -> None:
    for name in ("cpu", *(("cuda",) if torch.cuda.is_available() else ())):
        check_rows(source.to(name), source.whole(), f"on {name}, ", name)


def the_fingerprint_is_of_the_rows(source: Source) -> None:
    memory = Resident(source.whole())
    for after in ("", "labels"):
        assert source.fingerprint(after) == memory.fingerprint(after), (
            f"fingerprint({after!r}) is not that of the same rows in memory"
        )


def training_gives_the_same_bits(source: Source) -> None:
    memory, none = Resident(source.whole()), no_rows(source)
    cases = [(stepped(source), crt(toy_stage(2).but(batch_size=16)))]
    if isinstance(none, Tensor) and none.is_floating_point():
        cases.append((solved(source), linear()))
    for net, recipe in cases:
        found, expected = outcome_on(source, net, recipe), outcome_on(memory, net, recipe)
        assert found.keys == expected.keys, f"{recipe.name}: the stages have other keys"
        weights = found.net.state_dict()
        for name, value in expected.net.state_dict().items():
            assert torch.equal(weights[name], value), f"{recipe.name}: {name} is another after training"
        logits = expected.logits(memory)
        for where, rows in (
            ("the source", source),
            ("batches of it", source.take(torch.arange(len(source)))),
        ):
            assert torch.equal(found.logits(rows), logits), f"{recipe.name}: the logits of {where} differ"


LAWS: dict[str, Callable[[Source], None]] = {
    law.__name__: law
    for law in (
        it_is_a_source,
        batches_are_the_rows_asked_for,
        what_is_taken_is_those_rows,
        a_device_has_the_same_rows,
        the_fingerprint_is_of_the_rows,
        training_gives_the_same_bits,
    )
}


def check_rows(source: Source, rows: Inputs, how: str, where: str = "cpu") -> None:
    """Raises AssertionError unless a source has these rows, batch by batch."""
    n, device = len(rows), torch.device(where)
    assert len(source) == n, f"{how}it has {len(source)} rows and not {n}"
    shuffled = order(n)
    indices: dict[str, Index] = {
        "all rows, shuffled": shuffled,
        "a row twice": shuffled[:3].repeat(2),
        "one row": shuffled[:1],
        "no rows": shuffled[:0],
        "an index on the device": shuffled[:4].to(device),
        "a slice": slice(1, 4),
        "a slice past the end": slice(n - 2, n + 5),
        "an empty slice": slice(0, 0),
    }
    for name, index in indices.items():
        found = source.batch(index, device)
        assert type(found) is type(rows), (
            f"{how}{name}: a {type(found).__name__}, not a {type(rows).__name__}"
        )
        assert found.device.type == device.type, f"{how}{name}: on {found.device}, not on {device}"
        expected = rows[index if isinstance(index, slice) else index.cpu()]
        assert found.shape == expected.shape, f"{how}{name}: shape {found.shape}, not {expected.shape}"
        assert Resident(found).fingerprint() == Resident(expected).fingerprint(), f"{how}{name}: other rows"


def order(n: int) -> Tensor:
    """0..n-1, shuffled."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(0))


class Numbers(nn.Module):
    """Rows of any form as numbers between -1 and 1, ``[B, d]``; of tokens their sum and how many there are."""

    def forward(self, x: Any) -> Tensor:
        if isinstance(x, TokenRows):
            ids, _ = x.padded(0)
            x = torch.stack([ids.sum(1), x.lengths], 1)
        x = x.dense() if isinstance(x, SparseRows) else x.flatten(1)
        x = x if x.is_floating_point() else x.float()
        return x / (1 + x.abs())


def stepped(source: Source) -> Net:
    """A net of two layers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net(nn.Sequential(Numbers(), nn.Linear(width(source), 8)), nn.Linear(8, 2))


def solved(source: Source) -> Net:
    """A linear head on the rows themselves."""
    net = Net(Numbers(), nn.Linear(width(source), 2))
    for p in net.parameters():
        nn.init.zeros_(p)
    return net


def width(source: Source) -> int:
    """d of :class:`Numbers`."""
    return Numbers()(no_rows(source)).shape[1]


def linear() -> Recipe:
    """One stage that is solved."""
    return Recipe("linear", (toy_stage(1).but(solve=part(LBFGS)),))


def outcome_on(source: Source, net: Net, recipe: Recipe) -> Outcome:
    """The recipe trained on a source, with one row in four of the rare class."""
    y = (torch.arange(len(source)) % 4 == 3).long()
    return train(recipe, net, Examples(source, Labels.of(y, num_classes=2)))


__all__ = ["check_source"]
