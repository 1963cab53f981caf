from golden_cases import Case

from longtail.heads import Aligned


def run(case: Case) -> dict:
    c, d = case.number("weight").shape
    head = Aligned(d, c).double()
    head.load_state_dict(
        {
            "inner.weight": case.number("weight"),
            "inner.bias": case.number("bias"),
            "logit_scale": case.number("logit_scale").flatten(),
            "logit_bias": case.number("logit_bias").flatten(),
            "confidence.weight": case.number("confidence_weight"),
            "confidence.bias": case.number("confidence_bias"),
        }
    )
    features = case.number("features")
    return {
        "logits": head(features),
        "logits_before": head.inner(features),
        "sigma": head.confidence(features).sigmoid(),
    }
