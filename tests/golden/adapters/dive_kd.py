from golden_cases import Case, with_gradients

from longtail.losses import dive


def run(case: Case) -> dict:
    z, p = case.leaf("student_logits"), case.params
    loss = dive(
        z, case.whole("labels"), case.number("teacher_logits"), case.whole("class_counts"), alpha=p["alpha"],
        temperature=p["temperature"], power=p["power"] if p["power_norm"] else 1.0,
    )  # fmt: skip
    return with_gradients(loss, logits=z)
