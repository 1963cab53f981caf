"""What the contrastive objectives are made of: views, the key encoder, the queue, and slow references of their terms."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail.losses import BalancedContrastive, CrossEntropy, PaCo, PrototypicalSupCon, SupCon
from longtail.net import Net
from longtail.objectives import (
    BalancedContrast,
    Hybrid,
    MomentumContrast,
    ParametricContrast,
    Rotation,
    info_nce,
)
from longtail.objectives._momentum import KeyEncoder, Queue
from longtail.objectives._views import encode, projector
from longtail.objectives.rotation import turned


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def net(d: int = 6, classes: int = 3) -> Net:
    torch.manual_seed(0)
    return Net(nn.Linear(4, d), nn.Linear(d, classes))


def batch(b: int = 8, views: int = 2):
    g = seeded()
    return tuple(torch.randn(b, 4, generator=g) for _ in range(views)), torch.arange(b) % 3


def test_a_stage_without_views_is_told_how_to_get_them():
    (x, _), y = batch()
    objectives = [
        (MomentumContrast(net(), 6, queue=8), [(x, y)]),
        (Hybrid(CrossEntropy(), SupCon(), 6, 3), [(x, y), (x, y)]),
        (ParametricContrast(PaCo(prior=(0.5, 0.3, 0.2)), net(), 6), [((x,), y)]),
        (BalancedContrast(CrossEntropy(), BalancedContrastive(), 6), [((x, x), y)]),
    ]
    for objective, streams in objectives:
        with pytest.raises(ValueError, match="views of each example"):
            objective(net(), streams, 0.0, seeded())


def test_views_pass_the_backbone_together_so_that_batchnorm_sees_them_all():
    views, _ = batch()
    norm = nn.BatchNorm1d(4).train()
    one, two = encode(norm, views)
    whole = torch.cat(views)
    assert torch.allclose(
        torch.cat([one, two]), (whole - whole.mean(0)) / (whole.var(0, False) + 1e-5).sqrt()
    )


def test_the_queue_keeps_the_last_keys_in_order():
    queue = Queue(5, 2)
    keys = F.normalize(torch.randn(9, 2), dim=1)
    queue.push(keys[:3], torch.tensor([0, 1, 2]))
    assert queue.labels.tolist() == [0, 1, 2, -1, -1]
    queue.push(keys[3:6], torch.tensor([3, 4, 5]))
    assert queue.labels.tolist() == [5, 1, 2, 3, 4]
    assert torch.equal(queue.keys[0], keys[5])
    queue.push(keys.repeat(2, 1), torch.arange(18))  # more than fit: the last remain
    assert sorted(queue.labels.tolist()) == [13, 14, 15, 16, 17]
    before, _ = queue.read()
    queue.push(keys[:1])
    assert not torch.equal(before, queue.keys)


def test_the_key_encoder_follows_slowly_and_is_not_trained():
    fast, project = nn.Linear(4, 6), projector(6, 6, 3)
    key = KeyEncoder(fast, project, 0.9)
    start = fast.weight.detach().clone()
    with torch.no_grad():
        fast.weight.add_(1.0)
    key.follow(fast, project)
    assert torch.allclose(key.backbone.weight, 0.9 * start + 0.1 * fast.weight)
    assert not any(p.requires_grad for p in key.parameters())
    assert not key(torch.randn(5, 4)).requires_grad


@pytest.mark.parametrize("bad", [{"momentum": 1.0}, {"queue": 0}, {"temperature": 0.0}])
def test_numbers_out_of_range_are_errors(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        MomentumContrast(net(), 6, **bad)


def test_info_nce_is_cross_entropy_of_the_own_key():
    q, k, n = (F.normalize(torch.randn(size, 5, generator=seeded(size)), dim=1) for size in (4, 4, 7))
    slow = [
        F.cross_entropy(torch.cat([(q[i] @ k[i])[None], n @ q[i]])[None] / 0.3, torch.tensor([0]))
        for i in range(4)
    ]
    assert torch.allclose(info_nce(q, k[:4], n, 0.3), torch.stack(slow).mean())


def test_momentum_contrast_compares_with_the_keys_before_this_batch():
    (one, two), y = batch()
    model, objective = net(), MomentumContrast(net(), 6, dim=5, queue=16)
    others = objective.queue.keys.clone()
    q = F.normalize(objective.project(model.backbone(one)), dim=1)
    k = F.normalize(objective.project(model.backbone(two)), dim=1)  # momentum: equal weights stay equal
    terms = objective(model, [((one, two), y)], 0.0, seeded())
    assert torch.allclose(terms["contrast"], info_nce(q, k, others, 0.2))
    assert torch.allclose(objective.queue.keys[:8], k.detach())


def test_rotation_turns_each_image_by_its_own_quarters():
    x = torch.randn(8, 3, 5, 5)
    quarters = torch.tensor([0, 1, 2, 3, 3, 2, 1, 0])
    got = turned(x, quarters)
    assert all(torch.equal(got[i], torch.rot90(x[i], int(quarters[i]), (1, 2))) for i in range(8))


def test_rotation_shows_each_quarter_equally_often():
    seen = []

    class Looks(nn.Module):
        def forward(self, x):
            seen.append(x)
            return x.flatten(1)[:, :4]

    x = torch.arange(25.0).reshape(1, 1, 5, 5).expand(12, 3, 5, 5)
    model = Net(Looks(), nn.Linear(4, 3))
    Rotation(4)(model, [(x, torch.zeros(12, dtype=torch.int64))], 0.0, seeded())
    corner = seen[0][:, 0, 0, 0].tolist()
    assert sorted(corner) == sorted([0.0, 4.0, 20.0, 24.0] * 3)


@pytest.mark.parametrize("x", [torch.zeros(4, 7), torch.zeros(4, 3, 8, 6)])
def test_rotation_says_that_it_needs_square_images(x):
    with pytest.raises(ValueError, match="square images"):
        turned(x, torch.zeros(4, dtype=torch.int64))


def test_hybrid_is_contrast_at_first_and_classes_in_the_end():
    (views, y), model = batch(), net()
    streams = [(views, y), (views, y)]
    objective = Hybrid(CrossEntropy(), SupCon(temperature=0.2), 6, 3, dim=5)
    first, last = (objective(model, streams, t, seeded()) for t in (0.0, 1.0))
    z = torch.stack([F.normalize(objective.project(model.backbone(v)), dim=1) for v in views], 1)
    assert torch.allclose(first["contrast"], SupCon(temperature=0.2)(z, y))
    assert first["classes"].item() == last["contrast"].item() == 0
    assert torch.allclose(last["classes"], F.cross_entropy(model(views[0]), y))
    with pytest.raises(ValueError, match="two streams"):
        objective(model, streams[:1], 0.0, seeded())


def largest_saved(contrast, prototypes: bool, b: int) -> int:
    """The largest tensor that the backward pass of the contrast has to keep."""
    sizes, (views, y) = [], batch(b)
    objective = Hybrid(CrossEntropy(), contrast, 6, 3, dim=5, prototypes=prototypes)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        objective(net(), [(views, y), (views, y)], 0.5, seeded())
    return max(sizes)


def test_with_prototypes_memory_does_not_grow_with_the_batch_squared():
    with_batch = [largest_saved(SupCon(), False, b) for b in (64, 128)]
    with_prototypes = [largest_saved(PrototypicalSupCon(), True, b) for b in (64, 128)]
    assert with_batch[1] == 4 * with_batch[0]
    assert with_prototypes[1] == 2 * with_prototypes[0] < with_batch[1]


def test_parametric_contrast_is_the_loss_on_queries_keys_and_queue():
    (one, two), y = batch()
    model, loss = net(), PaCo(prior=(0.5, 0.3, 0.2), temperature=0.1)
    objective = ParametricContrast(loss, model, 6, dim=5, queue=4)
    objective.queue.labels.copy_(torch.tensor([0, 1, 2, 2]))
    kept = objective.queue.keys.clone()
    twin = copy.deepcopy(objective)
    f = model.backbone(one)
    q = F.normalize(twin.project(f), dim=1)
    k = F.normalize(twin.key.project(model.backbone(two)), dim=1)
    expected = loss(torch.cat([q, k, kept]), torch.cat([y, y, torch.tensor([0, 1, 2, 2])]), model.head(f))
    assert torch.allclose(objective(model, [((one, two), y)], 0.0, seeded())["loss"], expected)
    assert objective.queue.labels.tolist() == y[-4:].tolist()


def test_balanced_contrast_is_both_losses_with_prototypes_of_the_head():
    views, y = batch(views=3)
    model, contrast = net(), BalancedContrastive(temperature=0.1)
    objective = BalancedContrast(CrossEntropy(), contrast, 6, weight=0.7, dim=5)
    twin = copy.deepcopy(objective)
    got = objective(model, [(views, y)], 0.0, seeded())
    v = F.normalize(twin.project(torch.cat([model.backbone(x) for x in views[1:]])), dim=1)
    centers = F.normalize(twin.prototype(model.head.weight), dim=1)
    expected = contrast(torch.stack([v[:8], v[8:]], 1), y, centers)
    assert torch.allclose(got["contrast"], 0.7 * expected)
    assert torch.allclose(got["classes"], F.cross_entropy(model(views[0]), y))


def test_balanced_contrast_needs_a_head_with_a_weight_a_class():
    class NoWeight(nn.Module):
        in_features, out_features = 6, 3

    model = Net(nn.Linear(4, 6), NoWeight())
    views, y = batch(views=3)
    with pytest.raises(ValueError, match="NoWeight has none"):
        BalancedContrast(CrossEntropy(), BalancedContrastive(), 6)(model, [(views, y)], 0.0, seeded())
