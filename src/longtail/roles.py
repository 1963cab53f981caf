"""Roles: what a part is to the training loop, as Protocols, and what its class says of itself, as traits.

A part is used for what it does: a class plays a role if it has the role's methods, and no class inherits from one. What
cannot be seen from its methods it declares by class attributes, the *traits*: which inputs it works on, whether its step
reads training progress, and so on. What a class leaves out is the default here. :func:`traits_of` alone reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from longtail.part import Part, Switch

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from longtail.labels import Labels

INPUTS = {
    "image": "images",
    "rows": "rows of numbers (tables and embeddings)",
    "sparse": "words or other sparse rows",
    "tokens": "tokens of a pre-trained encoder of text",
}
"""The forms of inputs, and what they are called."""

TASKS = {
    "single-label": "one class per row",
    "multi-label": "several labels per row",
    "regression": "a number per row",
}
"""What may be asked of a row. So far data that are read have one class per row; examples made in Python may have several
labels (:class:`longtail.label_sets.LabelSets`)."""

NEEDS = {
    "maps": "a backbone with feature maps, maps(x)",
    "square": "square images",
    "unlabelled": "rows without labels",
}
"""What a part may need beside inputs and labels."""

WORKS_ON = ("net", "logits", "probabilities")


@dataclass(frozen=True)
class Traits:
    """What the class of a part declares, as class attributes of these names.

    Attributes:
        takes: the forms of inputs it works on, some of :data:`INPUTS`; None: those that all parts inside it work on.
        routes: by keyword, the forms that the part behind it gets; a part that hands all inputs to all has none.
        tasks: what it is for, some of :data:`TASKS`; asked of losses, samplers, objectives, mixers and surgery, and of
            what comes after the stages.
        needs: what must be there beside inputs and labels, some of :data:`NEEDS`. That it learns from rows without labels
            a part says by its constructor, which then names the fact ``unlabelled``.
        works_on: of a part that comes after the stages: "net" (surgery), "logits" (an adjuster) or "probabilities" (a
            decision rule). There is no default: what is to follow the stages must say it.
        reads_logits_only: an objective that is its loss of ``net(x)`` and nothing else, so that the prior of the logits
            follows from stream and loss, and a head may train on features computed once.
        prior_of_loss: an objective whose logits are trained by its loss on the first stream alone, whatever else it
            trains, so that their prior follows from the two.
        ignores_progress: an objective whose step is the same at all times, so that it may be recorded.
        couples_batch: an objective whose loss is no mean over the examples of its batch.
        leaves_unused: an objective that in some steps leaves a trained parameter out.
        differs_in_eval: a head whose logits at test are not those that the loss sees.
    """

    takes: frozenset[str] | None = None
    routes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tasks: frozenset[str] = frozenset({"single-label"})
    needs: frozenset[str] = frozenset()
    works_on: str | None = None
    reads_logits_only: bool = False
    prior_of_loss: bool = False
    ignores_progress: bool = False
    couples_batch: bool = False
    leaves_unused: bool = False
    differs_in_eval: bool = False


@cache
def traits_of(target: Any) -> Traits:
    """What a class (or the function that builds a part) declares of itself.

    Raises:
        TypeError: a trait of another type, or with a word that there is not.

    >>> from longtail.objectives import Rotation
    >>> sorted(traits_of(Rotation).takes), traits_of(Rotation).couples_batch, traits_of(Rotation).leaves_unused
    (['image'], True, False)
    """
    said = {name: getattr(target, name, default) for name, default in vars(Traits()).items()}
    for name, known in (("takes", INPUTS), ("tasks", TASKS), ("needs", NEEDS)):
        if said[name] is not None and not (
            isinstance(said[name], set | frozenset) and said[name] <= set(known)
        ):
            raise TypeError(f"{called(target)}.{name}={said[name]!r} must be a set of {', '.join(known)}")
    if said["works_on"] not in (None, *WORKS_ON):
        raise TypeError(
            f"{called(target)}.works_on={said['works_on']!r} must be one of {', '.join(WORKS_ON)}"
        )
    for name, default in vars(Traits()).items():
        if isinstance(default, bool) and not isinstance(said[name], bool):
            raise TypeError(f"{called(target)}.{name}={said[name]!r} must be True or False")
    return Traits(**said)


def traits(made: object) -> Traits:
    """What the class of a built part declares."""
    cls: Any = type(made)
    return traits_of(cls)


def called(target: Any) -> str:
    """The name of a class or function, for messages."""
    return str(target.__qualname__).rpartition(".")[2]


def takers(value: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """The parts in ``value`` that do not work on all inputs, and the forms they work on. A part that says what it takes
    answers for those inside it.
    """
    for p in outermost(value):
        own = traits_of(p.target)
        if own.takes is not None:
            inside = [(called(p.target), own.takes)]
        else:
            elsewhere = {k: frozenset(INPUTS) - gets for k, gets in own.routes.items()}
            inside = [(n, t | elsewhere.get(k, frozenset())) for k, v in p.kwargs for n, t in takers(v)]
        yield from ((name, takes) for name, takes in inside if takes != frozenset(INPUTS))


def outermost(value: Any) -> Iterator[Part[Any]]:
    """The parts in ``value`` that are inside no other."""
    if isinstance(value, Switch):
        value = tuple(v for _, v in value.phases)
    if isinstance(value, Part):
        yield value
    elif isinstance(value, tuple):
        for v in value:
            yield from outermost(v)


def works_on(target: Callable[..., Any]) -> str:
    """What a part that comes after the stages works on.

    Raises:
        TypeError: its class does not say.
    """
    said = traits_of(target).works_on
    if said is None:
        raise TypeError(
            f"{called(target)} does not say what it works on",
            "give its class works_on = 'net' (surgery), 'logits' (an adjuster) or 'probabilities' (a decision rule)",
        )
    return said


def plays(target: Callable[..., Any], role: type) -> bool:
    """Does what ``target`` builds play a role of methods only? A function says nothing before it is called."""
    return isinstance(target, type) and issubclass(target, role)


@runtime_checkable
class ClaimsPrior(Protocol):
    """A part that says which class prior the logits assume: None where it has no closed form.

    ``seen`` is the prior that comes in: for a loss, or an objective in its place, that of the stream; for surgery or an
    adjuster, that which the logits assumed before, None where that is not known.
    """

    def assumes(self, seen: Any, /) -> Any: ...


@runtime_checkable
class Remarks(Protocol):
    """A loss with something to say before training, of these classes: that it does nothing for them, say."""

    def remark(self) -> str | None: ...


@runtime_checkable
class ClaimsShares(Protocol):
    """A loss that asks one question per label, and says under which shares of rows with each label its logits answer:
    None where they have no closed form. ``seen``, float64 ``[C]``, are those of the stream.
    """

    def assumes_shares(self, seen: Any, /) -> Any: ...


@runtime_checkable
class ShowsPrior(Protocol):
    """A sampler that says which class distribution training sees, float64 ``[C]``."""

    def stream_prior(self, labels: Labels, t: float = 0.0) -> Tensor: ...


@runtime_checkable
class InChunks(Protocol):
    """A sampler that gives an epoch piece by piece."""

    def chunks(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]: ...


@runtime_checkable
class KnowsSize(Protocol):
    """A sampler that knows how many indices an epoch has."""

    def size(self, labels: Labels, t: float = 0.0) -> int: ...


@runtime_checkable
class KnowsDrawnSize(Protocol):
    """A sampler that knows how many indices the epoch of a generator has."""

    def drawn_size(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> int: ...


@runtime_checkable
class KeepsTogether(Protocol):
    """A sampler whose batches stay whole: so many indices in a row belong on one rank."""

    @property
    def together(self) -> int: ...


@runtime_checkable
class ChecksNet(Protocol):
    """A part that can tell from a stage's first net that it will not do: ``check_net`` raises ``ValueError``."""

    @staticmethod
    def check_net(net: Any) -> None: ...


