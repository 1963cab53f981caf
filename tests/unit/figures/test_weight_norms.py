"""weight-norms against the heads' own weights."""

from __future__ import annotations

import pytest
import torch

from longtail.figures import Subject, named
from longtail.figures.weight_norms import class_weights
from longtail.heads import Cosine, Linear, Scaled
from longtail.recipes import ldam


@pytest.fixture(scope="module")
def drawn(subject):
    return named("weight-norms").of(subject, tau=0.5)


def test_norms_are_the_heads(subject, drawn):
    weight = subject.trained().net.head.weight.detach().double()
    norm = [float((row * row).sum()) ** 0.5 for row in weight]  # the classes are in order of their counts
    found = drawn.numbers["norms"]
    assert found["erm"] == pytest.approx(norm, rel=1e-5)
    assert found["tau-norm, tau 0.5"] == pytest.approx([n**0.5 for n in norm], rel=1e-5)
    assert list(found) == ["erm", "tau-norm, tau 0.5", "LWS", "weight decay x 10"]


def test_each_is_over_its_own_mean(drawn):
    for label, norm in drawn.numbers["norms"].items():
        assert drawn.numbers["relative"][label] == pytest.approx([3 * n / sum(norm) for n in norm])


def test_more_weight_decay_is_shorter_weights(drawn):
    norms = drawn.numbers["norms"]
    assert sum(norms["weight decay x 10"]) < sum(norms["erm"])


def test_scales_of_classes_count():
    head = Scaled(2, 2, inner=Linear(2, 2))
    with torch.no_grad():
        head.scale.copy_(torch.tensor([2.0, 0.5]))
    found = class_weights(head)
    assert torch.equal(found, head.inner.weight.detach() * torch.tensor([[2.0], [0.5]]))
    assert class_weights(Cosine(2, 2)) is None


def test_a_head_without_lengths_is_refused(subject):
    cosine = Subject(subject.rows, recipe=("ldam", ldam), backbone="mlp", epochs=1)
    with pytest.raises(ValueError, match="the head of ldam is a Cosine"):
        named("weight-norms").of(cosine)


def test_a_solved_head_has_chosen_its_decay(subject):
    drawn = named("weight-norms").of(Subject(subject.rows, epochs=1))
    assert "weight decay x 10" not in drawn.numbers["norms"]
    assert "its penalty is chosen" in drawn.caption


def test_two_classes_are_said_to_mirror(two):
    assert "mirror each other" in named("weight-norms").of(two).caption
