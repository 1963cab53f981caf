import pytest
import torch

from longtail.labels import Labels


def test_what_follows_from_the_labels():
    labels = Labels.of([2, 0, 0, 2, 0], names=["a", "b", "c"])
    assert labels.counts.tolist() == [3, 0, 2]
    assert labels.prior.tolist() == [0.6, 0.0, 0.4]
    assert labels.imbalance == 1.5
    order, start = labels.by_class
    assert order.tolist() == [1, 2, 4, 0, 3]
    assert start.tolist() == [0, 3, 3, 5]


def test_groups_have_the_field_s_boundaries():
    labels = Labels.of([0] * 101 + [1] * 100 + [2] * 20 + [3] * 19)
    groups = {k: v.tolist() for k, v in labels.groups().items()}
    assert groups == {"many": [0], "medium": [1, 2], "few": [3]}
    with pytest.raises(ValueError, match="few=5 must not exceed many=1"):
        labels.groups(many=1, few=5)


def test_fingerprint_depends_on_labels_names_and_classes():
    a = Labels.of([0, 1])
    assert a.fingerprint == Labels.of(torch.tensor([0, 1])).fingerprint
    assert (
        len(
            {
                x.fingerprint
                for x in (a, Labels.of([1, 0]), Labels.of([0, 1], ["x", "y"]), Labels.of([0, 1], None, 3))
            }
        )
        == 4
    )


def test_a_subset_keeps_the_classes():
    assert Labels.of([0, 1, 2]).take(torch.tensor([0])).num_classes == 3


@pytest.mark.parametrize(
    "y, kwargs, error, words",
    [
        ([], {}, ValueError, "empty"),
        ([0.0, 1.0], {}, TypeError, "integers"),
        ([[0, 1]], {}, TypeError, "shape"),
        ([0, -1], {}, ValueError, "-1..0"),
        ([0, 3], {"num_classes": 3}, ValueError, r"0\.\.2"),
        ([0, 1], {"names": ["a", "b"], "num_classes": 3}, ValueError, "names"),
    ],
)
def test_bad_input(y, kwargs, error, words):
    with pytest.raises(error, match=words):
        Labels.of(y, **kwargs)
