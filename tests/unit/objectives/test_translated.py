"""M2m's translation against loops written from the paper: who gives way, to what, and what is rejected."""

import math

import pytest
import torch
from torch import nn

from longtail import recipes
from longtail.kinds.start import base_stage
from longtail.losses import CrossEntropy
from longtail.net import Net
from longtail.objectives import Translated
from longtail.objectives.translated import PIXELS
from longtail.run.suits import Given, refusal
from longtail.testing.recipe import toy_image_net, toy_images

COUNTS = torch.tensor([400, 60, 5])


def net(seed=0, dim=4) -> Net:
    torch.manual_seed(seed)
    return Net(nn.Identity(), nn.Linear(dim, 3))


def normed(seed=0) -> Net:
    torch.manual_seed(seed)
    return Net(
        nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.BatchNorm1d(6)), nn.Linear(6, 3)
    )


def teacher(of: Net) -> Net:
    return of.eval().requires_grad_(False)


def batch(n=24, seed=1):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4, generator=g), torch.arange(n) % 3


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def made(g: Net, **settings) -> Translated:
    return Translated(CrossEntropy(), (teacher(g),), COUNTS, **settings)


def slow(f, g, x, y, draw, *, beta, gamma, lam, steps, step, noise):
    """Equations 2 to 5 row by row, for linear nets, in plain numbers; the draws in the order of the code."""
    n = [int(COUNTS[c]) for c in y]
    rare = [float(u) >= k / 400 for u, k in zip(torch.rand(len(y), generator=draw), n)]
    chances = [[1 - beta ** max(other - own, 0) for other in n] for own in n]
    at = [i for i in range(len(y)) if rare[i] and sum(chances[i]) > 0]
    where, starts = torch.rand(len(at), generator=draw), []
    for i, u in zip(at, where):
        total, goal, j = 0.0, float(u) * sum(chances[i]), -1
        while total <= goal:
            j += 1
            total += chances[i][j]
        starts.append(j)
    directions, coins = torch.rand(len(at), 4, generator=draw) - 0.5, torch.rand(len(at), generator=draw)
    numbers = [v for row in x.tolist() for v in row]
    mean = sum(numbers) / len(numbers)
    unit = math.sqrt(sum((v - mean) ** 2 for v in numbers) / len(numbers))
    wg, bg = g.head.weight.tolist(), g.head.bias.tolist()
    wf = f.head.weight.tolist()
    out, taken = x.clone(), []

    def probabilities(z):
        logits = [sum(w * v for w, v in zip(row, z)) + b for row, b in zip(wg, bg)]
        e = [math.exp(v - max(logits)) for v in logits]
        return [v / sum(e) for v in e]

    def towards(z, d, length):
        size = math.sqrt(sum(v * v for v in d))
        return [a + length * v / size for a, v in zip(z, d)]

    for i, j, direction, coin in zip(at, starts, directions.tolist(), coins.tolist()):
        k, k0 = int(y[i]), int(y[j])
        z = towards(x[j].tolist(), direction, noise * unit)
        for _ in range(steps):
            p = probabilities(z)
            gradient = [
                sum((p[c] - (c == k)) * wg[c][d] for c in range(3)) + lam * wf[k0][d] for d in range(4)
            ]
            z = towards(z, gradient, -step * unit)
        if probabilities(z)[k] >= gamma and coin < chances[i][j]:
            out[i] = torch.tensor(z)
            taken.append(i)
    return out, taken


SETTINGS = {"beta": 0.99, "gamma": 0.4, "lam": 0.5, "steps": 6, "step": 0.2, "noise": 0.5}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_translation_is_the_paper_s(seed):
    f, g, (x, y) = net(3), net(4), batch()
    expected, taken = slow(f, g, x, y, seeded(seed), **SETTINGS)
    found = made(g, **SETTINGS).translate(f, x, y, seeded(seed))
    assert torch.allclose(found, expected, atol=1e-4)
    assert 0 < len(taken) < int((y > 0).sum())  # some are taken, some rejected
    assert not torch.equal(found, x)


