import ast
import inspect
import textwrap

import pytest
import torch
from torch import nn

import longtail.objectives
from longtail import recipes
from longtail.losses import GHMC, BalancedSoftmax, CrossEntropy, SoftmaxEQL
from longtail.mixing import Mixup
from longtail.net import Net
from longtail.part import part
from longtail.run import Engine, run_stage, train_stages
from longtail.run.gradient import Gradients, like, tensors
from longtail.testing.recipe import toy, toy_net, toy_stage


class Waits(CrossEntropy):
    """Looks at a number on the host."""

    def forward(self, logits, target):
        assert float(logits.detach().sum()) < torch.inf
        return super().forward(logits, target)


cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="recording needs an NVIDIA GPU")


def reads_progress(objective) -> bool:
    """Does its forward name ``t``, whatever it does with it?"""
    tree = ast.parse(textwrap.dedent(inspect.getsource(objective.forward)))
    return any(isinstance(n, ast.Name) and n.id == "t" for n in ast.walk(tree))


@pytest.mark.parametrize(
    "objective",
    [o for o in vars(longtail.objectives).values() if inspect.isclass(o) and issubclass(o, nn.Module)],
    ids=lambda o: o.__name__,
)
def test_an_objective_that_reads_progress_does_not_say_that_it_ignores_it(objective):
    recorded = getattr(objective, "ignores_progress", False)
    if objective is longtail.objectives.MetaSampled:  # takes a gradient of its own within the step
        assert not recorded
        return
    assert recorded is not reads_progress(objective)


def test_nesting_is_kept():
    a, b, y = torch.zeros(2), torch.ones(2), torch.tensor([0, 1])
    streams = [((a, b), y)]
    assert [x is z for x, z in zip(tensors(streams), (a, b, y))] == [True] * 3
    new = [torch.full((2,), float(k)) for k in range(3)]
    (views, target), *rest = like(streams, iter(new))
    assert not rest
    assert isinstance(views, tuple)
    assert views[0] is new[0] and views[1] is new[1] and target is new[2]  # noqa: PT018
    with pytest.raises(TypeError, match="str"):
        list(tensors([("text", y)]))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=cuda)])
def test_without_an_nvidia_gpu_or_where_progress_counts_nothing_is_recorded(device):
    step = nn.Module()
    step.objective = longtail.objectives.Bilateral(CrossEntropy())
    step.objective.ignores_progress = device == "cpu"
    assert not Gradients(step, step, torch.Generator(device), Engine(device=device)).record


@pytest.fixture
def recordings(monkeypatch):
    """How many steps were recorded."""
    made, really = [], Gradients._record

    def record(self, streams, t):
        really(self, streams, t)
        made.append(1)

    monkeypatch.setattr(Gradients, "_record", record)
    return made


def both(stage, net, data, recipe=None):
    """The trained weights with recording and without, and the losses of each epoch."""
    found = []
    for graphs in (True, False):
        engine = Engine(device="cuda", graphs=graphs)
        if recipe is None:
            trained, history = run_stage(net, stage, data, key="k", engine=engine)
        else:
            outcome = train_stages(recipe, net, data, engine=engine)
            trained, history = outcome.net, list(outcome.history)
        found.append((trained.cpu().state_dict(), [e["loss"] for e in history if "loss" in e]))
    return found


@cuda
@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({}, 1),
        ({"loss": part(BalancedSoftmax)}, 1),
        ({"loss": part(SoftmaxEQL)}, 1),  # draws from the global generator
        ({"mix": part(Mixup)}, None),  # draws from the stage's own
        ({"loss": part(GHMC)}, 0),  # puts new tensors in its buffers' places
    ],
    ids=["ce", "balanced-softmax", "eql", "mixup", "ghm"],
)
def test_recorded_equals_as_written(recordings, change, number):
    stage = toy_stage(6).but(batch_size=16, **change)
    recorded, written = both(stage, toy_net(), toy())
    if number is not None:
        assert sum(recordings) == number
    torch.testing.assert_close(recorded[1], written[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(recorded[0], written[0], rtol=1e-3, atol=1e-4)


@cuda
def test_a_new_phase_is_recorded_anew(recordings):
    recorded, written = both(None, toy_net(), toy(), recipes.ldam_drw(toy_stage(10).but(batch_size=16)))
    assert sum(recordings) == 2
    torch.testing.assert_close(recorded[1], written[1], rtol=1e-3, atol=1e-4)


@cuda
def test_what_waits_for_the_device_is_not_recorded(recordings):
    run_stage(
        toy_net(),
        toy_stage(6).but(batch_size=16, loss=part(Waits)),
        toy(),
        key="k",
        engine=Engine(device="cuda"),
    )
    assert not recordings


@cuda
def test_dropout_draws_anew_at_every_replay(recordings):
    torch.manual_seed(0)
    net = Net(nn.Sequential(nn.Linear(2, 64), nn.Dropout(0.5)), nn.Linear(64, 3))
    stage = toy_stage(6).but(batch_size=16)
    recorded, written = both(stage, net, toy())
    assert sum(recordings) == 1
    torch.testing.assert_close(recorded[1], written[1], rtol=1e-4, atol=1e-5)
