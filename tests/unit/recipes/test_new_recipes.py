"""What recipes set that their parts' own tests do not see."""

import warnings

import pytest
import torch

from longtail import recipes
from longtail.api import train
from longtail.comparison.plan import Plan
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.losses import CrossEntropy, InfluenceBalanced
from longtail.part import at
from longtail.testing.recipe import toy, toy_net, toy_stage


def dataset(counts):
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return Dataset.of("toy", "embedding", torch.randn(len(y), 3), Labels.of(y))


def test_a_plan_says_that_no_class_is_rare():
    names = {n: getattr(recipes, n.replace("-", "_")) for n in ("erm", "eql", "softmax-eql")}
    said = Plan(dataset((30, 30)), tuple(names.items())).remarks
    assert [line.split(":")[0] for line in said] == ["eql", "softmax-eql"]
    assert all("no class is rare here" in line for line in said)
    assert Plan(dataset((100, 5)), tuple(names.items())).remarks == ()


def test_training_says_it_once_and_before_it_begins(monkeypatch):
    def stop(*_):
        raise InterruptedError

    monkeypatch.setattr("longtail.api.training.try_backbone", stop)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(InterruptedError):
            train(dataset((30, 30)), recipe="eql")
    assert len([w for w in heard if "no class is rare here" in str(w.message)]) == 1


def test_influence_balanced_changes_its_loss_half_way():
    stage = recipes.influence_balanced(toy_stage()).stages[0]
    assert at(stage.loss, 0.4).target is CrossEntropy
    late = at(stage.loss, 0.5)
    assert late.target is InfluenceBalanced
    data, net = toy(), toy_net()
    loss = late.build(counts=data.labels.counts)
    objective = stage.objective.build(loss=loss)
    x, y = data.source.whole()[:50], data.labels.y[:50]
    found = objective(net, [(x, y)], 0.9, torch.Generator())["loss"]
    assert torch.equal(found, loss(net(x), y, net.backbone(x)))


def test_gpaco_has_both_views_as_anchors_and_keeps_the_second():
    seen = {}

    def loss(embeddings, labels, logits):
        seen.update(n=len(embeddings), labels=labels, anchors=len(logits))
        return embeddings.sum()

    part = recipes.gpaco(toy_stage(), queue=6, dim=4).stages[0].objective
    objective = part.build(loss=loss, feature_dim=8)
    x, y = torch.randn(5, 2), torch.tensor([0, 1, 2, 0, 1])
    objective(toy_net(), [((x, x + 1), y)], 0.0, torch.Generator())
    assert (seen["n"], seen["anchors"]) == (5 + 5 + 6, 10)
    assert seen["labels"][:10].tolist() == [*y.tolist(), *y.tolist()]
    assert objective.queue.labels.tolist() == [*y.tolist(), -1]
    two = objective.project(toy_net().backbone(x + 1))
    torch.testing.assert_close(objective.queue.keys[:5], torch.nn.functional.normalize(two, dim=1).detach())


def test_class_costs_of_the_user_take_the_place_of_the_counts():
    by_count = recipes.cost_sensitive(toy_stage()).stages[0].loss.build(counts=torch.tensor([8, 4, 2]))
    assert by_count.weight.tolist() == [0.25, 0.5, 1.0]
    own = (
        recipes.cost_sensitive(toy_stage(), costs=(1, 5, 20))
        .stages[0]
        .loss.build(counts=torch.tensor([8, 4, 2]))
    )
    assert own.weight.tolist() == [1.0, 5.0, 20.0]


def test_repeat_factors_start_at_the_average_class():
    labels = Labels.of([0] * 80 + [1] * 15 + [2] * 5)
    sampler = recipes.repeat_factor_sampling(toy_stage()).stages[0].streams[0].build()
    share = torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64)
    assert torch.allclose(sampler.factors(labels)[[0, 80, 95]], (1 / 3 / share).sqrt().clamp(min=1))
    with pytest.raises(ValueError, match="threshold=None"):
        type(sampler)(threshold=None, categories=[[0], [1]])


@pytest.mark.parametrize("name", ["mixup", "remix", "mamix"])
def test_deferred_mixing_mixes_to_the_end_and_weighs_late(name):
    plain = getattr(recipes, name)(toy_stage()).stages[0]
    stage = getattr(recipes, f"{name}_drw")(toy_stage()).stages[0]
    assert stage.mix == plain.mix
    assert at(stage.loss, 0.79) == plain.loss
    assert at(stage.loss, 0.8)["normalizer"] == "batch"
