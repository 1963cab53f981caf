"""The laws of objectives, for your own too: ``check_objective(my_recipe)``.

An objective is tested as a recipe uses it: its net, streams, views, loss, teachers and unlabelled rows come from the
stage that it is part of. Each law takes a :class:`Specimen` and raises AssertionError naming what broke; ``check_ranks``
takes many at once, since it starts two processes.

On several ranks the gradient is the mean of those of the ranks' shares of a batch. For most objectives that is the
gradient of the whole batch. One whose loss is no mean over the batch's examples, since it contrasts them with each other
or draws something of its own, says so with the class attribute ``couples_batch = True``: each rank then contrasts and
draws within its own share. One that leaves a trained parameter out of some step says
``leaves_unused = True``.
"""

from __future__ import annotations

import contextlib
import copy
import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from longtail.examples import Examples
from longtail.net import Net
from longtail.objectives import Supervised
from longtail.part import Part, Switch, at
from longtail.recipe import Recipe, Stage
from longtail.roles import traits, traits_of
from longtail.run.chain import train_stages
from longtail.run.engine import Engine
from longtail.run.loop import Step, facts_of, operate, run_stage
from longtail.run.trained import choose
from longtail.seeds import generator
from longtail.store import Cache
from longtail.testing.ranks import on_ranks
from longtail.testing.recipe import toy_for, toy_stage

BATCH, STEPS = 32, 3


@dataclass(frozen=True)
class Specimen:
    """A stage with an objective, and what it starts from."""

    name: str
    stage: Stage
    net: Net
    data: Examples
    teachers: tuple[Net, ...]

    def step(self, teachers: tuple[Net, ...] | None = None) -> Step:
        """Net and objective as the training loop builds them, in training mode."""
        net = operate(self.stage.surgery, copy.deepcopy(self.net), self.data, Engine(), self.name)
        choose(net, self.stage.trains)
        if teachers is None:
            teachers = tuple(copy.deepcopy(t).eval().requires_grad_(False) for t in self.teachers)
        facts = {**facts_of(net, self.data, Engine()), "teachers": teachers}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            loss, mix = _built(self.stage.loss, facts), _built(self.stage.mix, facts)
            return Step(net, self.stage.objective.build(**facts, loss=loss, mix=mix)).train()

    def streams(self, k: int = 0, rows: int = BATCH) -> list[tuple[Any, Tensor]]:
        """The ``k``-th batch of each stream, augmented."""
        draw, augment = (
            generator(self.name, k),
            _built(self.stage.augment, facts_of(self.net, self.data, Engine())),
        )
        out = []
        for sampler in self.stage.streams:
            order = at(sampler, 0.0).build(**facts_of(self.net, self.data, Engine()))(
                self.data.targets, draw, 0.0
            )
            chosen = order[:rows]
            x = self.data.source.batch(chosen, "cpu")
            out.append((x if augment is None else augment(x, draw), self.data.targets.batch(chosen, "cpu")))
        return out


def specimens(
    recipe: Callable[[Stage], Recipe], net: Net | None = None, data: Examples | None = None
) -> list[Specimen]:
    """The stages of a recipe that train with an objective of their own, each with the net that reaches it."""
    made, found = recipe(toy_stage(1)), []
    fitting = toy_for(made)
    net, data = fitting[0] if net is None else net, fitting[1] if data is None else data
    for k, stage in enumerate(made.stages):
        if stage.objective.target is Supervised:
            continue
        before = train_stages(made.upto(k), net, data).net if k else net
        taught = [train_stages(t, net, data).net for t in made.teachers] if stage.asks("teachers") else []
        name = f"{made.name}: {stage.objective.target.__name__}"
        found.append(Specimen(name, stage, before, data, tuple(taught)))
    return found


