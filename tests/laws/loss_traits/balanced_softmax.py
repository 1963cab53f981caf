import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {"BalancedSoftmax": LossTraits(reference=reference.shifted)}
