"""Random calls of every loss and sampler, good and bad: what is finite gives no NaN, what is bad a clear error.

A number is a case: it seeds everything, so that a finding is repeated by its number. The only errors are ValueError and
TypeError, and their words name an argument. A finding becomes a test of its own beside the code.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import random
import re
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from longtail import samplers
from longtail.labels import Labels
from longtail.part import part
from longtail.samplers import EpochSampler
from longtail.testing.loss_traits import draw, value_and_gradients

QUICK, LONG = 500, 10_000


def _laws_of_losses() -> ModuleType:
    """The walk over the room, and what is known of each loss, are those of the laws."""
    path = Path(__file__).parents[1] / "laws" / "test_losses.py"
    spec = importlib.util.spec_from_file_location("laws_of_losses", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LAWS = _laws_of_losses()
LOSSES: dict[str, Any] = LAWS.LOSSES
TRAITS = {name: LAWS.traits_of(kind) for name, kind in LOSSES.items()}
ROLES = [
    role
    for name in samplers.__all__
    if inspect.isclass(role := getattr(samplers, name))
    and not inspect.isabstract(role)
    and role is not EpochSampler
]
NUMBERS = [0.0, 0.1, 0.5, 1.0, 2.0, 10.0, -1.0, math.nan, math.inf, "much", None]
WHOLE = [0, 1, 2, 3, 7, 40, -1, 10**9, 10**12, 2.5, math.nan, "many", None]


def names_an_argument(error: Exception, names: set[str]) -> bool:
    return bool(re.search(r"\b(" + "|".join(map(re.escape, sorted(names))) + r")\b", str(error)))


def a_vector(r: random.Random, classes: int) -> Any:
    kind = r.randrange(8)
    if kind == 0:
        return [r.choice([math.nan, math.inf, -1.0])] * classes
    if kind == 1:
        return [1.0] * (classes + 1)
    if kind == 2:
        return [0.0] * classes
    return [float(r.choice([0, 1, 3, 50, 10**6])) for _ in range(classes)]


def loss_case(number: int) -> str | None:
    """Run a case; what is wrong with it, or None."""
    r = random.Random(number)
    torch.manual_seed(number)
    name = r.choice(sorted(LOSSES))
    kind, traits = LOSSES[name], TRAITS[name]
    classes = r.choice([2, 5, 5, 5, 11])
    parameters = inspect.signature(kind).parameters
    settings: dict[str, Any] = dict(traits.settings)
    facts = {"counts": torch.randint(0, 90, (classes,)) + 1, "num_classes": classes}
    facts["prior"] = facts["counts"].double() / facts["counts"].sum()
    finite = True
    for key, parameter in parameters.items():
        if r.random() > 0.15 or (key == "weight" and name.startswith("Binary")):
            continue
        if key in ("counts", "prior", "weight"):
            settings[key] = tuple(a_vector(r, classes))
        elif "float" in f"{parameter.annotation} {type(parameter.default)}" and key != "ignore_index":
            settings[key] = r.choice(NUMBERS)
        elif key == "reduction":
            settings[key] = r.choice(["none", "sum", "mean", "most"])
        elif key == "normalizer":
            settings[key] = r.choice(["expected", "batch", "weights", "elements", "positives", "all"])
    inputs = list(draw(traits, batch=r.choice([0, 1, 2, 7]), classes=classes, seed=number))
    # The end of float32 is for each loss's own settings and hard labels, as in the law: 1e38 times a weight is too much.
    size = r.choice([1.0, 1.0, 1e-30, 1e4, 1e19, 1e25 if settings != traits.settings else 1e38])
    most = torch.finfo(torch.float32).max
    inputs[0] = (
        (inputs[0] * size).clamp(-most, most).to(r.choice([torch.float64, torch.float32, torch.float32]))
    )
    inputs[2:] = [t.to(inputs[0].dtype) if t.is_floating_point() else t for t in inputs[2:]]
    if r.random() < 0.15 and inputs[0].numel():
        inputs[0].flatten()[r.randrange(inputs[0].numel())] = r.choice([math.nan, math.inf, -math.inf])
        finite = False
    target = inputs[1]
    change = r.randrange(12)
    if change == 0 and len(target):
        target[r.randrange(len(target))] = r.choice([-1, -100, classes, 255])
    elif change == 1:
        target = target.double()
    elif change == 2:
        target = target[:-1]
    elif change == 3 and size < 1e38 and inputs[0].dim() > 1:
        target = torch.rand(inputs[0].shape) * r.choice([1.0, 1.0, 2.0]) - r.choice([0.0, 0.0, 0.5])
    elif change == 4:
        target = target.bool()
    elif change == 5:
        target = target.to(r.choice([torch.int32, torch.uint8, torch.int16]))
    inputs[1] = target
    if target.is_floating_point() and not bool(torch.isfinite(target).all()):
        finite = False
    arguments = set(parameters) | set(inspect.signature(kind.forward).parameters) | {"expert_logits", "edges"}
    what = f"case {number}: {name}({settings}), inputs {[(tuple(t.shape), t.dtype) for t in inputs]}, size {size:g}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            built = part(kind, **settings).build(**facts)
            value, gradients = value_and_gradients(built, tuple(inputs))
    except (ValueError, TypeError) as error:
        if not names_an_argument(error, arguments):
            return f"{what}: {type(error).__name__} names no argument: {error}"
        return None
    except Exception as error:
        return f"{what}: {type(error).__name__}: {error}"
    if finite and (bool(value.isnan().any()) or any(bool(g.isnan().any()) for g in gradients)):
        return f"{what}: NaN out of finite input: {value}"
    return None


def sampler_case(number: int) -> str | None:
    """Run a case; what is wrong with it, or None."""
    r = random.Random(number)
    counts = [r.choice([0, 1, 1, 2, 5, 30]) for _ in range(r.randint(1, 8))]
    counts[r.randrange(len(counts))] = 3
    y = [c for c, n in enumerate(counts) for _ in range(n)]
    r.shuffle(y)
    labels = Labels.of(y, num_classes=len(counts))
    role = r.choice(ROLES)
    settings: dict[str, Any] = {}
    for key, parameter in inspect.signature(role).parameters.items():
        kind = str(parameter.annotation)
        if parameter.default is inspect.Parameter.empty or r.random() < 0.4:
            if key in ("categories", "of", "sqrt"):
                continue
            if "float" in kind:
                settings[key] = r.choice(NUMBERS)
            elif key == "classes":
                settings[key] = tuple(r.randint(0, len(counts)) for _ in range(r.randint(0, 3)))
            elif key == "run":
                settings[key] = (r.randint(-1, 3), r.randint(0, 4))
            elif "int" in kind:
                settings[key] = r.choice(WHOLE)
            elif "str" in kind:
                settings[key] = r.choice(["many", "few", "paper", "decoupling", "odd"])
    ranks, drop = r.choice([1, 2, 3]), r.random() < 0.5
    epochs = r.choice([None, 4, 4, 4])
    arguments = set(inspect.signature(role).parameters) | set(inspect.signature(EpochSampler).parameters)
    what = f"case {number}: {role.__name__}({settings}) on {counts}, {ranks} ranks, drop_last={drop}"
    try:
        made = role(**settings)
        whole: Tensor = made(labels, torch.Generator().manual_seed(number), 0.5)
        dealt = [
            list(EpochSampler(labels, made, epochs=epochs, num_replicas=ranks, rank=k, drop_last=drop))
            for k in range(ranks)
        ]
    except (ValueError, TypeError) as error:
        if not names_an_argument(error, arguments | {"k"}):
            return f"{what}: {type(error).__name__} names no argument: {error}"
        return None
    except Exception as error:
        return f"{what}: {type(error).__name__}: {error}"
    q = made.stream_prior(labels, 0.5)
    if not bool(torch.isfinite(q).all()) or abs(float(q.sum()) - 1) > 1e-9:
        return f"{what}: stream_prior {q}"
    indices = torch.cat([whole, torch.tensor([i for one in dealt for i in one], dtype=torch.int64)])
    if len(whole) == 0 or int(indices.min()) < 0 or int(indices.max()) >= len(labels):
        return f"{what}: indices out of range"
    if len({len(one) for one in dealt}) != 1:
        return f"{what}: ranks of {[len(one) for one in dealt]} indices"
    return None


def findings(case: Any, numbers: range) -> list[str]:
    return [found for number in numbers if (found := case(number)) is not None]


@pytest.mark.parametrize("case", [loss_case, sampler_case])
def test_random_calls(case: Any) -> None:
    found = findings(case, range(QUICK // 2))
    assert not found, f"{len(found)} findings:\n" + "\n".join(found[:5])


@pytest.mark.slow
@pytest.mark.parametrize("case", [loss_case, sampler_case])
def test_many_random_calls(case: Any) -> None:
    found = findings(case, range(QUICK // 2, LONG // 2))
    assert not found, f"{len(found)} findings:\n" + "\n".join(found[:5])
