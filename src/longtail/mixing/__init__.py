"""Mixers: ``(x, y, generator) -> (x, y_a, y_b, lam)``, where ``lam`` is the weight of ``y_a``."""

from longtail.mixing.cutmix import CutMix
from longtail.mixing.mamix import MAMix, mamix_weight
from longtail.mixing.manifold import ManifoldMixup
from longtail.mixing.mixup import Mixup
from longtail.mixing.remix import Remix, remix_weight

__all__ = ["CutMix", "MAMix", "ManifoldMixup", "Mixup", "Remix", "mamix_weight", "remix_weight"]

PARTS = (
    CutMix, MAMix, ManifoldMixup, Mixup, Remix,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
