"""The golden numbers: what the methods' own authors' code returned on small inputs.

``LONGTAIL_GOLDEN`` names the folder of JSON files (default ``tests/golden/data``). Each file needs
``adapters/<method>.py``:

- ``run(case) -> dict`` returns what we compute for every key of ``case.expected``, or for all but those that
  ``ELSEWHERE = {key: reason}`` names;
- ``rtol(case) -> float`` loosens 1e-9 where the reference ran in float32;
- ``DEVIATIONS = [Deviation(...)]`` is the file's part of the table of deliberate deviations: for the cases that ``when``
  picks, ``instead(case)`` asserts what we do instead of matching the numbers, and ``why`` says why. A file all of whose
  cases deviate needs no ``run``.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("LONGTAIL_GOLDEN", HERE / "data"))


@dataclass(frozen=True)
class Case:
    """One case of a file. Floats become float64 leaves that ask for gradients, whole numbers int64."""

    method: str
    index: int
    params: dict[str, Any]
    inputs: dict[str, Any]
    expected: dict[str, Any]
    name: str = ""

    def __str__(self) -> str:
        return f"{self.method}-{self.index}-{self.name}"

    def leaf(self, name: str, inputs: dict[str, Any] | None = None) -> Tensor:
        return torch.tensor((inputs or self.inputs)[name], dtype=torch.float64, requires_grad=True)

    def number(self, name: str, inputs: dict[str, Any] | None = None) -> Tensor | None:
        """A float64 tensor without gradient, or None where the case has no such input."""
        value = (inputs or self.inputs).get(name)
        return None if value is None else torch.tensor(value, dtype=torch.float64)

    def whole(self, name: str, inputs: dict[str, Any] | None = None) -> Tensor:
        return torch.tensor((inputs or self.inputs)[name], dtype=torch.int64)


@dataclass(frozen=True)
class Deviation:
    """Cases whose numbers we do not want, why, and a check of what we do instead."""

    when: Callable[[Case], bool]
    why: str
    instead: Callable[[Case], None] = field(repr=False)


def with_gradients(loss: Tensor, **leaves: Tensor) -> dict[str, Any]:
    """``{"loss": ..., "grad_<name>": ...}``; of losses that are not reduced, the gradient of their sum."""
    grads = torch.autograd.grad(loss.sum(), list(leaves.values()))
    return {"loss": loss, **{f"grad_{name}": g for name, g in zip(leaves, grads)}}


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def cases_of(path: Path) -> list[Case]:
    data = json.loads(path.read_text())
    return [
        Case(data["method"], k, c.get("params", {}), c.get("inputs", {}), c["expected"], c.get("name", ""))
        for k, c in enumerate(data["cases"])
    ]


def adapter_of(method: str) -> ModuleType | None:
    path = HERE / "adapters" / f"{method}.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location(f"golden_adapter_{method}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_same(got: Any, want: Any, rtol: float, where: str) -> None:
    """Compare nested dicts, lists, tensors and numbers. NaN and infinities are strings in the files."""
    if isinstance(want, dict):
        assert isinstance(got, dict), f"{where}: expected a dict, got {type(got).__name__}"
        assert not (missing := set(want) - set(got)), f"{where}: nothing computed for {sorted(missing)}"
        for key in want:
            assert_same(got[key], want[key], rtol, f"{where}.{key}")
    elif isinstance(want, list) and any(isinstance(v, dict) for v in want):
        assert len(got) == len(want), f"{where}: {len(got)} entries, expected {len(want)}"
        for k, (g, w) in enumerate(zip(got, want)):
            assert_same(g, w, rtol, f"{where}[{k}]")
    elif want is None or (isinstance(want, str | bool) and want not in ("nan", "inf", "-inf")):
        assert got == want, f"{where}: got {got!r}, expected {want!r}"
    else:
        expected = _array(want)
        array = got.detach().double().numpy() if isinstance(got, Tensor) else _array(got)
        assert array.shape == expected.shape, f"{where}: shape {array.shape}, expected {expected.shape}"
        finite = np.abs(expected[np.isfinite(expected)])
        # Entries that the reference got by cancellation carry its rounding error, about 1e-16 of the largest.
        atol = 1e-13 * max(1.0, float(finite.max(initial=0.0)))
        np.testing.assert_allclose(array, expected, rtol=rtol, atol=atol, err_msg=where)


def _array(value: Any) -> np.ndarray:
    return np.array(json.loads(json.dumps(value), parse_constant=float), dtype=object).astype(np.float64)
