import softmax_family as reference

from longtail.testing.loss import LossTraits

TRAITS = {"CrossEntropy": LossTraits(reference=reference.plain)}
