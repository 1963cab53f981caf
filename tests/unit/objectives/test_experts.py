"""Objectives of several nets or classifiers, each against a slow reference written from the papers' formulas."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail.heads import Experts
from longtail.labels import Labels
from longtail.losses import RIDE, CrossEntropy, DiVE, ride
from longtail.net import Net
from longtail.objectives import Distilled, DistilledExperts, Diverse, Routing, SelfPaced, Skilled
from longtail.objectives.routing import would_help
from longtail.part import part
from longtail.recipes import lfme, ride_distilled, sade
from longtail.recipes import ride as recipe_of_ride
from longtail.run.prior import stages_prior
from longtail.samplers import ClassBalanced
from longtail.surgery import AddExperts, AddRouters
from longtail.testing.recipe import toy_stage
from longtail.weights import expert_priors

COUNTS = (40, 9, 20, 3, 6, 2)  # not in order of size


def net(classes=6, dim=5, seed=0) -> Net:
    torch.manual_seed(seed)
    return Net(nn.Sequential(nn.Linear(4, dim), nn.Tanh()), nn.Linear(dim, classes))


def batch(n=12, classes=6, seed=1):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4, generator=g), torch.randint(classes, (n,), generator=g)


def draw():
    return torch.Generator().manual_seed(0)


# SADE


def test_skilled_is_three_cross_entropies():
    x, y = batch()
    experts = AddExperts(3)(net())
    terms = Skilled(CrossEntropy(), torch.tensor(COUNTS), tau=2.0)(experts, [(x, y)], 0.3, draw())
    z = experts.head.each(experts.backbone(x))
    pi = [n / sum(COUNTS) for n in COUNTS]
    place = {c: k for k, c in enumerate(sorted(range(6), key=lambda c: -pi[c]))}
    inverse = [sorted(pi)[place[c]] for c in range(6)]  # the rarest class gets the largest value
    for k, shift in enumerate(
        (
            [0.0] * 6,
            [math.log(p) for p in pi],
            [math.log(p) - 2 * math.log(q) for p, q in zip(pi, inverse)],
        )
    ):
        loss = 0.0
        for i in range(len(x)):
            row = [float(z.detach()[i, k, c]) + shift[c] for c in range(6)]
            loss += math.log(sum(math.exp(v) for v in row)) - row[int(y[i])]
        assert terms[("forward", "uniform", "backward")[k]].item() == pytest.approx(loss / len(x), rel=1e-5)


def test_experts_of_equal_classes_assume_the_uniform_prior_and_tau_zero_is_balanced():
    assert torch.allclose(expert_priors([7, 7, 7]), torch.full((3, 3), 1 / 3, dtype=torch.float64))
    natural, uniform, backward = expert_priors(COUNTS, tau=0.0)
    assert torch.allclose(backward, uniform)
    assert torch.allclose(natural, torch.tensor(COUNTS, dtype=torch.float64) / sum(COUNTS))
    swapped = expert_priors([COUNTS[c] for c in (3, 1, 2, 0, 4, 5)])
    assert torch.allclose(swapped, expert_priors(COUNTS)[:, [3, 1, 2, 0, 4, 5]])  # relabelling
    assert torch.allclose(expert_priors([5, 5, 1])[2, 0], expert_priors([5, 5, 1])[2, 1])


def test_skilled_claims_a_prior_only_where_it_has_one():
    labels, base = Labels.of([0] * 6 + [1] * 3 + [2]), toy_stage(2)
    expected = expert_priors(labels.counts).log().mean(0).softmax(0)
    assert torch.equal(stages_prior(sade(base).stages, labels), expected)
    assert stages_prior(sade(base.but(streams=(part(ClassBalanced),))).stages, labels) is None
    assert stages_prior(sade(base.but(loss=part(CrossEntropy, label_smoothing=0.1))).stages, labels) is None
    made = Skilled(CrossEntropy(), labels.counts)
    assert torch.equal(made.assumes(labels.prior), expected)
    assert made.assumes(torch.full((3,), 1 / 3)) is None


def test_skilled_says_what_it_lacks():
    x, y = batch()
    with pytest.raises(ValueError, match="three experts, and the net has 2"):
        Skilled(CrossEntropy(), torch.tensor(COUNTS))(AddExperts(2)(net()), [(x, y)], 0.0, draw())
    with pytest.raises(TypeError, match="AddExperts"):
        Skilled(CrossEntropy(), torch.tensor(COUNTS))(net(), [(x, y)], 0.0, draw())
    with pytest.raises(ValueError, match="tau=-1"):
        Skilled(CrossEntropy(), torch.tensor(COUNTS), tau=-1)


# RIDE


def test_diverse_gives_the_loss_every_expert():
    x, y = batch()
    experts = AddExperts(4)(net())
    found = Diverse(RIDE(torch.tensor(COUNTS)))(experts, [(x, y)], 0.0, draw())["loss"]
    z = torch.stack(
        [c(b(experts.backbone(x))) for b, c in zip(experts.head.branches, experts.head.classifiers)], 1
    )
    assert torch.allclose(found, ride(z, y, torch.tensor(COUNTS)))


def test_distilled_experts_add_the_divergence_of_the_means():
    x, y = batch()
    student, teacher = AddExperts(3)(net()), AddExperts(6)(net(seed=5)).eval()
    loss = RIDE(torch.tensor(COUNTS))
    terms = DistilledExperts(loss, (teacher,), weight=0.7, temperature=1.5)(student, [(x, y)], 0.0, draw())
    z = student.head.each(student.backbone(x))
    taught = teacher.head.each(teacher.backbone(x)).mean(1)
    assert torch.allclose(terms["loss"], loss(z, y))
    total = 0.0
    for own, given in zip(z.mean(1).tolist(), taught.tolist()):
        p, q = ([math.exp(v / 1.5) for v in row] for row in (own, given))
        p, q = ([v / sum(row) for v in row] for row in (p, q))
        total += sum(b * math.log(b / a) for a, b in zip(p, q))
    assert terms["distilled"].item() == pytest.approx(0.7 * 1.5**2 * total / len(x), rel=1e-4)
    (gradient,) = torch.autograd.grad(terms["distilled"], student.head.classifiers[0].weight)
    assert bool((gradient != 0).any())


def test_distilled_experts_of_no_weight_are_ride():
    x, y = batch()
    student, teacher = AddExperts(3)(net()), AddExperts(6)(net(seed=5)).eval()
    loss = RIDE(torch.tensor(COUNTS))
    found = DistilledExperts(loss, (teacher,), weight=0.0)(student, [(x, y)], 0.0, draw())
    assert torch.equal(sum(found.values()), Diverse(loss)(student, [(x, y)], 0.0, draw())["loss"])
    with pytest.raises(ValueError, match="needs one teacher and has 0"):
        DistilledExperts(loss, ())
    with pytest.raises(ValueError, match="temperature=0"):
        DistilledExperts(loss, (teacher,), temperature=0)


def test_ride_distilled_is_ride_with_a_teacher():
    base = toy_stage(40)
    made, plain = ride_distilled(base), recipe_of_ride(base)
    assert made.stages[1:] == plain.stages[1:]
    assert made.stages[0].but(objective=plain.stages[0].objective) == plain.stages[0]
    (teacher,) = made.teachers
    assert teacher.stages == recipe_of_ride(base, experts=6, routed=False).stages


def test_would_help_is_the_authors_rule():
    g = torch.Generator().manual_seed(3)
    means, y = torch.randn(50, 4, 3, generator=g), torch.randint(3, (50,), generator=g)
    found = would_help(means, y)
    for i in range(50):
        right = [int(means[i, k].argmax()) == int(y[i]) for k in range(4)]
        for k in range(3):
            assert bool(found[i, k]) == (not right[k] and any(right[k + 1 :]))


def test_routing_is_weighted_bce_and_moves_the_router_alone():
    x, y = batch(400)
    routed = AddRouters(top=3, hidden=4)(AddExperts(3)(net()))
    for name, p in routed.named_parameters():
        p.requires_grad_(name.startswith(("head.looks", "head.decide")))
    found = Routing(positive=7.0)(routed, [(x, y)], 0.0, draw())["routing"]
    f = routed.backbone(x)
    total, means, owns = 0, [], []
    for branch, classifier in zip(routed.head.inner.branches, routed.head.inner.classifiers):
        owns.append(branch(f))
        total = total + classifier(owns[-1])
        means.append(total / len(owns))
    losses = []
    for k in range(2):
        look = torch.relu(routed.head.looks[k](owns[k] / owns[k].norm(dim=1, keepdim=True).clamp_min(1e-12)))
        r = routed.head.decide(torch.cat([means[k].sort(1, descending=True).values[:, :3], look], 1))[:, 0]
        right = torch.stack([m.argmax(1) == y for m in means])
        target = ~right[k] & right[k + 1 :].any(0)
        assert target.any()
        losses.append(-(7.0 * target * F.logsigmoid(r) + ~target * F.logsigmoid(-r)).mean())
    assert torch.allclose(found, (losses[0] + losses[1]) / 2, atol=1e-6)
    found.backward()
    assert all((p.grad is not None) == p.requires_grad for p in routed.parameters())


def test_routing_says_what_it_lacks():
    with pytest.raises(TypeError, match="AddRouters"):
        Routing()(net(), [batch()], 0.0, draw())
    with pytest.raises(ValueError, match="positive=0"):
        Routing(0)


# DiVE


def test_distilled_is_the_loss_of_the_teacher_s_logits():
    x, y = batch()
    student, teacher, n = net(), net(seed=5).eval(), torch.tensor(COUNTS)
    loss = DiVE(n, alpha=0.4, temperature=3.0, power=0.5)
    found = Distilled(loss, (teacher,))(student, [(x, y)], 0.0, draw())["loss"]
    assert torch.allclose(found, loss(student(x), y, teacher(x)))
    found.backward()
    assert all(p.grad is None for p in teacher.parameters())
    assert list(Distilled(loss, (teacher,)).parameters()) == []
    with pytest.raises(ValueError, match="one teacher and has 0"):
        Distilled(loss, ())


# LFME

LABELS = Labels.of(torch.repeat_interleave(torch.arange(6), torch.tensor(COUNTS)))
INPUTS = torch.randn(len(LABELS), 4, generator=torch.Generator().manual_seed(9))


def embed(of):
    with torch.no_grad():
        was = of.training
        features = of.eval().backbone(INPUTS)
        of.train(was)
        return features, LABELS.y


def paced(**changes):
    teachers = tuple(net(seed=k).eval() for k in (11, 12, 13))
    given = {"epochs": 4, "temperature": 2.0, "threshold": 0.3, **changes}
    return SelfPaced(CrossEntropy(), teachers, LABELS.counts, embed, **given), teachers


def slow_lfme(student, teachers, x, y, t, weighs="loss"):
    """The sheet's formulas, one example at a time."""
    groups = [[0, 2], [1, 4], [3, 5]]  # 40 20 | 9 6 | 3 2
    mean = [30.0, 7.5, 2.5]
    start = [2.5 / m for m in mean]
    group_of = {c: g for g, members in enumerate(groups) for c in members}

    def expert_probability(xi, c):
        members = groups[group_of[c]]
        z = teachers[group_of[c]](xi[None])[0].detach()
        return float(z[members].softmax(0)[members.index(c)])

    def prediction(g, xi):
        z = teachers[g](xi[None])[0].detach()
        return max(groups[g], key=lambda c: float(z[c]))

    seen = {
        c: [expert_probability(INPUTS[i], c) for i in range(len(INPUTS)) if int(LABELS.y[i]) == c]
        for c in range(6)
    }
    weights = []
    for g, members in enumerate(groups):
        rows = [i for i in range(len(INPUTS)) if int(LABELS.y[i]) in members]
        a_e = sum(prediction(g, INPUTS[i]) == int(LABELS.y[i]) for i in rows) / len(rows)
        a_s = sum(int(student(INPUTS[i][None]).argmax()) == int(LABELS.y[i]) for i in rows) / len(rows)
        weights.append(1.0 if a_s < 0.3 * a_e else max(0.0, (a_e - a_s) / (a_e * 0.7)))
    hard, soft = [], [[], [], []]
    for xi, yi in zip(x, y):
        c = int(yi)
        low, high, t_g = min(seen[c]), max(seen[c]), start[group_of[c]]
        scaled = (expert_probability(xi, c) - low) / (high - low)
        v = t_g + (1 - t_g) * min(max(scaled, 0.0), 1.0)
        u = v + (1 - v) * min(1.0, 2 * t)
        z = student(xi[None])[0] * (u if weighs == "logits" else 1.0)
        ce = -z.log_softmax(0)[c]
        hard.append(ce if weighs == "logits" else u * ce)
        for g, members in enumerate(groups):
            q = (teachers[g](xi[None])[0][members] / 2).softmax(0)
            soft[g].append((q * (q.log() - (z[members] / 2).log_softmax(0))).sum())
    return {"student": torch.stack(hard).mean()} | {
        f"expert {g}": weights[g] * torch.stack(soft[g]).mean() for g in range(3)
    }


