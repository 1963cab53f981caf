"""Evaluate: every number of a comparison at once, under the class prior the classifier is deployed under."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from longtail.metrics.inputs import ArrayLike, as_labels, as_probs
from longtail.metrics.streaming import Streaming

CHUNK = 2**22  # probabilities handled at a time: some hundred megabytes of float64 intermediates at most


def evaluate(
    probs: ArrayLike,
    y: ArrayLike,
    *,
    prior: ArrayLike | None = None,
    groups: Mapping[str, Tensor] | None = None,
    decisions: ArrayLike | None = None,
    bins: int = 15,
) -> dict[str, float]:
    """Every metric, as its expectation under ``prior``.

    Examples weigh ``prior[y] / freq[y]`` (see :mod:`longtail.metrics.weighting`). "Occurs" means: has an
    example here and a positive prior; a class that does not occur is left out of means over classes.

    | key | meaning |
    |---|---|
    | accuracy | share of right decisions |
    | balanced_accuracy | mean recall of the classes that occur |
    | macro_f1 | mean F1 of the classes with an example or a decision (as scikit-learn's) |
    | g_mean | geometric mean of the recalls; 0 as soon as one is 0 |
    | worst_class_recall | smallest recall |
    | many, medium, few | mean recall in each of ``groups`` (nan where no class of it occurs) |
    | nll | mean of -log p_y in nats; p is floored at 2.2e-16, as in scikit-learn's log_loss |
    | brier | mean of sum_j (p_j - 1[j = y])^2, in [0, 2] |
    | ece | calibration error of the most probable class, a fraction |
    | classwise_ece | mean over all classes of the calibration error of that class's probability |

    Args:
        probs: probabilities for the same prior, ``[N, C]``.
        y: class indices, ``[N]``.
        prior: the deployment prior, ``[C]``, summing to 1; None is the evaluation set's own frequencies.
        groups: class indices by group, as ``Labels.groups`` gives; without it these keys are left out.
        decisions: class indices ``[N]`` where a rule other than the most probable class decides (thresholds).
            The last four metrics judge the probabilities and do not depend on it.
        bins: of the calibration errors.

    Raises:
        ValueError: rows that are no probabilities, labels out of range, lengths that differ, a prior that is
            none. TypeError: labels that are no integers.

    >>> scores = evaluate([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4]], [0, 0, 1], prior=[0.5, 0.5])
    >>> scores["accuracy"], round(scores["nll"], 3)
    (0.5, 0.574)
    """
    p = as_probs(probs)
    n, c = p.shape
    labels = as_labels(y, c, length=n).to(p.device)
    chosen = None if decisions is None else as_labels(decisions, c, "decisions", n)
    counts = torch.bincount(labels, minlength=c).cpu()
    stream = Streaming(c, prior=prior, counts=counts, groups=groups, bins=bins, device=p.device)
    step = max(1, CHUNK // c)
    for i in range(0, n, step):
        rows = slice(i, i + step)
        stream.update(p[rows], labels[rows], None if chosen is None else chosen[rows])
    return stream.compute()
