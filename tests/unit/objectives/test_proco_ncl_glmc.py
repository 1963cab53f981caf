"""ProCo's closed form against simulation, NCL's mutual term against loops, GLMC's mixtures; pseudo-labels."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail import recipes
from longtail.heads import Cosine
from longtail.losses import CrossEntropy, LogitAdjusted
from longtail.net import Net
from longtail.objectives import (
    GlobalLocalMixture,
    NestedCollaborative,
    NestedContrast,
    ProbabilisticContrast,
    PseudoLabelled,
    proco_logits,
)
from longtail.objectives.global_local_mixture import cut
from longtail.objectives.nested_collaborative import mutual
from longtail.objectives.probabilistic_contrast import log_bessel
from longtail.run import run_stage, train_stages
from longtail.surgery import ResetHead
from longtail.testing.recipe import toy, toy_net, toy_stage

COUNTS = torch.tensor([50, 20, 5])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def net(d: int = 6) -> Net:
    torch.manual_seed(0)
    return Net(nn.Linear(4, d), nn.Linear(d, 3))


def test_log_bessel_is_scipy_s():
    special = pytest.importorskip("scipy.special")
    for nu, close in ((63.0, 3e-9), (31.0, 5e-8), (3.0, 5e-4)):
        x = np.geomspace(1.0, 1e5, 200)
        slow = np.log(special.ive(nu, x)) + x - nu * np.log(x)
        fast = log_bessel(torch.tensor(x), nu).numpy()
        known = np.isfinite(slow)
        assert np.abs(np.diff((fast - slow)[known])).max() < close


def test_proco_logits_are_the_log_mean_exponential_of_similarities():
    """``log E exp(v x / T)``, x from the class's von Mises-Fisher distribution: weighted uniform draws on the sphere."""
    p, temperature = 6, 0.8
    v = F.normalize(torch.randn(4, p, generator=seeded(1), dtype=torch.float64), dim=1)
    mean = 0.5 * F.normalize(torch.randn(3, p, generator=seeded(2), dtype=torch.float64), dim=1)
    r = mean.norm(dim=1)
    kappa = p * r / (1 - r**2)
    x = F.normalize(torch.randn(400_000, p, generator=seeded(3), dtype=torch.float64), dim=1)
    density = (x @ (F.normalize(mean, dim=1) * kappa[:, None]).T).exp()  # [N, C]
    slow = ((x @ v.T / temperature).exp().T @ density / density.sum(0)).log()
    assert torch.allclose(proco_logits(v, mean, temperature), slow, atol=0.02)


def test_proco_logits_have_finite_gradients_at_the_ends():
    v = F.normalize(torch.randn(2, 8), dim=1).requires_grad_()
    mean = torch.zeros(3, 8)
    mean[0, 0] = 1.0  # all examples in one point; and a class without a direction
    mean[1, 1] = 0.999999
    z = proco_logits(v, mean, 0.1)
    assert z.isfinite().all()
    (gradient,) = torch.autograd.grad(z.sum(), v)
    assert gradient.isfinite().all()


def test_proco_counts_the_last_pass_and_this_one():
    y = torch.tensor([0, 0, 1])
    objective = ProbabilisticContrast(CrossEntropy(), 6, 3, torch.tensor([4, 2, 0]), dim=4)
    start = objective.start[:, :-1]
    a, b, c = (
        F.normalize(torch.randn(3, 4, generator=seeded(k), dtype=torch.float64), dim=1) for k in (1, 2, 3)
    )

    def means():
        return objective.sums[0, :, :-1] / objective.sums[0, :, -1:]

    objective._count(a, y, 3)
    assert torch.allclose(means()[0], a[:2].mean(0))  # the first examples replace the random direction
    assert torch.equal(means()[2], start[2])
    assert int(objective.seen) == 3
    objective._count(b, y, 3)  # six of six: the pass is over
    both = torch.cat([a, b])
    assert torch.allclose(means()[0], both[[0, 1, 3, 4]].mean(0))
    assert int(objective.seen) == 0
    assert bool((objective.sums[1] == 0).all())
    objective._count(c, y, 3)  # the last pass and this one
    assert torch.allclose(means()[1], torch.stack([a[2], b[2], c[2]]).mean(0))


def test_proco_is_the_adjusted_loss_of_head_and_contrast():
    g, y = seeded(), torch.tensor([0, 1, 2, 0])
    views = tuple(torch.randn(4, 4, generator=g) for _ in range(3))
    loss, model = LogitAdjusted(prior=(0.7, 0.2, 0.1)), net()
    objective = ProbabilisticContrast(loss, 6, 3, COUNTS, weight=0.5, dim=8)
    twin = copy.deepcopy(objective)
    got = objective(model, [(views, y)], 0.0, g)
    v = F.normalize(twin.project(torch.cat([model.backbone(x) for x in views[1:]])), dim=1)
    z = proco_logits(v, twin.start[:, :-1], 0.1).float()
    assert torch.allclose(got["contrast"], 0.5 * (loss(z[:4], y) + loss(z[4:], y)) / 2, rtol=1e-4)
    assert torch.allclose(got["classes"], loss(model(views[0]), y))


