"""Mixers: ``(x, y, generator) -> (x, y_a, y_b, lam)``, where ``lam`` is the weight of ``y_a``."""

from longtail.mixing.mixup import Mixup

__all__ = ["Mixup"]
