import torch
from golden_cases import Case, with_gradients

from longtail.losses import balanced_group_softmax, group_layout, kept_others, merge_groups


def run(case: Case) -> dict:
    z, y, p = case.leaf("logits"), case.whole("labels"), case.params
    layout = group_layout(case.inputs["instance_counts"], tuple(p["bin_split"]), background="last")
    keep = torch.tensor(case.expected["group_weights"]) > 0  # the random draw of the reference
    assert torch.equal(kept_others(y, layout, p["beta"]).sum(1), keep.sum(1))
    start = torch.tensor([0, *layout.sizes[:-1]]).cumsum(0)
    return {
        "group_of_class_0_to_C": layout.own,
        "group_labels": layout.column[:, y] - start.unsqueeze(1),
        "group_weights": keep.double(),
        "activation": merge_groups(z, layout).exp(),
        **with_gradients(balanced_group_softmax(z, y, layout, keep=keep), logits=z),
    }
