from golden_cases import Case, with_gradients

from longtail.losses import supcon


def run(case: Case) -> dict:
    f, p = case.leaf("features"), case.params
    loss = supcon(
        f, case.whole("labels"), temperature=p["temperature"], base_temperature=p["base_temperature"],
        anchors={"all": "all", "one": "first"}[p["contrast_mode"]],
    )  # fmt: skip
    return with_gradients(loss, features=f)
