import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {"LDAM": LossTraits(neutral={"max_margin": 0.0, "scale": 1.0}, reference=reference.ldam)}