@runtime_checkable
class Projects(Protocol):
    """What puts the weights of a net, in place, back where they may be."""

    def project(self, net: Any) -> None: ...


@runtime_checkable
class Attaches(Protocol):
    """A mixer that works inside the net: ``attach(net).remove()`` undoes it."""

    def attach(self, net: nn.Module) -> Any: ...


@runtime_checkable
class Reducible(Protocol):
    """A loss with a ``reduction``: "none" gives one number per row."""

    reduction: str


@runtime_checkable
class LeftOpen(Protocol):
    """A part with something to fit on held-out rows: surgery by ``tune``, others by ``fit``, until it is ``fitted``."""

    @property
    def fitted(self) -> bool: ...


@runtime_checkable
class Fits(Protocol):
    def fit(self, outputs: Any, y: Any) -> Any: ...


@runtime_checkable
class Tunes(Protocol):
    def tune(self, net: Any, features: Tensor, y: Tensor, prior: Tensor | None = None) -> Any: ...


@runtime_checkable
class WeighsClasses(Protocol):
    """A decision rule that takes the largest of probability times weight; equal weights take the most probable class."""

    weights: tuple[float, ...] | None


@runtime_checkable
class GivesMaps(Protocol):
    """A backbone whose features are the means of feature maps ``[B, D, h, w]``."""

    def maps(self, x: Any) -> Tensor: ...


@runtime_checkable
class HasExperts(Protocol):
    """A head of several experts, whose logits are ``each(features)``, ``[B, K, C]``."""

    def each(self, features: Tensor) -> Tensor: ...


@runtime_checkable
class HasRouters(Protocol):
    """A head that asks its experts one after another."""

    def all(self, features: Tensor) -> tuple[Tensor, Tensor]: ...

    def route(self, features: Tensor) -> tuple[Tensor, Tensor]: ...


@runtime_checkable
class HasSpec(Protocol):
    """A module that says how it is built again."""

    spec: Part[Any]


@runtime_checkable
class TrainedElsewhere(Protocol):
    """A head with parameters, by name, that the loss of its logits does not train."""

    trained_elsewhere: tuple[str, ...]


@runtime_checkable
class TakesRowsAtOnce(Protocol):
    """A head that is best asked about so many rows together."""

    @property
    def rows_at_once(self) -> int: ...


@runtime_checkable
class StartsAgain(Protocol):
    """A module that draws its weights anew."""

    def reset_parameters(self) -> None: ...


def spec_of(module: object) -> Part[Any] | None:
    """The part that builds a module again; None where it does not say."""
    return module.spec if isinstance(module, HasSpec) and isinstance(module.spec, Part) else None


def tensor_of(module: nn.Module, name: str) -> Tensor | None:
    """A module's own tensor of that name, be it a parameter, a buffer or neither; None if it has none."""
    from torch import Tensor

    kept = {
        **vars(module),
        **dict(module.named_parameters(recurse=False)),
        **dict(module.named_buffers(recurse=False)),
    }
    found = kept.get(name)
    return found if isinstance(found, Tensor) else None
