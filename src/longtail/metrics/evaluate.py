"""Evaluate: every number of a comparison at once, under the class prior the classifier is deployed under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from longtail.metrics.entities import Entities
from longtail.metrics.inputs import ArrayLike, as_costs
from longtail.metrics.metric import Batch, Metric, Rows, Seen
from longtail.metrics.room import chosen
from longtail.metrics.streaming import Streaming, batch_of

CHUNK = 2**22  # probabilities handled at a time: some hundred megabytes of float64 intermediates at most


def evaluate(
    probs: ArrayLike,
    y: ArrayLike,
    *,
    prior: ArrayLike | None = None,
    groups: Mapping[str, Tensor] | None = None,
    decisions: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    rarest: int | None = None,
    bins: int = 15,
    metrics: Sequence[str | Metric] | None = None,
    costs: ArrayLike | None = None,
    entities: Entities | None = None,
) -> dict[str, float]:
    """Every metric, as its expectation under ``prior``; nan where one is not defined for these rows.

    Examples weigh ``prior[y] / freq[y]`` (see :mod:`longtail.metrics.weighting`). "Occurs" means: has an
    example here and a positive prior; a class that does not occur is left out of means over classes.

    | key | meaning |
    |---|---|
    | accuracy | share of right decisions |
    | top5_accuracy | share of rows whose true class is among the five most probable; of more than ten classes only |
    | balanced_accuracy | mean recall of the classes that occur |
    | macro_f1 | mean F1 of the classes with an example or a decision (as scikit-learn's) |
    | macro_f1_argmax | the same of the most probable class, where ``decisions`` are others |
    | mcc | Matthews correlation between classes and decisions; not defined where one class alone occurs |
    | g_mean | geometric mean of the recalls; 0 as soon as one is 0 |
    | worst_class_recall | smallest recall |
    | many, medium, few | mean recall in each of ``groups`` (not defined where no class of it occurs) |
    | roc_auc | mean over classes of the ROC-AUC of one against the rest; not defined where one class alone occurs |
    | average_precision | mean over classes of the average precision of one against the rest; likewise |
    | roc_auc_rarest, average_precision_rarest | the same of the rarest class alone |
    | nll | mean of -log p_y in nats; p is floored at 2.2e-16, as in scikit-learn's log_loss |
    | nll_skill | 1 - nll / (that of the class shares themselves); not defined where one class alone occurs |
    | brier | mean of sum_j (p_j - 1[j = y])^2, in [0, 2] |
    | ece | calibration error of the most probable class, a fraction |
    | classwise_ece | mean over all classes of the calibration error of that class's probability |
    | expected_cost | mean cost of the decisions; with ``costs`` only |
    | cost_saving | 1 - expected_cost / (that of the best class to decide every time); with ``costs`` only |
    | entity_f1, entity_f1_macro | F1 of whole entities, over all and as the mean of types; with ``entities`` only |

    Args:
        probs: probabilities for the same prior, ``[N, C]``.
        y: class indices, ``[N]``.
        prior: the deployment prior, ``[C]``, summing to 1; None is the evaluation set's own frequencies.
        groups: class indices by group, as ``Labels.groups`` gives; without it these keys are left out.
        decisions: class indices ``[N]`` where a rule other than the most probable class decides (thresholds).
            Metrics of the probabilities do not depend on it.
        weight: one weight an example, ``[N]``, at least 0; None is 1. A prior moves the sums of each class's weights.
        rarest: the rarest class, as training counts have it; None is the rarest of those that occur.
        bins: of the calibration errors.
        metrics: names, or metrics of your own (:class:`longtail.metrics.Metric`); None is every one of the room.
        costs: of a decision (columns) for a row of a class (rows), ``[C, C]``; ``[N, C, C]`` where rows have their own.
            ``decisions`` are not made here: see :meth:`longtail.costs.Costs.decide`.
        entities: of tagged tokens, by ``Scheme.of(names).entities(y, decisions, sequence)``; None: rows are none.

    Raises:
        ValueError: rows that are no probabilities, labels out of range, lengths that differ, a prior or weights that are
            none, or no metric of a name. TypeError: labels that are no integers.

    >>> scores = evaluate([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4]], [0, 0, 1], prior=[0.5, 0.5])
    >>> scores["accuracy"], round(scores["nll"], 3)
    (0.5, 0.574)
    """
    seen, made = see(
        probs, y, metrics, prior=prior, groups=groups, decisions=decisions, weight=weight, rarest=rarest, bins=bins,
        costs=costs, entities=entities,
    )  # fmt: skip
    return {m.name: float(m.of(seen)) for m in made}


def see(
    probs: ArrayLike,
    y: ArrayLike,
    metrics: Sequence[str | Metric] | None = None,
    *,
    prior: ArrayLike | None = None,
    groups: Mapping[str, Tensor] | None = None,
    decisions: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    rarest: int | None = None,
    bins: int = 15,
    costs: ArrayLike | None = None,
    flags: Mapping[str, Tensor] | None = None,
    entities: Entities | None = None,
) -> tuple[Seen, tuple[Metric, ...]]:
    """What some metrics are computed from, and those of them that apply; arguments as for :func:`evaluate`, and the
    ``flags`` of points (:mod:`longtail.metrics.point`), bool ``[N]`` by name.
    """
    rows, own = batch_of(probs, y, decisions, weight, None, bins)
    n, c = rows.p.shape
    cost = None if costs is None else as_costs(costs, c, n).to(rows.p.device)
    counts = torch.bincount(rows.y, weights=None if weight is None else own, minlength=c).cpu()
    made = chosen(c, groups or {}, metrics, cost is not None, entities is not None)
    summed = [m for m in made if m.needs != "order"]
    stream = Streaming(
        c, prior=prior, counts=counts, groups=groups, bins=bins, device=rows.p.device, metrics=summed,
        costs=cost, sequences=entities is not None,
    )  # fmt: skip
    step = max(1, CHUNK // c)
    for i in range(0, n, step):
        part = slice(i, i + step)
        some = cost[part] if cost is not None and cost.dim() == 3 else cost
        raised = {name: flag[part] for name, flag in (flags or {}).items()}
        begun = None if entities is None else entities.take(part)
        batch = Batch(rows.p[part], rows.y[part], rows.decisions[part], bins, some, raised, begun)
        stream.add(batch, own[part])
    everything = Rows(rows.p, rows.y, stream.class_weight[rows.y] * own)
    seen = stream.seen
    rare = rarest_of(torch.where(seen.occurs.cpu(), counts, 0)) if rarest is None else rarest
    return replace(seen, rarest=rare, rows=everything), made


def rarest_of(counts: Tensor) -> int:
    """The class with the fewest examples of those that have any; the first of equally rare ones.

    >>> rarest_of(torch.tensor([100, 0, 7, 7]))
    2
    """
    return int(torch.where(counts > 0, counts.double(), torch.inf).argmin())
