import pytest
from golden_cases import Case, Deviation

from longtail.data import choose_random, exponential_counts, step_counts
from longtail.labels import Labels


def asked(case: Case) -> tuple:
    p = case.params
    labels = Labels.of(case.whole("targets"), num_classes=p["num_classes"])
    # The reference takes the nominal class size, N / C (not rounded), whatever the classes really have.
    nominal, c = len(labels) / p["num_classes"], p["num_classes"]
    if p.get("imb_type") == "step":
        return labels, step_counts(int(nominal), c, 1 / p["imb_factor"])
    return labels, exponential_counts(nominal, c, 1 / p["imb_factor"])


def run(case: Case) -> dict:
    labels, counts = asked(case)
    index = choose_random(labels, counts, seed=case.params["rand_number"])
    return {
        "img_num_per_cls": counts,
        "selected_indices_in_order": index,
        "new_targets": labels.y[index],
    }


def refused(case: Case) -> None:
    with pytest.raises(ValueError, match="counts asks for"):
        choose_random(*asked(case), seed=case.params["rand_number"])


DEVIATIONS = [
    Deviation(
        when=lambda case: not case.params["all_classes_have_enough"],
        why="with too few images in a class the reference's labels move away from their images; ours says so",
        instead=refused,
    )
]
