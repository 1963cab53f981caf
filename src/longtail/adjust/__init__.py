"""Adjusters: logits to logits (or to decisions), in closed form or fitted on held-out data. numpy only,
torch welcome. The room is a verb too: ``longtail.adjust(predictions, counts=...)``.
"""

from longtail.adjust.affine import Affine, affine
from longtail.adjust.apply import Adjusted, adjust_predictions
from longtail.adjust.bias_temperature import BiasTemperature
from longtail.adjust.chain import Chain
from longtail.adjust.expert_weights import expert_weights
from longtail.adjust.files import from_json, load, save
from longtail.adjust.inputs import (
    check_labels,
    check_logits,
    check_prior,
    check_probabilities,
    log_probabilities,
)
from longtail.adjust.label_shift import PriorEstimate, bbse_prior, em_prior, estimate_prior
from longtail.adjust.models import predictions_of
from longtail.adjust.predictions import Predictions
from longtail.adjust.prior_shift import PriorShift, shift_bias
from longtail.adjust.saved import read_counts, read_predictions
from longtail.adjust.temperature import Temperature
from longtail.adjust.thresholds import Thresholds
from longtail.adjust.vector_scaling import VectorScaling
from longtail.adjust.written import write_predictions
from longtail.verb import callable_room

__all__ = [
    "Adjusted",
    "Affine",
    "BiasTemperature",
    "Chain",
    "Predictions",
    "PriorEstimate",
    "PriorShift",
    "Temperature",
    "Thresholds",
    "VectorScaling",
    "adjust_predictions",
    "affine",
    "bbse_prior",
    "check_labels",
    "check_logits",
    "check_prior",
    "check_probabilities",
    "em_prior",
    "estimate_prior",
    "expert_weights",
    "from_json",
    "load",
    "log_probabilities",
    "predictions_of",
    "read_counts",
    "read_predictions",
    "save",
    "shift_bias",
    "write_predictions",
]

PARTS = (
    BiasTemperature, Chain, PriorShift, Temperature, Thresholds, VectorScaling,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""

callable_room(__name__)