def check_objective(
    recipe: Callable[[Stage], Recipe],
    net: Net | None = None,
    data: Examples | None = None,
    *,
    ranks: bool = True,
) -> None:
    """Every law, on each stage of the recipe that has an objective of its own.

    Args:
        recipe: from a base stage to a recipe; ``check_recipe`` holds the laws that do not look into the objective.
        net, data: for a recipe that the toys of ``longtail.testing.recipe`` do not fit.
        ranks: also on two gloo ranks, which takes some seconds.

    Raises:
        AssertionError: a law is broken; the message begins with its name.
        ValueError: no stage has an objective of its own.
    """
    found = specimens(recipe, net, data)
    if not found:
        raise ValueError("recipe: each of its stages trains with Supervised; there is no objective to check")
    for specimen in found:
        for name, law in LAWS.items():
            try:
                law(specimen)
            except AssertionError as error:
                raise AssertionError(f"{name}: {specimen.name}: {error}") from error
    if ranks:
        check_ranks(found)


def terms_are_finite_scalars(s: Specimen) -> None:
    step = s.step()
    for t in (0.0, 0.5, 0.99):
        terms = step(s.streams(), t, torch.Generator().manual_seed(0))
        assert isinstance(terms, dict), f"it returns {terms!r}, not named terms"
        assert terms, "it returns no term"
        for name, value in terms.items():
            assert isinstance(value, Tensor), f"term {name!r} is {value!r}, not a tensor"
            assert value.dim() == 0, f"term {name!r} has shape {tuple(value.shape)}, not that of a scalar"
            assert value.isfinite(), f"term {name!r} is {value.item()} at t = {t}"


def every_trained_parameter_gets_a_gradient(s: Specimen) -> None:
    step, lax = s.step(), traits_of(s.stage.objective.target).leaves_unused
    ever: dict[str, bool] = {}
    for k, t in enumerate((0.0, 0.5, 0.99)):
        step.zero_grad(set_to_none=True)
        _total(step(s.streams(k), t, torch.Generator().manual_seed(k))).backward()
        for name, p in step.named_parameters():
            if p.requires_grad:
                assert p.grad is not None or lax, f"{name} is left out at t = {t}: say leaves_unused = True"
                assert p.grad is None or p.grad.isfinite().all(), (
                    f"the gradient of {name} is not finite at t = {t}"
                )
                ever[name] = ever.get(name, False) or (p.grad is not None and bool((p.grad != 0).any()))
    still = [name for name, moved in ever.items() if not moved and name.startswith("objective.")]
    assert not still, f"{still} are in the optimiser, and never get a gradient"


def no_parameter_is_hidden(s: Specimen) -> None:
    step = s.step()
    known = {id(p) for p in step.parameters()}
    for module in step.objective.modules():
        for name, p in _reachable(vars(module)):
            assert id(p) in known or not p.requires_grad, (
                f"{name} holds a parameter that the optimiser does not see"
            )


def teachers_only_teach(s: Specimen) -> None:
    taught = tuple(copy.deepcopy(t).eval().requires_grad_(False) for t in s.teachers)
    modes: list[bool] = []
    for teacher in taught:
        teacher.register_forward_hook(lambda module, *_: modes.append(module.training))
    step = s.step(taught)
    _train(step.train(), s)
    step(s.streams(), 0.99, torch.Generator().manual_seed(0))  # some ask late
    assert modes or not taught, "it has teachers, and never asks them"
    assert not any(modes), "a teacher is asked in training mode: keep it out of the objective's modules"
    for before, teacher in zip(s.teachers, taught):
        assert not any(p.requires_grad for p in teacher.parameters()), "a teacher is in the optimiser"
        for name, value in teacher.state_dict().items():
            assert value.equal(before.state_dict()[name]), f"training changed {name} of a teacher"


