import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {"CDT": LossTraits(neutral={"gamma": 0.0}, reference=reference.vs)}
