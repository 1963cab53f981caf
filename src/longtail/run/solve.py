"""Solve: a stage that trains a head on fixed inputs is a smooth problem over all rows; it is solved, not stepped through.

Steps of a given number stop a linear head far from its optimum: on 1,000 rows with 5 % rare, ten epochs called every row
rare. The optimum of the same objective is known to a tolerance in a second. The sampler's class distribution q becomes a
weight of each row, ``s_i = q(y_i) / n(y_i)``, which is what its draws are on average; a switch of loss or sampler counts
by its last phase, which is where steps without end would arrive.

The strength of the penalty is the one, of the solver's, under which the recipe's own objective is least on rows left out
(three folds of at most ``ROWS`` rows): so every recipe has the same chance to be tuned.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import torch
from torch import Tensor, nn

from longtail.examples import Examples
from longtail.net import Net
from longtail.objectives import Supervised
from longtail.objectives.supervised import per_example
from longtail.optim.lbfgs import LBFGS, Solved
from longtail.part import Part, at
from longtail.recipe import Stage
from longtail.roles import Reducible, ShowsPrior, plays, tensor_of
from longtail.run.engine import Engine
from longtail.samplers import Subset
from longtail.seeds import generator
from longtail.source import Source
from longtail.targets import Targets

CHUNK = 65_536
"""Rows whose logits are held at a time."""

ROWS, FOLDS = 4000, 3
"""Rows that choose the penalty, and their folds."""

FEW = 512
"""Rows that a loss is tried on."""


class Problem:
    """A stage's objective over all rows, as a function of its head.

    Args:
        net: under fixed inputs; made float64 here.
        loss: in float64.
        source: of the inputs, a chunk of which is held at a time.
        y: their classes, on the device.
        row_weight: ``s_i``, float64 ``[N]``.
        engine: its deadline is checked at every evaluation.
    """

    def __init__(
        self, net: Net, loss: nn.Module, source: Source, y: Tensor, row_weight: Tensor, engine: Engine
    ) -> None:
        self.net, self.loss, self.source, self.y, self.engine = net, loss, source, y, engine
        weight = tensor_of(loss, "weight")
        if weight is not None and weight.dim() == 1:  # a mean of weighted rows, by the expected weight
            row_weight = row_weight / (row_weight * weight.to(row_weight)[y]).sum()
        self.row_weight = row_weight
        self.parameters = [p for p in net.parameters() if p.requires_grad]
        # A cosine head does not feel the length of its weights, and bounded logits need no penalty.
        linear = isinstance(net.head, nn.Linear)
        self.penalised = [p for p in self.parameters if p.dim() > 1] if linear else []

    def value(self, c: float | None) -> Tensor:
        """The objective, its gradient added to the parameters'; without a penalty and a gradient where ``c`` is None."""
        self.engine.check_time()
        total = torch.zeros((), dtype=torch.float64)
        with torch.set_grad_enabled(c is not None):
            for start in range(0, len(self.y), CHUNK):
                rows = slice(start, start + CHUNK)
                x = self.source.batch(rows, self.y.device)
                each = per_example(self.loss, self.net(_double(x)), self.y[rows])
                found = (each * self.row_weight[rows]).sum()
                if c is not None:
                    found.backward()
                total += found.detach().cpu()
            if c is not None and self.penalised:
                penalty: Any = sum(p.square().sum() for p in self.penalised) / (2 * c * len(self.y))
                penalty.backward()
                total += penalty.detach().cpu()
        return total

    def take(self, rows: Tensor) -> Problem:
        """The same on some rows, with a head of its own."""
        weight = self.row_weight[rows]
        net, source = copy.deepcopy(self.net), self.source.take(rows)
        return Problem(net, self.loss, source, self.y[rows], weight / weight.sum(), self.engine)

    def solve(self, solver: LBFGS, c: float) -> Solved:
        return solver.minimise(lambda: self.value(c), self.parameters)


def may_be_solved(stage: Stage) -> bool:
    """Does the stage ask for it, and is its objective a mean over single rows as they are?"""
    stream = at(stage.streams[0], 1.0)
    return (
        stage.solve is not None
        and len(stage.streams) == 1
        and at(stage.augment, 1.0) is None
        and at(stage.mix, 1.0) is None
        and stage.average is None
        and stage.sharpness is None
        and stage.projection is None
        and stage.objective.target is Supervised
        and plays(stream.target, ShowsPrior)
        and stream.target is not Subset
    )


