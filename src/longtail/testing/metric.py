"""The laws of metrics, for your own too: ``check_metric(Metric(...), reference)``.

Each law is a function of a metric; it raises AssertionError naming what broke. Rows are drawn with ties, with a class
that does not occur and with one that is never decided for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from longtail.comparison.influence import influence, terms_of
from longtail.metrics import Entities, Metric, Scheme, Streaming, evaluate
from longtail.metrics.evaluate import see

Reference = Callable[["Specimen"], float]
"""The value by another way, from rows and their weights (``weight`` is never None)."""


@dataclass(frozen=True, eq=False)
class Specimen:
    """Rows to score: probabilities ``[N, C]``, classes, decisions and weights ``[N]``, groups of classes, the rarest, and
    what decisions cost ``[C, C]``; and the entities that begin at each row, as if class 0 were O and others B- and I-."""

    p: Tensor
    y: Tensor
    decisions: Tensor
    weight: Tensor
    groups: dict[str, Tensor]
    rarest: int
    costs: Tensor
    entities: Entities

    def take(self, index: Tensor) -> Specimen:
        p, y, d, w = (t[index] for t in (self.p, self.y, self.decisions, self.weight))
        return replace(self, p=p, y=y, decisions=d, weight=w, entities=self.entities.take(index))

    def deciding(self, p: Tensor, decisions: Tensor) -> Specimen:
        """The rows of :func:`specimen` with other probabilities and decisions."""
        return replace(
            self, p=p, decisions=decisions, entities=entities_of(self.y, decisions, self.p.shape[1])
        )


def entities_of(y: Tensor, decisions: Tensor, num_classes: int) -> Entities:
    """Entities of sentences of seven rows: class 0 is O, and of the others each two are B- and I- of a type."""
    names = ["O", *(f"{'BI'[k % 2]}-{k // 2}" for k in range(num_classes - 1))]
    scheme = Scheme.of(names)
    assert scheme is not None
    return scheme.entities(y, decisions, torch.arange(len(y)) // 7)


def specimen(
    num_classes: int = 12, rows: int = 240, seed: int = 0, absent: tuple[int, ...] = (), ties: bool = True
) -> Specimen:
    """Long-tailed rows whose probabilities inform, but err; rounded so that many tie."""
    g = torch.Generator().manual_seed(seed)
    share = 0.75 ** torch.arange(num_classes).double()
    share[list(absent)] = 0
    y = torch.multinomial(share, rows, replacement=True, generator=g)
    present = [c for c in range(num_classes) if c not in absent]
    y[: len(present)] = torch.tensor(present)
    z = torch.randn(rows, num_classes, generator=g, dtype=torch.float64)
    z[torch.arange(rows), y] += 1.2
    p = torch.softmax(1.5 * z, 1)
    if ties:
        p = (p * 32).round() + 1
        p = p / p.sum(1, keepdim=True)
    decisions = (p * torch.linspace(1, 2, num_classes)).argmax(1)
    decisions[decisions == num_classes - 2] = 0  # a class that nothing is decided for
    weight = torch.rand(rows, generator=g, dtype=torch.float64) + 0.1
    groups = {
        "many": torch.arange(2), "medium": torch.arange(2, num_classes - 3),
        "few": torch.arange(num_classes - 3, num_classes),
    }  # fmt: skip
    costs = torch.rand(num_classes, num_classes, generator=g, dtype=torch.float64) * 9 + 1
    costs.fill_diagonal_(0.5)  # a right decision costs something too, and less than any other
    entities = entities_of(y, decisions, num_classes)
    return Specimen(p, y, decisions, weight, groups, present[-1], costs, entities)


def value(metric: Metric, s: Specimen, weight: Tensor | None = None, prior: Tensor | None = None) -> float:
    """The metric of these rows, by ``evaluate``."""
    found = evaluate(
        s.p, s.y, prior=prior, groups=s.groups, decisions=s.decisions, weight=weight, rarest=s.rarest,
        metrics=[metric], costs=s.costs, entities=s.entities,
    )  # fmt: skip
    return found[metric.name]


def check_metric(metric: Metric, reference: Reference | None = None) -> None:
    """Every law, in turn; against a reference, where there is one.

    Raises:
        AssertionError: a law is broken; the message begins with its name.

    >>> from longtail.metrics import found
    >>> check_metric(found()["accuracy"], lambda s: np.average(s.decisions == s.y, weights=s.weight))
    """
    for name, law in {
        **LAWS,
        **({"equal_to_the_reference": against(reference)} if reference else {}),
    }.items():
        try:
            law(metric)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def against(reference: Reference) -> Callable[[Metric], None]:
    def equal_to_the_reference(metric: Metric) -> None:
        for s in (specimen(), specimen(absent=(3, 11)), specimen(ties=False, seed=1)):
            same(value(metric, s, s.weight), reference(s), "with weights")
            ones = torch.ones_like(s.weight)
            same(value(metric, s), reference(replace(s, weight=ones)), "without weights")
            prior = prior_of(s)
            own = torch.bincount(s.y, weights=s.weight, minlength=len(prior))
            moved = replace(s, weight=s.weight * (prior / own)[s.y])
            same(value(metric, s, s.weight, prior), reference(moved), "under a prior")

    return equal_to_the_reference


def prior_of(s: Specimen) -> Tensor:
    """A prior far from the rows' own, 0 where a class does not occur."""
    prior = torch.linspace(1, 4, s.p.shape[1], dtype=torch.float64).roll(3)
    prior = torch.where(torch.bincount(s.y, minlength=len(prior)) > 0, prior, 0.0)
    return prior / prior.sum()


