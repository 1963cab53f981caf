"""What of a comparison counts: whole folds, the recipes of an earlier call, and no other data set's."""

from collections import Counter

import pytest
import torch

from longtail import api
from longtail.comparison.counted import counted
from longtail.comparison.record import Run
from longtail.data import Dataset
from longtail.labels import Labels

pytestmark = pytest.mark.usefixtures("no_report")

CELLS = [(fold, 0) for fold in range(5)]


def runs(**folds):
    """Runs of recipes that finished so many folds of five."""
    return [
        Run(recipe=name, fold=f, seed=0, status="done" if f < n else "skipped")
        for name, n in folds.items()
        for f in range(5)
    ]


def left(kept):
    return Counter(run.recipe for run in kept)


def test_an_unfinished_round_does_not_take_the_others_rank_away():
    kept, said = counted(runs(a=2, b=2, c=1, d=1, e=0), CELLS, 60)
    assert left(kept) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert "4 of 5 recipes are ranked, on 1 of 5 folds. Not run: e." in said


def test_a_few_slow_recipes_do_not_take_the_folds_away():
    kept, said = counted(runs(a=5, b=5, c=4, d=1), CELLS, 60)
    assert left(kept) == {"a": 4, "b": 4, "c": 4, "d": 1}
    assert "3 of 4 recipes are ranked, on 4 of 5 folds" in said
    assert "so not ranked: d." in said


def test_nothing_is_said_where_nothing_is_left_out():
    assert counted(runs(a=5, b=5), CELLS, 60) == (runs(a=5, b=5), None)


def toy(seed=0, n=60):
    g = torch.Generator().manual_seed(seed)
    labels = Labels.of([0] * (2 * n // 3) + [1] * (n - 2 * n // 3))
    return Dataset.of(f"toy {seed}", "embedding", torch.randn(n, 3, generator=g) + labels.y[:, None], labels)


HOW = {"folds": 2, "epochs": 2, "verbose": 0}


def test_another_data_set_s_folder_is_refused_before_anything_is_done(tmp_path):
    api.compare(toy(), recipes=["logistic"], out=tmp_path, **HOW)
    before = (tmp_path / "results.json").read_bytes()
    with pytest.raises(
        ValueError, match=r"another data set \(toy 0, 60 rows\): name another folder with --out"
    ):
        api.compare(toy(1), recipes=["logistic"], out=tmp_path, **HOW)
    assert (tmp_path / "results.json").read_bytes() == before
    with pytest.raises(ValueError, match="results of one data set"):
        api.compare_several([toy(), toy(1)], recipes=["logistic"], out=tmp_path, **HOW)


def test_more_recipes_join_the_table_and_the_best_of_all_is_the_model(tmp_path):
    first = api.compare(toy(), recipes=["erm", "logistic"], out=tmp_path, **HOW)
    told = []
    more = api.compare(toy(), recipes=["random-under+logistic"], out=tmp_path, on=told.append, **HOW)
    assert list(more.results["recipes"]) == ["erm", "logistic", "random-under+logistic"]
    assert len(more.results["runs"]) == 6
    assert more.results["settings"]["baseline"] == "erm"
    assert {"note": "from an earlier call, in the same table: erm, logistic"} in told
    assert more.model is not None
    assert more.results["model"]["recipe"] == more.best
    together = api.compare(
        toy(), recipes=["erm", "logistic", "random-under+logistic"], out=tmp_path / "together", **HOW
    )
    scores = {(r["recipe"], r["fold"]): r["scores"] for r in together.results["runs"]}
    assert scores == {(r["recipe"], r["fold"]): r["scores"] for r in more.results["runs"]}
    assert first.results["data"]["fingerprint"] == more.results["data"]["fingerprint"]


def test_other_settings_do_not_join(tmp_path):
    api.compare(toy(), recipes=["erm"], out=tmp_path, **HOW)
    told = []
    found = api.compare(toy(), recipes=["logistic"], out=tmp_path, on=told.append, **{**HOW, "folds": 3})
    assert list(found.results["recipes"]) == ["logistic"]
    with pytest.raises(ValueError, match="baseline='erm' is not among the recipes"):
        api.compare(toy(), recipes=["logistic"], baseline="erm", out=tmp_path, **HOW)
    api.compare(toy(), recipes=["erm"], out=tmp_path, **HOW)
    again = api.compare(toy(), recipes=["logistic"], baseline="erm", out=tmp_path, **HOW)
    assert again.results["settings"]["baseline"] == "erm"
    assert {"note": f"the earlier table in {tmp_path} (other folds) will be replaced"} in told


def test_a_recipe_of_one_s_own_that_is_best_and_not_at_hand_is_said(tmp_path):
    from longtail.chosen import pick

    mine = {"mine": pick(["logistic"])["logistic"]}
    api.compare(toy(), recipes=mine, out=tmp_path, model=False, **HOW)
    found = api.compare(toy(), recipes=["erm"], out=tmp_path, **{**HOW, "epochs": 2})
    assert found.best == "mine"
    assert "pass that recipe again" in found.results["model"]["why"]


def test_clean_frees_the_cache_and_keeps_the_rest(tmp_path):
    found = api.compare(toy(), recipes=["erm", "logistic"], out=tmp_path, **HOW)
    size = api.cache_size(tmp_path)
    assert size > 0
    (tmp_path / "cache" / "mine.txt").write_text("not ours")
    assert api.clean(tmp_path) == size
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["mine.txt"]
    assert api.cache_size(tmp_path) == 0
    again = api.compare(toy(), recipes=["erm", "logistic"], out=tmp_path, model=False, **HOW)
    assert again.results["runs"] == found.results["runs"]
    assert (tmp_path / "model" / "model.json").exists()
    with pytest.raises(FileNotFoundError, match="no folder that compare or bench wrote"):
        api.clean(tmp_path / "model")
