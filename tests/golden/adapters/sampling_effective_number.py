import torch
from golden_cases import Case

from longtail.labels import Labels
from longtail.samplers import ClassBalanced, EffectiveNumberSampler
from longtail.samplers.effective_number import example_weight


def run(case: Case) -> dict:
    n, beta = case.whole("class_counts"), case.params["beta"]
    labels = Labels.of(torch.repeat_interleave(torch.arange(len(n)), n), num_classes=len(n))
    balanced = ClassBalanced().stream_prior(labels)
    return {
        "effective_number_per_sample_weight_of_class": example_weight(n, beta),
        "effective_number_class_probability": EffectiveNumberSampler(beta).stream_prior(labels),
        "balanced_per_sample_weight_of_class": balanced * len(n) / n,
        "balanced_class_probability": balanced,
    }