def same(a: float, b: float, what: str, tolerance: float = 1e-9) -> None:
    assert np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True), f"{what}: {a} and {b}"


def a_weight_of_two_is_a_row_twice(metric: Metric) -> None:
    s = specimen()
    times = torch.arange(len(s.y)) % 3
    times[: s.p.shape[1]] = 1
    twice = s.take(torch.repeat_interleave(torch.arange(len(s.y)), times))
    for prior in (None, prior_of(s)):
        same(value(metric, s, times.double(), prior), value(metric, twice, None, prior), "weights and copies")


def the_order_of_the_rows_is_none_of_its_business(metric: Metric) -> None:
    s = specimen()
    mixed = s.take(torch.randperm(len(s.y), generator=torch.Generator().manual_seed(1)))
    same(value(metric, s, s.weight), value(metric, mixed, mixed.weight), "rows in another order")


def what_it_needs_is_what_it_uses(metric: Metric) -> None:
    s = specimen()
    if metric.needs == "decisions":
        other = replace(s, p=specimen(seed=2).p)
        same(value(metric, s), value(metric, other), "with other probabilities, and the same decisions")
    else:
        other = replace(s, decisions=s.decisions.flip(0))
        same(value(metric, s), value(metric, other), "with other decisions, and the same probabilities")


def the_prior_moves_it_only_where_it_says_so(metric: Metric) -> None:
    s = specimen()
    prior = prior_of(s)
    a, b = value(metric, s, s.weight), value(metric, s, s.weight, prior)
    if metric.weights == "within classes":
        same(a, b, "under another prior")
    else:
        assert abs(a - b) > 1e-6, f"the prior does not move it: {a} and {b}"


def parts_make_the_whole(metric: Metric) -> None:
    if metric.needs == "order":
        return
    s = specimen()
    counts = torch.bincount(s.y, weights=s.weight, minlength=s.p.shape[1])
    made = [
        Streaming(
            s.p.shape[1],
            prior=prior_of(s),
            counts=counts,
            groups=s.groups,
            metrics=[metric],
            costs=s.costs,
            sequences=True,
        )
        for _ in range(2)
    ]
    for k, index in enumerate(torch.arange(len(s.y)).split(50)):
        t = s.take(index)
        made[k % 2].update(t.p, t.y, t.decisions, t.weight, t.entities)
    made[0].merge(made[1])
    whole = value(metric, s, s.weight, prior_of(s))
    same(made[0].compute()[metric.name], whole, "from batches, merged")


def better_is_better(metric: Metric) -> None:
    s = specimen()
    truth = torch.nn.functional.one_hot(s.y, s.p.shape[1]).double()
    perfect, poor = s.deciding(truth, s.y), s.deciding(truth.roll(1, 0), s.y.roll(1))
    best, worst = value(metric, perfect), value(metric, poor)
    sign = 1 if metric.better == "higher" else -1
    assert sign * (best - worst) > 0, f"{best} for the truth, {worst} for the truth of another row"


def one_class_is_a_value_or_not_defined(metric: Metric) -> None:
    for s in (specimen(), specimen(absent=tuple(range(3, 12)))):
        for c in (0, 2):
            found = value(metric, s.take((s.y == c).nonzero().flatten()))
            assert np.isfinite(found) or np.isnan(found), f"rows of class {c} alone: {found}"
    if metric.by_class is not None:
        absent = specimen(absent=(3,))
        seen, _ = see(
            absent.p,
            absent.y,
            [metric],
            decisions=absent.decisions,
            costs=absent.costs,
            entities=absent.entities,
        )
        name, of = metric.by_class
        values = of(seen)
        assert values.shape == (12,), f"{name} has shape {tuple(values.shape)} for 12 classes"
        same(float(values.nanmean()), value(metric, absent), f"the mean of {name} over classes")


def its_derivative_is_that_of_its_value(metric: Metric) -> None:
    """One row's weight a little larger, and those of its class a little smaller: the class keeps its size."""
    if not metric.smooth:
        return
    s = specimen(ties=False)
    for prior in (None, prior_of(s)):
        terms = terms_of(s.p, s.y, s.decisions, [metric], s.costs, entities=s.entities)
        c, p = s.p.shape[1], None if prior is None else prior.numpy()
        psi = influence(metric, terms, s.y.numpy(), np.zeros(len(s.y)), c, p, s.groups)
        for i in (0, 1, 20, 150):
            step = 1e-5
            alike = (s.y == s.y[i]).double()
            weight = 1 - step * alike / alike.sum()
            weight[i] += step
            slope = (value(metric, s, weight, prior) - value(metric, s, None, prior)) / step
            same(slope, float(psi[i]), f"row {i}", 1e-5)


LAWS = {
    law.__name__: law
    for law in (
        a_weight_of_two_is_a_row_twice,
        the_order_of_the_rows_is_none_of_its_business,
        what_it_needs_is_what_it_uses,
        the_prior_moves_it_only_where_it_says_so,
        parts_make_the_whole,
        better_is_better,
        one_class_is_a_value_or_not_defined,
        its_derivative_is_that_of_its_value,
    )
}
