"""Page: what our HTML pages share: a self-contained skeleton, its style, light and dark, and how numbers are written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from longtail.comparison.recommendation import data_size, duration, p_text, per_thousand

HERE = Path(__file__).parent


def page(template: Path, made: Any, **values: Any) -> str:
    """A page as a string. Every text in it is escaped; a value that is missing is an error.

    Args:
        template: a Jinja file that fills the blocks of ``page.html``.
        made: how the numbers were made: ``command``, ``created``, ``hardware`` and ``versions``.
        values: what the template names.
    """
    import jinja2

    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    env.filters.update(
        three=three, duration=duration, p_text=p_text, data_size=data_size, per_thousand=per_thousand,
        thousands=lambda n: f"{n:,}",
    )  # fmt: skip
    return env.get_template(template.name).render(made=made, style=style(), **values)


def style() -> str:
    """The style sheet of our pages."""
    return (HERE / "page.css").read_text(encoding="utf-8")


def three(value: float) -> str:
    """A score to three decimals; a dash where there is none.

    >>> three(0.12345), three(float("nan"))
    ('0.123', '–')
    """
    return f"{value:.3f}" if math.isfinite(value) else "–"
