import softmax_family as reference

from longtail.testing.loss import LossTraits

TRAITS = {"BalancedSoftmax": LossTraits(reference=reference.shifted)}