def kept_what_it_must(objective: Translated, f: Net, g: Net) -> None:
    """Rows of the most frequent class stay, and what is put in place of others g takes for their class."""
    x, y = batch(300, seed=5)
    out = objective.translate(f, x, y, seeded(1))
    changed = (out != x).any(1)
    assert changed.any(), "nothing was translated"
    assert not changed[y == 0].any(), "a row of the most frequent class gave way"
    p = g(out[changed]).softmax(1).gather(1, y[changed][:, None])
    assert float(p.min()) >= objective.gamma - 1e-6, (
        "a row was taken that the teacher does not take for its class"
    )


def test_only_rare_rows_change_and_only_for_what_the_teacher_takes_for_them():
    f, g = net(3), teacher(net(4))
    kept_what_it_must(made(g, step=0.3, gamma=0.7), f, g)


class TakesAll(Translated):
    def translate(self, net, x, y, generator):
        self.gamma, kept = 0.0, self.gamma
        out = super().translate(net, x, y, generator)
        self.gamma = kept
        return out


class TranslatesAll(Translated):
    def translate(self, net, x, y, generator):
        self.counts = self.counts.flip(0)
        return super().translate(net, x, y, generator)


@pytest.mark.parametrize(("broken", "says"), [(TakesAll, "does not take"), (TranslatesAll, "most frequent")])
def test_what_must_be_kept_is_missed_in_broken_ones(broken, says):
    f, g = net(3), teacher(net(4))
    with pytest.raises(AssertionError, match=says):
        kept_what_it_must(broken(CrossEntropy(), (g,), COUNTS, step=0.3, gamma=0.7), f, g)


@pytest.mark.parametrize(
    ("settings", "t"), [({"beta": 1.0}, 0.9), ({"gamma": 1.0}, 0.9), ({"start": 0.8}, 0.7)]
)
def test_neutral_arguments_are_ordinary_training(settings, t):
    f, (x, y) = net(3), batch()
    got = made(net(4), **settings)(f, [(x, y)], t, seeded())["loss"]
    assert torch.equal(got, CrossEntropy()(f(x), y))


def test_the_nets_do_not_notice():
    """No gradient is left, no statistic moves but by the step itself, and every module keeps its mode."""
    f, g = normed(1).train(), normed(2)
    f.backbone[3].eval()
    x, y = batch()
    before, taught = f.backbone[1].running_mean.clone(), {k: v.clone() for k, v in g.state_dict().items()}
    out = made(g, gamma=0.0).translate(f, x, y, seeded())
    assert not torch.equal(out, x)
    assert not out.requires_grad
    assert all(p.grad is None for p in (*f.parameters(), *g.parameters()))
    assert torch.equal(f.backbone[1].running_mean, before)
    assert all(torch.equal(v, taught[k]) for k, v in g.state_dict().items())
    assert f.training
    assert f.head.training
    assert f.backbone[1].training
    assert not f.backbone[3].training


def test_pixels_stay_pixels():
    data = toy_images()
    f, g = toy_image_net(), teacher(toy_image_net())
    x, y = data.source.batch(torch.arange(0, 176, 4), "cpu"), data.labels.y[::4]
    objective = Translated(CrossEntropy(), (g,), data.labels.counts, beta=0.9, gamma=0.0, step=0.5, steps=4)
    out = objective.translate(f, x, y, seeded())
    changed = (out != x).flatten(1).any(1)
    assert changed.any()
    assert 0 <= float(out.min()) <= float(out.max()) <= PIXELS
    assert torch.equal(out[~changed], x[~changed].float())


def test_text_is_refused_before_training_with_the_reason():
    made_ = recipes.m2m(base_stage("text"))
    for form in ("sparse", "tokens"):
        found = refusal(made_, Given(form, "text"))
        assert found is not None
        assert found.why.startswith("needs images or rows of numbers")
        assert "Translated" in found.remedy
    assert refusal(made_, Given("rows", "table")) is None
    assert refusal(made_, Given("image", "image")) is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"beta": 1.1}, "beta=1.1"), ({"gamma": -0.1}, "gamma=-0.1"), ({"steps": 0}, "steps=0"), ({"step": 0.0}, "step=0.0"),
     ({"lam": -1.0}, "lam=-1.0"), ({"start": 1.0}, "start=1.0")],
)  # fmt: skip
def test_bad_settings_say_what_they_got(settings, says):
    with pytest.raises(ValueError, match=says):
        made(net(4), **settings)


def test_it_needs_its_teacher():
    with pytest.raises(ValueError, match="needs one teacher and has 0"):
        Translated(CrossEntropy(), (), COUNTS)
