from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.data import (
    choose_first,
    choose_random,
    cifar_lt_counts,
    digits_lt,
    exponential_counts,
    islands_lt,
    load,
    long_tailed_counts,
    pareto_counts,
    step_counts,
)
from longtail.data.digits import digits
from longtail.labels import Labels


@pytest.mark.parametrize(
    "classes, imbalance, total",
    [
        *((10, *case) for case in ((10, 20431), (50, 13996), (100, 12406), (200, 11203))),
        *((100, *case) for case in ((10, 19573), (50, 12608), (100, 10847), (200, 9502))),
    ],
)
def test_published_totals(classes, imbalance, total) -> None:
    assert int(cifar_lt_counts(classes, imbalance).sum()) == total


@pytest.mark.parametrize("make", [exponential_counts, step_counts, pareto_counts])
@pytest.mark.parametrize("imbalance", [1, 3.7, 100])
def test_profiles_fall_from_n_max_to_n_max_over_imbalance(make, imbalance) -> None:
    counts = make(1000, 9, imbalance)
    assert counts[0] == 1000
    assert counts[-1] == int(1000 / imbalance)
    assert bool((counts.diff() <= 0).all())
    assert len(counts) == 9


def test_pareto_becomes_exponential() -> None:
    assert (pareto_counts(1000, 9, 100, power=1e6) - exponential_counts(1000, 9, 100)).abs().max() <= 1
    assert pareto_counts(1000, 9, 100, power=1)[4] < pareto_counts(1000, 9, 100, power=6)[4]


def test_step_share() -> None:
    assert step_counts(100, 5, 10).tolist() == [100, 100, 10, 10, 10]
    assert step_counts(100, 5, 10, rare=0.2).tolist() == [100] * 4 + [10]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: exponential_counts(0, 3, 10), "n_max=0"),
        (lambda: exponential_counts(10, 0, 10), "num_classes=0"),
        (lambda: exponential_counts(10, 3, 0.01), "imbalance=0.01 must be at least 1"),
        (lambda: step_counts(10, 3, 10, rare=2), "rare=2"),
        (lambda: pareto_counts(10, 3, 10, power=0), "power=0"),
        (lambda: cifar_lt_counts(20, 10), "num_classes=20"),
        (
            lambda: choose_first(Labels.of([0, 1]), torch.tensor([2, 1])),
            "asks for 2 rows of class '0', which has 1",
        ),
        (lambda: choose_random(Labels.of([0, 1]), torch.tensor([1, -1])), "holds -1"),
        (lambda: choose_random(Labels.of([0, 1]), torch.tensor([1])), "for 2 classes"),
    ],
)
def test_refusals(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_choice_leaves_the_global_generator_alone_and_may_leave_a_class_out() -> None:
    import numpy as np

    labels = Labels.of(torch.arange(100) % 4)
    state = np.random.get_state()[1].copy()
    index = choose_random(labels, torch.tensor([20, 5, 1, 0]), seed=3)
    assert (np.random.get_state()[1] == state).all()
    assert labels.take(index).counts.tolist() == [20, 5, 1, 0]
    assert len(index.unique()) == 26
    assert not torch.equal(index, choose_random(labels, torch.tensor([20, 5, 1, 0]), seed=4))


def test_heavier_imbalance_is_nested_in_lighter() -> None:
    labels = Labels.of(torch.arange(4000) % 4)
    light, heavy = (set(choose_first(labels, exponential_counts(1000, 4, i)).tolist()) for i in (10, 100))
    assert heavy < light


def test_the_profile_is_laid_over_the_classes_by_size() -> None:
    labels = Labels.of([0] * 500 + [1] * 1000 + [2] * 500)
    assert long_tailed_counts(labels, 10).tolist() == [316, 1000, 100]
    with pytest.raises(ValueError, match="raise the imbalance"):
        choose_first(
            Labels.of([0] * 1000 + [1] * 10), long_tailed_counts(Labels.of([0] * 1000 + [1] * 10), 2)
        )


def test_islands_lt() -> None:
    data = load("islands-lt")
    assert data.fingerprint == islands_lt().fingerprint
    assert (data.kind, data.raw.shape) == ("table", (3446, 6))
    assert len(set(data.labels.y[:200].tolist())) == 4  # shuffled
    assert load("islands-lt", imbalance=10).fingerprint == load("islands-lt:10").fingerprint
    assert load("islands-lt:2600").labels.counts.min() == 1
    with pytest.raises(ValueError, match=r"islands-lt:5000: .*at most 2600.*write islands-lt or"):
        load("islands-lt:5000")
    with pytest.raises(ValueError, match="islands-lt is table data; kind='image' does not fit"):
        load("islands-lt", kind="image")


def test_digits_lt() -> None:
    data = digits_lt()
    assert data.fingerprint == load("digits-lt").fingerprint == digits_lt().fingerprint
    assert (data.kind, data.raw.dtype, tuple(data.raw.shape[1:])) == ("image", torch.uint8, (3, 8, 8))
    assert int(data.raw.max()) == 255
    assert data.labels.counts.min() == 8
    assert load("digits-lt:100").labels.counts.min() == 1
    assert load("digits-lt", imbalance=50).fingerprint == load("digits-lt:50").fingerprint
    assert len(set(data.labels.y[:50].tolist())) > 5  # shuffled, so that any prefix has many classes


def test_a_file_cut_to_an_imbalance(write) -> None:
    path = write("t.csv", "a,label\n" + "".join(f"{i},{'xyz'[i % 3]}\n" for i in range(300)))
    data = load(path, imbalance=10)
    assert data.labels.counts.tolist() == [100, 31, 10]
    assert any("cut to imbalance 10" in n for n in data.notes)


def test_the_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    pixels, digit = digits()
    assert np.array_equal(pixels, load_digits().images)
    assert np.array_equal(digit, load_digits().target)
