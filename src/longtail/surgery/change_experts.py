"""Change the experts of a net: give them a router (RIDE's second stage), or weights (SADE at test time).

Sources: Wang et al. (RIDE), ICLR 2021, and Zhang et al. (SADE), NeurIPS 2022; see :class:`longtail.heads.Routed`,
:class:`longtail.heads.Experts` and :func:`longtail.adjust.expert_weights`, which fits weights on unlabelled inputs.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from longtail.heads import Experts, Routed
from longtail.net import Net
from longtail.surgery.swap import under
from longtail.weights import expert_priors


def experts_of(net: Net) -> Experts:
    """A copy of the net's experts.

    Raises:
        TypeError: it has none.
    """
    if not isinstance(net.head, Experts):
        raise TypeError(f"head {type(net.head).__name__} has no experts: apply AddExperts first")
    return copy.deepcopy(net.head)


class AddRouters:
    """The same experts, asked one after another until a router says enough. Train the router before use
    (``longtail.objectives.Routing``).

    Args:
        top: logits that the router sees.
        hidden: width of its layer.

    Raises:
        TypeError: on the call: the net has no experts.
    """

    works_on = "net"

    def __init__(self, top: int = 30, hidden: int = 16) -> None:
        self.top, self.hidden = top, hidden

    def __call__(self, net: Net) -> Net:
        inner = experts_of(net)
        return under(net, Routed(inner.in_features, inner.out_features, inner, self.top, self.hidden))

    def assumes(self, before: Tensor | None) -> None:
        """None: how many experts are asked depends on the input."""
        return None


class WeighExperts:
    """The same experts under other weights, which sum to 1.

    Args:
        weights: one an expert.
        counts: training examples per class, where the experts are SADE's: the prior of the weighted logits follows.
        tau: of SADE's third expert.

    Raises:
        ValueError: weights that are negative or don't sum to 1; on the call: not as many as experts.
        TypeError: on the call: the net has no experts.

    >>> from torch import nn
    >>> from longtail.surgery import AddExperts
    >>> net = AddExperts(2)(Net(nn.Identity(), nn.Linear(4, 3)))
    >>> WeighExperts((0.25, 0.75))(net).head.weights.tolist()
    [0.25, 0.75]
    """

    works_on = "net"

    def __init__(
        self, weights: Sequence[float], counts: Tensor | Sequence[int] | None = None, tau: float = 2.0
    ) -> None:
        self.weights = tuple(float(w) for w in weights)
        if min(self.weights, default=-1.0) < 0 or abs(sum(self.weights) - 1) > 1e-6:
            raise ValueError(f"weights={self.weights} must not be negative and sum to 1")
        self.counts, self.tau = counts, tau

    def __call__(self, net: Net) -> Net:
        head = experts_of(net)
        if len(head.weights) != len(self.weights):
            raise ValueError(f"weights={self.weights} for {len(head.weights)} experts: give one an expert")
        with torch.no_grad():
            head.weights.copy_(torch.tensor(self.weights))
        return under(net, head)

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """``prod_k prior_k ** w_k``, normalised, for SADE's experts, whose own priors are known; else None."""
        if before is None or self.counts is None or len(self.weights) != 3:
            return None
        log = expert_priors(self.counts, tau=self.tau).log().to(before.device)
        return torch.softmax(log.T @ torch.tensor(self.weights, dtype=log.dtype), 0).to(before.dtype)
