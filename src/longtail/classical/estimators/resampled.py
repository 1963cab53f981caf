"""Resampling before an estimator (imbalanced-learn), on the training rows only.

Over-sampling (:mod:`~longtail.classical.estimators.over_sampling`) brings every class that occurs to the largest count;
random under-sampling brings it to the smallest, and NearMiss (Mani and Zhang, ICML workshop 2003) does so with the rows
nearest to other classes; ENN and Tomek links remove rows whose neighbours disagree, and SMOTE-ENN and SMOTE-Tomek
(Batista et al., SIGKDD Explorations 2004) do that after SMOTE.

After random sampling the probabilities of an estimator with a closed-form prior assume the resampled counts. Made-up
rows and removed border rows also change p(x | c): then there is no closed form, and ``fit`` returns None.

| imbalanced-learn | here |
|---|---|
| ``k_neighbors`` of SMOTE and its kin, ``n_neighbors`` of ADASYN and NearMiss | ``neighbours`` |

Differs from imbalanced-learn: over-sampling many classes stops at a common count at which the rows hold ``values``
numbers, so that memory is bounded; and where cleaning would have to compare more than ``PAIRS`` pairs of rows, which
takes hours, it is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.classical.categorical import Blocks
from longtail.classical.estimators import over_sampling
from longtail.classical.estimators.imbalanced import imbalanced
from longtail.classical.estimators.one_class import one_class
from longtail.classical.inputs import from_matrix, matrix, rows_of
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs, SparseRows
from longtail.labels import Labels
from longtail.net import Net

AFTER_SMOTE = {"smote_enn": "enn", "smote_tomek": "tomek"}
METHODS = ("random_under", *over_sampling.METHODS, *AFTER_SMOTE, "enn", "tomek", "near_miss")
EXACT = ("random_under", "random_over")
"""They change how frequent a class is, and not what its rows are like."""
ABOUT = {
    "random_under": ("Random under-sampling (every class as rare as the rarest)", ""),
    "random_over": ("Random over-sampling (rows repeated)", ""),
    "smote": ("SMOTE", "Chawla et al., SMOTE, JAIR 2002."),
    "borderline_smote": ("Borderline SMOTE", "Han et al., Borderline-SMOTE, ICIC 2005."),
    "smotenc": ("SMOTENC (SMOTE for numbers and words)", "Chawla et al., SMOTE, JAIR 2002, section 6.1."),
    "smoten": ("SMOTEN (SMOTE for words only)", "Chawla et al., SMOTE, JAIR 2002, section 6.2."),
    "adasyn": ("ADASYN", "He et al., ADASYN, IJCNN 2008."),
    "smote_enn": ("SMOTE, edited nearest neighbours", "Batista et al., SIGKDD Explorations 2004."),
    "smote_tomek": ("SMOTE, Tomek links removed", "Batista et al., SIGKDD Explorations 2004."),
    "enn": ("Edited nearest neighbours", "Wilson, IEEE Transactions on Systems, Man, and Cybernetics 1972."),
    "tomek": ("Tomek links removed", "Tomek, IEEE Transactions on Systems, Man, and Cybernetics 1976."),
    "near_miss": ("NearMiss", "Mani and Zhang, ICML workshop on learning from imbalanced data sets 2003."),
}
"""Each method in words, and its paper."""

PAIRS = 10**11
"""Pairs of rows that cleaning may compare: 300,000 rows, some minutes; a million would be hours."""


class Resampled:
    """Args:
    method: one of ``METHODS``.
    estimator: fitted on the resampled rows.
    neighbours: of SMOTE and its kin, and of NearMiss; fewer for a class that has not so many rows.
    values: numbers that the over-sampled rows may hold; 2e8 are 0.8 GB, and up to four times that while fitting.
    categorical: the one-hot columns, for smotenc and smoten; a fact of the data at hand, filled in where it is left out.
    """

    def __init__(
        self,
        method: str,
        estimator: Any,
        neighbours: int = 5,
        values: int = 200_000_000,
        categorical: Blocks = (),
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method={method!r} must be one of {', '.join(METHODS)}")
        if neighbours < 1:
            raise ValueError(f"neighbours={neighbours} must be at least 1")
        if values < 1:
            raise ValueError(f"values={values} must be at least 1")
        self.method, self.estimator, self.neighbours = method, estimator, neighbours
        self.values, self.categorical = values, categorical

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Resample and fit: a net giving log-probabilities, and the prior they assume."""
        with threads_limited(threads):
            new_x, seen = self.resample(rows_of(x)(x), labels, seed)
        if int((seen.counts > 0).sum()) == 1:  # cleaning may leave one class
            return one_class(new_x, seen), seen.prior
        net, prior = self.estimator.fit(new_x, seen, seed=seed, threads=threads)
        return net, prior if self.method in EXACT else None

    def resample(self, x: Inputs, labels: Labels, seed: int) -> tuple[Inputs, Labels]:
        """The rows that the estimator sees.

        Raises:
            ValueError: too many rows for a method that compares all pairs, or columns it does not take.
        """
        # float32 as it came: half the memory of scikit-learn's float64
        rows: Any = matrix(x) if isinstance(x, SparseRows) else np.ascontiguousarray(x.cpu().numpy())
        y = labels.y.numpy()
        over = "smote" if self.method in AFTER_SMOTE else self.method
        if over in over_sampling.METHODS:
            width = max(1.0, rows.nnz / len(y) if isinstance(x, SparseRows) else rows.shape[1])
            rows, y = over_sampling.over_sampled(
                over, rows, y, k=self.neighbours, limit=int(self.values / width), categorical=self.categorical,
                seed=seed,
            )  # fmt: skip
        if self.method not in over_sampling.METHODS:
            rows, y = self._reduced(rows, y, seed)
        if not len(y):
            raise ValueError(
                f"method={self.method!r} removed every row: use smote, random_over or random_under"
            )
        kept = Labels.of(torch.from_numpy(np.asarray(y)), labels.names, labels.num_classes)
        return from_matrix(rows), kept

    def _reduced(self, rows: Any, y: Any, seed: int) -> tuple[Any, Any]:
        under = imbalanced("under_sampling")
        if self.method == "random_under":
            return under.RandomUnderSampler(random_state=seed).fit_resample(rows, y)
        counts = np.bincount(y)
        if self.method == "near_miss":
            k = min(self.neighbours, int(counts[counts > 0].min()))
            return under.NearMiss(n_neighbors=k).fit_resample(rows, y)
        if len(y) ** 2 > PAIRS:
            raise ValueError(
                f"method={self.method!r} compares all pairs of {len(y):,} rows, which takes hours: use smote, "
                "random_over or random_under"
            )
        cleaned = "all" if self.method in AFTER_SMOTE else "auto"
        if AFTER_SMOTE.get(self.method, self.method) == "enn":
            return under.EditedNearestNeighbours(sampling_strategy=cleaned).fit_resample(rows, y)
        return under.TomekLinks(sampling_strategy=cleaned).fit_resample(rows, y)
