"""Suits: can these data have this recipe? Decided before anything is trained, from what the recipe's parts declare.

:mod:`longtail.roles` has the traits. What only rows or weights can show is left to the training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from torch import Tensor

from longtail.examples import Examples
from longtail.inputs import PlacedTokens, SparseRows, TokenRows
from longtail.net import Net
from longtail.part import at
from longtail.recipe import Recipe
from longtail.roles import (
    INPUTS,
    TASKS,
    GivesMaps,
    Remarks,
    called,
    outermost,
    plays,
    takers,
    traits_of,
    works_on,
)
from longtail.run.prior import facts_without_net
from longtail.source import no_rows
from longtail.targets import Targets

LEAVE = "leave it out"


@dataclass(frozen=True)
class Given:
    """What data and backbone bring.

    Attributes:
        form: of the inputs, one of :data:`longtail.roles.INPUTS`.
        kind: of the data, in words.
        backbone: its name.
        maps: has it feature maps?
        unlabelled: are there rows without labels?
        size: height and width of images of one size.
        task: one of :data:`longtail.roles.TASKS`.
    """

    form: str
    kind: str
    backbone: str = ""
    maps: bool = False
    unlabelled: bool = False
    size: tuple[int, ...] | None = None
    task: str = "single-label"

    @classmethod
    def of(cls, net: Net, data: Examples) -> Given:
        """What a net and examples bring."""
        none = no_rows(data.source)
        form = form_of(none)
        size = tuple(none.shape[2:]) if form == "image" else None
        name, maps = type(net.backbone).__name__, isinstance(net.backbone, GivesMaps)
        task = "multi-label" if data.targets.classes.several else "single-label"
        return cls(form, form, name, maps, data.unlabelled is not None, size, task)


class Refusal(NamedTuple):
    """Why data cannot have a recipe, as the rest of a sentence that begins with its name; and what to do."""

    why: str
    remedy: str


def form_of(x: Any) -> str:
    """The form of inputs, one of :data:`longtail.roles.INPUTS`; four axes are images.

    >>> import torch
    >>> form_of(torch.zeros(2, 3, 8, 8)), form_of(torch.zeros(2, 5))
    ('image', 'rows')
    """
    if isinstance(x, TokenRows | PlacedTokens):
        return "tokens"
    if isinstance(x, SparseRows):
        return "sparse"
    return "image" if isinstance(x, Tensor) and x.dim() == 4 else "rows"


def refusal(recipe: Any, given: Given) -> Refusal | None:
    """Why these data cannot have this recipe, deep or classical; None where they can."""
    reasons = _reasons(recipe, given) if isinstance(recipe, Recipe) else _classical_reasons(recipe, given)
    return next(chain(_after_training(recipe), reasons), None)


def check_suits(recipe: Any, given: Given, name: str) -> None:
    """Raise ``ValueError`` for a recipe that these data cannot have, with the reason and what to do."""
    found = refusal(recipe, given)
    if found is not None:
        raise ValueError(f"recipe {name!r} {found.why}: {found.remedy}")


def remarks(recipe: Any, targets: Targets) -> tuple[str, ...]:
    """What the losses of a deep recipe say of these classes before they are trained on.

    >>> from longtail.labels import Labels
    >>> from longtail.losses import SigmoidEQL
    >>> from longtail.part import part
    >>> from longtail.recipe import Stage
    >>> eql = Recipe("eql", (Stage(epochs=1, loss=part(SigmoidEQL)),))
    >>> [said.split(":")[0] for said in remarks(eql, Labels.of([0, 0, 0, 1]))]
    ['no class is rare here']
    """
    if not isinstance(recipe, Recipe):
        return ()
    losses = [at(stage.loss, 1.0) for stage in recipe.stages]
    made = [loss.build(**facts_without_net(targets)) for loss in losses if plays(loss.target, Remarks)]
    return tuple(said for loss in made if (said := loss.remark()) is not None)


def _after_training(recipe: Any) -> Iterator[Refusal]:
    for p in recipe.finish:
        try:
            if works_on(p.target) == "net" and not isinstance(recipe, Recipe):
                yield Refusal(f"has no net, and {called(p.target)} works on one", LEAVE)
        except TypeError as why:
            yield Refusal(f"cannot be finished, since {why.args[0]}", why.args[1])


def _classical_reasons(recipe: Any, given: Given) -> Iterator[Refusal]:
    if given.form not in recipe.takes:
        yield Refusal(
            "cannot read the tokens of a pre-trained encoder",
            "take tune=frozen or no backbone, or leave it out",
        )


def _reasons(recipe: Recipe, given: Given) -> Iterator[Refusal]:
    for who, takes in takers(recipe.values):
        if given.form not in takes:
            wanted = " or ".join(words for form, words in INPUTS.items() if form in takes)
            here = "these are tokens" if given.form == "tokens" else f"this is {given.kind} data"
            yield Refusal(f"needs {wanted}, and {here}", f"{LEAVE} ({who} takes no other)")
    for p in (p for value in recipe.truth for p in outermost(value)):
        tasks = traits_of(p.target).tasks
        if given.task not in tasks:
            meant = " or ".join(words for task, words in TASKS.items() if task in tasks)
            yield Refusal(
                f"is for {meant}, and here is {TASKS[given.task]}", f"{LEAVE} (because of {called(p.target)})"
            )
    needs = recipe.needs
    if "maps" in needs and not given.maps:
        yield Refusal(
            f"needs a backbone with feature maps, and {given.backbone or 'this one'} has none",
            "use resnet8, resnet20 or resnet32, give your backbone maps(x) -> [B, D, h, w], its features before pooling, "
            "or leave it out",
        )
    if "square" in needs and given.size is not None and len(set(given.size)) > 1:
        yield Refusal(f"needs square images, and these are {' x '.join(map(str, given.size))} pixels", LEAVE)
    if "unlabelled" in needs and not given.unlabelled:
        yield Refusal(
            "learns from rows without labels",
            "give some to compare or train (--unlabelled FILE, unlabelled=... in Python), or leave it out",
        )
