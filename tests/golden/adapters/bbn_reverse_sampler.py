import torch
from golden_cases import Case

from longtail.labels import Labels
from longtail.samplers import ClassBalanced


def run(case: Case) -> dict:
    n = case.whole("class_counts")
    labels = Labels.of(torch.repeat_interleave(torch.arange(len(n)), n), num_classes=len(n))
    q = ClassBalanced(power=-1.0).stream_prior(labels)
    weight = q / q[n.argmax()]  # the reference scales the largest class to 1
    return {"class_weight": weight, "sum_weight": weight.sum(), "class_probability": q}
