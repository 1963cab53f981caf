import pytest

from longtail import recipes
from longtail.bench import published, reference
from longtail.bench.plan import OWN, UNTUNED, chosen_recipes
from longtail.bench.published import FILE
from longtail.protocol import cifar_ldam

LISTED = {  # the reference list that the tables are to stand beside: CIFAR-100 and CIFAR-10 at 100, 50, 10
    "erm": (38.3, 43.9, 55.7, 70.4, 74.8, 86.4),
    "focal": (38.4, 44.3, 55.8, 70.4, 76.7, 86.7),
    "cb-focal": (39.6, 45.2, 58.0, 74.6, 79.3, 87.1),
    "ldam-drw": (42.0, 46.6, 58.7, 77.0, 81.0, 88.2),
    "bbn": (42.6, 47.0, 59.1, 79.8, 82.2, 88.3),
    "tde": (44.1, 50.3, 59.6, 80.6, 83.6, 88.5),
    "mislas": (47.0, 52.3, 63.2, 82.5, 85.7, 90.0),
    "bcl": (51.9, 56.6, 64.9, 84.3, 87.2, 91.1),
}
CASES = [(name, i) for i in (100, 50, 10) for name in ("cifar100-lt", "cifar10-lt")]


@pytest.mark.parametrize("recipe", LISTED)
def test_the_reference_list_is_there(recipe):
    values = dict(zip([(b, i) for b in ("cifar100-lt", "cifar10-lt") for i in (100, 50, 10)], LISTED[recipe]))
    for (benchmark, imbalance), value in values.items():
        found = reference(recipe, benchmark, imbalance)
        assert found is not None
        assert found.accuracy == value, (benchmark, imbalance)


def test_numbers_are_accuracies_and_rarer_tails_are_harder():
    by_method = {}
    for p in published():
        assert 20 < p.accuracy < 96
        assert p.imbalance in (100, 50, 10)
        assert p.benchmark in ("cifar10-lt", "cifar100-lt")
        assert p.evidence in ("read", "listed")
        by_method.setdefault((p.method, p.benchmark, p.source.paper), {})[p.imbalance] = p.accuracy
    assert len(published()) > 100
    for values in by_method.values():
        ordered = [values[i] for i in (100, 50, 10) if i in values]
        assert ordered == sorted(ordered), values


def test_caveats_are_said():
    bbn, glmc = (next(p for p in published() if p.method == m) for m in ("BBN", "GLMC"))
    assert not bbn.source.same_backbone
    assert not glmc.source.same_backbone
    assert any("64-128-256" in remark for remark in glmc.source.remarks)
    assert any("best epoch on the test set" in remark for remark in bbn.source.remarks)
    assert any("usually one" in remark for remark in bbn.source.remarks)
    assert any("mean of 2 runs" in r for p in published() if p.recipe == "tde" for r in p.source.remarks)


def test_a_published_number_names_a_recipe_that_exists():
    """Or nothing, where no recipe of the house is that method: then it stands beside none of ours."""
    known = {f.__name__.replace("_", "-") for f in recipes.ALL}
    named = {p.recipe for p in published()} - {None}
    assert named <= known, f"no such recipe: {named - known}"


@pytest.mark.parametrize("recipe", ["ssp-rotation", "m2m", "cdt", "softmax-eql", "mixup-drw"])
def test_it_stands_beside_ours(recipe):
    assert reference(recipe, "cifar100-lt", 100) is not None


def test_every_source_is_used():
    import json

    data = json.loads(FILE.read_text(encoding="utf-8"))
    assert {r["source"] for r in data["results"]} == set(data["sources"])


def test_the_same_augmentation_comes_first():
    assert reference("balanced-softmax", "cifar100-lt", 100).accuracy == 42.99
    assert reference("balanced-softmax", "cifar100-lt", 100, strong=True).accuracy == 50.3
    assert reference("ghm", "cifar100-lt", 100) is None


@pytest.mark.parametrize("case", [*OWN, *((name, "cifar10-lt", 100) for name in UNTUNED)])
def test_a_paper_s_own_settings_are_arguments_of_its_recipe(case):
    name, benchmark, imbalance = case
    ((_, recipe),) = chosen_recipes([name], benchmark, imbalance, "none")
    plain = getattr(recipes, name.replace("-", "_"))(cifar_ldam())
    assert recipe(cifar_ldam()).stages[0].epochs == plain.stages[0].epochs


def test_the_second_stage_augments_under_the_published_protocol_alone():
    for name in ("crt", "lws"):
        views = [
            chosen_recipes([name], "cifar10-lt", 100, protocol=protocol)[0][1](cifar_ldam()).stages[1].views
            for protocol in ("ldam", "modern")
        ]
        assert views == [10, 0]


def test_own_settings_change_what_is_trained():
    ((_, recipe),) = chosen_recipes(["mislas"], "cifar100-lt", 100)
    assert recipe(cifar_ldam()).digest != recipes.mislas(cifar_ldam()).digest
    assert (
        recipe(cifar_ldam()).digest
        == recipes.mislas(cifar_ldam(), head=0.4, tail=0.1, shifted=True, lr_factor=0.2).digest
    )
