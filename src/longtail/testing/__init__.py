"""Shipped laws: checks that the parts of this library keep, for your own parts too."""

from longtail.testing.adjuster import check_adjuster
from longtail.testing.executor import check_executor
from longtail.testing.head import check_head
from longtail.testing.loss import LAWS as LOSS_LAWS
from longtail.testing.loss import check_loss
from longtail.testing.loss_traits import LossTraits
from longtail.testing.metric import check_metric
from longtail.testing.mixer import check_mixer
from longtail.testing.objective import check_objective, check_ranks
from longtail.testing.projection import check_projection
from longtail.testing.recipe import check_recipe
from longtail.testing.sampler import check_sampler
from longtail.testing.source import check_source
from longtail.testing.surgery import check_surgery

__all__ = [
    "LOSS_LAWS",
    "LossTraits",
    "check_adjuster",
    "check_executor",
    "check_head",
    "check_loss",
    "check_metric",
    "check_mixer",
    "check_objective",
    "check_projection",
    "check_ranks",
    "check_recipe",
    "check_sampler",
    "check_source",
    "check_surgery",
]
