from golden_cases import Case, with_gradients

from longtail.losses import ldam, ldam_margins
from longtail.part import part, switch
from longtail.weights import effective_number

EPOCHS = 200  # of the reference's schedule; its deferred weights start at epoch 160


def run(case: Case) -> dict:
    z, n, p = case.leaf("logits"), case.whole("class_counts"), case.params
    out, weight = {}, case.number("class_weight")
    if "drw_epoch_zero_based" in p:
        deferred = switch({0: part(effective_number, beta=0.0), 0.8: part(effective_number, beta=0.9999)})
        out["class_weight"] = weight = deferred.at(p["drw_epoch_zero_based"] / EPOCHS).build(counts=n)
    how = {"max_margin": p["max_m"], "scale": p["s"], "weight": weight, "normalizer": "weights"}
    loss = ldam(z, case.whole("labels"), n, **how)
    return {"margins": ldam_margins(n.double(), p["max_m"]), **out, **with_gradients(loss, logits=z)}
