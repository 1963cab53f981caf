import torch
from golden_cases import Case

from longtail.labels import Labels
from longtail.metrics import confusion, group_recall

OURS = {"many": "many", "median": "medium", "low": "few"}


def run(case: Case) -> dict:
    counts, many, few = (
        case.whole("train_class_counts"),
        case.params["many_shot_thr"],
        case.params["low_shot_thr"],
    )
    table = confusion(case.whole("labels"), case.whole("preds"), len(counts))
    recall = table.diagonal() / table.sum(1)
    train = Labels.of(torch.repeat_interleave(counts), num_classes=len(counts))
    decoupling = train.classes.groups(many, few)
    oltr = train.classes.groups(many - 1, few + 1)  # at least ``many``, at most ``few``
    means, oltr_means = group_recall(recall, decoupling), group_recall(recall, oltr)
    return {
        "decoupling": {
            # An empty group is nan here; the reference's 0 reads like a failure.
            **{name: means[ours] if len(decoupling[ours]) else 0.0 for name, ours in OURS.items()},
            "per_class": recall,
            **{f"{name}_classes": decoupling[ours].tolist() for name, ours in OURS.items()},
        },
        "oltr": {name: oltr_means[ours] for name, ours in OURS.items()},
    }
