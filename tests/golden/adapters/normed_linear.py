import torch
from golden_cases import Case
from torch.nn import functional as F

from longtail.heads import Cosine


def run(case: Case) -> dict:
    """Their weight is [d, C] and the scale comes later; here the scale is the head's."""
    weight, features = case.number("weight_DxC").T, case.leaf("features")
    scale = case.params["scale_for_ce"]
    head = Cosine(weight.shape[1], weight.shape[0], scale=float(scale)).double()
    head.load_state_dict({"weight": weight})
    logits = head(features)
    loss = F.cross_entropy(logits, case.whole("labels_for_ce"))
    to_features, to_weight = torch.autograd.grad(loss, [features, head.weight])
    return {
        "logits": logits / scale,
        "ce_loss_scaled": loss,
        "grad_features": to_features,
        "grad_weight_DxC": to_weight.T,
    }
