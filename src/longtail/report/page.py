"""Page: what our HTML pages share: a self-contained skeleton, its style, light and dark, and how numbers are written."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import cache, partial
from pathlib import Path
from typing import Any

from longtail.comparison.recommendation import data_size, duration, p_text, per_thousand
from longtail.report.svg import shortened

HERE = Path(__file__).parent


def page(template: Path, made: Any, **values: Any) -> str:
    """A page as a string. Every text in it is escaped; a value that is missing is an error.

    Args:
        template: a Jinja file that fills the blocks of ``page.html``.
        made: how the numbers were made: ``command``, ``created``, ``hardware`` and ``versions``.
        values: what the template names.
    """
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return (
        templates(template.parent)
        .get_template(template.name)
        .render(made=made, style=style(), script=script, script_digest=digest(script), **values)
    )


@cache
def templates(folder: Path) -> Any:
    """The Jinja environment of a folder of templates, which compiles each of them once."""
    import jinja2

    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    env.filters.update(
        three=three, duration=duration, p_text=p_text, data_size=data_size, per_thousand=per_thousand,
        thousands=lambda n: f"{n:,}", percent=percent, short=partial(shortened, limit=18), capital=capital,
        first_up=lambda text: text[:1].upper() + text[1:],
    )  # fmt: skip
    return env


def digest(script: str) -> str:
    """What a page's content-security policy names a script by: that text may run, and no other.

    >>> digest("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def style() -> str:
    """The style sheet of our pages."""
    return (HERE / "page.css").read_text(encoding="utf-8")


def percent(share: float) -> str:
    """A share in per cent, to the whole number; above 0 and below one half, as that.

    >>> percent(0.914), percent(0.002), percent(0.0), percent(0.9996)
    ('91', '<1', '0', '>99')
    """
    if 0 < share < 0.005:
        return "<1"
    return ">99" if 0.995 <= share < 1 else f"{100 * share:.0f}"


def capital(text: str) -> str:
    """A sentence's first letter as a sentence has it; not in a name such as ``erm`` that stands first.

    >>> capital("use crt: it is best")
    'Use crt: it is best'
    """
    return text[:1].upper() + text[1:] if text.startswith(("use ", "stay ", "no", "nothing")) else text


def three(value: float) -> str:
    """A score to three decimals; a dash where there is none.

    >>> three(0.12345), three(float("nan"))
    ('0.123', '–')
    """
    return f"{value:.3f}" if math.isfinite(value) else "–"
