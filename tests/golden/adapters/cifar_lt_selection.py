from golden_cases import Case

from longtail.data import choose_random, exponential_counts
from longtail.labels import Labels


def run(case: Case) -> dict:
    assert case.params["all_classes_have_enough"]  # theirs misaligns images and labels otherwise; ours raises
    c = case.params["num_classes"]
    labels = Labels.of(case.whole("targets"), num_classes=c)
    # The reference takes the nominal class size, N / C, whatever the classes really have.
    counts = exponential_counts(len(labels) // c, c, 1 / case.params["imb_factor"])
    index = choose_random(labels, counts, seed=case.params["rand_number"])
    return {
        "img_num_per_cls": counts,
        "selected_indices_in_order": index,
        "new_targets": labels.y[index],
    }