def state_has_a_stated_size(s: Specimen) -> None:
    step = s.step()
    before = {k: tuple(v.shape) for k, v in step.objective.state_dict().items()}
    _train(step, s)
    step(s.streams(rows=BATCH // 2 + 3), 0.9, torch.Generator().manual_seed(0))
    after = {k: tuple(v.shape) for k, v in step.objective.state_dict().items()}
    assert before == after, f"training changed the shapes of its state from {before} to {after}"


def copies_are_equal(s: Specimen) -> None:
    step = s.step()
    _train(step, s)
    again = s.step()
    again.load_state_dict(step.state_dict())
    for other in (copy.deepcopy(step), again):
        torch.manual_seed(0)
        first = copy.deepcopy(step)(s.streams(7), 0.5, torch.Generator().manual_seed(0))
        torch.manual_seed(0)
        second = other(s.streams(7), 0.5, torch.Generator().manual_seed(0))
        assert {k: v.item() for k, v in first.items()} == {k: v.item() for k, v in second.items()}, (
            "the same state and draws give other terms: some of its state is not in the state_dict"
        )


def resumed_equals_straight_through(s: Specimen) -> None:
    class Killed(Exception):
        pass

    def kill(event: dict[str, Any]) -> None:
        if event["epoch"] == 1:
            raise Killed

    stage, engine = s.stage.but(epochs=3), Engine(checkpoint_seconds=0.0)
    how = {"key": "k", "engine": engine, "teachers": s.teachers}
    straight, _ = run_stage(s.net, stage, s.data, **how)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder)
        with contextlib.suppress(Killed):
            run_stage(s.net, stage, s.data, cache=cache, on=kill, **how)  # type: ignore[arg-type]
        again, _ = run_stage(s.net, stage, s.data, cache=cache, **how)  # type: ignore[arg-type]
    for name, value in straight.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), (
            f"{name} differs after a killed and resumed stage"
        )


def eval_gives_logits(s: Specimen) -> None:
    net, _ = run_stage(s.net, s.stage, s.data, key="k", teachers=s.teachers)
    x = s.data.source.batch(slice(0, 5), "cpu")
    with torch.no_grad():
        z, again = net.eval()(x), net(x)
    want = (5, s.data.labels.num_classes)
    assert z.shape == want, f"the trained net gives {tuple(z.shape)}, not {want}"
    assert z.isfinite().all(), "the trained net's logits are not finite"
    assert z.equal(again), "the trained net's logits differ between two passes"


def whole_batch_is_its_shares(s: Specimen) -> None:
    """Unless it couples the batch: the gradient of a batch is the weighted mean of those of its shares."""
    if traits_of(s.stage.objective.target).couples_batch:
        return
    whole = _gradient(_still(s.step()), s.streams(), 1.0)
    parts: dict[str, Tensor] = {}
    for rank in range(2):
        mine, weight = _share(s.streams(), rank)
        for name, g in _gradient(_still(s.step()), mine, weight).items():
            parts[name] = parts.get(name, torch.zeros_like(g)) + g / 2
    for name, g in whole.items():
        assert torch.allclose(g, parts[name], atol=1e-4, rtol=1e-3), (
            f"the gradient of {name} over a batch is not the mean over its halves: say couples_batch = True"
        )


LAWS: dict[str, Callable[[Specimen], None]] = {
    law.__name__: law
    for law in (
        terms_are_finite_scalars,
        every_trained_parameter_gets_a_gradient,
        no_parameter_is_hidden,
        teachers_only_teach,
        state_has_a_stated_size,
        copies_are_equal,
        whole_batch_is_its_shares,
        resumed_equals_straight_through,
        eval_gives_logits,
    )
}


