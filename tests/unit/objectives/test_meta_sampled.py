"""BALMS's meta sampler: draws against their rates, the bilevel gradient against differences, Adam against PyTorch's."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from longtail.losses import BalancedSoftmax
from longtail.net import Net
from longtail.objectives import MetaSampled
from longtail.objectives.meta_sampled import of_class

COUNTS = torch.tensor([60, 30, 10])


def net(seed=0) -> Net:
    torch.manual_seed(seed)
    return Net(nn.Linear(4, 5), nn.Linear(5, 3))


def streams(n=32, seed=1):
    g = torch.Generator().manual_seed(seed)
    y = torch.multinomial(COUNTS.double(), n, replacement=True, generator=g)
    balanced = torch.arange(n) % 3
    return [
        (torch.randn(n, 4, generator=g) + y[:, None], y),
        (torch.randn(n, 4, generator=g) + balanced[:, None], balanced),
    ]


def made(**settings) -> MetaSampled:
    return MetaSampled(BalancedSoftmax(counts=COUNTS), COUNTS, **settings)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draws_follow_the_rates(kind: type[MetaSampled]) -> None:
    """Classes are drawn in proportion to n_c sigmoid(psi_c); every row that is drawn is of its class."""
    objective, seen = kind(BalancedSoftmax(counts=COUNTS), COUNTS, rate=0.0), torch.zeros(3)
    objective.psi.copy_(torch.tensor([-1.0, 0.0, 3.0]))

    def count(module, given, out):
        seen.add_(torch.bincount(given[1], minlength=3))

    objective.loss.register_forward_hook(count)
    f = net()
    for k in range(40):
        objective(f, streams(128, seed=k), 0.0, seeded(k))
    expected = COUNTS * torch.sigmoid(objective.psi)
    off = (seen / seen.sum() - expected / expected.sum()).abs().max()
    assert float(off) < 0.02, f"the rates are off by {float(off):.3f}"


def test_draws_follow_the_rates():
    draws_follow_the_rates(MetaSampled)


class ForgetsCounts(MetaSampled):
    def weights(self, psi, y):
        return F.logsigmoid(psi)


class ForgetsRates(MetaSampled):
    def weights(self, psi, y):
        return self.log_counts + 0 * psi


@pytest.mark.parametrize("broken", [ForgetsCounts, ForgetsRates])
def test_wrong_rates_are_seen(broken):
    with pytest.raises(AssertionError, match="rates are off"):
        draws_follow_the_rates(broken)


def test_a_row_is_of_its_class_and_any_of_them():
    y = torch.tensor([2, 0, 2, 1, 0, 2])
    drawn = torch.tensor([2, 2, 0, 1] * 500)
    rows = of_class(drawn, y, torch.rand(len(drawn), generator=seeded()))
    assert torch.equal(y[rows], drawn)
    assert rows.unique().tolist() == [0, 1, 2, 3, 4, 5]
    share = (rows == 5).float().sum() / (drawn == 2).sum()
    assert abs(float(share) - 1 / 3) < 0.05


def test_a_class_that_is_not_at_hand_is_not_drawn():
    (x, y), (x_b, y_b) = streams()
    few = [(x[y < 2], y[y < 2]), (x_b[y_b < 2], y_b[y_b < 2])]
    objective, f = made(rate=0.1), net()
    objective(f, few, 0.0, seeded())
    assert float(objective.psi[2]) == 0
    assert bool((objective.psi[:2] != 0).all())


def test_the_outer_gradient_is_that_of_differences():
    """Through the head's step: outer as a function of what each drawn row counts."""
    objective, (x, y), (x_b, y_b) = made(inner=0.5), *streams(12)
    objective, head = objective.double(), net().head.double()
    f, f_b = (net().backbone.double()(v.double()).detach() for v in (x, x_b))
    chosen = torch.ones(len(y), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(objective.outer(head, f, y, chosen, f_b, y_b), chosen)
    for i in range(len(y)):
        step = torch.zeros_like(chosen)
        step[i] = 1e-4
        up, down = (objective.outer(head, f, y, chosen.detach() + s * step, f_b, y_b) for s in (1, -1))
        assert gradient[i].item() == pytest.approx((up - down).item() / 2e-4, rel=1e-5, abs=1e-9)
    assert float(gradient.abs().max()) > 1e-4


def test_the_outer_loss_is_that_of_a_head_one_step_further():
    objective, (x, y), (x_b, y_b) = made(inner=0.5), *streams(12)
    f = net()
    features, balanced = f.backbone(x).detach(), f.backbone(x_b).detach()
    other = net()
    F.cross_entropy(other.head(features) + COUNTS.log(), y).backward()
    with torch.no_grad():
        for p in other.head.parameters():
            p -= 0.5 * p.grad
    found = objective.outer(f.head, features, y, torch.ones(len(y)), balanced, y_b)
    assert torch.allclose(found, F.cross_entropy(other.head(balanced), y_b))


def test_a_draw_s_gradient_is_the_soft_one_s():
    """psi moves by -d outer / d psi, where a drawn class counts as its softmax among the classes does."""
    objective, seen = made(rate=1.0), {}

    def learn(psi, outer):
        (seen["psi"],) = torch.autograd.grad(outer, psi)

    kept = objective.outer

    def outer(head, f, y, chosen, f_b, y_b):
        assert torch.equal(chosen.detach(), torch.ones(len(y)))
        seen["y"], seen["of"] = y, chosen.detach().clone().requires_grad_()
        (seen["chosen"],) = torch.autograd.grad(kept(head, f, y, seen["of"], f_b, y_b), seen["of"])
        return kept(head, f, y, chosen, f_b, y_b)

    objective.learn, objective.outer = learn, outer
    f, given = net(), streams(16)
    objective(f, given, 0.0, seeded(3))
    noise = torch.rand(2, 16, 3, generator=seeded(3))[0]
    z = COUNTS.log() + torch.log(torch.tensor(0.5)) - (-noise.log()).log()
    p = z.softmax(1)
    assert torch.equal(p.argmax(1), seen["y"])
    expected = torch.zeros(3)
    for i, c in enumerate(seen["y"].tolist()):
        for k in range(3):  # d softmax_c / d z_k, and d log sigmoid(psi) / d psi at 0 is one half
            expected[k] += seen["chosen"][i] * p[i, c] * ((c == k) - p[i, k].item()) * 0.5
    assert torch.allclose(seen["psi"], expected, atol=1e-6)


def test_psi_moves_as_adam_moves_it():
    objective, psi = made(rate=0.05), nn.Parameter(torch.zeros(3))
    adam = torch.optim.Adam([psi], lr=0.05)
    for k in range(5):
        for at in (psi, objective.psi.clone().requires_grad_()):
            outer = (torch.tensor([1.0, -2.0, 0.1 * k]) * at).sum() + at.square().sum()
            if at is psi:
                adam.zero_grad()
                outer.backward()
                adam.step()
            else:
                objective.learn(at, outer)
    assert torch.allclose(objective.psi, psi, atol=1e-6)


def test_the_step_is_balanced_softmax_on_the_drawn_rows_and_nothing_else():
    objective, f, seen = made(), net(), []
    objective.loss.register_forward_hook(lambda _, given, out: seen.append(given))
    loss = objective(f, streams(), 0.0, seeded())["loss"]
    assert all(p.grad is None for p in f.parameters())
    z, y = seen[-1]
    assert torch.allclose(loss, F.cross_entropy(z + COUNTS.log(), y))
    assert bool((objective.psi != 0).all())


def test_rate_zero_leaves_the_natural_rates():
    objective = made(rate=0.0)
    objective(net(), streams(), 0.0, seeded())
    assert torch.equal(objective.psi, torch.zeros(3))


def test_bad_settings_say_what_they_got():
    with pytest.raises(ValueError, match="rate=-1"):
        made(rate=-1)
    with pytest.raises(ValueError, match="and the stage has 1"):
        made()(net(), streams()[:1], 0.0, seeded())
