"""SWA: the plain average of the weights at the ends of the last epochs.

Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018, algorithm 1; the
averaging and the BatchNorm pass are ``torch.optim.swa_utils``.

Differs from the paper in the learning rate, which is the stage's own schedule: give it one with a floor
(``part(Cosine, floor=0.05)``) for the paper's high constant rate.
"""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel


class SWA:
    """``Stage(average=part(SWA, start=0.75))``: the mean over the epochs from ``start`` on becomes the stage's weights.

    BatchNorm statistics are computed for them in one more pass over the last epoch's batches, unless the stage keeps its
    statistics (``norm_stats=False``).

    Args:
        start: progress in [0, 1) at which averaging begins; the last epoch is always in.

    Raises:
        ValueError: ``start`` outside [0, 1).

    >>> SWA(start=0.5).start
    0.5
    """

    every_step = False
    recompute_norm = True

    def __init__(self, start: float = 0.75) -> None:
        if not 0 <= start < 1:
            raise ValueError(f"start={start} must lie in [0, 1): a share of the training")
        self.start = start

    def follow(self, net: nn.Module) -> AveragedModel:
        """The average of ``net``; nothing is in it yet."""
        return AveragedModel(net)
