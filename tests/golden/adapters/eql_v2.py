from golden_cases import Case, with_gradients

from longtail.losses import EQLv2


def run(case: Case) -> dict:
    p = case.params
    module = EQLv2(p["num_classes"], gamma=p["gamma"], mu=p["mu"], alpha=p["alpha"], objectness=True)
    out = []
    for call in case.inputs["calls"]:
        z = case.leaf("logits", call)
        got = with_gradients(module(z, case.whole("labels", call)), logits=z)
        state = {
            "pos_grad_after": module.positive.clone(),
            "neg_grad_after": module.negative.clone(),
            "pos_neg_after": module.ratio.clone(),
        }
        out.append({**got, **state})
    return {"calls": out}
