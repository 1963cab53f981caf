import inspect
import pickle

import pytest
import torch

from longtail import rooms
from longtail.heads import Cosine
from longtail.losses import LDAM, CrossEntropy, Focal
from longtail.part import at, digest, from_json, part, switch, to_json
from longtail.rooms import SLOTS, listed
from longtail.surgery import SwapHead
from longtail.weights import effective_number, inverse


def test_an_unknown_keyword_is_an_error_at_once():
    with pytest.raises(TypeError, match="Focal has no argument 'gama'; its arguments are: gamma"):
        part(Focal, gama=2)


def test_a_value_that_cannot_be_written_down_is_an_error():
    with pytest.raises(TypeError, match="numbers, strings, tuples and parts only"):
        part(CrossEntropy, weight=torch.ones(3))


def test_equal_parts_are_equal_and_hash_equal():
    a, b = part(LDAM, scale=1.0, max_margin=0.5), part(LDAM, max_margin=0.5, scale=1.0)
    assert a == b
    assert hash(a) == hash(b)
    assert a != a.but(scale=2.0)
    assert a["scale"] == 1.0


def test_build_fills_facts_by_name_also_in_nested_parts():
    loss = part(LDAM, weight=part(effective_number, beta=0.9)).build(
        counts=torch.tensor([10, 1]), num_classes=2
    )
    assert loss.counts.tolist() == [10, 1]
    assert loss.weight.shape == (2,)
    swap = part(SwapHead, head=part(Cosine, scale=4.0)).build(feature_dim=5, num_classes=3)
    assert swap.head.weight.shape == (3, 5)


def test_own_keywords_win_over_facts():
    assert part(Cosine, num_classes=7).build(feature_dim=2, num_classes=3).out_features == 7


@pytest.mark.parametrize(
    "value",
    [
        part(CrossEntropy, weight=part(inverse)),
        switch({0: part(LDAM), 0.8: part(LDAM, weight=part(effective_number, beta=0.9999))}),
        (1, 2.5, "a", None, True, part(Focal)),
    ],
)
def test_json_and_pickle_round_trip(value):
    assert from_json(to_json(value)) == value
    assert digest(from_json(to_json(value))) == digest(value)
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:eval",
        "longtail.cli:main",
        "longtail.losses.focal:_private",
        "longtail.losses.focal:torch",
        "longtail.losses.focal:focal",  # a function, and public
        "longtail.adjust.files:save",
        "longtail.backbones.hub:find",
        "longtail.backbones.text_model:TextModel",  # another slot's
    ],
)
def test_json_from_elsewhere_is_refused(name):
    with pytest.raises(ValueError, match="part"):
        from_json({"part": name, "kwargs": {}})


@pytest.mark.parametrize("slot", SLOTS)
def test_nothing_on_a_list_takes_a_path_or_may_download(slot):
    for name, target in listed(slot).items():
        takes = set(inspect.signature(target).parameters)
        assert not takes & {"path", "file", "folder", "source", "download", "url"}, name
        assert target.__module__.startswith(("longtail.", "torch.optim")), name
        assert inspect.isclass(target) or target.__module__ == "longtail.weights", name


@pytest.mark.parametrize(
    "data",
    [
        {"part": "longtail.losses.focal:Focal"},
        {"part": "longtail.losses.focal:Focal", "kwargs": []},
        {"part": "longtail.losses.focal:Focal", "kwargs": {"gama": 2}},
        {"part": "longtail.losses.focal:Focal", "kwargs": {"gamma": {"a": 1}}},
        {"part": ["longtail.losses.focal:Focal"], "kwargs": {}},
        {"switch": [[0.5, 1]]},
        {"switch": [1, 2]},
        {"switch": 3},
    ],
    ids=str,
)
def test_json_that_is_no_part_is_refused(data):
    with pytest.raises(ValueError):
        from_json(data)


def test_an_earlier_name_is_still_read(monkeypatch):
    monkeypatch.setitem(rooms.RENAMED, "losses/FocalLoss", "losses/Focal")
    for name in ("losses/FocalLoss", "longtail.losses.focal:FocalLoss", "losses/Focal", "longtail.anywhere"):
        data = {"part": name, "kwargs": {"gamma": 3.0}}
        if name == "longtail.anywhere":
            with pytest.raises(ValueError, match="not longtail's"):
                from_json(data)
        else:
            assert from_json(data) == part(Focal, gamma=3.0)


def test_every_name_in_files_is_a_room_and_a_class():
    for slot in SLOTS:
        for name, target in listed(slot).items():
            assert name == rooms.name_of(target)
            assert rooms.current(name) == name
            assert to_json(part(target))["part"] == name


def test_a_default_written_out_means_the_same():
    assert part(Focal, gamma=2.0) != part(Focal)
    assert digest(part(Focal, gamma=2.0)) == digest(part(Focal))
    inside = [
        part(SwapHead, head=part(Cosine, **kwargs)) for kwargs in ({}, {"scale": 30.0}, {"scale": 31.0})
    ]
    assert digest(inside[0]) == digest(inside[1]) != digest(inside[2])


def test_a_fact_written_out_is_not_left_out():
    """Left out, counts are those of the data; None, there are none."""
    assert digest(part(LDAM, counts=None)) != digest(part(LDAM))


class Mine:
    def __init__(self, k: int = 1) -> None:
        self.k = k


def test_own_classes_must_be_handed_in():
    mine = part(Mine, k=2)
    data = to_json(mine)
    with pytest.raises(ValueError, match="own="):
        from_json(data)
    assert from_json(data, {data["part"]: Mine}) == mine
    assert pickle.loads(pickle.dumps(mine)) == mine


def test_switch():
    s = switch({0: 1, 0.8: 2})
    assert [at(s, t) for t in (0.0, 0.79, 0.8, 1.0)] == [1, 1, 2, 2]
    assert at(5, 0.3) == 5
    for bad in ({}, {0.5: 1}, {0: 1, 1.0: 2}):
        with pytest.raises(ValueError, match="switch"):
            switch(bad)
