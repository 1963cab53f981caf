import time

import pytest
import torch
from torch import nn

from longtail import recipes
from longtail.heads import Cosine
from longtail.losses import GHMC, CrossEntropy, Seesaw
from longtail.net import Net
from longtail.part import part, switch
from longtail.run import Cache, Engine, OutOfTime, run_stage, train_stages
from longtail.run.engine import stop_at
from longtail.run.loop import batch_starts
from longtail.surgery import SwapHead
from longtail.testing.recipe import toy, toy_net, toy_stage


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "recipe", [recipes.erm, recipes.crt, recipes.ldam_drw, recipes.class_balanced_sampling]
)
@pytest.mark.parametrize("when", [0, 2, 4])
def test_killed_and_resumed_equals_straight_through(tmp_path, recipe, when):
    made, net, data = recipe(toy_stage(5)), toy_net(), toy()
    straight = train_stages(made, net, data)
    engine = Engine(checkpoint_seconds=0.0)

    def kill(event):
        if event.get("epoch") == when and "seconds" in event:
            raise Killed

    with pytest.raises(Killed):
        train_stages(made, net, data, cache=Cache(tmp_path), engine=engine, on=kill)
    seen = []
    resumed = train_stages(made, net, data, cache=Cache(tmp_path), engine=engine, on=seen.append)
    for name, value in straight.net.state_dict().items():
        assert torch.equal(value, resumed.net.state_dict()[name]), name
    if when:  # epoch `when` itself was lost, those before it were kept
        assert next(e["epoch"] for e in seen if "seconds" in e) == when
    assert not list(tmp_path.glob("*.partial.safetensors"))


def test_dropout_resumes_bit_for_bit(tmp_path):
    torch.manual_seed(0)
    net = Net(nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.BatchNorm1d(8)), nn.Linear(8, 3))
    engine, stage, data = Engine(checkpoint_seconds=0.0), toy_stage(4), toy()
    straight, _ = run_stage(net, stage, data, key="k", engine=engine)

    def kill(event):
        if event["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        run_stage(net, stage, data, key="k", engine=engine, cache=Cache(tmp_path), on=kill)
    again, history = run_stage(net, stage, data, key="k", engine=engine, cache=Cache(tmp_path))
    assert len(history) == 4
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in straight.state_dict().items())


@pytest.mark.parametrize(
    "loss",
    [
        part(GHMC, momentum=0.9),
        switch({0: part(CrossEntropy), 0.3: part(Seesaw)}),
        switch({0: part(Seesaw), 0.7: part(CrossEntropy)}),
    ],
    ids=["state", "state later", "state at first"],
)
@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_loss_with_a_state_resumes_bit_for_bit(tmp_path, loss, when):
    stage, engine = toy_stage(4).but(loss=loss), Engine(checkpoint_seconds=0.0)
    straight, _ = run_stage(toy_net(), stage, toy(), key="k")

    def kill(event):
        if event["epoch"] == when:
            raise Killed

    with pytest.raises(Killed):
        run_stage(toy_net(), stage, toy(), key="k", engine=engine, cache=Cache(tmp_path), on=kill)
    again, _ = run_stage(toy_net(), stage, toy(), key="k", cache=Cache(tmp_path))
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in straight.state_dict().items())


def test_a_damaged_entry_is_trained_again(tmp_path):
    made, net, data = recipes.crt(toy_stage(2)), toy_net(), toy()
    first = train_stages(made, net, data, cache=Cache(tmp_path))
    (file,) = tmp_path.glob(f"*{first.keys[-1]}.safetensors")
    raw = bytearray(file.read_bytes())
    raw[-3] ^= 255
    file.write_bytes(raw)
    with pytest.warns(UserWarning, match="damaged"):
        again = train_stages(made, net, data, cache=Cache(tmp_path))
    assert all(torch.equal(v, again.net.state_dict()[k]) for k, v in first.net.state_dict().items())


def test_the_given_net_is_not_changed():
    net = toy_net()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    train_stages(recipes.ldam_drw(toy_stage(2)), net, toy())
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in before.items())


def test_features_computed_once_equal_the_full_pass(monkeypatch):
    import longtail.run.loop as loop

    made, net, data = recipes.crt(toy_stage(4)), toy_net(), toy()
    fast = train_stages(made, net, data).net.state_dict()
    monkeypatch.setattr(loop, "reads_features_only", lambda *_: False)
    full = train_stages(made, net, data).net.state_dict()
    assert all(torch.equal(fast[k], full[k]) for k in full)


