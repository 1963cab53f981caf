import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {"PriorCE": LossTraits(reference=reference.shifted)}
