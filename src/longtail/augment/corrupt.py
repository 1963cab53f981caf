"""Corrupt: a view of a row of features, some of them taken from other rows of the batch; of sparse rows, words dropped.

Bahri et al., *SCARF: self-supervised contrastive learning using random feature corruption*, ICLR 2022: each feature is
replaced, with a fixed rate, by a draw from its marginal distribution. Of a bag of words, entries are dropped instead.

| paper | here |
|---|---|
| corruption rate c | ``p`` |
| empirical marginal of feature j | its values in the batch |

*Differs from the paper in* the number of features corrupted, which is exact there and binomial here, and in the
marginal, the whole training set's there.
"""

from __future__ import annotations

from typing import Any

import torch


class Corrupt:
    """Features ``[B, d]`` or sparse rows; each entry is exchanged (or dropped, where sparse) with probability ``p``.

    Args:
        p: share of the entries that change.

    Raises:
        ValueError: ``p`` outside [0, 1].

    >>> x = torch.arange(4.0).repeat(3, 1)  # equal rows: there is nothing else to exchange with
    >>> bool((Corrupt(0.5)(x, torch.Generator()) == x).all())
    True
    """

    takes = frozenset({"image", "rows", "sparse"})

    def __init__(self, p: float = 0.3) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p={p} must lie in [0, 1]: the share of the features that change")
        self.p = p

    def __call__(self, x: Any, generator: torch.Generator) -> Any:
        if not isinstance(x, torch.Tensor):
            kept = torch.rand(x.values.shape, generator=generator, device=x.device) >= self.p
            return type(x)(x.indptr, x.indices, x.values * kept, x.num_columns)
        change = torch.rand(x.shape, generator=generator, device=x.device) < self.p
        other = torch.randint(len(x), x.shape, generator=generator, device=x.device)
        return torch.where(change, x.gather(0, other), x)
