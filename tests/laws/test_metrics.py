"""Every metric keeps the laws and equals an independent reference, and the laws reject broken ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from imblearn.metrics import geometric_mean_score
from sklearn import metrics as sk

from longtail.metrics import Metric, evaluate, found, per_class
from longtail.metrics.metric import Batch, Seen, Sum, Terms
from longtail.metrics.room import chosen
from longtail.testing import check_metric
from longtail.testing.metric import LAWS, Specimen, specimen, value


def present(s: Specimen) -> np.ndarray:
    return np.unique(s.y.numpy())


def recalls(s: Specimen) -> dict[int, float]:
    """Of the classes that occur."""
    found = sk.recall_score(s.y, s.decisions, average=None, labels=present(s), sample_weight=s.weight)
    return dict(zip(present(s).tolist(), found))


def group(name: str) -> Callable[[Specimen], float]:
    def reference(s: Specimen) -> float:
        inside = [r for c, r in recalls(s).items() if c in s.groups[name].tolist()]
        return float(np.mean(inside)) if inside else math.nan

    return reference


def one_against_rest(score: Callable, s: Specimen) -> np.ndarray:
    return np.array([score(s.y == c, s.p[:, c], sample_weight=s.weight) for c in present(s)])


def slow_ece(confidence: np.ndarray, hit: np.ndarray, w: np.ndarray, bins: int = 15) -> float:
    total = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins) | ((b == 0) & (confidence == 0))
        total += abs(float((w * (hit - confidence))[inside].sum()))
    return total / w.sum()


def cost_of(s: Specimen, decisions: torch.Tensor) -> float:
    each = [float(s.costs[a, b]) for a, b in zip(s.y.tolist(), decisions.tolist())]
    return float(np.average(each, weights=s.weight))


def classwise(s: Specimen) -> float:
    c = s.p.shape[1]
    return float(
        np.mean([slow_ece(s.p[:, k].numpy(), (s.y == k).numpy() * 1.0, s.weight.numpy()) for k in range(c)])
    )


def f1(s: Specimen, decisions: torch.Tensor) -> float:
    either = np.union1d(present(s), decisions.numpy())
    return sk.f1_score(
        s.y, decisions, average="macro", labels=either, sample_weight=s.weight, zero_division=0
    )


def one_hot(s: Specimen) -> torch.Tensor:
    return torch.nn.functional.one_hot(s.y, s.p.shape[1]).double()


def entity_counts(s: Specimen) -> dict[int, list[float]]:
    """By type: the weight of entities that are there, that are said, and that are right."""
    of: dict[int, list[float]] = {}
    for k, kinds in enumerate((s.entities.true, s.entities.said, s.entities.right)):
        for kind, weight in zip(kinds.tolist(), s.weight.tolist()):
            if kind >= 0:
                of.setdefault(kind, [0.0, 0.0, 0.0])[k] += weight
    return of


def entity_f1(s: Specimen) -> float:
    true, said, right = np.sum(list(entity_counts(s).values()), axis=0)
    return right / ((true + said) / 2)


def entity_f1_macro(s: Specimen) -> float:
    return float(np.mean([2 * right / (true + said) for true, said, right in entity_counts(s).values()]))


pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
CLASSES = np.arange(12)
REFERENCES: dict[str, Callable[[Specimen], float]] = {
    "accuracy": lambda s: sk.accuracy_score(s.y, s.decisions, sample_weight=s.weight),
    "top5_accuracy": lambda s: sk.top_k_accuracy_score(s.y, s.p, k=5, labels=CLASSES, sample_weight=s.weight),
    "balanced_accuracy": lambda s: float(np.mean(list(recalls(s).values()))),
    "macro_f1": lambda s: f1(s, s.decisions),
    "macro_f1_argmax": lambda s: f1(s, s.p.argmax(1)),
    "entity_f1": entity_f1,
    "entity_f1_macro": entity_f1_macro,
    "mcc": lambda s: sk.matthews_corrcoef(s.y, s.decisions, sample_weight=s.weight),
    "g_mean": lambda s: geometric_mean_score(
        s.y, s.decisions, average="multiclass", labels=present(s), sample_weight=s.weight
    ),
    "worst_class_recall": lambda s: min(recalls(s).values()),
    "many": group("many"),
    "medium": group("medium"),
    "few": group("few"),
    "roc_auc": lambda s: float(one_against_rest(sk.roc_auc_score, s).mean()),
    "roc_auc_rarest": lambda s: sk.roc_auc_score(s.y == s.rarest, s.p[:, s.rarest], sample_weight=s.weight),
    "average_precision": lambda s: float(one_against_rest(sk.average_precision_score, s).mean()),
    "average_precision_rarest": lambda s: sk.average_precision_score(
        s.y == s.rarest, s.p[:, s.rarest], sample_weight=s.weight
    ),
    "nll": lambda s: sk.log_loss(s.y, s.p, labels=CLASSES, sample_weight=s.weight),
    "nll_skill": lambda s: sk.d2_log_loss_score(s.y, s.p, labels=CLASSES, sample_weight=s.weight),
    "brier": lambda s: float(np.average((s.p - one_hot(s)).square().sum(1), weights=s.weight)),
    "ece": lambda s: slow_ece(
        s.p.max(1).values.numpy(), (s.p.argmax(1) == s.y).double().numpy(), s.weight.numpy()
    ),
    "classwise_ece": classwise,
    "expected_cost": lambda s: cost_of(s, s.decisions),
    "cost_saving": lambda s: (
        1 - cost_of(s, s.decisions) / min(cost_of(s, torch.full_like(s.y, k)) for k in CLASSES)
    ),
}


@pytest.mark.parametrize("name", found())
def test_the_room_keeps_the_laws(name: str) -> None:
    check_metric(found()[name], REFERENCES[name])


def test_every_metric_has_a_reference_and_every_reference_a_metric() -> None:
    assert set(REFERENCES) == set(found())


def test_macro_one_against_rest_is_scikit_learns_own_mean() -> None:
    s = specimen()
    want = sk.roc_auc_score(s.y, s.p, multi_class="ovr", average="macro", labels=CLASSES)
    assert value(found()["roc_auc"], s) == pytest.approx(want, rel=1e-12)


def test_each_class_has_its_own_scores() -> None:
    s = specimen(absent=(3,))
    got = per_class(s.p, s.y, decisions=s.decisions, weight=s.weight)
    for name, score in (("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)):
        np.testing.assert_allclose(got[name][present(s)], one_against_rest(score, s), rtol=1e-12)
        assert math.isnan(got[name][3])


def test_of_one_class_alone_what_compares_classes_is_not_defined() -> None:
    s = specimen()
    alone = s.take((s.y == 0).nonzero().flatten())
    got = evaluate(alone.p, alone.y, groups=s.groups, decisions=alone.decisions)
    missing = {name for name, v in got.items() if math.isnan(v)}
    assert missing == {
        "mcc", "medium", "few", "roc_auc", "roc_auc_rarest", "average_precision", "average_precision_rarest", "nll_skill",
    }  # fmt: skip


def test_the_rarest_class_may_be_absent() -> None:
    s = specimen(absent=(11,))
    got = evaluate(s.p, s.y, rarest=11)
    assert math.isnan(got["roc_auc_rarest"])
    assert math.isnan(got["average_precision_rarest"])
    rare = int(torch.bincount(s.y, minlength=12)[:11].argmin())
    assert evaluate(s.p, s.y)["roc_auc_rarest"] == evaluate(s.p, s.y, rarest=rare)["roc_auc_rarest"]


def test_top5_is_left_out_of_ten_classes() -> None:
    assert "top5_accuracy" in evaluate(np.eye(11), np.arange(11))
    assert "top5_accuracy" not in evaluate(np.eye(10), np.arange(10))


def test_the_mean_of_more_than_a_chunk_of_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    s = specimen()
    whole = evaluate(s.p, s.y)
    monkeypatch.setattr("longtail.metrics.ranked.CHUNK", 3 * len(s.y))
    assert evaluate(s.p, s.y) == whole


def test_names_that_there_are_not_are_named() -> None:
    with pytest.raises(ValueError, match="no metric 'f2'; there are accuracy"):
        chosen(3, {}, ["f2"])


def _count(batch: Batch) -> Terms:
    return None, batch.hit


HITS = Sum("own_hits", (), _count)
SOUND = Metric(
    name="own", title="own", meaning="Right decisions.", better="higher", needs="decisions", weights="rows",
    of=lambda s: s["own_hits"] / s.total, sums=(HITS,), smooth=True,
)  # fmt: skip


def test_a_sound_one_of_your_own_passes() -> None:
    check_metric(SOUND, REFERENCES["accuracy"])


def _by_place(batch: Batch) -> Terms:
    return None, batch.hit * torch.linspace(1, 2, len(batch.y), dtype=torch.float64)


def _large_batches(batch: Batch) -> Terms:
    return None, batch.hit * (len(batch.y) > 100)


def _infinite(seen: Seen) -> torch.Tensor:
    return seen["own_hits"] / seen.total if int(seen.occurs.sum()) > 1 else torch.tensor(math.inf)


BROKEN = {
    "a_weight_of_two_is_a_row_twice": replace(
        SOUND, needs="order", of=lambda s: s.rows.p[:, 0].mean(), sums=(), smooth=False
    ),
    "the_order_of_the_rows_is_none_of_its_business": replace(
        SOUND, needs="order", of=lambda s: s.rows.p[0, 0], sums=(), smooth=False
    ),
    "what_it_needs_is_what_it_uses": replace(SOUND, needs="probabilities"),
    "the_prior_moves_it_only_where_it_says_so": replace(SOUND, weights="within classes"),
    "parts_make_the_whole": replace(SOUND, sums=(replace(HITS, of=_large_batches),)),
    "better_is_better": replace(SOUND, better="lower"),
    "one_class_is_a_value_or_not_defined": replace(SOUND, of=_infinite),
    "its_derivative_is_that_of_its_value": replace(
        SOUND, of=lambda s: s["own_hits"] / s.total + s["own_hits"].detach()
    ),
    "equal_to_the_reference": replace(SOUND, of=lambda s: (s["own_hits"] / s.total) ** 2),
}


@pytest.mark.parametrize("law", BROKEN)
def test_the_laws_reject_broken_ones(law: str) -> None:
    with pytest.raises(AssertionError, match=f"^{law}: "):
        check_metric(BROKEN[law], REFERENCES["accuracy"])


def test_each_law_rejects_something() -> None:
    assert set(BROKEN) == {*LAWS, "equal_to_the_reference"}