def test_mutual_is_the_mean_divergence_over_pairs():
    z = torch.randn(3, 5, 4, generator=seeded(), dtype=torch.float64)
    log_p = z.log_softmax(-1)
    slow = sum(
        F.kl_div(log_p[i], log_p[j], log_target=True, reduction="batchmean")
        for i in range(3) for j in range(3) if i != j
    )  # fmt: skip
    assert torch.allclose(mutual(z), slow / 2)


def test_ncl_sums_each_net_s_losses_on_all_and_on_hard_classes():
    x, y = torch.randn(6, 4, generator=seeded()), torch.tensor([0, 1, 2, 0, 1, 2])
    model = net()
    objective = NestedCollaborative(model, COUNTS, nets=2, hard=0.6, weight=0.5)
    got = objective(model, [(x, y)], 0.0, seeded())
    raw = [model(x), objective.peers[0](x)]
    assert not torch.equal(raw[0], raw[1])  # the peers start from weights of their own
    z = [r + COUNTS.float().log() for r in raw]
    assert torch.allclose(got["all"], sum(F.cross_entropy(k, y) for k in z))
    hard = 0.0
    for k in z:
        for i in range(6):
            rest = [c for c in raw[0][i].argsort(descending=True).tolist() if c != int(y[i])]
            kept = torch.tensor([int(y[i]), rest[0]])  # two of three classes
            hard += F.cross_entropy(k[i, kept][None], torch.tensor([0])) / 6
    assert torch.allclose(got["hard"], hard)


def test_ncl_peers_are_of_the_net_s_own_kind():
    model = Net(nn.Sequential(nn.Linear(4, 6), nn.ReLU()), Cosine(6, 3, scale=8.0))
    peer = NestedCollaborative(model, COUNTS).peers[1]
    assert isinstance(peer.head, Cosine)
    assert peer.head.fixed_scale == 8.0
    assert not torch.equal(peer.backbone[0].weight, model.backbone[0].weight)
    with pytest.raises(ValueError, match="nets=1"):
        NestedCollaborative(model, COUNTS, nets=1)


def contrasted(**settings):
    torch.manual_seed(3)
    return NestedContrast(net(), COUNTS, 6, nets=2, dim=4, queue=8, **settings)


def test_ncl_contrast_is_ncl_and_a_contrast_of_each_net():
    one, two = (torch.randn(5, 4, generator=seeded(k)) for k in (1, 2))
    y, model = torch.tensor([0, 1, 2, 0, 1]), net()
    objective = contrasted(weight=0.5, temperature=0.3, momentum=0.9)
    before = copy.deepcopy(objective)
    terms = objective(model, [((one, two), y)], 0.0, seeded())
    plain = objective.nested(model, [(one, y)], 0.0, seeded())
    assert all(torch.allclose(terms[name], value) for name, value in plain.items())
    total = 0.0
    for k, own in enumerate((model, objective.nested.peers[0])):
        slow_net = before.key[k].backbone  # begins where the net does, so the first step does not move it
        assert torch.allclose(slow_net.weight, own.backbone.weight)
        q = F.normalize(before.project[k](own.backbone(one)), dim=1)
        key = F.normalize(before.project[k](own.backbone(two)), dim=1)
        for i in range(5):
            own_key = (q[i] @ key[i]).item() / 0.3
            others = [(q[i] @ v).item() / 0.3 for v in before.queue[k].keys]
            total += torch.tensor([own_key, *others]).logsumexp(0).item() - own_key
    assert terms["contrast"].item() == pytest.approx(0.5 * total / 5, rel=1e-4)
    for mine, then in zip(objective.queue, before.queue):
        assert not torch.equal(mine.keys[:5], then.keys[:5])
        assert torch.equal(mine.keys[5:], then.keys[5:])


def test_ncl_contrast_keys_follow_their_own_net():
    objective, model = contrasted(momentum=0.0), net()
    with torch.no_grad():
        objective.nested.peers[0].backbone.weight.fill_(0.25)
    views = tuple(torch.randn(5, 4, generator=seeded(k)) for k in (1, 2))
    objective(model, [(views, torch.tensor([0, 1, 2, 0, 1]))], 0.0, seeded())
    assert torch.allclose(objective.key[0].backbone.weight, model.backbone.weight)
    assert torch.allclose(objective.key[1].backbone.weight, torch.tensor(0.25))


