"""Slow independent implementations of the group, expert and embedding losses: one anchor and one item at a time."""

from __future__ import annotations

import numpy as np
from softmax_family import Long, cross_entropy, log_softmax, rows, stacked
from torch import Tensor, nn


def _log_sum(values: list[Long]) -> Long:
    top = max(values)
    return top + np.log(sum(np.exp(v - top) for v in values))


def supcon(module: nn.Module, features: Tensor, labels: Tensor) -> Tensor:
    f, y, out = rows(features), labels.tolist(), []
    items = [(f[i, v], y[i], (i, v)) for i in range(len(f)) for v in range(f.shape[1])]
    for i in range(len(f)):
        others = [(f[i, 0] @ g / module.temperature, label) for g, label, at in items if at != (i, 0)]
        positive = [s for s, label in others if label == y[i]]
        log_total = _log_sum([s for s, _ in others])
        out.append(sum(log_total - s for s in positive) / len(positive) if positive else Long(0))
    return stacked(out)


def prototypical_supcon(module: nn.Module, features: Tensor, labels: Tensor, prototypes: Tensor) -> Tensor:
    out = []
    unit = [p / np.sqrt(p @ p) for p in rows(prototypes)]
    for f, y in zip(rows(features), labels.tolist()):
        s = [f @ p / np.sqrt(f @ f) / module.temperature for p in unit]
        out.append(_log_sum([v for c, v in enumerate(s) if c != y]) - s[y])
    return stacked(out)


def balanced_contrastive(module: nn.Module, features: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
    """One view; every class contributes the mean of its exponentials."""
    f, c, y, out = rows(features)[:, 0], rows(centers), labels.tolist(), []
    for i in range(len(f)):
        of_class: dict[int, list[Long]] = {j: [f[i] @ c[j] / module.temperature] for j in range(len(c))}
        for k in range(len(f)):
            if k != i:
                of_class[y[k]].append(f[i] @ f[k] / module.temperature)
        log_total = _log_sum([_log_sum(s) - np.log(Long(len(s))) for s in of_class.values()])
        out.append(np.mean([log_total - s for s in of_class[y[i]]]))
    return stacked(out)


def paco(module: nn.Module, features: Tensor, labels: Tensor, class_logits: Tensor) -> Tensor:
    f, y, out = rows(features), labels.tolist(), []
    for i, row in enumerate(rows(class_logits)):
        centre = [
            (z + np.log(Long(p))) / module.class_temperature for z, p in zip(row, module.prior.tolist())
        ]
        item = {k: f[i] @ f[k] / module.temperature for k in range(len(f)) if k != i}
        log_total = _log_sum([*centre, *(s + np.log(Long(module.gamma)) for s in item.values())])
        pulls = [(module.beta, centre[y[i]])] + [(module.alpha, s) for k, s in item.items() if y[k] == y[i]]
        out.append(sum(w * (log_total - s) for w, s in pulls) / sum(w for w, _ in pulls))
    return stacked(out)


def discriminative_centroids(
    module: nn.Module, features: Tensor, labels: Tensor, centroids: Tensor
) -> Tensor:
    f, c, y = rows(features), rows(centroids), labels.tolist()
    near = far = Long(0)
    for i in range(len(f)):
        for j in range(len(c)):
            square = ((f[i] - c[j]) ** 2).sum()
            near, far = (near + square, far) if j == y[i] else (near, far + square)
    hinge = max(Long(0), Long(module.margin) - far / (len(f) * len(c)))
    return stacked([near / (2 * len(f)) + Long(module.repel) * hinge])[0]


def dive(module: nn.Module, logits: Tensor, target: Tensor, teacher_logits: Tensor) -> Tensor:
    log_n, out = np.log(np.array(module.counts.tolist(), dtype=Long)), []
    for z, y, t in zip(rows(logits), target.tolist(), rows(teacher_logits)):
        raw = np.exp(log_softmax(t / module.temperature)) ** Long(module.power)
        q, log_p = raw / raw.sum(), log_softmax(z / module.temperature)
        kl = sum(a * (np.log(a) - b) for a, b in zip(q, log_p) if a > 0)
        hard = cross_entropy(z + log_n, y)
        out.append((1 - Long(module.alpha)) * hard + module.alpha * Long(module.temperature) ** 2 * kl)
    return stacked(out)


def generalized_reweighting(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    n = [Long(v) for v in module.counts.tolist()]
    share = [(v / sum(n)) ** -Long(module.rho) for v in n]
    w = [len(n) * v / sum(share) for v in share]
    return stacked([w[y] * cross_entropy(z, y) for z, y in zip(rows(logits), target.tolist())])


def ride(module: nn.Module, expert_logits: Tensor, target: Tensor) -> Tensor:
    n, out = np.array(module.counts.tolist(), dtype=Long), []
    m = module.max_margin * (n.min() / n) ** Long(0.25)
    v = len(n) * n / n.sum() * module.tail_softness + 1 - Long(module.tail_softness)
    soft = module.temperature * v / v.max()
    for experts, y in zip(rows(expert_logits), target.tolist()):
        log_mean, total = log_softmax(experts.mean(0) / soft), Long(0)
        for z in experts:
            shifted = z.copy()
            shifted[y] -= module.scale * m[y]
            kl = sum(np.exp(a) * (a - b) for a, b in zip(log_mean, log_softmax(z / soft)))
            total += cross_entropy(shifted, y) + Long(module.diversity) * soft.mean() ** 2 * kl
        out.append(total)
    return stacked(out)


def balanced_group_softmax(module: nn.Module, logits: Tensor, target: Tensor) -> Tensor:
    """All others kept; B times each sample's part of the sum over groups."""
    n, edges, y, z = module.counts, module.edges, target.tolist(), rows(logits)
    group = [sum(v >= e for e in edges) for v in n]
    out = [Long(0)] * len(y)
    start = 0
    for g in range(len(edges) + 1):
        members = [c for c in range(len(n)) if group[c] == g]
        if any(label in members for label in y):
            for i, label in enumerate(y):
                slot = members.index(label) + 1 if label in members else 0
                out[i] += -log_softmax(z[i, start : start + len(members) + 1])[slot]
        start += len(members) + 1
    return stacked(out)
