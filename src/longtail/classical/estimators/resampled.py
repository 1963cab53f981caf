"""Resampling before an estimator (imbalanced-learn), on the training rows only.

Over-sampling brings every class that occurs to the largest count, under-sampling to the smallest; SMOTE
(Chawla et al., JAIR 2002), borderline SMOTE (Han et al., ICIC 2005) and ADASYN (He et al., IJCNN 2008) place
new rows between neighbours of a class; SMOTE-ENN and SMOTE-Tomek (Batista et al., SIGKDD Explorations 2004)
clean up afterwards; ENN, Tomek links and NearMiss remove rows.

The prior that the probabilities assume is the one that the estimator saw: the resampled counts. That is
exact for random sampling; made-up rows and removed border rows also change p(x | c), so there it is an
approximation.

| imbalanced-learn | here |
|---|---|
| ``k_neighbors`` of SMOTE and its kin | ``neighbours``, lowered to the smallest count less one |

Differs from imbalanced-learn: a class with a single row, on which SMOTE would fail, has its row repeated
until it has ``neighbours + 1`` of them, so SMOTE then repeats it further.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.classical.estimators.imbalanced import imbalanced
from longtail.classical.estimators.weighting import threads_limited
from longtail.classical.inputs import from_matrix, matrix, rows_of
from longtail.examples import Inputs
from longtail.labels import Labels
from longtail.net import Net

METHODS = (
    "random_over", "random_under", "smote", "borderline_smote", "adasyn", "smote_enn", "smote_tomek",
    "enn", "tomek", "near_miss",
)  # fmt: skip


class Resampled:
    """Args:
    method: one of ``METHODS``.
    estimator: fitted on the resampled rows.
    neighbours: of SMOTE and its kin.
    """

    def __init__(self, method: str, estimator: Any, neighbours: int = 5) -> None:
        if method not in METHODS:
            raise ValueError(f"method={method!r} must be one of {', '.join(METHODS)}")
        if neighbours < 1:
            raise ValueError(f"neighbours={neighbours} must be at least 1")
        self.method, self.estimator, self.neighbours = method, estimator, neighbours

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Resample, fit and export: a net giving log-probabilities, and the prior they assume."""
        with threads_limited(threads):
            new_x, new_labels = self.resample(rows_of(x)(x), labels, seed)
        return self.estimator.fit(new_x, new_labels, seed=seed, threads=threads)

    def resample(self, x: Inputs, labels: Labels, seed: int) -> tuple[Inputs, Labels]:
        """The rows that the estimator sees."""
        rows, y = matrix(x), labels.y.numpy()
        if self.method not in ("random_over", "random_under", "enn", "tomek", "near_miss"):
            alone = np.isin(y, np.flatnonzero(labels.counts.numpy() == 1))
            if alone.any():
                repeat = np.repeat(np.flatnonzero(alone), self.neighbours)
                order = np.concatenate([np.arange(len(y)), repeat])
                rows, y = rows[order], y[order]
        counts = np.bincount(y)
        k = max(1, min(self.neighbours, int(counts[counts > 0].min()) - 1))
        new_rows, new_y = self._sampler(k, seed).fit_resample(rows, y)
        kept = Labels.of(torch.from_numpy(np.asarray(new_y)), labels.names, labels.num_classes)
        return from_matrix(new_rows), kept

    def _sampler(self, k: int, seed: int) -> Any:
        over, under = imbalanced("over_sampling"), imbalanced("under_sampling")
        if self.method == "random_over":
            return over.RandomOverSampler(random_state=seed)
        if self.method == "random_under":
            return under.RandomUnderSampler(random_state=seed)
        if self.method == "borderline_smote":
            return over.BorderlineSMOTE(k_neighbors=k, random_state=seed)
        if self.method == "adasyn":
            return over.ADASYN(n_neighbors=k, random_state=seed)
        if self.method == "enn":
            return under.EditedNearestNeighbours()
        if self.method == "tomek":
            return under.TomekLinks()
        if self.method == "near_miss":
            return under.NearMiss(n_neighbors=k)
        smote = over.SMOTE(k_neighbors=k, random_state=seed)
        if self.method == "smote_enn":
            return imbalanced("combine").SMOTEENN(smote=smote, random_state=seed)
        if self.method == "smote_tomek":
            return imbalanced("combine").SMOTETomek(smote=smote, random_state=seed)
        return smote
