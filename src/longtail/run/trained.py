"""Trained: which parameters of a net a stage trains, how fast, and what of the rest may move."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from longtail.net import Net
from longtail.part import Switch
from longtail.recipe import Stage
from longtail.roles import traits_of


def choose(net: Net, globs: tuple[str, ...]) -> set[str]:
    """Freeze the parameters that no glob matches; return the names of the rest."""
    names = [name for name, _ in net.named_parameters()]
    _check_globs("trains", globs, names, "parameter")
    chosen = {name for name in names if any(fnmatchcase(name, glob) for glob in globs)}
    for name, p in net.named_parameters():
        p.requires_grad_(name in chosen)
    return chosen


def groups(stage: Stage, net: Net, objective: nn.Module) -> list[Any]:
    """What the optimiser is given: the parameters that train, and where the stage says so each factor's apart.

    Raises:
        ValueError: a glob in ``lr_factors`` matches no parameter that trains; or the optimiser names no ``lr``.
    """
    own = {name: p for name, p in net.named_parameters() if p.requires_grad}
    others = [p for p in objective.parameters() if p.requires_grad]
    if not stage.lr_factors:
        return [*own.values(), *others]
    _check_globs("lr_factors", [glob for glob, _ in stage.lr_factors], list(own), "parameter that trains")
    if "lr" not in dict(stage.optim.kwargs):
        raise ValueError(f"lr_factors needs the learning rate: give {stage.optim!r} an lr")
    of: dict[float, list[nn.Parameter]] = {}
    for name, p in own.items():
        factor = next((f for glob, f in stage.lr_factors if fnmatchcase(name, glob)), 1.0)
        of.setdefault(factor, []).append(p)
    if others:
        of.setdefault(1.0, []).extend(others)
    return [{"params": params, "lr": stage.optim["lr"] * factor} for factor, params in of.items()]


def _check_globs(field: str, globs: Sequence[str], names: Sequence[str], what: str) -> None:
    """Raise ``ValueError`` for a glob that matches none of the names."""
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            some = f"{', '.join(names[:3])} ... {names[-1]}" if names else "none"
            raise ValueError(f"{field}={glob!r} matches no {what}; there are: {some}")


def set_modes(step: nn.Module, net: Net, stage: Stage, trained: set[str]) -> None:
    """Training mode, but a backbone that must not move (parameters frozen, ``norm_stats`` False) evaluates."""
    step.train()
    if not stage.norm_stats:
        if not any(name.startswith("backbone") for name in trained):
            net.backbone.eval()
        for m in net.modules():
            if isinstance(m, nn.modules.batchnorm._NormBase):
                m.eval()


def reads_features_only(net: Net, stage: Stage, trained: set[str]) -> bool:
    """May the stage train the head on features computed once?"""
    still = not stage.norm_stats and all(name.startswith("head.") for name in trained)
    plain = (
        (stage.augment is None or (stage.views > 0 and not isinstance(stage.augment, Switch)))
        and stage.mix is None
        and traits_of(stage.objective.target).reads_logits_only
    )
    return still and plain
