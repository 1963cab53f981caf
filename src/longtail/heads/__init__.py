"""Heads: features ``[B, d]`` to logits ``[B, C]``. Each keeps a ``spec`` it can be rebuilt from."""

from longtail.heads.cosine import Cosine, cosine_logits
from longtail.heads.linear import Linear, spec_of

__all__ = ["Cosine", "Linear", "cosine_logits", "spec_of"]
