import torch
from golden_cases import Case, with_gradients

from longtail.losses import ride
from longtail.weights import effective_number


def run(case: Case) -> dict:
    z, p = case.leaf("expert_logits"), case.params
    n = None if case.inputs.get("class_counts") is None else case.whole("class_counts")
    late = n is not None and 0 <= p.get("reweight_epoch", -1) < p["epoch"]
    w = effective_number(n, beta=p.get("beta", 0.9999)) if late else None
    rho = p["reweight_factor"] if late else None
    loss = ride(
        z.transpose(0, 1), case.whole("labels"), n, diversity=p["additional_diversity_factor"],
        temperature=p["base_diversity_temperature"], tail_softness=rho, max_margin=p["max_m"], scale=p["s"],
        individual=p["base_loss_factor"], weight=w,
    )  # fmt: skip
    v = None
    if late:
        share = len(n) * n / n.sum(dtype=torch.float64) * rho + 1 - rho
        v = share / share.max()
    return {"base_class_weight": w, "diversity_class_weight": v, **with_gradients(loss, expert_logits=z)}
