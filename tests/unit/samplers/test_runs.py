"""Runs of classes by size, and the sampler on one of them."""

import pytest
import torch

from longtail.labels import Labels
from longtail.samplers import Subset

LABELS = Labels.of(torch.repeat_interleave(torch.arange(5), torch.tensor([2, 9, 0, 4, 6])), num_classes=5)


def test_runs_go_from_the_most_frequent_to_the_rarest_and_hold_every_class_once():
    assert [r.tolist() for r in LABELS.classes.runs(2)] == [[1, 4], [3, 0, 2]]
    assert [r.tolist() for r in LABELS.classes.runs(4)] == [[1], [4], [3], [0, 2]]
    for n in (0, 5):
        with pytest.raises(ValueError, match=f"n={n}: 4 classes"):
            LABELS.classes.runs(n)


def test_a_run_is_sampled_whole_and_alone():
    for k, expected in enumerate(([0, 9, 0, 0, 6], [2, 0, 0, 4, 0])):
        index = Subset(run=(k, 2))(LABELS, torch.Generator().manual_seed(0))
        assert LABELS.y[index].bincount(minlength=5).tolist() == expected
        assert len(set(index.tolist())) == len(index)
    q = Subset(run=(0, 2)).stream_prior(LABELS)
    assert q.tolist() == pytest.approx([0, 0.6, 0, 0, 0.4])


@pytest.mark.parametrize("bad", [{"run": (2, 2)}, {"run": (0, 2), "classes": (1,)}, {}])
def test_bad_arguments_say_what_they_got(bad):
    with pytest.raises(ValueError, match="run="):
        Subset(**bad)
