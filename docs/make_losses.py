"""Write docs/losses.md from the docstrings of longtail.losses: ``python docs/make_losses.py [--check]``."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

from torch import nn

import longtail.losses

HERE = Path(__file__).parent
COST = HERE.parent / "benchmarks" / "results" / "2026-11-25-losses.md"  # a section of the page, as measured


def page() -> str:
    """The whole page: the guide, what the losses cost, then one entry a file in alphabetical order."""
    names = [
        info.name for info in pkgutil.iter_modules(longtail.losses.__path__) if not info.name.startswith("_")
    ]
    guide = (HERE / "losses_guide.md").read_text()
    note = "<!-- Written by docs/make_losses.py from the docstrings; edit those. -->\n"
    cost = COST.read_text().replace("# ", "## ", 1)
    return note + guide + "\n" + cost + "\n" + "\n".join(entry(name) for name in sorted(names))


def entry(name: str) -> str:
    """One loss: paper, equation, symbols, when to use it, deviations, signature, parameters, prior."""
    module = importlib.import_module(f"longtail.losses.{name}")
    kinds = [k for _, k in inspect.getmembers(module, inspect.isclass)]
    kinds = [k for k in kinds if issubclass(k, nn.Module) and k.__module__ == module.__name__]
    blocks = re.split(r"\n\s*\n", inspect.cleandoc(module.__doc__ or ""))
    text = "\n\n".join(_table(b) if b.startswith("====") else _plain(b) for b in blocks)
    out = [f"## {' · '.join(k.__name__ for k in kinds) or name}\n", text]
    function = getattr(module, name, None)
    if function is not None:
        out.append(f"\n```python\n{name}{_signature(function)}\n```")
        out.append(_arguments(function))
    for kind in kinds:
        prior = inspect.getdoc(getattr(kind, "assumes", None)) if hasattr(kind, "assumes") else None
        if prior:
            out.append(f"**Prior of the logits** ({kind.__name__}): {_plain(prior)}\n")
    return "\n".join(out)


def _plain(text: str) -> str:
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    lines = text.replace("``", "`").splitlines()
    return "\n".join(lines) if any(line.startswith(("- ", "|")) for line in lines) else " ".join(lines)


def _table(block: str) -> str:
    """A reStructuredText simple table of two columns as Markdown."""
    lines = block.splitlines()
    width = len(lines[0].split()[0])
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("===="):
            continue
        left, right = line[:width].strip(), line[width:].strip()
        if not left and rows:
            rows[-1][1] += " " + right
        elif len(left) == width or line[width : width + 2].strip():  # a symbol wider than its column
            left, _, right = line.partition("  ")
            rows.append([left.strip(), right.strip()])
        else:
            rows.append([left, right])
    rows.insert(1, ["---", "---"])
    return "\n".join(
        f"| {left} | {right} |".replace("``", "`").replace("||", "\\|\\|") for left, right in rows
    )


def _signature(function: object) -> str:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    shown, star = [], False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not star:
            shown, star = [*shown, "*"], True
        default = getattr(p.default, "__name__", None) or repr(p.default)
        shown.append(p.name if p.default is p.empty else f"{p.name}={default}")
    return "(" + ", ".join(shown) + ")"


def _arguments(function: object) -> str:
    """The ``Args:`` section as a list."""
    doc = inspect.getdoc(function) or ""
    found = re.search(r"^Args:\n((?:(?: {4}.*)?\n)+?)(?=\S|\Z|\n\S)", doc + "\n", re.MULTILINE)
    if not found:
        return ""
    items: list[str] = []
    for line in found.group(1).splitlines():
        if re.match(r" {4}\S", line):
            names, _, rest = line.strip().partition(": ")
            items.append(f"- `{names}`: {rest}" if rest else f"- {line.strip()}")
        elif line.strip() and items:
            items[-1] += " " + line.strip()
    return "\n".join(_plain(item) for item in items) + "\n"


if __name__ == "__main__":
    target = HERE / "losses.md"
    if "--check" in sys.argv:
        sys.exit(
            0
            if target.read_text() == page()
            else "docs/losses.md is out of date: run python docs/make_losses.py"
        )
    target.write_text(page())
