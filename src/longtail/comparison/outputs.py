"""Outputs: what a recipe said of every test row of a run, kept beside the run's JSON.

One safetensors file per run, written as the cache writes: a checksum inside, a temporary name first. It holds the
number of each test row, its class, and under each prior the decision, the loss and the Brier score of the row; and the
log-probabilities, from which those under any other prior follow.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from longtail import __version__
from longtail.metrics.streaming import EPS
from longtail.run.cache import load_checked, save_checked

SMALL = 2**20  # log-probabilities up to which four bytes each are kept, else two
CHUNK = 2**22


@dataclass(frozen=True, eq=False)
class Said:
    """Under one prior: what was decided for each row, and how true its probabilities were.

    Attributes:
        decision: class indices ``[n]``.
        nll: -log p of the true class, in nats, float32 ``[n]``.
        brier: sum over classes of (p - 1[true])^2, float32 ``[n]``.
    """

    decision: Tensor
    nll: Tensor
    brier: Tensor


def said(probabilities: Tensor, y: Tensor, decisions: Tensor) -> Said:
    """Decisions and losses of rows: probabilities ``[n, C]``, classes and decisions ``[n]``.

    >>> found = said(torch.tensor([[0.5, 0.5]]), torch.tensor([1]), torch.tensor([0]))
    >>> round(float(found.nll), 3), float(found.brier)
    (0.693, 0.5)
    """
    n, c = probabilities.shape
    nll, brier = torch.empty(n), torch.empty(n)
    step = max(1, CHUNK // c)
    for i in range(0, n, step):
        p = probabilities[i : i + step].double()
        true = p.gather(1, y[i : i + step, None]).squeeze(1)
        nll[i : i + step] = -true.clamp(min=EPS).log()
        brier[i : i + step] = p.square().sum(1) - 2 * true + 1
    return Said(small(decisions, c), nll, brier)


def outputs_file(folder: Path, identity: str) -> Path:
    """Where the outputs of the run of that identity are kept."""
    return folder / "runs" / f"{__version__}-{identity}.safetensors"


def small(index: Tensor, count: int) -> Tensor:
    """Indices below ``count`` in as few bytes as they need."""
    return index.to(torch.uint8 if count <= 2**8 else torch.int16 if count <= 2**15 else torch.int32)


def save_outputs(
    file: Path, rows: Tensor, y: Tensor, probabilities: Tensor, under: str, outputs: Mapping[str, Said]
) -> None:
    """Write what a recipe said of the test rows of a run.

    Args:
        file: ``RUN.safetensors`` beside ``RUN.json``.
        rows, y: numbers and classes of the test rows, ``[n]``.
        probabilities: ``[n, C]``, under the prior named ``under``.
        outputs: by the name of a prior.
    """
    n, c = probabilities.shape
    tensors = {"rows": rows.to(torch.int64), "y": small(y, c)}
    tensors["log_probabilities"] = probabilities.clamp(min=1e-37).log()
    if n * c > SMALL:  # logs keep their relative precision in two bytes; probabilities would become 0
        tensors["log_probabilities"] = tensors["log_probabilities"].half()
    for prior, one in outputs.items():
        tensors |= {f"{prior}/decision": one.decision, f"{prior}/nll": one.nll, f"{prior}/brier": one.brier}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_checked(file, tensors, {"log_probabilities": under, "priors": list(outputs), "classes": c})


def load_outputs(file: Path) -> dict[str, Tensor] | None:
    """What ``save_outputs`` wrote, by name; None if there is none. A damaged file is reported and removed, so that the
    next comparison makes it anew.
    """
    try:
        return load_checked(file)[0]
    except FileNotFoundError:
        return None
    except (ValueError, OSError, KeyError) as why:
        warnings.warn(
            f"{file} is damaged ({why}), so its recipe is tested on folds instead of rows. It was removed: make the "
            "same comparison again, and this run is computed anew",
            stacklevel=2,
        )
        file.unlink(missing_ok=True)
        return None
