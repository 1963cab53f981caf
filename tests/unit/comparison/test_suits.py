"""A plan refuses a recipe that the data cannot have before anything is trained, with the reason; "all" leaves it out."""

import re

import pandas as pd
import pytest
import torch
from torch import nn

import longtail
from longtail import classical, recipes
from longtail.adjust import Temperature
from longtail.api import comparing
from longtail.backbones import MLP
from longtail.catalogue import known_recipes, unsuited, without
from longtail.chosen import pick
from longtail.comparison.brings import brings
from longtail.comparison.plan import Plan
from longtail.data import Dataset
from longtail.kinds.start import base_stage
from longtail.labels import Labels
from longtail.losses import GHMR
from longtail.mixing import CutMix
from longtail.net import Net
from longtail.objectives import Supervised
from longtail.part import part, switch
from longtail.recipe import Recipe
from longtail.roles import traits_of
from longtail.samplers import Shuffled
from longtail.surgery import ResetHead

Y = Labels.of([0] * 30 + [1] * 10)
RAW = {
    "table": pd.DataFrame({"size": range(40), "colour": ["red", "blue"] * 20}),
    "text": [f"word{k % 7} other" for k in range(40)],
    "image": torch.zeros(40, 3, 8, 8, dtype=torch.uint8),
    "embedding": torch.arange(80.0).reshape(40, 2),
}
ENCODERS = {
    "tokens": ("text", "hf:somewhere,tune=full"),
    "a transformer": ("image", "hf:somewhere,tune=lora"),
}


def dataset(kind, raw=None):
    return Dataset.of("toy", kind, RAW[kind] if raw is None else raw, Y)


def planned(recipe, data, backbone=None):
    return Plan(data, (("mine", recipe),), baseline="mine", backbone=backbone)


@pytest.mark.parametrize("unlabelled", [False, True])
@pytest.mark.parametrize("given", [*RAW, *ENCODERS])
def test_every_recipe_on_every_kind_is_planned_or_refused_with_the_reason(given, unlabelled):
    kind, backbone = ENCODERS.get(given, (given, None))
    data = dataset(kind)
    data = data.with_unlabelled(data.raw) if unlabelled else data
    known, out = known_recipes(), unsuited(data, backbone)
    for name, recipe in known.items():
        if name in out:
            with pytest.raises(ValueError, match=f"recipe 'mine' {re.escape(out[name])}: .*leave it out"):
                planned(recipe, data, backbone)
        else:
            planned(recipe, data, backbone)
    assert list(pick("all", data, backbone)) == [name for name in known if name not in out]
    said = without(data, backbone)
    assert said is not None or not out
    assert all(name in str(said) for name in out)
    deep = {name for name in out if name not in pick("all", dataset("table"))}
    assert ({"ssp-rotation", "bag-of-tricks"} <= deep) == (kind != "image")
    assert ("pseudo-labels" in out) != unlabelled
    assert ("bag-of-tricks" in out) == (given != "image")
    assert ("logistic" in out) == (given == "tokens")
    assert ("mixup" in out) == (given == "tokens")
    assert ("glmc" in out) == (kind == "text")


def test_compare_says_what_all_leaves_out(tmp_path, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    said = []
    monkeypatch.setattr(comparing, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        longtail.compare(dataset("table"), recipes="all", out=tmp_path, on=said.append)
    notes = " ".join(event.get("note", "") for event in said)
    assert "bag-of-tricks, ssp-rotation (needs images, and this is table data)" in notes
    assert "pseudo-labels (learns from rows without labels)" in notes


def test_train_refuses_before_it_trains():
    events = []
    with pytest.raises(ValueError, match="'bag-of-tricks' needs images, and this is table data"):
        longtail.train(dataset("table"), recipe="bag-of-tricks", on=events.append)
    assert not events


def erm(kind="embedding", **changes):
    base = base_stage(kind, n=40)
    return Recipe("mine", (base.but(**changes),))


def test_a_part_inside_another_and_in_a_late_phase_counts():
    late = erm(mix=switch({0: None, 0.5: part(CutMix)}))
    with pytest.raises(
        ValueError, match=r"needs images, and this is embedding data: .*CutMix takes no other"
    ):
        planned(late, dataset("embedding"))
    with pytest.raises(ValueError, match="needs images"):
        planned(recipes.lfme(base_stage("image", n=40)), dataset("table"))  # its teachers crop and flip
    planned(late, dataset("image"))


def test_what_a_net_must_have():
    wanted = "needs a backbone with feature maps, and MLP has none: .*give your backbone maps"
    image = dataset("image")
    with pytest.raises(ValueError, match=wanted):
        planned(recipes.bag_of_tricks, image, part(MLP, num_features=4))
    with pytest.raises(ValueError, match=wanted):
        planned(recipes.bag_of_tricks, image, Net(MLP(4, width=2), nn.Linear(2, 2)))
    planned(recipes.bag_of_tricks, image, "resnet20")


def test_images_that_are_not_square():
    wide = dataset("image", torch.zeros(40, 3, 8, 6, dtype=torch.uint8))
    with pytest.raises(ValueError, match="needs square images, and these are 8 x 6 pixels"):
        planned(recipes.ssp_rotation, wide)


def test_another_task():
    with pytest.raises(ValueError, match=r"is for a number per row, and here is one class per row.*GHMR"):
        planned(erm(loss=part(GHMR)), dataset("embedding"))


class Undecided:
    """Comes after the stages, and does not say on what it works."""

    def __call__(self, x):
        return x


def test_what_follows_the_stages_says_what_it_works_on():
    with pytest.raises(ValueError, match="Undecided does not say what it works on: give its class works_on"):
        planned(erm().but(finish=(part(Undecided),)), dataset("embedding"))
    with pytest.raises(ValueError, match="has no net, and ResetHead works on one"):
        planned(classical.logistic(finish=(part(ResetHead),)), dataset("table"))
    planned(classical.logistic(finish=(part(Temperature),)), dataset("table"))


def test_a_trait_that_is_none_is_an_error():
    class Wrong(Supervised):
        takes = frozenset({"images"})

    class Vague(Supervised):
        couples_batch = "yes"

    with pytest.raises(TypeError, match=r"Wrong\.takes=.* must be a set of image, rows, sparse, tokens"):
        traits_of(Wrong)
    with pytest.raises(TypeError, match=r"Vague\.couples_batch='yes' must be True or False"):
        traits_of(Vague)
    assert traits_of(Shuffled).takes is None


def test_what_data_bring():
    assert brings(dataset("text")).form == "sparse"
    assert brings(dataset("text"), "hf:x,tune=lora").form == "tokens"
    assert brings(dataset("table")).maps is False