def test_ncl_contrast_of_no_weight_is_ncl():
    views = tuple(torch.randn(5, 4, generator=seeded(k)) for k in (1, 2))
    objective, model, y = contrasted(weight=0.0), net(), torch.tensor([0, 1, 2, 0, 1])
    found = objective(model, [(views, y)], 0.0, seeded())
    plain = objective.nested(model, [(views[0], y)], 0.0, seeded())
    assert torch.equal(sum(found.values()), sum(plain.values()))
    with pytest.raises(ValueError, match="temperature=0"):
        contrasted(temperature=0)


@pytest.mark.parametrize("shape", [(3, 2, 16, 16), (3, 40)])
def test_cut_takes_the_share_it_says(shape):
    x, other = torch.zeros(shape), torch.ones(shape)
    for seed in range(5):
        got, share = cut(x, other, torch.tensor(0.7), seeded(seed))
        assert torch.allclose(1 - got.mean(), share, atol=1e-6)
    full, share = cut(x, other, torch.tensor(1.0), seeded())
    assert float(share) == 1
    assert torch.equal(full, x)


def test_glmc_moves_from_the_plain_to_the_weighted_head():
    g, model = seeded(), net()
    streams = [(torch.randn(4, 4, generator=g), torch.tensor([0, 1, 2, 0])) for _ in range(2)]
    objective = GlobalLocalMixture(6, 3, COUNTS, weight=0.0)
    first, last = (objective(model, streams, t, seeded(1)) for t in (0.0, 1.0))
    assert first["weighted"].item() == last["plain"].item() == first["consistency"].item() == 0
    w = COUNTS.double() ** -1.2
    w = (3 * w / w.sum()).float()
    lam = torch.rand((), generator=seeded(1))
    x = lam * streams[0][0] + (1 - lam) * streams[1][0]
    log_p, y = model(x).log_softmax(-1), streams[0][1]
    mixed = -(w[y] * log_p[torch.arange(4), y]).mean()  # both streams have the same labels here
    part, _ = cut(streams[0][0], streams[1][0], lam, _after_one_draw(seeded(1)))
    cut_ = -(w[y] * model(part).log_softmax(-1)[torch.arange(4), y]).mean()
    assert torch.allclose(last["weighted"], mixed + cut_, rtol=1e-5)


def _after_one_draw(g: torch.Generator) -> torch.Generator:
    torch.rand((), generator=g)
    return g


class Says(nn.Module):
    """A teacher whose label is the sign of the first column."""

    def forward(self, x):
        return torch.stack([-x[:, 0], x[:, 0], torch.full((len(x),), -9.0)], 1)


def test_pseudo_labels_are_the_teacher_s_and_drawn_as_asked():
    x = torch.cat([torch.full((90, 4), -1.0), torch.full((10, 4), 1.0)])
    objective = PseudoLabelled(CrossEntropy(), (Says(),), x, 3)
    assert objective.labels.tolist() == [0] * 90 + [1] * 10
    assert 0.05 < float(objective.labels[objective.draw(4000, seeded())].float().mean()) < 0.15
    even = PseudoLabelled(CrossEntropy(), (Says(),), x, 3, power=0.0)
    assert 0.45 < float(even.labels[even.draw(4000, seeded())].float().mean()) < 0.55


def test_pseudo_labels_of_weight_zero_are_ordinary_training():
    x, y, model = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2]), net()
    terms = PseudoLabelled(CrossEntropy(), (Says(),), x, 3, weight=0.0)(model, [(x, y)], 0.0, seeded())
    assert torch.allclose(sum(terms.values()), F.cross_entropy(model(x), y))


def test_pseudo_labels_without_rows_or_teachers_say_what_to_give():
    with pytest.raises(ValueError, match="--unlabelled FILE"):
        PseudoLabelled(CrossEntropy(), (Says(),), None, 3)
    with pytest.raises(ValueError, match="teachers"):
        PseudoLabelled(CrossEntropy(), (), torch.zeros(3, 4), 3)
    with pytest.raises(ValueError, match="--unlabelled FILE"):
        train_stages(recipes.pseudo_labels(toy_stage(1)), toy_net(), replace(toy(), unlabelled=None))


def test_a_recipe_after_pre_training_starts_its_head_fresh():
    base = toy_stage(2)
    made = recipes.ssp_moco(base, then=recipes.logit_adjustment)
    plain = recipes.logit_adjustment(base)
    assert made.stages[0].trains == ("backbone.*",)
    assert made.stages[1].surgery[0].target is ResetHead
    assert made.finish == plain.finish
    net, _ = run_stage(toy_net(), made.stages[0], toy(), key="k")
    assert torch.equal(net.head.weight, toy_net().head.weight)
    assert not torch.equal(net.backbone[0].weight, toy_net().backbone[0].weight)
