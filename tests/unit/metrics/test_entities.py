"""Entities are those of seqeval, found by another way too, on random tags; and what is said of tags that are none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.metrics import Entities, Scheme, evaluate, found

SCHEMES = {
    "bio": ("O", "B-A", "I-A", "B-B", "I-B"),
    "io": ("I-A", "I-B", "O"),
    "bioes": ("B-A", "E-A", "I-A", "S-A", "O", "S-B", "I-B", "B-B"),
}


def spans(tags: list[str]) -> set[tuple[str, int, int]]:
    """The entities of a sentence, token by token: type, first and last."""
    out, begun = set(), None
    for k, tag in enumerate([*tags, "O"]):
        head, _, kind = tag.partition("-")
        before = tags[k - 1].partition("-")[0] if k else "O"
        goes_on = begun is not None and head in "IE" and before in "BI" and begun[0] == kind
        if begun is not None and not goes_on:
            out.add((*begun, k - 1))
            begun = None
        if head != "O" and begun is None:
            begun = (kind, k)
    return out


def random_tags(names: tuple[str, ...], seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    y, said = torch.randint(len(names), (2, 400), generator=g)
    same = torch.rand(400, generator=g) < 0.6
    return y, torch.where(same, y, said), torch.randint(1, 9, (400,), generator=g).cumsum(0) // 20


def sentences(names: tuple[str, ...], y: torch.Tensor, sequence: torch.Tensor) -> list[list[str]]:
    return [[names[k] for k in y[sequence == s].tolist()] for s in sequence.unique().tolist()]


def scores(
    names: tuple[str, ...], y: torch.Tensor, said: torch.Tensor, sequence: torch.Tensor
) -> list[float]:
    p = torch.full((len(y), len(names)), 1 / len(names))
    entities = Scheme.of(names).entities(y, said, sequence)
    got = evaluate(p, y, decisions=said, entities=entities, metrics=["entity_f1", "entity_f1_macro"])
    return list(got.values())


def by_spans(true: list[list[str]], said: list[list[str]]) -> list[float]:
    counts: dict[str, np.ndarray] = {}
    for a, b in zip(map(spans, true), map(spans, said)):
        for k, group in enumerate((a, b, a & b)):
            for kind, *_ in group:
                counts.setdefault(kind, np.zeros(3))[k] += 1
    each = [2 * right / (t + s) for t, s, right in counts.values()]
    t, s, right = sum(counts.values())
    return [2 * right / (t + s), float(np.mean(each))]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("seed", range(5))
def test_f1_of_entities_by_another_way(scheme: str, seed: int) -> None:
    names = SCHEMES[scheme]
    y, said, sequence = random_tags(names, seed)
    want = by_spans(sentences(names, y, sequence), sentences(names, said, sequence))
    assert scores(names, y, said, sequence) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_f1_of_entities_is_seqevals(scheme: str) -> None:
    seqeval = pytest.importorskip("seqeval.metrics")
    names = SCHEMES[scheme]
    y, said, sequence = random_tags(names, 7)
    a, b = sentences(names, y, sequence), sentences(names, said, sequence)
    want = [seqeval.f1_score(a, b, average=of, zero_division=0) for of in ("micro", "macro")]
    assert scores(names, y, said, sequence) == pytest.approx(want, rel=1e-12)


def test_entities_do_not_reach_into_the_next_sentence() -> None:
    scheme = Scheme.of(("B-A", "I-A", "O"))
    y = torch.tensor([0, 1, 1])
    assert scheme.entities(y, y, torch.tensor([0, 0, 1])).true.tolist() == [0, -1, 0]
    assert scheme.entities(y, y, torch.tensor([0, 0, 0])).true.tolist() == [0, -1, -1]
    assert scheme.orphans(y, torch.tensor([0, 0, 1])) == 1


@pytest.mark.parametrize("names", [("a", "b"), ("O",), ("O", "B-"), ("O", "NN", "B-A"), ("B", "I", "O")])
def test_classes_that_are_no_tags_of_entities(names: tuple[str, ...]) -> None:
    assert Scheme.of(names) is None


def test_without_entities_nothing_is_said_of_them() -> None:
    p, y = np.eye(2), np.arange(2)
    assert "entity_f1" not in evaluate(p, y)
    none = torch.full((2,), -1)
    got = evaluate(p, y, entities=Entities(none, none, none))
    assert np.isnan([got["entity_f1"], got["entity_f1_macro"]]).all()
    with pytest.raises(ValueError, match="entities are needed"):
        found()["entity_f1"].sums[0].of(type("Batch", (), {"entities": None})())
