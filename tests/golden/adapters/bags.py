import torch
from golden_cases import Case, with_gradients

from longtail.losses import balanced_group_softmax, group_layout, kept_others, merge_groups


def run(case: Case) -> dict:
    z, y, p = case.leaf("logits"), case.whole("labels"), case.params
    layout = group_layout(
        case.inputs["instance_count_of_class_1_to_C"], tuple(p["bin_edges"]), background="first"
    )
    keep = torch.tensor(case.expected["bin_weights"]) > 0  # the random draw of the reference
    ours = kept_others(y, layout, p["others_sample_ratio"])
    assert torch.equal(ours.sum(1), keep.sum(1))  # our draw keeps as many of each group
    start = torch.tensor([0, *layout.sizes[:-1]]).cumsum(0)
    each = [
        balanced_group_softmax(z, y, layout, keep=keep & one)
        for one in torch.eye(len(keep)).bool()[..., None]
    ]
    return {
        "label2binlabel": layout.column - start.unsqueeze(1),
        "pred_slice_start_len": torch.stack([start, torch.tensor(layout.sizes)], 1),
        "bin_labels": layout.column[:, y] - start.unsqueeze(1),
        "bin_weights": keep.double(),
        "avg_factor": keep.sum(1).clamp(min=1),
        "loss_per_bin": {f"loss_cls_bin{g}": loss for g, loss in enumerate(each)},
        "merged_scores": merge_groups(z, layout).exp(),
        **with_gradients(balanced_group_softmax(z, y, layout, keep=keep), logits=z),
    }
