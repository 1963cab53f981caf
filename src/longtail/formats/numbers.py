"""Numbers as people write them: "1,163.74", "$1.50", "4819,16", "12 %", "<5", "3 kg", "(20)", thin spaces between
thousands.

A column is read in one style: one decimal mark, one unit. A cell in another style is no number there.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from longtail.formats.delimited import unquoted

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x2212: "-", 0x2013: "-", 0x2019: "'"}
"""Full-width forms, and the minus signs and apostrophes of typesetting, as ASCII."""

_MONEY = r"(?:US|A|C|R|HK|NT)?[$€£¥₹₽₩₺₫₴฿]|(?:USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|AUD|CAD|Rs\.?)(?=[\s\d])"
_CELL = re.compile(
    rf"(?P<bound>[<>≤≥~≈]=?)?\s*(?P<paren>\()?\s*(?P<sign>[+-])?\s*(?P<money>{_MONEY})?\s*(?P<inner>[+-])?"
    r"(?P<digits>\d(?:[\d.,'\s]*\d)?[.,]?|[.,]\d+)(?P<power>[eE][+-]?\d+)?\s*(?P<plus>\+)?"
    r"\s*(?P<unit>(?:[^\W\d_]|[%‰°$€£¥₹₽₩₺₫₴฿])[^\d,;:|()+]{0,11}(?:(?<=m)[23])?)?\s*(?P<more>\+)?(?P<close>\))?"
)
_PLAIN = {mark: re.compile(rf"\d+(?:{re.escape(mark)}\d*)?|{re.escape(mark)}\d+") for mark in ".,"}
_GROUPED = {
    ".": re.compile(r"[1-9]\d{0,2}(?:(?P<gap>[,'\s])\d{3}(?:(?P=gap)\d{3})*|(?:,\d{2})+,\d{3})(?:\.\d*)?"),
    ",": re.compile(r"[1-9]\d{0,2}(?P<gap>[.'\s])\d{3}(?:(?P=gap)\d{3})*(?:,\d*)?"),
}
_GAPS = {".": re.compile(r"[,'\s]"), ",": re.compile(r"[.'\s]")}


@dataclass(frozen=True)
class Style:
    """How the numbers of a column are written.

    Attributes:
        decimal: "." or ",".
        grouped: do marks or spaces stand between the thousands?
        unit: what stands beside every number: "%", "kg", "$"; "" is nothing.
    """

    decimal: str = "."
    grouped: bool = False
    unit: str = ""


@dataclass(frozen=True)
class _Parts:
    negative: bool
    digits: str
    power: str
    unit: str
    money: bool
    bound: bool


def style_of(cells: Sequence[str], counts: Sequence[int], comma: bool = False) -> Style:
    """The style that most cells are written in.

    Where nothing tells a decimal comma from one between thousands ("1,234"), it is between thousands, or decimal if
    ``comma``.

    Args:
        cells: different cells.
        counts: how often each occurs.
        comma: is a decimal comma expected?

    >>> style_of(["4819,16", "7,5"], [1, 1])
    Style(decimal=',', grouped=False, unit='')
    >>> style_of(["$1,163.74", "$20"], [1, 1])
    Style(decimal='.', grouped=True, unit='$')
    """
    parts = [(p, n) for cell, n in zip(cells, counts) if (p := _split(cell)) is not None]
    units: Counter[str] = Counter()
    for p, n in parts:
        units[p.unit] += n
    money = {p.unit for p, _ in parts if p.money}
    # "20" beside "$20" is money too; "20" beside "20 kg" may be anything.
    unit = money.pop() if len(money) == 1 and len(units - Counter()) <= 2 else ""
    unit = unit or max(units, key=lambda u: units[u], default="")
    allowed = {unit, ""} if any(p.money and p.unit == unit for p, _ in parts) else {unit}
    digits = [(p.digits, n) for p, n in parts if p.unit in allowed]
    fits = {m: sum(n for d, n in digits if _PLAIN[m].fullmatch(d) or _GROUPED[m].fullmatch(d)) for m in ".,"}
    mark = max(",." if comma else ".,", key=lambda m: fits[m])
    grouped = any(not _PLAIN[mark].fullmatch(d) and _GROUPED[mark].fullmatch(d) for d, _ in digits)
    return Style(mark, grouped, unit)


def numbers_in(cells: Sequence[str], style: Style, strict: bool = True) -> tuple[Any, Any]:
    """The numbers as float64, NaN where a cell is none in this style; and which of them are bounds ("<5"), bool.

    Args:
        strict: must every cell have the unit? Without, a number without a unit is one too; with a sum of money it
        always is.

    >>> numbers_in(["<5 %", "12 %", "many"], Style(unit="%"))[0].tolist()
    [5.0, 12.0, nan]
    """
    import numpy as np

    values, bounds = np.full(len(cells), np.nan), np.zeros(len(cells), dtype=bool)
    for i, cell in enumerate(cells):
        p = _split(cell)
        if p is None or (p.unit != style.unit and (p.unit or (strict and not is_money(style.unit)))):
            continue
        if not _PLAIN[style.decimal].fullmatch(p.digits) and not (
            style.grouped and _GROUPED[style.decimal].fullmatch(p.digits)
        ):
            continue
        digits = _GAPS[style.decimal].sub("", p.digits).replace(",", ".")
        value = float(digits + p.power)
        values[i], bounds[i] = (-value if p.negative else value), p.bound
    return values, bounds


def is_money(unit: str) -> bool:
    """Is the unit a currency?"""
    return unit.upper() in _CODES or (bool(unit) and re.fullmatch(_MONEY, unit, re.IGNORECASE) is not None)


def kinds_of_unit(cells: Sequence[str]) -> list[str]:
    """The units beside the numbers, each once, where there are several: why quantities are no column of numbers.

    >>> kinds_of_unit(["3 kg", "200 g", "5 kg"])
    ['kg', 'g']
    """
    found = [p.unit for cell in cells if (p := _split(cell)) is not None]
    units = list(dict.fromkeys(found))
    return units if 1 < len(units) < 12 and len(found) > len(cells) / 2 else []


def shown(value: float) -> str:
    """A number in few characters.

    >>> shown(1163.74), shown(3.0)
    ('1163.74', '3')
    """
    return f"{value:.12g}" if math.isfinite(value) else str(value)


_CODES = {"USD", "EUR", "GBP", "CHF", "JPY", "CNY", "RMB", "INR", "AUD", "CAD", "RS"}


def _split(cell: str) -> _Parts | None:
    found = _CELL.fullmatch(unquoted(cell.translate(_WIDE).strip()))
    if found is None or (found["paren"] is None) != (found["close"] is None):
        return None
    after, money = _unit(found["unit"] or ""), (found["money"] or "").strip().rstrip(".")
    if money and after:
        return None
    signs = (found["sign"] or "") + (found["inner"] or "")
    return _Parts(
        negative=("-" in signs) != (found["paren"] is not None),
        digits=found["digits"],
        power=found["power"] or "",
        unit=money or after,
        money=bool(money) or is_money(after),
        bound=any(found[part] for part in ("bound", "plus", "more")),
    )


def _unit(text: str) -> str:
    unit = text.strip().rstrip(".").casefold()
    return unit[:-1] if re.fullmatch(r"[^\W\d_]{2,}s", unit) else unit  # years, year
