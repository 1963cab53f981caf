import softmax_family as reference

from longtail.testing.loss import LossTraits

TRAITS = {"PriorCE": LossTraits(reference=reference.shifted)}
