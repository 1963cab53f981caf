"""Published: accuracies on CIFAR-LT as papers and their code report them, with what makes them hard to compare.

The numbers are in ``published.json``. Evidence "read" was read in a README, a table or an author's reply; "listed" is
the figure that later papers list, not read again in its source.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("published.json")


@dataclass(frozen=True)
class Source:
    """Where numbers come from and how they were made.

    Attributes:
        paper: in words.
        epochs, batch: of the training; None where not known.
        augment: "standard" (crop, flip) or "strong" (AutoAugment and cutout besides).
        backbone: in words.
        same_backbone: is it the ResNet-32 of 16-32-64 channels? If not, the numbers do not compare.
        selection: what the reported epoch was chosen by; None where not known.
        runs: how many were averaged; None where not stated, which is usually one.
        caveats: what else differs.
    """

    paper: str
    epochs: int | None
    batch: int
    augment: str
    backbone: str
    same_backbone: bool
    selection: str | None
    runs: int | None
    caveats: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that keeps the number from being compared with a last epoch of ResNet-32 over several seeds."""
        out = list(self.caveats)
        if not self.same_backbone:
            out.insert(0, f"another net: {self.backbone}")
        if self.selection:
            out.append(f"{self.selection}, not the last")
        out.append("runs not stated, usually one" if self.runs is None else f"mean of {self.runs} runs")
        return tuple(out)


@dataclass(frozen=True)
class Published:
    """One published accuracy, in per cent.

    Attributes:
        method: the paper's name for it.
        recipe: the recipe of the house that is this method; None where there is none.
        benchmark: "cifar10-lt" or "cifar100-lt".
        imbalance: 100, 50 or 10.
        accuracy: on the balanced test set, per cent.
        evidence: "read" or "listed".
        source: how it was made.
    """

    method: str
    recipe: str | None
    benchmark: str
    imbalance: int
    accuracy: float
    evidence: str
    source: Source


@cache
def published() -> tuple[Published, ...]:
    """Every published number, the main source of a method first.

    >>> [p.accuracy for p in published() if p.method == "MiSLAS" and p.benchmark == "cifar100-lt"]
    [47.0, 52.3, 63.2]
    """
    data = json.loads(FILE.read_text(encoding="utf-8"))
    sources = {k: Source(**{**v, "caveats": tuple(v["caveats"])}) for k, v in data["sources"].items()}
    return tuple(
        Published(r["method"], r["recipe"], r["data"], int(at), value, r["evidence"], sources[r["source"]])
        for r in data["results"]
        for at, value in r["accuracy"].items()
    )


def reference(recipe: str, benchmark: str, imbalance: float, strong: bool = False) -> Published | None:
    """The published number to stand beside ours: with the same augmentation if there is one, on the same net if possible.

    Args:
        recipe: name in the house, "ldam-drw".
        benchmark: "cifar10-lt" or "cifar100-lt".
        imbalance: 100, 50 or 10.
        strong: do we train with AutoAugment or RandAugment and cutout?

    >>> [reference("balanced-softmax", "cifar100-lt", 100, strong).accuracy for strong in (False, True)]
    [42.99, 50.3]
    """
    found = [p for p in published() if (p.recipe, p.benchmark, p.imbalance) == (recipe, benchmark, imbalance)]
    wanted = "strong" if strong else "standard"
    found.sort(key=lambda p: (p.source.augment != wanted, not p.source.same_backbone))
    return found[0] if found else None
