"""Laws of a projection: run ``check_projection(part(MyProjection))`` in your own tests."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from longtail.net import Net
from longtail.part import Part
from longtail.roles import Projects
from longtail.testing.recipe import toy_net
from longtail.testing.sampler import _global_state


def check_projection(projection: Part[Projects], net: Net | None = None) -> None:
    """Hold what a stage does to the weights after each step to the laws of a projection onto a convex set.

    What lies in the set keeps its bits; so twice is once. No two points come apart. It draws nothing.

    Args:
        projection: built with the net at the start of a stage, as the training loop does.
        net: that net; by default a small one with a linear head.

    Raises:
        AssertionError: a law does not hold; the message says which.

    >>> from longtail.optim import MaxNorm
    >>> from longtail.part import part
    >>> check_projection(part(MaxNorm, radius=0.5))
    """
    net = toy_net() if net is None else net
    made, state = projection.build(net=copy.deepcopy(net)), _global_state()
    drawn = torch.Generator().manual_seed(0)

    def moved(far: float) -> Net:
        out = copy.deepcopy(net)
        with torch.no_grad():
            for p in out.parameters():
                p.add_(far * torch.randn(p.shape, generator=drawn))
        return out

    for far in (0.01, 0.3, 10.0):
        one, other = moved(far), moved(far)
        apart = (_flat(one) - _flat(other)).norm()
        made.project(one)
        made.project(other)
        once = _flat(one)
        assert once.isfinite().all(), "it leaves the finite numbers"
        assert (once - _flat(other)).norm() <= apart * (1 + 1e-5), "two nets come apart: no projection"
        made.project(one)
        torch.testing.assert_close(_flat(one), once, rtol=1e-6, atol=1e-7, msg="twice is not once")
        with torch.no_grad():
            for p in one.parameters():
                p.mul_(1 - 1e-5)  # inside, where a set that holds 0 has nothing to do
        inside = _flat(one)
        made.project(one)
        assert torch.equal(_flat(one), inside), "what may stay has changed"
    assert _global_state() == state, "it moves a global random state"


def _flat(net: Net) -> Tensor:
    return torch.cat([p.detach().flatten().double() for p in net.parameters()])


__all__ = ["check_projection"]
