from golden_cases import Case, with_gradients

from longtail.losses import balanced_contrastive


def run(case: Case) -> dict:
    f, c = case.leaf("features"), case.leaf("centers")
    assert len(c) == case.params["num_classes"]
    loss = balanced_contrastive(f, case.whole("labels"), c, temperature=case.params["temperature"])
    return with_gradients(loss, features=f, centers=c)
