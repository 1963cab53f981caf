"""EMA: an exponential moving average of the weights, one update a step.

Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 1992, in the
exponential form of Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017: w' <- decay w' +
(1 - decay) w. The averaging is ``torch.optim.swa_utils.AveragedModel``.

Buffers (BatchNorm's running statistics) are averaged too.
"""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class EMA:
    """``Stage(average=part(EMA, decay=0.999))``: the averaged weights become the stage's.

    Args:
        decay: share of the average that stays at each step; 0 gives the last weights.
        start: progress in [0, 1) at which averaging begins.

    Raises:
        ValueError: ``decay`` or ``start`` outside [0, 1).

    >>> net = nn.Linear(2, 1)
    >>> averaged = EMA(decay=0.9).follow(net)
    >>> averaged.update_parameters(net)
    >>> bool((averaged.module.weight == net.weight).all())
    True
    """

    every_step = True
    """Updated after each step, not each epoch."""
    recompute_norm = False
    """Are BatchNorm statistics computed anew for the averaged weights? Here they are averaged."""

    def __init__(self, decay: float = 0.999, start: float = 0.0) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay} must lie in [0, 1): the share of the average that stays")
        if not 0 <= start < 1:
            raise ValueError(f"start={start} must lie in [0, 1): a share of the training")
        self.decay, self.start = decay, start

    def follow(self, net: nn.Module) -> AveragedModel:
        """The average of ``net``; nothing is in it yet."""
        return AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(self.decay), use_buffers=True)
