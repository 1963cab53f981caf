import pytest
import torch
from golden_cases import Case, Deviation
from torch import Tensor

from longtail.data import choose_random, exponential_counts
from longtail.labels import Labels


def _asked_for(case: Case) -> tuple[Labels, Tensor]:
    """The labels, and how many of each class to choose: the nominal class size, N / C, whatever they really have."""
    c = case.params["num_classes"]
    labels = Labels.of(case.whole("targets"), num_classes=c)
    return labels, exponential_counts(len(labels) // c, c, 1 / case.params["imb_factor"])


def run(case: Case) -> dict:
    labels, counts = _asked_for(case)
    index = choose_random(labels, counts, seed=case.params["rand_number"])
    return {
        "img_num_per_cls": counts,
        "selected_indices_in_order": index,
        "new_targets": labels.y[index],
    }


def _too_few(case: Case) -> bool:
    labels, counts = _asked_for(case)
    return bool((labels.counts < counts).any())


def _refuses(case: Case) -> None:
    labels, counts = _asked_for(case)
    assert torch.equal(counts, case.whole("img_num_per_cls", case.expected))
    with pytest.raises(ValueError, match="class"):
        choose_random(labels, counts, seed=case.params["rand_number"])


DEVIATIONS = [
    Deviation(
        when=_too_few,
        why="where a class has fewer images than asked for, the reference still adds as many labels, which then belong "
        "to other images; ours is an error",
        instead=_refuses,
    )
]
