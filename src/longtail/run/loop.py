"""The training loop: one stage of a recipe on data in memory. The only one in the house."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from longtail.examples import Examples, Inputs
from longtail.net import Net
from longtail.part import Part, at
from longtail.recipe import Stage
from longtail.run.cache import Cache, pack, unpack
from longtail.run.engine import Engine
from longtail.seeds import generator, seed_of

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
    labels = data.labels
    return {
        "counts": labels.counts,
        "prior": labels.prior,
        "num_classes": labels.num_classes,
        "labels": labels,
        "feature_dim": net.feature_dim,
        "embed": lambda of: (infer(of, data.x, engine, features=True), labels.y),
        "net": net,
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
    cache: Cache | None = None,
    on: On = ignore,
) -> tuple[Net, list[Event]]:
    """Train ``stage`` from ``net`` (which is not changed) and return the trained net and one event an epoch.

    A run that was killed goes on at the last saved epoch, bit for bit as if it had not been.

    Raises:
        ValueError: a glob in ``trains`` matches no parameter; the loss is not finite.
        OutOfTime: the engine's deadline passed.
    """
    engine, cache = engine or Engine(), cache or Cache(None)
    device = engine.on
    net = operate(stage.surgery, copy.deepcopy(net), data, engine, key).to(device)
    trained = choose(net, stage.trains)
    whole = net
    if reads_features_only(net, stage, trained):
        # Nothing before the head moves, so its output is computed once.
        data = Examples(infer(net, data.x, engine, features=True), data.labels, data.name)
        net = Net(nn.Identity(), net.head)
    labels, x, y = data.labels, data.x.to(device), data.labels.y.to(device)
    if engine.channels_last and isinstance(x, Tensor) and x.dim() == 4:
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    facts = facts_of(net, data, engine)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(key, "objective"))
        mixer, loss = _built(stage.mix, 0.0, facts), _built(stage.loss, 0.0, facts)
        objective = stage.objective.build(**facts, loss=loss, mix=mixer).to(device)
    step = Step(net, objective)
    hooks = [mixer.attach(net)] if hasattr(mixer, "attach") else []  # manifold mixup mixes inside the net
    params = [p for p in net.parameters() if p.requires_grad] + [
        p for p in objective.parameters() if p.requires_grad
    ]
    optimizer = stage.optim.build(params)
    rates = [group["lr"] for group in optimizer.param_groups]
    schedule = stage.schedule.build()

    history: list[Event] = []
    resumed = cache.get(key + ".partial")
    if resumed is not None:
        tensors, packed = resumed
        state = unpack(packed["state"], tensors)
        step.load_state_dict(state["step"])
        optimizer.load_state_dict(state["optimizer"])
        history = packed["history"]
    phase = None
    run = torch.compile(step) if engine.compile else step
    saved = time.monotonic()
    for epoch in range(len(history), stage.epochs):
        began, t = time.perf_counter(), epoch / stage.epochs
        if phase != (now := (at(stage.loss, t), at(stage.mix, t))):
            if phase is not None or epoch:
                objective.loss = _built(stage.loss, t, facts).to(device)
                objective.mix = _built(stage.mix, t, facts)
                hooks += [objective.mix.attach(net)] if hasattr(objective.mix, "attach") else []
            phase = now
        set_modes(step, stage, trained)
        draw = generator(key, epoch)
        order = [at(s, t).build(**facts)(labels, draw, t) for s in stage.streams]
        augment = _built(stage.augment, t, facts)
        on_device = generator(key, epoch, "device", device=device)
        sums: dict[str, Tensor] = {}
        with torch.random.fork_rng(devices=[] if device.type == "cpu" else None):
            torch.manual_seed(seed_of(key, epoch, "global"))
            starts = batch_starts(len(order[0]), stage.batch_size)
            indices = [_as_long_as(len(order[0]), i).to(device) for i in order]
            for k, start in enumerate(starts):
                progress = (epoch + k / len(starts)) / stage.epochs
                for group, rate in zip(optimizer.param_groups, rates):
                    group["lr"] = rate * schedule(progress)
                streams = []
                for index in indices:
                    chosen = index[start : start + stage.batch_size]
                    inputs = x[chosen]
                    if augment is not None:
                        inputs = augment(inputs, on_device)
                    streams.append((inputs, y[chosen]))
                with engine.autocast():
                    terms = run(streams, progress, on_device)
                total = sum(terms.values())
                optimizer.zero_grad(set_to_none=True)
                total.backward()
                optimizer.step()
                for name, value in terms.items():
                    sums[name] = sums[name] + value.detach() if name in sums else value.detach().clone()
                engine.check_time()
        means = {name: float(value) / len(starts) for name, value in sums.items()}
        for name, value in means.items():
            if value != value or value in (float("inf"), float("-inf")):
                raise ValueError(
                    f"stage {stage.name!r}: {name} became {value} in epoch {epoch}; lower the learning rate "
                    f"(now {rates[0]:g}) or check the inputs"
                )
        event = {
            "stage": stage.name,
            "epoch": epoch,
            "epochs": stage.epochs,
            "seconds": time.perf_counter() - began,
        }
        history.append({**event, **means, "loss": sum(means.values())})
        on(history[-1])
        if time.monotonic() - saved > engine.checkpoint_seconds and epoch + 1 < stage.epochs:
            tensors = {}
            state = {"step": step.state_dict(), "optimizer": optimizer.state_dict()}
            cache.put(key + ".partial", tensors, {"state": pack(state, tensors), "history": history})
            saved = time.monotonic()
    for hook in hooks:
        hook.remove()
    whole.requires_grad_(True).eval()
    return whole, history


def choose(net: Net, globs: tuple[str, ...]) -> set[str]:
    """Freeze the parameters that no glob matches; return the names of the rest."""
    names = [name for name, _ in net.named_parameters()]
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            raise ValueError(
                f"trains={glob!r} matches no parameter; there are: {', '.join(names[:3])} ... {names[-1]}"
            )
    chosen = {name for name in names if any(fnmatchcase(name, glob) for glob in globs)}
    for name, p in net.named_parameters():
        p.requires_grad_(name in chosen)
    return chosen


def set_modes(step: Step, stage: Stage, trained: set[str]) -> None:
    """Training mode, but a backbone that must not move (parameters frozen, ``norm_stats`` False) evaluates."""
    step.train()
    if not stage.norm_stats:
        if not any(name.startswith("backbone") for name in trained):
            step.net.backbone.eval()
        for m in step.net.modules():
            if isinstance(m, nn.modules.batchnorm._NormBase):
                m.eval()


def reads_features_only(net: Net, stage: Stage, trained: set[str]) -> bool:
    """May the stage train the head on features computed once?"""
    still = not stage.norm_stats and all(name.startswith("head.") for name in trained)
    plain = (
        stage.augment is None
        and stage.mix is None
        and getattr(stage.objective.target, "reads_logits_only", False)
    )
    return still and plain


def batch_starts(n: int, batch_size: int) -> range:
    """Where each batch starts; a last batch of one example is left out, since BatchNorm cannot normalise it."""
    return range(0, n - 1 if n % batch_size == 1 and n > 1 else n, batch_size)


def infer(net: Net, x: Inputs, engine: Engine, *, features: bool = False, batch: int = 512) -> Tensor:
    """Logits (or features) of all inputs, float32 on the CPU, in evaluation mode."""
    was, device = net.training, engine.on
    net.eval().to(device)
    module = net.backbone if features else net
    out = []
    with torch.no_grad(), engine.autocast():
        for start in range(0, len(x), batch):
            out.append(module(x[start : start + batch].to(device)).float().cpu())
    net.train(was)
    return torch.cat(out)


def _built(value: Any, t: float, facts: dict[str, Any]) -> Any:
    chosen = at(value, t)
    return chosen.build(**facts) if isinstance(chosen, Part) else chosen


def _as_long_as(n: int, index: Tensor) -> Tensor:
    """The first stream sets the epoch: a shorter one starts again, a longer one is cut."""
    return index if len(index) == n else index.repeat(-(-n // len(index)))[:n]


__all__ = ["Event", "On", "Step", "ignore", "infer", "run_stage"]
