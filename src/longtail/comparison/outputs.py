"""Outputs: what a recipe said of every test row of a run, kept beside the run itself. Scores follow from them.

One entry of the store per run, under the run's identity. It holds the number of each test row, its class and its logits;
what the logits mean (:class:`longtail.run.outcome.Meaning`); and what the recipe decides under the natural prior, where
another rule than the most probable class does. And it holds what was said of held-out training rows, on which thresholds
are fitted. So any prior can be asked for afterwards, any metric, and any point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from longtail import adjust
from longtail.classes import Classes
from longtail.costs import Costs
from longtail.metrics import Aimed
from longtail.metrics.brier import row_brier
from longtail.metrics.metric import Batch
from longtail.metrics.nll import row_nll
from longtail.prior import Prior
from longtail.run.outcome import LARGE, Held, Meaning, Outcome
from longtail.store import Entries

FORMAT = 3
CHUNK = 2**22


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a recipe said of the test rows of a run.

    Attributes:
        rows, y: numbers and classes of the test rows, int64 ``[n]``.
        logits: the recipe's own, ``[n, C]``.
        meaning: which prior they assume.
        natural: decisions under the natural prior, int64 ``[n]``; None: the most probable class.
        held: what was said of held-out training rows; None where none were held out.
        experts: what each expert says of the rows and of two views of them, ``[3, n, K, C]``; None where there are none.
    """

    rows: Tensor
    y: Tensor
    logits: Tensor
    meaning: Meaning
    natural: Tensor | None
    held: Held | None = None
    experts: Tensor | None = None

    @classmethod
    def of(
        cls, outcome: Outcome, logits: Tensor, rows: Tensor, y: Tensor, experts: Tensor | None = None
    ) -> Outputs:
        """What an outcome says of test rows: its ``logits [n, C]``, their numbers and classes ``[n]``, what experts say.

        Many logits are rounded here to what is kept of them, so that scores are the same now and later.
        """
        natural = None
        if outcome.thresholds is not None and outcome.prior_source != "none":
            natural = outcome.decide(outcome.probabilities(logits, "natural"), "natural")
        if logits.numel() >= LARGE:  # near the largest of a row a logit keeps its precision
            logits = (logits - logits.amax(1, keepdim=True)).half()
        held = outcome.held
        if held is not None and held.log_p.numel() >= LARGE:
            held = Held(held.log_p.half(), held.y)
        if experts is not None and experts.numel() >= LARGE:
            experts = (experts - experts.amax(-1, keepdim=True)).half()
        return cls(rows, y, logits, outcome.meaning, natural, held, experts)

    def under(
        self,
        prior: Prior | None,
        costs: Costs | None = None,
        of: Mapping[str, Tensor] | None = None,
        aimed: Aimed | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Probabilities, float32 ``[n, C]``, and decisions, int64 ``[n]``.

        Args:
            prior: None is as trained: softmax of the recipe's own logits, and the most probable class.
            costs: of decisions: then the cheapest is taken, under any prior.
            of: the values of each column that the costs name, of *all* rows of the data ``[N]``.
            aimed: a point that is decided for, where there are no costs and the prior is not None.

        Raises:
            ValueError: the prior that the logits assume is not known.
        """
        if prior is None:
            probabilities = torch.softmax(self.logits.double(), -1).float()
        else:
            probabilities = self.meaning.probabilities(self.logits, prior)
        if costs is not None:
            return probabilities, torch.as_tensor(costs.decide(probabilities, at(of, self.rows)))
        if prior is None:
            return probabilities, probabilities.argmax(-1)
        if aimed is not None and (found := self.threshold(aimed, prior)) is not None:
            return probabilities, aimed.decide(probabilities, found)
        if self.natural is not None and self.meaning.is_natural(prior):
            return probabilities, self.natural
        return probabilities, probabilities.argmax(-1)

    def threshold(self, aimed: Aimed, prior: Prior | None) -> float | None:
        """The threshold of a point under a prior, that no test row has a part in; None where no rows were held out, or
        none of the class or of the others, and as trained (``prior`` None).
        """
        if self.held is None or prior is None:
            return None
        return self.held.threshold(aimed, self.meaning.classes, prior)

    def flags(self, aimed: Aimed, probabilities: Tensor, prior: Prior | None) -> Tensor | None:
        """The test rows that are taken for the class of a point, bool ``[n]``; None where it has no threshold.

        Args:
            probabilities: of the test rows under the prior, ``[n, C]``.
        """
        found = self.threshold(aimed, prior)
        return None if found is None else aimed.taken(probabilities, found)

    def save(self, into: Entries, identity: str) -> None:
        """Keep them under the identity of their run."""
        m, c = self.meaning, self.logits.shape[1]
        tensors = {"rows": self.rows.to(torch.int64), "y": small(self.y, c), "logits": self.logits}
        if self.natural is not None:
            tensors["natural"] = small(self.natural, c)
        if self.experts is not None:
            tensors["experts"] = self.experts
        if self.held is not None:
            tensors |= {"held": self.held.log_p, "held_y": small(self.held.y, c)}
        facts = {
            "format": FORMAT,
            "counts": m.classes.counts.tolist(),
            "logit_prior": None if m.assumed_prior is None else m.assumed_prior.tolist(),
            "calibrator": None if m.calibrator is None else m.calibrator.to_json(),
        }
        into.put(identity, tensors, facts)


def at(of: Mapping[str, Tensor] | None, rows: Tensor) -> dict[str, Tensor]:
    """The values of some rows, of columns of all rows ``[N]``."""
    return {name: values[rows] for name, values in (of or {}).items()}


def load_outputs(kept: Entries, identity: str) -> Outputs | None:
    """What ``Outputs.save`` kept; None if there is none. Damaged ones are reported and forgotten, so that their run is
    made anew.
    """
    stored = kept.get(identity)
    if stored is None:
        return None
    tensors, facts = stored
    try:
        if facts.get("format") != FORMAT:
            raise ValueError(f"it has format {facts.get('format')!r}; this version reads {FORMAT}")
        return Outputs(
            tensors["rows"],
            tensors["y"].long(),
            tensors["logits"],
            _meaning(facts),
            _long(tensors.get("natural")),
            Held(tensors["held"], tensors["held_y"].long()) if "held" in tensors else None,
            tensors.get("experts"),
        )
    except (ValueError, KeyError, TypeError) as why:
        kept.refuse(identity, str(why))
        return None


def _meaning(facts: dict[str, Any]) -> Meaning:
    counts = torch.tensor(facts["counts"], dtype=torch.int64)
    prior, calibrator = facts["logit_prior"], facts["calibrator"]
    return Meaning(
        Classes.of(counts),
        None if prior is None else torch.tensor(prior, dtype=torch.float64),
        None if calibrator is None else adjust.from_json(calibrator),
    )


def _long(index: Tensor | None) -> Tensor | None:
    return None if index is None else index.long()


def small(index: Tensor, count: int) -> Tensor:
    """Indices below ``count`` in as few bytes as they need."""
    return index.to(torch.uint8 if count <= 2**8 else torch.int16 if count <= 2**15 else torch.int32)


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
        k = slice(i, i + step)
        batch = Batch(probabilities[k].double(), y[k], decisions[k])
        nll[k], brier[k] = row_nll(batch), row_brier(batch)
    return Said(small(decisions, c), nll, brier)
