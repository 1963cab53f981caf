"""ride-distilled: ride, whose experts' mean also learns from a ride of more experts.

Paper: Wang et al., Long-tailed recognition by routing diverse distribution-aware experts, ICLR 2021.
Claim: CIFAR-100-LT 49.0 % at imbalance 100 with three routed experts, 48.6 % without; the teacher of six 50.2 % (the
authors' repository).

Reach for it where ride is worth its cost and training may cost three times as much: prediction costs the same.

Differs from the authors' code: the augmentation is the protocol's; see ``longtail.objectives.DistilledExperts``.
"""

from longtail.objectives import DistilledExperts
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.ride import ride


def ride_distilled(
    base: Stage,
    *,
    experts: int = 3,
    teacher_experts: int = 6,
    weight: float = 1.0,
    temperature: float = 1.5,
    widths: tuple[int, ...] = (24, 48),
    routed: bool = True,
) -> Recipe:
    """ride with ``teacher_experts`` and no router first; then ride, its experts distilled from it."""
    teacher = ride(base, experts=teacher_experts, widths=widths, routed=False).but(name="teacher")
    student = ride(base, experts=experts, widths=widths, routed=routed)
    own = part(DistilledExperts, weight=weight, temperature=temperature)
    together = student.stages[0].but(objective=own)
    return Recipe("ride-distilled", (together, *student.stages[1:]), teachers=(teacher,))
