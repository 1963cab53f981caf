"""Fitted: a fitted classifier of scikit-learn's kind as the head of a net.

It keeps the estimator itself, so predictions are the estimator's own, at its own speed. In a ``state_dict`` the estimator
is an array of bytes that skops wrote; see :mod:`longtail.classical.stored` for what is read from one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from longtail.classical import sound, stored
from longtail.classical.inputs import matrix
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs
from longtail.labels import Labels
from longtail.part import Own, part

FLOOR = -30.0
"""Log-probability of a class that the estimator gives nothing (1e-13): finite, so that the NLL stays finite."""

VALUES = 2**25
"""Numbers that are handed to an estimator at once, at most: 0.3 GB."""


class Fitted(nn.Module):
    """``x [N, d] -> log-probabilities [N, C]``, float32. Make one with :meth:`Fitted.of`.

    ``log p(c | x) = log((q_c + smoothing prior_c) / (1 + smoothing))``, at least ``FLOOR``; q is the estimator's
    ``predict_proba``, and 0 for classes that training lacked.

    Smoothing is for votes. A forest gives probability 0 to a class that no tree votes for, an infinite NLL if it is the
    true one. With ``smoothing = s / T``, s pseudo-trees beside its T trees vote for ``prior``. That never changes which
    class wins once ``prior`` is divided out.

    Args:
        num_features, num_classes: d and C.
        known: K, the classes seen in training.
        smoothing: how much ``prior`` counts beside the estimator's own probabilities.
        own: your own classes that a stored estimator may hold, by ``"module:name"``.

    >>> Fitted(4, 3, known=2).out_features
    3
    """

    classes: Tensor
    prior: Tensor

    def __init__(
        self, num_features: int, num_classes: int, known: int, smoothing: float = 0.0, own: Own | None = None
    ) -> None:
        super().__init__()
        if not 0 <= smoothing < float("inf"):
            raise ValueError(f"smoothing={smoothing} must be a number from 0 on")
        if not 1 <= known <= num_classes:
            raise ValueError(f"known={known} must lie in 1..{num_classes}, the number of classes")
        self.in_features, self.out_features, self.smoothing = num_features, num_classes, smoothing
        self.own = dict(own or {})
        self.register_buffer("classes", torch.arange(known))
        self.register_buffer("prior", torch.zeros(num_classes, dtype=torch.float64))
        self.estimator: Any = None
        self._bytes: bytes | None = None
        self.spec = part(
            Fitted, num_features=num_features, num_classes=num_classes, known=known, smoothing=smoothing
        )

    @classmethod
    def of(
        cls,
        estimator: Any,
        labels: Labels,
        num_features: int,
        *,
        classes: Any = None,
        smoothing: float = 0.0,
        prior: Tensor | None = None,
    ) -> Fitted:
        """The head of a fitted estimator.

        Args:
            estimator: has ``predict_proba``, ``[N, d] -> [N, K]``.
            labels: that it was fitted on; K of the C classes occur.
            num_features: d.
            classes: the class of each of its K columns; None takes those that occur, in order.
            smoothing: how much ``prior`` counts.
            prior: class frequencies that smoothing votes for, ``[C]``; None takes those of the labels.

        >>> import numpy as np
        >>> from sklearn.naive_bayes import GaussianNB
        >>> x, labels = torch.tensor([[0.0], [1.0], [8.0], [9.0]]), Labels.of([0, 0, 2, 2], num_classes=3)
        >>> head = Fitted.of(GaussianNB().fit(x.numpy(), labels.y.numpy()), labels, 1)
        >>> head(torch.tensor([[8.5]])).tolist()
        [[-30.0, -30.0, 0.0]]
        """
        which = torch.nonzero(labels.counts).flatten() if classes is None else torch.as_tensor(classes)
        out = cls(num_features, labels.num_classes, len(which), smoothing)
        out.classes.copy_(which)
        out.prior.copy_(labels.prior if prior is None else prior)
        out.estimator = estimator
        return out

    @property
    def rows_at_once(self) -> int:
        """Rows that are best predicted together: an estimator takes time for each call, however few they are."""
        return max(1024, VALUES // (self.in_features + 4 * self.out_features))

    def forward(self, x: Inputs) -> Tensor:
        found = torch.from_numpy(self.probabilities(x))
        p = torch.zeros(len(found), self.out_features, dtype=torch.float64)
        p[:, self.classes.cpu()] = found
        p = (p + self.smoothing * self.prior.cpu()) / (1 + self.smoothing)
        return p.log().clamp_min(FLOOR).float().to(self.classes.device)

    def probabilities(self, x: Inputs) -> Any:
        """The estimator's ``predict_proba``, float64 ``[N, K]``.

        Raises:
            ValueError: what it gives are no probabilities of its classes.
        """
        import numpy as np

        name = type(self.estimator).__name__
        with threads_limited(torch.get_num_threads(), name):
            found = np.asarray(self.estimator.predict_proba(matrix(x)), dtype=np.float64)
        if found.shape != (len(x), len(self.classes)):
            raise ValueError(
                f"{name}.predict_proba gave an array of shape {found.shape} for {len(x)} rows; it was fitted on "
                f"{len(self.classes)} classes, so it must be {(len(x), len(self.classes))}"
            )
        sums = found.sum(1)
        if not (found.min(initial=0.0) >= 0 and np.all(np.abs(sums - 1) < 1e-3)):  # nan fails both
            raise ValueError(
                f"{name}.predict_proba gave numbers that are no probabilities: rows must sum to 1"
            )
        return found

    def get_extra_state(self) -> Tensor:
        """The estimator as bytes, uint8 ``[n]``: what a ``state_dict`` holds of it."""
        if self._bytes is None:
            self._bytes = stored.dump(self.estimator)
        return torch.frombuffer(bytearray(self._bytes), dtype=torch.uint8)

    def set_extra_state(self, state: Any) -> None:
        """Read the estimator that a ``state_dict`` holds, if nothing in it is against the rules."""
        if not isinstance(state, Tensor) or state.dtype != torch.uint8 or state.dim() != 1:
            raise ValueError("a stored estimator must be an array of bytes")
        raw = state.cpu().numpy().tobytes()
        estimator = stored.load(raw, self.own)
        sound.check(estimator, self.in_features)
        self.estimator, self._bytes = estimator, raw
        try:
            self.probabilities(torch.zeros(1, self.in_features))
        except Exception as why:  # forged state shows anywhere
            raise ValueError(f"the stored estimator does not predict: {type(why).__name__}: {why}") from None

    def foreign(self) -> Mapping[str, str]:
        """Types in the estimator that a reader must hand in: ``{"module:name": name}``."""
        return stored.foreign(self.get_extra_state().numpy().tobytes())


PARTS = (Fitted,)
"""What a file may name of this room (``longtail.part.SLOTS``)."""