def test_frozen_statistics_stay_and_shifted_ones_move():
    torch.manual_seed(0)
    net = Net(nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8)), nn.Linear(8, 3))
    data = toy()
    erm = train_stages(recipes.erm(toy_stage(2)), net, data).net
    strict = train_stages(recipes.crt(toy_stage(2)), net, data).net
    shifted = train_stages(recipes.crt(toy_stage(2), shifted=True), net, data).net
    mean = "backbone.1.running_mean"
    assert torch.equal(erm.state_dict()[mean], strict.state_dict()[mean])
    assert not torch.equal(erm.state_dict()[mean], shifted.state_dict()[mean])


def test_a_glob_that_matches_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"trains='neck\.\*' matches no parameter"):
        run_stage(toy_net(), toy_stage(1).but(trains=("neck.*",)), toy(), key="k")


def test_a_loss_that_is_not_finite_is_an_error():
    hot = toy_stage(3).but(optim=part(torch.optim.SGD, lr=1e30))
    with pytest.raises(ValueError, match="lower the learning rate"):
        run_stage(toy_net(), hot, toy(), key="k")


def test_the_deadline_stops_training():
    with pytest.raises(OutOfTime):
        run_stage(toy_net(), toy_stage(1), toy(), key="k", engine=Engine(deadline=time.monotonic() - 1))


def test_a_last_batch_of_one_is_left_out():
    assert list(batch_starts(9, 4)) == [0, 4]
    assert list(batch_starts(10, 4)) == [0, 4, 8]
    assert list(batch_starts(1, 4)) == [0]


def test_a_switch_of_losses_changes_late(monkeypatch):
    used = []
    forward = CrossEntropy.forward
    monkeypatch.setattr(
        CrossEntropy, "forward", lambda self, z, y: used.append(self.label_smoothing) or forward(self, z, y)
    )
    loss = switch({0: part(CrossEntropy), 0.5: part(CrossEntropy, label_smoothing=0.1)})
    run_stage(toy_net(), toy_stage(4).but(loss=loss, batch_size=2000), toy(), key="k")
    assert used == [0.0, 0.0, 0.1, 0.1]


def test_wrong_number_of_outputs_is_an_error():
    net = Net(nn.Linear(2, 8), nn.Linear(8, 4))
    with pytest.raises(ValueError, match="4 outputs and the labels 3 classes"):
        train_stages(recipes.erm(toy_stage(1)), net, toy())


def test_surgery_draws_come_from_the_key():
    stage = toy_stage(1).but(surgery=(part(SwapHead, head=part(Cosine)),))
    a, _ = run_stage(toy_net(), stage, toy(), key="k")
    torch.manual_seed(99)
    b, _ = run_stage(toy_net(), stage, toy(), key="k")
    assert torch.equal(a.head.weight, b.head.weight)


def test_the_clock_of_the_wall_may_jump(monkeypatch):
    """A time limit is no hour of the day: a clock set right does not end it, nor lengthen it."""
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert not Engine(deadline=time.monotonic() + 60).late
    assert Engine(deadline=time.monotonic() - 1).late


def test_the_engine_looks_at_its_own_clock_alone():
    now = [5.0]
    engine = Engine(deadline=10.0, clock=lambda: now[0])
    run_stage(toy_net(), toy_stage(1), toy(), key="k", engine=engine)
    now[0] = 11.0
    with pytest.raises(OutOfTime):
        run_stage(toy_net(), toy_stage(1), toy(), key="k", engine=engine)
    with pytest.raises(OutOfTime), stop_at(10.0, engine.clock):
        raise AssertionError("begun too late")


def work(seconds, swallow=0):
    """A library's loop, which swallows so many exceptions."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            sum(range(1000))
        except Exception:
            swallow -= 1
            if swallow < 0:
                raise


@pytest.mark.parametrize("swallow", [0, 1])
def test_a_library_s_own_loop_is_stopped_even_if_it_swallows_the_end(swallow):
    began = time.monotonic()
    with pytest.raises(OutOfTime), stop_at(began + 0.2):
        work(60, swallow)
    assert time.monotonic() - began < 30


def test_what_ends_in_time_is_left_alone():
    import signal

    before = signal.getsignal(signal.SIGALRM)
    with stop_at(time.monotonic() + 60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before
    with pytest.raises(OutOfTime), stop_at(time.monotonic() - 1):
        raise AssertionError("begun too late")
