"""Prepared: the rows of one fold, split and encoded."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import torch

from longtail.comparison.features import front_of
from longtail.comparison.patience import slowly
from longtail.comparison.study import Study
from longtail.data import encoder_for
from longtail.examples import Examples
from longtail.kinds.start import starting_net
from longtail.labels import Labels
from longtail.net import Net
from longtail.run.loop import On, ignore


class Prepared:
    """The rows of one fold, split and encoded; encoders are fitted on the rows that train, and on no others.

    Args:
        study: whose rows these are.
        train, test: rows of its data set.
        labels: those whose frequencies are "natural", and whose counts say which classes are many or few.
        unlabelled: raw rows without labels; None takes the data set's own.
        split_seed: shuffles the inner split; None takes the study's ``fold_seed``.
    """

    def __init__(
        self,
        study: Study,
        train: torch.Tensor,
        test: torch.Tensor,
        labels: Labels,
        unlabelled: Any = None,
        split_seed: int | None = None,
    ) -> None:
        self.study, self.train_rows, self.test_rows, self.labels = study, train, test, labels
        self.split_seed = study.fold_seed if split_seed is None else split_seed
        self.unlabelled = study.dataset.unlabelled if unlabelled is None else unlabelled
        self._encoded: dict[str, tuple[Any, Examples]] = {}
        self.seconds = 0.0  # that encoding took so far
        self.on: On = ignore

    @cached_property
    def split(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(inner rows, held-out rows) of the training rows; made when a recipe needs it, for a few rows have none."""
        study = self.study
        return study.sides.inner(
            study.dataset, study.together, self.train_rows, study.inner_share, self.split_seed
        )

    @property
    def inner_rows(self) -> torch.Tensor:
        return self.split[0]

    @property
    def held_rows(self) -> torch.Tensor:
        return self.split[1]

    def training(self, part: str) -> tuple[Any, Examples]:
        """The fitted encoder and the training examples of ``part``: "full" (all training rows) or "inner"."""
        if part not in self._encoded:
            began = time.perf_counter()
            rows = self.train_rows if part == "full" else self.inner_rows
            with slowly(self.on, f"encoding {len(rows):,} rows of {self.study.dataset.kind} data"):
                dataset = self.study.dataset.take(rows)
                encoder: Any = front_of(dataset, self.study.backbone) or encoder_for(dataset).fit(dataset.raw)
                more = None if self.unlabelled is None else encoder(self.unlabelled)
                examples = Examples(encoder(dataset.raw), dataset.labels, dataset.name, more)
            self._encoded[part] = (encoder, examples)
            self.seconds += time.perf_counter() - began
        return self._encoded[part]

    def encode(self, encoder: Any, rows: torch.Tensor) -> Examples:
        dataset = self.study.dataset.take(rows)
        with slowly(self.on, f"encoding {len(rows):,} rows of {dataset.kind} data"):
            return Examples(encoder(dataset.raw), dataset.labels, dataset.name)

    def net(self, part: str, seed: int) -> Net:
        """Initial weights for ``part``, from the seed."""
        _, examples = self.training(part)
        return starting_net(self.study.dataset.kind, examples, seed, self.study.backbone)