def solvable(net: Net, stage: Stage, source: Source, targets: Targets, facts: dict[str, Any]) -> bool:
    """Can the stage be solved for the parameters of ``net`` that require a gradient?"""
    trained = {name: p for name, p in net.named_parameters() if p.requires_grad}
    fixed = not any(True for _ in net.backbone.parameters()) and not any(True for _ in net.backbone.buffers())
    if not may_be_solved(stage) or not fixed or not all(name.startswith("head.") for name in trained):
        return False
    if not trained or targets.classes.several:  # rows are weighed by their class
        return False
    few, device = slice(0, FEW), next(iter(trained.values())).device
    loss = at(stage.loss, 1.0).build(**facts).to(device)
    return row_by_row(net, loss, source.batch(few, device), targets.batch(few, device))


def row_by_row(net: Net, loss: nn.Module, x: Any, y: Tensor) -> bool:
    """Is the loss of a row the same whatever the other rows are, and does computing it change nothing?

    Tried on some rows rather than declared: a loss that counts what it has seen, or a head that drops units at random,
    gives itself away. So does a net that will not compute in float64, such as one that makes float32 of its inputs.
    """
    if not isinstance(loss, Reducible) or len(x) < 2:
        return False
    net, loss = copy.deepcopy(net).double().train(), copy.deepcopy(loss).double()
    x, half = _double(x), len(x) // 2
    before = [t.clone() for t in (*loss.state_dict().values(), *net.state_dict().values())]
    with torch.no_grad():
        try:
            whole = per_example(loss, net(x), y)
            parts = [per_example(loss, net(x[s]), y[s]) for s in (slice(0, half), slice(half, len(x)))]
        except (RuntimeError, TypeError, ValueError):
            return False
    after = [*loss.state_dict().values(), *net.state_dict().values()]
    if whole.shape != y.shape or any(not torch.equal(a, b) for a, b in zip(before, after)):
        return False
    return bool(torch.allclose(whole, torch.cat(parts), rtol=1e-6, atol=1e-8))


def solved(
    net: Net, stage: Stage, data: Examples, source: Source, facts: dict[str, Any], engine: Engine, key: str
) -> dict[str, Any]:
    """Solve a stage that is ``solvable`` for the head of ``net``, in place.

    Args:
        net: its backbone is an identity, or has nothing that could move.
        stage: what is trained.
        data: the training examples.
        source: the inputs to train on.
        facts: what the parts of the stage are built with.
        engine: its deadline is checked at every evaluation.
        key: deals the folds that choose the penalty.

    Returns:
        the event of it: seconds, the objective as ``loss``, iterations, the penalty's ``c``, and ``converged``.
    """
    began, cpu = time.perf_counter(), time.process_time()
    assert isinstance(stage.solve, Part)
    solver: LBFGS = stage.solve.build()
    stream = at(stage.streams[0], 1.0).build(**facts)
    loss = at(stage.loss, 1.0).build(**facts).to(engine.on).double()
    labels, y = data.labels, data.labels.y.to(engine.on)
    q = stream.stream_prior(labels, 1.0)
    of_class = torch.where(labels.counts > 0, q / labels.counts.clamp(min=1), 0.0)
    problem = Problem(net.double().train(), loss, source, y, of_class[labels.y].to(engine.on), engine)
    c = solver.c[0] if len(solver.c) == 1 or not problem.penalised else _chosen(problem, solver, key)
    found = problem.solve(solver, c)
    net.float().zero_grad(set_to_none=True)
    return {
        "stage": stage.name,
        "epoch": 0,
        "epochs": 1,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "loss": found.value,
        "iterations": found.iterations,
        "c": c,
        "converged": found.converged,
    }


def _chosen(problem: Problem, solver: LBFGS, key: str) -> float:
    """The c under which rows left out cost least."""
    draw = generator(key, "penalty")
    some = torch.randperm(len(problem.y), generator=draw)[:ROWS].to(problem.y.device)
    some = some[torch.argsort(problem.y[some], stable=True)]  # dealt class by class
    fold = torch.arange(len(some), device=some.device) % FOLDS
    cost = [0.0] * len(solver.c)
    for f in range(FOLDS):
        fit, held = problem.take(some[fold != f]), problem.take(some[fold == f])
        for k, c in enumerate(solver.c):  # from the strongest penalty on, each from the last one's solution
            fit.solve(solver, c)
            held.net.load_state_dict(fit.net.state_dict())
            cost[k] += float(held.value(None))
    return solver.c[min(range(len(cost)), key=lambda k: cost[k])]


def _double(x: Any) -> Any:
    return x.double() if isinstance(x, Tensor) else x


__all__ = ["may_be_solved", "solvable", "solved"]
