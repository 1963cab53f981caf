"""Fitted estimators as torch modules: features to log-probabilities, rebuilt from a spec and a state_dict."""

from longtail.classical.heads.boosted import Boosted
from longtail.classical.heads.forest import Forest
from longtail.classical.heads.linear_model import LinearModel
from longtail.classical.heads.trees import FLOOR, Trees
from longtail.classical.heads.votes import Votes

__all__ = ["FLOOR", "Boosted", "Forest", "LinearModel", "Trees", "Votes"]

PARTS = (
    Boosted, Forest, LinearModel, Votes,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