@pytest.mark.parametrize("weighs", ["loss", "logits"])
def test_self_paced_is_the_slow_reference(weighs):
    x, y = batch(9)
    student = net(seed=2)
    objective, teachers = paced(weighs=weighs)
    found = objective(student, [(x, y)], 0.3, draw())
    expected = slow_lfme(student, teachers, x, y, 0.3, weighs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(found[name], value, atol=1e-5), name
    assert len({round(float(w), 4) for w in objective.pace}) > 1  # the case has unequal weights


def test_the_experts_weights_are_set_anew_once_an_epoch_and_modes_stay():
    calls = []
    objective, _ = paced()
    whole = objective.student_accuracy
    objective.student_accuracy = lambda of: calls.append(1) or whole(of)
    student = net().train()
    student.backbone[1].eval()
    for t in (0.0, 0.1, 0.24, 0.25, 0.3, 0.99):
        objective(student, [batch()], t, draw())
    assert len(calls) == 3
    assert student.training
    assert not student.backbone[1].training


def test_its_state_is_saved_and_restored():
    objective, _ = paced()
    objective(net(), [batch()], 0.3, draw())
    objective.pace.copy_(torch.tensor([0.1, 0.2, 0.3]))
    again, _ = paced()
    again.load_state_dict(objective.state_dict())
    assert again.part_of_stage == 1
    again(net(seed=4), [batch()], 0.3, draw())  # the same part of the stage: the weights stay
    assert torch.allclose(again.pace, torch.tensor([0.1, 0.2, 0.3]))
    again(net(seed=4), [batch()], 0.6, draw())
    assert not torch.allclose(again.pace, torch.tensor([0.1, 0.2, 0.3]))


def test_self_paced_says_what_does_not_fit():
    with pytest.raises(ValueError, match="groups of \\[0, 3, 3\\] classes"):
        paced(shots=(50, 7))
    with pytest.raises(ValueError, match="weighs='both'"):
        paced(weighs="both")
    with pytest.raises(ValueError, match="temperature=0"):
        paced(temperature=0)
    objective, _ = paced(shots=(15, 5))
    assert objective.group_1.tolist() == [1, 4]


def test_lfme_by_shots_names_the_published_groups():
    made = lfme(toy_stage(2), shots=(100, 20))
    streams = [t.stages[0].streams[0] for t in made.teachers]
    assert [s["group"] for s in streams] == ["many", "medium", "few"]
    with pytest.raises(ValueError, match="make three"):
        lfme(toy_stage(2), experts=2, shots=(100, 20))


def test_with_classes_of_one_size_every_skill_is_plain_cross_entropy():
    x, y = batch()
    experts = Net(net().backbone, Experts(5, 6, experts=3, scale=None))
    terms = Skilled(CrossEntropy(), torch.full((6,), 10))(experts, [(x, y)], 0.0, draw())
    for k, value in enumerate(terms.values()):
        assert torch.allclose(value, F.cross_entropy(experts.head.expert(k, experts.backbone(x))[1], y))
