import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {"CrossEntropy": LossTraits(reference=reference.plain)}
