import torch
from golden_cases import Case

from longtail.labels import Labels
from longtail.samplers import ClassBalanced, Progressive, Shuffled


def run(case: Case) -> dict:
    n, p = case.whole("class_counts"), case.params
    labels = Labels.of(torch.repeat_interleave(torch.arange(len(n)), n), num_classes=len(n))
    assert p.get("cycle", 0) == 0, "the cyclic schedule of the reference is in no paper"
    if p["lam"] is None:
        assert p.get("nroot") is None, "progressive sampling ends class-balanced"
        sampler = Progressive("decoupling", epochs=p["epochs"])
        return {"class_probability": sampler.class_distribution(labels, t=p["epoch"] / p["epochs"])}
    balanced = ClassBalanced(power=1 / p["nroot"] if p.get("nroot") else 0.0).class_distribution(labels)
    instance = Shuffled().class_distribution(labels)
    return {"class_probability": torch.lerp(instance, balanced, float(p["lam"]))}
