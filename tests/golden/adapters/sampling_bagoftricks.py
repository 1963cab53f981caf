import torch
from golden_cases import Case

from longtail.labels import Labels
from longtail.samplers import ClassBalanced, Progressive


def run(case: Case) -> dict:
    n, p = case.whole("class_counts"), case.params
    labels = Labels.of(torch.repeat_interleave(torch.arange(len(n)), n), num_classes=len(n))
    e, epochs = p["epoch_one_based"], p["MAX_EPOCH"]
    progressive = Progressive("bag_of_tricks", epochs=epochs)
    return {
        "class_probability": progressive.stream_prior(labels, t=(e - 1) / epochs),
        "instance_p": ClassBalanced(power=1.0).stream_prior(labels),
        "class_p": ClassBalanced().stream_prior(labels),
        "square_p": ClassBalanced(power=0.5).stream_prior(labels),
    }
