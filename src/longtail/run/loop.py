"""The training loop: one stage of a recipe. It asks a source and targets for batches. The only one in the house."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from longtail.examples import Examples
from longtail.inputs import Inputs
from longtail.net import Net
from longtail.part import Part, at, digest
from longtail.recipe import Stage
from longtail.roles import Attaches, traits
from longtail.run.average import Average
from longtail.run.engine import Engine, OutOfTime
from longtail.run.features import head_only
from longtail.run.gradient import Gradients
from longtail.run.ranks import agreed, here, mean, share
from longtail.run.solve import may_be_solved, solvable, solved
from longtail.run.trained import choose, groups, reads_features_only, set_modes
from longtail.seeds import generator, seed_of
from longtail.source import Source, are_images, source_of
from longtail.store import Cache, Entries
from longtail.store.packed import pack, unpack

Event = dict[str, Any]
On = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener that does nothing."""


class Step(nn.Module):
    """Net and objective in one module, so that a wrapper (DDP, compile) sees one forward."""

    def __init__(self, net: Net, objective: nn.Module) -> None:
        super().__init__()
        self.net, self.objective = net, objective

    def forward(
        self, streams: list[tuple[Any, Tensor]], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        return self.objective(self.net, streams, t, generator)


def facts_of(net: Net, data: Examples, engine: Engine) -> dict[str, Any]:
    """What the parts of a stage may ask for by name."""
    classes = data.targets.classes
    return {
        "counts": classes.counts,
        "prior": classes.prior,
        "num_classes": classes.num_classes,
        "labels": data.targets,
        "feature_dim": net.feature_dim,
        "embed": lambda of: (infer(of, data.source, engine, features=True), data.labels.y),
        "net": net,
        "unlabelled": None if data.unlabelled is None else data.unlabelled.to(engine.on),
    }


def operate(surgery: tuple[Part[Any], ...], net: Net, data: Examples, engine: Engine, key: str) -> Net:
    """Apply the surgery of a stage; its random draws come from the key."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(key, "surgery"))
        for operation in surgery:
            net = operation.build(**facts_of(net, data, engine))(net)
    return net


def run_stage(
    net: Net,
    stage: Stage,
    data: Examples,
    *,
    key: str,
    engine: Engine | None = None,
    cache: Entries | None = None,
    on: On = ignore,
    teachers: tuple[Net, ...] = (),
    probe: Probe | None = None,
) -> tuple[Net, list[Event]]:
    """Train ``stage`` from ``net`` (which is not changed) and return the trained net and one event an epoch.

    A run that was killed goes on at the last saved epoch, bit for bit as if it had not been.

    Raises:
        ValueError: a glob in ``trains`` matches no parameter; the loss is not finite.
        OutOfTime: the engine's deadline passed.
    """
    engine, cache = engine or Engine(), cache or Cache(None)
    began, cpu = (
        time.perf_counter(),
        time.process_time(),
    )  # the first epoch's time holds what is made ready for it
    device, (rank, ranks) = engine.on, here()
    net = operate(stage.surgery, copy.deepcopy(net), data, engine, key).to(device)
    trained = choose(net, stage.trains)
    whole = net
    source = data.source
    if reads_features_only(net, stage, trained):
        # Nothing before the head moves, so its output is computed once.
        augment = _built(stage.augment, 0.0, facts_of(net, data, engine))
        net, stage, data, source = head_only(
            net, stage, data, engine, augment=augment, key=key, scratch=cache.scratch
        )
    elif stage.views:
        raise ValueError(
            f"stage {stage.name!r}: views={stage.views} needs a stage that trains the head alone: trains=('head.*',), "
            "norm_stats=False, one augment throughout, no mix, a plain objective; or set views=0"
        )
    source, targets = source.to(device), data.targets.to(device)
    if may_be_solved(stage):
        facts = facts_of(net, data, engine)
        if solvable(net, stage, source, targets, facts):
            event = solved(net, stage, data, source, facts, engine, key)
            on(event)
            return whole.requires_grad_(True).eval(), [event]
    if engine.channels_last and are_images(source):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    teachers = tuple(copy.deepcopy(t).to(device).eval().requires_grad_(False) for t in teachers)
    facts = {**facts_of(net, data, engine), "teachers": teachers}
    if stage.asks("net"):
        facts["net"] = copy.deepcopy(net)  # as it is now, for what is built later or after a kill, too
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(key, "objective"))
        mixer, loss = _built(stage.mix, 0.0, facts), _built(stage.loss, 0.0, facts)
        objective = stage.objective.build(**facts, loss=loss, mix=mixer).to(device)
    step, phase = Step(net, objective), Phase(stage, objective, net, facts, key)
    optimizer = stage.optim.build(groups(stage, net, objective), **engine.optimizer_facts())
    rates = [group["lr"] for group in optimizer.param_groups]
    schedule = stage.schedule.build()
    sharpness = stage.sharpness.build(**facts) if stage.sharpness is not None else None
    projection = stage.projection.build(**facts) if stage.projection is not None else None
    average = Average(stage.average.build(**facts) if stage.average is not None else None, net)

    history: list[Event] = []
    resumed = agreed(lambda: cache.get(key + ".partial"))
    if resumed is not None:
        tensors, packed = resumed
        state = unpack(packed["state"], tensors)
        history = packed["history"]
        phase.enter((len(history) - 1) / stage.epochs)  # its loss may have a state
        step.load_state_dict(state["step"])
        optimizer.load_state_dict(state["optimizer"])
        average.load_state_dict(state["average"])
    run: nn.Module = engine.wrap(step, unused=traits(objective).leaves_unused)
    on_device = torch.Generator(device=device)
    gradients = Gradients(run, step, on_device, engine, record=ranks == 1 and sharpness is None)
    saved = engine.clock()
    for epoch in range(len(history), stage.epochs):
        t = epoch / stage.epochs
        if phase.enter(t):
            gradients.forget()
        set_modes(step, net, stage, trained)
        draw = generator(key, epoch)
        order = [at(s, t).build(**facts)(data.targets, draw, t) for s in stage.streams]
        augment = _built(stage.augment, t, facts)
        own = (rank,) if rank else ()  # the ranks draw their own augmentation and dropout
        on_device.manual_seed(seed_of(key, epoch, "device", *own))
        sums: dict[str, Tensor] = {}
        with torch.random.fork_rng(devices=[] if device.type == "cpu" else None):
            torch.manual_seed(seed_of(key, epoch, "global", *own))
            starts = batch_starts(len(order[0]), stage.batch_size, ranks)
            indices = [_as_long_as(len(order[0]), i).to(device) for i in order]

            def inputs(chosen: Tensor, augment: Any = augment, draw: torch.Generator = on_device) -> Any:
                x = source.batch(chosen, device)
                return x if augment is None else augment(x, draw)

            for k, start in enumerate(starts):
                progress = (epoch + k / len(starts)) / stage.epochs
                for group, rate in zip(optimizer.param_groups, rates):
                    group["lr"] = rate * schedule(progress)
                shares = [share(index[start : start + stage.batch_size]) for index in indices]
                streams = [(inputs(mine), targets.batch(mine, device)) for mine, _ in shares]
                forward = partial(gradients, streams, progress, shares[0][1])
                optimizer.zero_grad(set_to_none=True)
                if sharpness is None:
                    terms = forward()
                else:
                    draws = on_device.get_state(), torch.get_rng_state()
                    terms = forward()
                    on_device.set_state(draws[0])
                    torch.set_rng_state(draws[1])
                    with sharpness.worst(step):
                        optimizer.zero_grad(set_to_none=True)
                        forward()
                optimizer.step()
                if projection is not None:
                    projection.project(net)
                average.after_step(progress)
                for name, value in terms.items():
                    sums[name] = sums[name] + value.detach() if name in sums else value.detach().clone()
                if ranks == 1:
                    engine.check_time()
            last = epoch + 1 == stage.epochs
            average.after_epoch(t, last)
            if last:
                batches = (inputs(indices[0][start : start + stage.batch_size]) for start in starts)
                average.take_over(map(_first_view, batches) if stage.norm_stats else None)
        means = {name: float(mean(value)) / len(starts) for name, value in sums.items()}
        for name, number in means.items():
            if not math.isfinite(number):
                raise ValueError(
                    f"stage {stage.name!r}: {name} became {number} in epoch {epoch}; lower the learning rate "
                    f"(now {rates[0]:g}) or check the inputs"
                )
        event = {
            "stage": stage.name,
            "epoch": epoch,
            "epochs": stage.epochs,
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - cpu,
        }
        began, cpu = time.perf_counter(), time.process_time()
        history.append({**event, **means, "loss": sum(means.values())})
        if probe is not None and (last or (epoch + 1) % probe.every == 0):
            shown = average.shown if whole is net else whole
            history[-1]["probe"] = probe.measure(cast(Net, shown))
        if rank == 0:
            on(history[-1])
        if engine.clock() - saved > engine.checkpoint_seconds and not last and rank == 0:
            tensors = {}
            state = {
                "step": step.state_dict(),
                "optimizer": optimizer.state_dict(),
                "average": average.state_dict(),
            }
            cache.put(key + ".partial", tensors, {"state": pack(state, tensors), "history": history})
            saved = engine.clock()
        if ranks > 1 and agreed(lambda: engine.late):
            raise OutOfTime
    phase.leave()
    whole.requires_grad_(True).eval()
    whole.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # as the cache gives it back
    return whole, history


class Phase:
    """The loss and the mixer in force: where a stage switches them, the objective gets the new ones."""

    def __init__(self, stage: Stage, objective: Any, net: Net, facts: dict[str, Any], key: str) -> None:
        self.stage, self.objective, self.net, self.facts, self.key = stage, objective, net, facts, key
        self.now = digest([at(stage.loss, 0.0), at(stage.mix, 0.0)])
        self.hook: Any = None
        self._attach()

    def enter(self, t: float) -> bool:
        """Put loss and mixer of progress ``t`` in place; were they others before?"""
        now = digest([at(self.stage.loss, t), at(self.stage.mix, t)])
        if now == self.now:
            return False
        self.leave()
        self.now, device = now, next(self.net.parameters()).device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(self.key, "phase", now))
            self.objective.loss = _built(self.stage.loss, t, self.facts).to(device)
            self.objective.mix = _built(self.stage.mix, t, self.facts)
        self._attach()
        return True

    def leave(self) -> None:
        if self.hook is not None:
            self.hook.remove()

    def _attach(self) -> None:
        mixer: Any = {**vars(self.objective), **dict(self.objective.named_children())}.get(
            "mix"
        )  # manifold mixup mixes inside the net
        self.hook = mixer.attach(self.net) if isinstance(mixer, Attaches) else None


@dataclass(frozen=True)
class Probe:
    """Measure the net along the way, for learning curves: ``measure(net)`` -> JSON-able, every ``every`` epochs and at
    the end of a stage. It changes nothing, and is no part of a key.
    """

    measure: Callable[[Net], dict[str, Any]]
    every: int = 1


def batch_starts(n: int, batch_size: int, ranks: int = 1) -> range:
    """Where each batch starts; a last batch that leaves a rank fewer than two examples is left out, since BatchNorm
    cannot normalise one.

    Raises:
        ValueError: more ranks than examples in a batch.
    """
    if ranks > 1 and min(n, batch_size) < 2 * ranks:
        raise ValueError(f"a batch of {min(n, batch_size)} is too small for {ranks} ranks: use fewer")
    rest = n % batch_size
    return range(0, n - rest if 0 < rest < 2 * ranks and n > rest else n, batch_size)


def infer(net: Net, x: Source | Inputs, engine: Engine, *, features: bool = False) -> Tensor:
    """Logits (or features) of all inputs, float32 on the CPU, in evaluation mode."""
    was, device, source = net.training, engine.on, source_of(x)
    # What a convolution of 512 images reads no longer fits a processor's cache: 1.5 times slower an image.
    batch = net.rows_at_once or (128 if device.type == "cpu" else 512)
    net.eval().to(device)
    if engine.channels_last and are_images(source):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module = net.backbone if features else net
    out = []
    with torch.no_grad(), engine.autocast():
        for start in range(0, len(source), batch):
            out.append(module(source.batch(slice(start, start + batch), device)).float().cpu())
    net.train(was)
    return torch.cat(out)


def _built(value: Any, t: float, facts: dict[str, Any]) -> Any:
    chosen = at(value, t)
    return chosen.build(**facts) if isinstance(chosen, Part) else chosen


def _first_view(x: Any) -> Any:
    return x[0] if isinstance(x, tuple) else x


def _as_long_as(n: int, index: Tensor) -> Tensor:
    """The first stream sets the epoch: a shorter one starts again, a longer one is cut."""
    return index if len(index) == n else index.repeat(-(-n // len(index)))[:n]


__all__ = ["Event", "On", "Probe", "Step", "ignore", "infer", "run_stage"]
