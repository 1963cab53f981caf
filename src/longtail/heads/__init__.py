"""Heads: features ``[B, d]`` to logits ``[B, C]``. Each keeps a ``spec`` it can be rebuilt from."""

from longtail.heads.aligned import Aligned, aligned_logits
from longtail.heads.causal import Causal, causal_logits
from longtail.heads.cosine import Cosine, cosine_logits
from longtail.heads.etf import ETF, simplex
from longtail.heads.experts import Experts, Hidden
from longtail.heads.grouped import Grouped, group_scores, group_slots
from longtail.heads.linear import Linear, spec_of
from longtail.heads.memory import Memory, meta_embedding
from longtail.heads.nearest_mean import NearestMean, class_means, nearest_mean_logits
from longtail.heads.routed import Routed
from longtail.heads.scaled import Scaled, scaled_logits
from longtail.heads.squashing_cosine import SquashingCosine, squashing_cosine_logits
from longtail.heads.two_branch import TwoBranch

__all__ = [
    "ETF",
    "Aligned",
    "Causal",
    "Cosine",
    "Experts",
    "Grouped",
    "Linear",
    "Memory",
    "NearestMean",
    "Routed",
    "Scaled",
    "SquashingCosine",
    "TwoBranch",
    "aligned_logits",
    "causal_logits",
    "class_means",
    "cosine_logits",
    "group_scores",
    "group_slots",
    "meta_embedding",
    "nearest_mean_logits",
    "scaled_logits",
    "simplex",
    "spec_of",
    "squashing_cosine_logits",
]

PARTS = (
    ETF, Aligned, Causal, Cosine, Experts, Grouped, Linear, Memory, NearestMean, Routed, Scaled, SquashingCosine,
    TwoBranch, Hidden,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
