"""Seeded damage for JSON files: what a slip, a bad disk or an attacker makes of them."""

import copy
import json
import random

VALUES = (
    None, True, -1, 0, 1, 2, 7, 10**9, 3 * 10**8, -(10**30), 2**63, 0.5, -0.1, 1e308, float("nan"), float("inf"), "", "x",
    "model", "../../x", "hf-hub:a/b", [], {}, [[]], [1, 2], [0.5, 0.5], ["a", "b"], {"part": "os:system", "kwargs": {}},
    {"switch": [[0, 1]]}, {"part": [], "kwargs": {}}, {"tensor": "nowhere"}, {"value": [1]}, {"list": 3},
)  # fmt: skip
PARTS = (
    "longtail.adjust.files:save", "longtail.adjust.files:load", "longtail.backbones.hub:find", "builtins:eval",
    "os:system", "longtail.backbones.hub:pretrained_model", "longtail.adjust.predictions:read_predictions",
    "longtail.files:write_text",
    "longtail.adjust.chain:Chain", "longtail.adjust.prior_shift:PriorShift", "longtail.adjust.temperature:Temperature",
    "longtail.adjust.thresholds:Thresholds", "longtail.heads.experts:Experts", "longtail.heads.etf:ETF",
    "longtail.heads.grouped:Grouped", "longtail.backbones.mlp:MLP", "longtail.backbones.timm_model:TimmModel",
    "longtail.backbones.resnet_cifar:ResNetCIFAR", "longtail.classical.head:Fitted",
    "adjust/Chain", "adjust/save", "heads/ETF", "heads/../backbones/MLP", "backbones/MLP", "backbones/hub",
)  # fmt: skip


def places(value, at=()):
    """The path of every value inside."""
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, v in inside:
        yield from places(v, (*at, key))


def mutated(value, rng: random.Random):
    """A copy with one to three values changed, swapped, repeated or gone."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        where = [p for p in places(value) if p]
        if not where:
            return value
        *path, last = rng.choice(where)
        holder = value
        for key in path:
            holder = holder[key]
        how = rng.randrange(5)
        if how == 0:
            del holder[last]
        elif how == 1 and isinstance(holder[last], str):
            holder[last] = rng.choice(PARTS)
        elif how == 2 and isinstance(holder[last], int | float):
            holder[last] = holder[last] * rng.choice((-1, 2, 10**6, 10**10)) + rng.choice((0, 1))
        elif how == 3:
            *other, end = rng.choice(where)
            source = value
            try:
                for key in (*other, end):
                    source = source[key]
                holder[last] = copy.deepcopy(source)
            except (KeyError, IndexError, TypeError):
                holder[last] = None
        else:
            holder[last] = copy.deepcopy(rng.choice(VALUES))
    return value


def damaged(text: str | bytes, rng: random.Random) -> bytes:
    """Bytes cut, flipped, repeated or emptied."""
    raw = bytearray(text.encode() if isinstance(text, str) else text)
    how = rng.randrange(4)
    if how == 0:
        return bytes(raw[: rng.randrange(len(raw))])
    if how == 1:
        for _ in range(rng.randint(1, 5)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        return bytes(raw)
    if how == 2:
        at = rng.randrange(len(raw))
        return bytes(raw[:at] + raw[at : at + 40] * 2 + raw[at:])
    return rng.choice(
        (b"", b"null", b"[]", b"{}", b'"x"', b"\xff\xfe", b"[" * 100_000, b"1e999", json.dumps({}).encode())
    )
