import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {"LADE": LossTraits(neutral={"strength": 0.0}, reference=reference.lade, soft=False, coupled=True)}
