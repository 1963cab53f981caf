import torch
from golden_cases import Case, Deviation

from longtail.labels import Labels
from longtail.samplers import ClassBalanced, Progressive, Shuffled


def labels_of(case: Case) -> Labels:
    n = case.whole("class_counts")
    return Labels.of(torch.repeat_interleave(torch.arange(len(n)), n), num_classes=len(n))


def run(case: Case) -> dict:
    labels, p = labels_of(case), case.params
    nroot = p.get("nroot")
    end = ClassBalanced(power=1 / nroot if nroot else 0.0)
    if p["lam"] is None and nroot is None:
        progressive = Progressive("decoupling", epochs=p["epochs"])
        return {"class_probability": progressive.stream_prior(labels, t=p["epoch"] / p["epochs"])}
    # A fixed mixture, or progress towards another power than ours: the same linear mixture of two of our samplers.
    lam = p["lam"] if p["lam"] is not None else min(p["epoch"] / max(p["epochs"] - 1, 1), 1.0)
    start = Shuffled().stream_prior(labels)
    return {"class_probability": torch.lerp(start, end.stream_prior(labels), float(lam))}


def progress_only_grows(case: Case) -> None:
    epochs = case.params["epochs"]
    progressive = Progressive("decoupling", epochs=epochs)
    first = [float(progressive.stream_prior(labels_of(case), e / epochs).max()) for e in range(epochs)]
    assert first == sorted(first, reverse=True)


DEVIATIONS = [
    Deviation(
        when=lambda case: bool(case.params.get("cycle")),
        why="starting the schedule again every few epochs is in no paper",
        instead=progress_only_grows,
    )
]
