"""lfme: experts for frequent, medium and rare classes teach one student, each until the student has caught up.

Paper: Xiang, Ding and Han, Learning from multiple experts: self-paced knowledge distillation for long-tailed
classification, ECCV 2020.
Claim: on classes of one size, an expert for these alone does better than a net for all (no figure: none was checked).

Reach for it when one net is worse on a group of classes than a net trained on that group alone.

Differs from the paper: by default the groups are thirds of the classes by size, so that none is empty; the paper's are
``shots=(100, 20)``. See ``longtail.objectives.SelfPaced`` for the rest.
"""

from longtail.objectives import SelfPaced
from longtail.part import Part, part
from longtail.recipe import Recipe, Stage
from longtail.samplers import ClassAware, Subset


def lfme(
    base: Stage,
    *,
    experts: int = 3,
    shots: tuple[int, int] | None = None,
    temperature: float = 2.0,
    threshold: float = 0.3,
    weighs: str = "loss",
) -> Recipe:
    """``experts`` nets, each on the examples of its classes; then the student on class-aware batches."""
    names = ("many", "medium", "few")
    if shots is not None and experts != len(names):
        raise ValueError(f"experts={experts} with shots={shots}: many, medium and few make three")

    def of_group(k: int) -> Part[Subset]:
        if shots is None:
            return part(Subset, run=(k, experts))
        return part(Subset, group=names[k], many=shots[0], few=shots[1])

    teachers = tuple(
        Recipe(f"expert-{k}", (base.but(name=f"expert-{k}", streams=(of_group(k),)),)) for k in range(experts)
    )
    student = base.but(
        name="student",
        streams=(part(ClassAware, k=4),),
        objective=part(
            SelfPaced,
            epochs=base.epochs,
            temperature=temperature,
            threshold=threshold,
            shots=shots,
            weighs=weighs,
        ),
        mix=None,
    )
    return Recipe("lfme", (student,), teachers=teachers)
