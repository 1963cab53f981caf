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
RESULTS = "benchmarks/results/2026-11-25-cifar10-lt-every-recipe.md"
EPOCHS = 200
GUIDE = """# Methods

> **Older than the defaults.** Entries marked "Measured" before 2026-11-30 come from the earlier defaults: a fixed number
> of epochs, and thresholds for classical recipes only ([decision 19](decisions/0019-training-to-the-end.md)).

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

**By family, under the names that surveys use**, with what is not here and why: [re-weighting](families/re-weighting.md),
[re-sampling](families/re-sampling.md), [two stages and after training](families/two-stage.md),
[representation and transfer](families/representation.md), [ensembles and experts](families/ensembles.md).

## What is worth its cost on a short schedule

Every recipe on CIFAR-10-LT at imbalance 100, n = 3 (subset, initial weights and order all differ), mean ± sd, cost in
runs of erm by processor time: beside each entry below, and whole with its command in [the
table](../benchmarks/results/2026-11-25-cifar10-lt-every-recipe.md). **ResNet-8, 5 epochs, bf16**, 2 cores of an Intel
Xeon, no GPU, longtail 0.1.0, nothing tuned. That is far from converged: erm has 31.3 % here, and the order of the
recipes has nothing to do with that of the published 200-epoch tables (Spearman 0.09 [-0.32, 0.47] over 23 recipes
with the same net and augmentation). It says what a first look of a minute can tell, and no more. Against erm with the
prior set, 39.5 ± 0.7 at cost 1:

- **Worth it, at no cost**: class-balanced sampling 54.8, square-root sampling with the prior set 52.8,
  decoupled-joint 48.6, progressive sampling 47.0, lift 46.3. With so few steps, how often a rare image is seen
  decides.
- **Dear and good, but no better than class-balanced sampling**: lfme 55.6 at 2.7 runs, oltr 52.3 at 2.2. ssp-moco
  (44.2 at 2.4) beats erm and crt (41.4) and is still behind the free ones.
- **Not worth their cost here**: pseudo-labels 32.0 (as trained; the labels of 8,025 left-out images hidden) at 3.2
  runs is level with erm as trained; hybrid-sc 40.3 and dive 39.7 at 2 to 3 runs are level with erm; sam, hybrid-psc,
  ride, proco, sade, bbn, glmc, bag-of-tricks, paco, combined, bcl and ncl lie below it at 1.4 to 3.3 runs. What they
  do on longer schedules is not measured here.
- **Below erm with the prior set at its own cost**: the deferred margins (ldam-drw 32.5), mixup and its kin (27 to
  30), dice, ghm. Where a recipe has no closed-form prior, its number is as trained: with the prior set it may do
  better (erm itself: 31.3).

## The recipes
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
    ours = measured()
    entries = [entry(name, f, prior[name], ours.get(name)) for name, f in made.items()]
    return "\n".join([note + GUIDE, *table, "", *entries])


def measured() -> dict[str, str]:
    """Our number of each recipe, in words, from the table of all."""
    out = {}
    for line in (HERE.parent / RESULTS).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 13 and cells[0].isdigit():
            name, own, best, cost = cells[1], cells[2].removesuffix(" (3)"), cells[3], cells[12]
            known = "" if best == "–" else f", {best} with the prior set"
            out[name] = f"{own} % as trained{known}; {cost} runs of erm"
    return out


def entry(name: str, recipe: object, prior: str, ours: str | None) -> str:
    """One recipe: its header, our number, what it trains, and its source."""
    first, *rest = _paragraphs(recipe)
    made = recipe(cifar_ldam(EPOCHS))  # type: ignore[operator]
    facts = [f"Stages: {_stages(made)}.", f"Prior: {prior}."]
    if made.teachers:
        facts.append(f"Trained first: {', '.join(f'{t.name} ({_stages(t)})' for t in made.teachers)}.")
    if "rows" not in recipe(cifar_ldam(EPOCHS).but(augment=None)).takes:  # type: ignore[operator]
        facts.append("Images only.")
    if any(s.asks("unlabelled") for s in made.stages):
        facts.append("Needs rows without labels.")
    source = inspect.getsource(recipe).rstrip()  # type: ignore[arg-type]
    short = [f"On CIFAR-10-LT at 100 ([ResNet-8, 5 epochs, n = 3](../{RESULTS})): {ours}."] if ours else []
    text = [*(_marked(p) for p in rest), *short, " ".join(facts), f"```python\n{source}\n```"]
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
