"""What a plan refuses before anything is trained, and how unlabelled rows reach the training."""

import pytest
import torch

from longtail import data, recipes
from longtail.comparison.plan import Plan
from longtail.labels import Labels


def rows(n: int = 40) -> data.Dataset:
    g = torch.Generator().manual_seed(0)
    return data.Dataset.of("toy", "embedding", torch.randn(n, 3, generator=g), Labels.of(torch.arange(n) % 2))


def test_a_recipe_that_needs_images_is_refused_on_other_data():
    with pytest.raises(ValueError, match="'ssp-rotation' needs images, and this is embedding data"):
        Plan(rows(), (("ssp-rotation", recipes.ssp_rotation),), baseline="ssp-rotation")


def test_a_recipe_that_learns_from_unlabelled_rows_asks_for_them():
    named = (("pseudo-labels", recipes.pseudo_labels),)
    with pytest.raises(ValueError, match="--unlabelled FILE"):
        Plan(rows(), named, baseline="pseudo-labels")
    assert Plan(rows().with_unlabelled(torch.zeros(5, 3)), named, baseline="pseudo-labels")


def test_unlabelled_rows_are_encoded_as_the_training_rows_are():
    plain, more = rows(), torch.randn(7, 3)
    both = plain.with_unlabelled(more)
    assert both.fingerprint != plain.fingerprint
    assert both.take(torch.arange(3)).fingerprint != plain.take(torch.arange(3)).fingerprint
    encoder, examples = Plan(both, (("erm", recipes.erm),)).prepare(0).training("inner")
    assert torch.equal(examples.unlabelled.whole(), encoder(more))
    assert Plan(plain, (("erm", recipes.erm),)).prepare(0).training("inner")[1].unlabelled is None


def test_folds_are_dealt_anew_for_every_seed():
    plan = Plan(rows(60), (("erm", recipes.erm),), folds=3, seeds=3, fold_seed=4)
    tests = [[plan.prepare(f, s).test_rows.tolist() for f in range(3)] for s in range(3)]
    for folds in tests:
        assert sorted(row for fold in folds for row in fold) == list(range(60))
    assert tests[0] != tests[1] != tests[2] != tests[0]
    alone = Plan(rows(60), (("erm", recipes.erm),), folds=3, fold_seed=4)
    assert [alone.prepare(f).test_rows.tolist() for f in range(3)] == tests[0]  # those of seed 0 stay
    assert alone.identity("erm", 1, 0) == plan.identity("erm", 1, 0)
    assert plan.prepare(None, 0).held_rows.tolist() != plan.prepare(None, 1).held_rows.tolist()


def test_seeds_can_share_the_folds():
    plan = Plan(rows(60), (("erm", recipes.erm),), folds=3, seeds=2, redeal=False)
    assert plan.prepare(1, 0).test_rows.tolist() == plan.prepare(1, 1).test_rows.tolist()
    anew = Plan(rows(60), (("erm", recipes.erm),), folds=3, seeds=2)
    assert plan.identity("erm", 1, 0) == anew.identity("erm", 1, 0)
    assert plan.identity("erm", 1, 1) != anew.identity("erm", 1, 1)
