from golden_cases import Case

from longtail.data import cifar_lt_counts, exponential_counts, step_counts


def run(case: Case) -> dict:
    c, imbalance = case.params["num_classes"], case.params["IF"]
    n_max = case.inputs["num_train_images"] // c
    kind = case.params["imb_type"]
    if kind == "exp":
        counts = exponential_counts(n_max, c, imbalance)
        if case.inputs["num_train_images"] == 50_000 and c in (10, 100):
            assert counts.equal(cifar_lt_counts(c, imbalance))
    elif kind == "step":
        counts = step_counts(n_max, c, imbalance)
    else:
        counts = exponential_counts(n_max, c, 1)
    return {"img_num_per_cls": counts, "total": counts.sum()}