def check_ranks(found: list[Specimen]) -> None:
    """Two gloo ranks: the first gradient is the mean of those of the shares, and after some steps the ranks agree on
    every parameter, bit for bit.

    Raises:
        AssertionError: the message names the specimen.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "specimens").write_bytes(pickle.dumps(found))
        on_ranks(_rank_of_two, 2, folder)
        results = [torch.load(f"{folder}/{rank}.pt", weights_only=True) for rank in (0, 1)]
    for k, s in enumerate(found):
        (grads, after), (other, after_other) = results[0][k], results[1][k]
        expected: dict[str, Tensor] = {}
        for rank in range(2):
            mine, weight = _share(s.streams(), rank)
            for name, g in _gradient(s.step(), mine, weight, rank).items():
                expected[name] = expected.get(name, torch.zeros_like(g)) + g / 2
        for name, g in expected.items():
            assert torch.equal(grads[name], other[name]), (
                f"ranks: {s.name}: the gradient of {name} differs by rank"
            )
            assert torch.allclose(g, grads[name], atol=1e-5, rtol=1e-3), (
                f"ranks: {s.name}: the gradient of {name} is not the mean of those of the shares"
            )
        for name, value in after.items():
            assert torch.equal(value, after_other[name]), (
                f"ranks: {s.name}: {name} differs by rank after {STEPS} steps"
            )


def _rank_of_two(rank: int, folder: str) -> None:
    results = []
    for s in pickle.loads((Path(folder) / "specimens").read_bytes()):
        step = s.step()
        run = Engine().wrap(step, unused=traits(step.objective).leaves_unused)
        mine, weight = _share(s.streams(), rank)
        grads = _gradient(run, mine, weight, rank, of=step)
        _train(run, s, rank, of=step)
        results.append((grads, {k: v.detach() for k, v in step.named_parameters()}))
    torch.save(results, f"{folder}/{rank}.pt")


def _gradient(
    run: nn.Module,
    streams: list[tuple[Any, Tensor]],
    weight: float,
    rank: int = 0,
    of: nn.Module | None = None,
) -> dict[str, Tensor]:
    """The gradient of each trained parameter at t = 0.5; zero where it is left out."""
    torch.manual_seed(rank)
    (_total(run(streams, 0.5, torch.Generator().manual_seed(rank))) * weight).backward()
    named = (of or run).named_parameters()
    return {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in named if p.requires_grad}


def _train(run: nn.Module, s: Specimen, rank: int | None = None, of: nn.Module | None = None) -> None:
    """Some steps of plain SGD."""
    optimizer = torch.optim.SGD([p for p in (of or run).parameters() if p.requires_grad], lr=0.01)
    for k in range(STEPS):
        streams, weight = (s.streams(k), 1.0) if rank is None else _share(s.streams(k), rank)
        optimizer.zero_grad(set_to_none=True)
        (_total(run(streams, k / STEPS, torch.Generator().manual_seed(k))) * weight).backward()
        optimizer.step()


def _share(streams: list[tuple[Any, Tensor]], rank: int) -> tuple[list[tuple[Any, Tensor]], float]:
    """A rank's rows of each stream, as the training loop deals them out to two, and its weight."""

    def rows(x: Any) -> Any:
        return tuple(v[rank::2] for v in x) if isinstance(x, tuple) else x[torch.arange(rank, len(x), 2)]

    n = len(streams[0][1])
    mine = [(rows(x), y[rank::2]) for x, y in streams]
    return mine, len(mine[0][1]) * 2 / n


def _still(step: Step) -> Step:
    """BatchNorm couples a batch whatever the objective: here it evaluates."""
    for m in step.modules():
        if isinstance(m, nn.modules.batchnorm._NormBase):
            m.eval()
    return step


def _total(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def _built(value: Any, facts: Mapping[str, Any]) -> Any:
    chosen = at(value, 0.0) if isinstance(value, Switch) else value
    return chosen.build(**facts) if isinstance(chosen, Part) else chosen


def _reachable(value: Any, name: str = "") -> Iterator[tuple[str, nn.Parameter]]:
    """Parameters inside plain lists, tuples and dicts, which ``nn.Module`` does not look into."""
    if isinstance(value, nn.Parameter):
        yield name, value
    elif isinstance(value, nn.Module):
        yield from ((f"{name}.{n}", p) for n, p in value.named_parameters())
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from _reachable(v, f"{name}.{k}".lstrip("."))
    elif isinstance(value, list | tuple):
        for k, v in enumerate(value):
            yield from _reachable(v, f"{name}[{k}]")
