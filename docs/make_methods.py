"""Write docs/methods.md from the recipes of the house: ``python docs/make_methods.py [--check]``."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path

from longtail import recipes
from longtail.catalogue import listing
from longtail.protocol import cifar_ldam
from longtail.recipe import Recipe

HERE = Path(__file__).parent
EPOCHS = 200
GUIDE = """# Methods

A recipe is a function from a base stage (`longtail.protocol`: how training goes on this kind of data) to a `Recipe`;
what is shown below is the whole of it, from `src/longtail/recipes/`. `longtail compare DATA --recipes NAME,NAME` runs it
by its name, `longtail train DATA --recipe NAME` keeps the model, and in Python

```python
from longtail import recipes
from longtail.protocol import cifar_ldam

recipe = recipes.crt(cifar_ldam(epochs=200), share=0.1)
```

A claim is of the paper or of the code that is named, not ours; what we measured is said where there is such a number, and
stands in dated tables in [results.md](results.md). The prior is that of the logits: where it is known,
`predict_proba(prior=...)` needs nothing more, and where it is not, a calibrator is fitted on held-out rows. Epochs are
shown for a base stage of 200.
"""


def page() -> str:
    """The whole page: the guide, a table of all, then one entry a recipe in the order of ``recipes.ALL``."""
    note = "<!-- Written by docs/make_methods.py from the recipe files; edit those. -->\n"
    prior = {row["name"]: row["prior"] for row in listing()}
    made = {f.__name__.replace("_", "-"): f for f in recipes.ALL}
    table = ["| recipe | in one line | prior of its logits |", "|---|---|---|"]
    table += [
        f"| [{name}](#{name}) | {_title(_paragraphs(f)[0])} | {prior[name]} |" for name, f in made.items()
    ]
    entries = [entry(name, f, prior[name]) for name, f in made.items()]
    return "\n".join([note + GUIDE, *table, "", *entries])


def entry(name: str, recipe: object, prior: str) -> str:
    """One recipe: its header, what it trains, and its source."""
    first, *rest = _paragraphs(recipe)
    made = recipe(cifar_ldam(EPOCHS))  # type: ignore[operator]
    facts = [f"Stages: {_stages(made)}.", f"Prior: {prior}."]
    if made.teachers:
        facts.append(f"Trained first: {', '.join(f'{t.name} ({_stages(t)})' for t in made.teachers)}.")
    if made.needs_images:
        facts.append("Images only.")
    if any(s.asks("unlabelled") for s in made.stages):
        facts.append("Needs rows without labels.")
    source = inspect.getsource(recipe).rstrip()  # type: ignore[arg-type]
    text = [*(_marked(p) for p in rest), " ".join(facts), f"```python\n{source}\n```"]
    title = _title(first)
    return f"## {name}\n\n{title[0].upper()}{title[1:]}\n\n" + "\n\n".join(text) + "\n"


def _paragraphs(recipe: object) -> list[str]:
    doc = inspect.cleandoc(importlib.import_module(recipe.__module__).__doc__ or "")
    return re.split(r"\n\s*\n", doc)


def _title(first: str) -> str:
    return " ".join(first.split(": ", 1)[1].split())


def _marked(text: str) -> str:
    """A paragraph of the header in Markdown: its labelled lines as a list."""
    lines = re.sub(r"\n(?!Paper:|Papers:|Claim:|Measured:)", " ", text.replace("``", "`")).splitlines()
    return "\n".join(re.sub(r"^(Papers?|Claim|Measured): ", r"- **\1**: ", line) for line in lines)


def _stages(recipe: Recipe) -> str:
    return ", ".join(f"{s.name} {s.epochs}" for s in recipe.stages)


if __name__ == "__main__":
    target = HERE / "methods.md"
    if "--check" in sys.argv:
        stale = target.read_text() != page()
        sys.exit("docs/methods.md is out of date: run python docs/make_methods.py" if stale else 0)
    target.write_text(page())
