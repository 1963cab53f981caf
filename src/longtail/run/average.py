"""Average: the averaged weights of a stage that asks for them (``longtail.optim``: EMA, SWA); else it does nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim.swa_utils import update_bn


class Average:
    """Follows ``net`` through a stage.

    Args:
        how: an ``EMA`` or ``SWA``, or None.
        net: what is trained.
    """

    def __init__(self, how: Any, net: nn.Module) -> None:
        self.how, self.net = how, net
        self.model = None if how is None else how.follow(net)

    def after_step(self, t: float) -> None:
        if self.model is not None and self.how.every_step and t >= self.how.start:
            self.model.update_parameters(self.net)

    def after_epoch(self, t: float, last: bool) -> None:
        if self.model is not None and not self.how.every_step and (last or t >= self.how.start):
            self.model.update_parameters(self.net)

    def take_over(self, inputs: Iterable[Any] | None) -> None:
        """Give the net the averaged weights. Where they need BatchNorm statistics of their own, those are computed on
        ``inputs``; None keeps the statistics.
        """
        if self.model is None:
            return
        if self.how.recompute_norm and inputs is not None:
            update_bn(inputs, self.model.module)
        self.net.load_state_dict(self.model.module.state_dict())

    @property
    def shown(self) -> nn.Module:
        """What the stage would give if it ended now."""
        return self.net if self.model is None or not int(self.model.n_averaged) else self.model.module

    def state_dict(self) -> dict[str, Any]:
        return {} if self.model is None else self.model.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.model is not None:
            self.model.load_state_dict(state)
