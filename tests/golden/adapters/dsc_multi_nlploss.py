from golden_cases import Case, with_gradients

from longtail.losses import dsc


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    loss = dsc(
        z,
        case.whole("labels"),
        alpha=p["alpha"],
        smooth=p["smooth"],
        classes="true",
        reduction=p["reduction"],
    )
    return with_gradients(loss, logits=z)
