"""F1 of entities: an entity that is decided for is right where its type, begin and end are.

    F1 = 2 right / (true + said)

over all entities, or the mean over types. Equal to ``seqeval``'s ``f1_score`` with ``average="micro"`` and ``"macro"``
(Nakayama, seqeval, 2018) where rows count as they are. Under another prior an entity counts as the token it begins at:
one that is there as its B-, one that is only said as what is there in truth, O mostly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.metrics.entities import Entities
from longtail.metrics.metric import Batch, Metric, Seen, Sum, Terms


def _entities(batch: Batch) -> Entities:
    if batch.entities is None:
        raise ValueError("entities are needed for this metric: longtail.metrics.Scheme finds them")
    return batch.entities


def _terms(kind: Tensor) -> Terms:
    return kind.clamp(min=0), (kind >= 0).double()


TRUE = Sum("entities", ("class",), lambda batch: _terms(_entities(batch).true))
SAID = Sum("entities said", ("class",), lambda batch: _terms(_entities(batch).said))
RIGHT = Sum("entities right", ("class",), lambda batch: _terms(_entities(batch).right))
SUMS = (TRUE, SAID, RIGHT)


def entity_f1(seen: Seen) -> Tensor:
    true, said, right = (seen[s.name].sum() for s in SUMS)
    return 2 * right / (true + said)


def entity_f1_by_type(seen: Seen) -> Tensor:
    """At the class that stands for each type, ``[C]``; nan elsewhere, and where a type has no entity at all."""
    true, said, right = (seen[s.name] for s in SUMS)
    return 2 * right / (true + said)


def entity_f1_macro(seen: Seen) -> Tensor:
    true, said, right = (seen[s.name] for s in SUMS)
    there = true + said > 0
    if not bool(there.any()):
        return torch.tensor(torch.nan, dtype=torch.float64)
    return (2 * right[there] / (true + said)[there]).mean()


METRICS = (
    Metric(
        name="entity_f1",
        title="entity F1",
        meaning="F1 of whole entities (type, begin and end), all types together.",
        better="higher",
        needs="decisions",
        weights="rows",
        of=entity_f1,
        sums=SUMS,
        smooth=True,
        of_sequences=True,
        place=31,
        importance=4,
    ),
    Metric(
        name="entity_f1_macro",
        title="entity F1, mean of types",
        meaning="F1 of whole entities for each type, and their mean: a rare type counts as much as a frequent one.",
        better="higher",
        needs="decisions",
        weights="rows",
        of=entity_f1_macro,
        sums=SUMS,
        smooth=True,
        by_class=("entity_f1", entity_f1_by_type),
        of_sequences=True,
        place=32,
        importance=3,
        short="entity F1 by type",
    ),
)
