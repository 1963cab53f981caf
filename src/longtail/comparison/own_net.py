"""The user's net is tried on one batch of the data before any fold is trained."""

from __future__ import annotations

import torch

from longtail.comparison.patience import slowly
from longtail.comparison.plan import Plan
from longtail.data import encoder_for
from longtail.kinds import kind_of
from longtail.net import Net
from longtail.own_net import try_net
from longtail.run.loop import On, ignore

ROWS = 8


def try_backbone(plan: Plan, fold: int | None = 0, on: On = ignore) -> None:
    """Try a net of the user's own on a few rows, encoded as a fold's training rows will be; fold None trains on all.

    Raises:
        ValueError: it does not take them, or gives other shapes than are wanted.
    """
    if not isinstance(plan.backbone, Net):
        return
    with slowly(on, "trying your net on a batch"):
        train = plan.dataset.take(plan.prepare(fold).train_rows)
        few = train.take(torch.arange(min(ROWS, len(train))))
        try_net(
            plan.backbone,
            encoder_for(train).fit(train.raw)(few.raw),
            kind_of(train.kind),
            train.labels.num_classes,
        )
