"""Which recipes are compared when none are named depends on the data."""

import torch

from longtail.catalogue import FIRST, first, known_recipes
from longtail.classical import Classical
from longtail.data import Dataset
from longtail.inputs import SparseRows
from longtail.labels import Labels

TREES = {"random-forest", "gradient-boosting"}


def dataset(kind="embedding", classes=2):
    y = torch.arange(2 * classes) % classes
    raw = ["some words"] * len(y) if kind == "text" else torch.randn(len(y), 3)
    return Dataset.of("toy", kind, raw, Labels.of(y, num_classes=classes))


def test_no_trees_on_words():
    names, said = first(dataset("text"))
    assert len(names) == 12
    assert not TREES & set(names)
    assert "random-forest, gradient-boosting; name them with --recipes" in said
    sparse = SparseRows(torch.arange(3), torch.tensor([0, 1]), torch.ones(2), 5)
    assert first(Dataset.of("toy", "text", sparse, Labels.of([0, 1])))[0] == names
    assert set(names) <= set(known_recipes())


def test_no_boosting_of_many_classes():
    assert first(dataset()) == (list(FIRST), None)
    names, said = first(dataset(classes=28))
    assert set(FIRST) - set(names) == {"gradient-boosting"}
    assert "slow with 28 classes" in said


def test_no_classical_recipe_where_a_net_reads_tokens():
    names, said = first(dataset("text"), "hf:bert-base-chinese,tune=lora")
    known = known_recipes()
    assert not any(isinstance(known[name], Classical) for name in names)
    assert "cannot read tokens" in said
