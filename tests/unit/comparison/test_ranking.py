"""Ranks over data sets: against SciPy, at the edges, and on a page."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import friedmanchisquare, rankdata, wilcoxon
from specimen import changed, results_of_runs, specimen

from longtail.api import compare_several
from longtail.comparison.ranking import _groups, friedman, rank, ranks_of, sentence
from longtail.comparison.record import Run
from longtail.comparison.statistics import holm
from longtail.data import load
from longtail.report.ranks import critical_difference, render_ranks, show_ranks

SCORES = np.random.default_rng(3).integers(5, 10, (4, 14)) / 10 + 0.05 * np.array(
    [[0], [1], [1], [2]]
)  # with ties


def made(tables, metric="macro_f1"):
    """Results of which only the ranking metric matters: ``tables`` [recipes, data sets]."""
    names = [f"r{k}" for k in range(len(tables))]
    out = {}
    for d in range(len(tables[0])):
        runs = [
            Run(
                recipe=n, fold=f, seed=0, status="done", seconds=1.0, predict_seconds=0.1, parameters=1,
                scores={"natural": {metric: tables[k][d] + 0.01 * f - 0.005, "balanced_accuracy": 0.5}},
            )
            for k, n in enumerate(names) for f in range(2)
        ]  # fmt: skip
        out[f"set {d}"] = results_of_runs(runs, dict(zip(names, names)), folds=2, baseline="r0")
    return out


def test_mean_ranks_are_scipys_and_best_comes_first() -> None:
    ranking = rank(made(SCORES), "natural")
    means = dict(zip(ranking.recipes, ranking.mean_rank))
    expected = np.stack([rankdata(-np.round(c, 12)) for c in SCORES.T], axis=1).mean(1)
    assert [means[f"r{k}"] for k in range(4)] == pytest.approx(expected.tolist())
    assert list(ranking.mean_rank) == sorted(ranking.mean_rank)
    lower = rank(made(SCORES, metric="nll"), "natural", "nll")
    assert [dict(zip(lower.recipes, lower.mean_rank))[f"r{k}"] for k in range(4)] == pytest.approx(
        5 - expected
    )


def test_ranks_are_scipys() -> None:
    values = np.random.default_rng(0).integers(0, 4, 30).astype(float)
    np.testing.assert_array_equal(ranks_of(values), rankdata(values))


def test_friedman_is_scipys_where_nothing_ties_and_there_are_many_data_sets() -> None:
    table = np.random.default_rng(0).random((5, 40)) + 0.08 * np.arange(5)[:, None]
    statistic, p = friedman(np.stack([rankdata(-c) for c in table.T], axis=1))
    expected = friedmanchisquare(*table)
    assert statistic == pytest.approx(expected.statistic)
    assert p == pytest.approx(expected.pvalue, abs=0.01)


def test_friedman_is_exact_on_few_data_sets() -> None:
    """Two data sets that agree on three recipes: 1 of 6 orders of the second agrees with the first."""
    assert friedman(np.array([[1, 1], [2, 2], [3, 3]]))[1] == pytest.approx(1 / 6, abs=0.01)


def test_pairs_are_wilcoxon_with_holm() -> None:
    ranking = rank(made(SCORES), "natural")
    place = {n: int(n[1:]) for n in ranking.recipes}
    table = [SCORES[place[n]] for n in ranking.recipes]
    raw = {ij: wilcoxon(np.round(table[ij[0]] - table[ij[1]], 12)).pvalue for ij in ranking.pairs}
    assert list(ranking.pairs.values()) == pytest.approx(holm(list(raw.values())))
    assert ranking.against(2, 0) == ranking.against(0, 2)


def test_groups_hold_no_pair_that_differs() -> None:
    p = {(0, 1): 0.5, (0, 2): 0.01, (0, 3): 0.01, (1, 2): 0.5, (1, 3): 0.01, (2, 3): 0.2}
    assert _groups(4, p) == ((0, 1), (1, 2), (2, 3))
    assert _groups(3, dict.fromkeys([(0, 1), (0, 2), (1, 2)], 1.0)) == ((0, 2),)
    assert _groups(2, {(0, 1): 0.001}) == ()


def test_a_consistent_winner_on_many_data_sets_is_shown() -> None:
    rng = np.random.default_rng(0)
    table = 0.7 + 0.01 * rng.random((3, 14))
    table[1] += 0.1
    ranking = rank(made(table), "natural")
    assert ranking.recipes[0] == "r1"
    assert "Shown to be worse than it" in sentence(ranking)
    assert (0, 1) not in ranking.groups
    assert ranking.against(0, 1) < 0.01


def test_three_data_sets_prove_nothing_and_say_so() -> None:
    ranking = rank(made(SCORES[:, :3]), "natural")
    assert all(p >= 0.25 for p in ranking.pairs.values())
    assert "the smallest p that Wilcoxon's test can give is 0.25" in sentence(ranking)
    assert ranking.groups == ((0, 3),)


def test_unfinished_recipes_are_left_out_and_named() -> None:
    results = made(SCORES)

    def failed(run: Run) -> Run:
        return run.but(status="failed")

    results["set 3"] = changed(results["set 3"], lambda run: failed(run) if run.recipe == "r2" else run)
    ranking = rank(results, "natural")
    assert ranking.left_out == ("r2",)
    assert len(ranking.recipes) == 3
    assert "r2" in sentence(ranking)
    with pytest.raises(ValueError, match="at least two"):
        rank({"one": results["set 0"]}, "natural")
    results["set 0"] = changed(results["set 0"], failed)
    with pytest.raises(ValueError, match="0 recipes are ranked on all of 2"):
        rank({k: results[k] for k in ("set 0", "set 1")}, "natural")


def about(results):
    links = {
        n: {**{k: getattr(r.data, k) for k in ("n", "num_classes", "imbalance")}, "link": f"{i}/report.html"}
        for i, (n, r) in enumerate(results.items())
    }
    return {
        "command": "longtail compare '<a>'", "versions": {"torch": "2"}, "hardware": "2 cores", "created": "now",
        "folds": 3, "datasets": links,
    }  # fmt: skip


def test_page_and_terminal() -> None:
    results = {
        "<b>one</b>": specimen(folds=3),
        "two": specimen(folds=3, imbalance=10),
        "三": specimen(folds=3, largest=300),
    }
    rankings = [rank(results, prior) for prior in ("natural", "balanced")]
    text = render_ranks(about(results), rankings)
    assert "<b>one</b>" not in text
    assert "&lt;b&gt;one" in text
    assert text.count("<script") == 1  # the skeleton's own, which sorts tables
    assert "http:" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    assert text.count("<svg") == 2
    for ranking in rankings:
        assert sentence(ranking).replace("'", "&#39;") in text
        svg = critical_difference(ranking)
        for name in ranking.recipes:
            assert f">{name}</text>" in svg  # text, not outlines
    for width in (60, 200):
        console = Console(width=width, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
        show_ranks(rankings, console)
        assert max(map(len, console.export_text().splitlines())) <= width


def test_several_data_sets_end_to_end_and_again(tmp_path) -> None:
    def write(name, seed):
        rng = np.random.default_rng(seed)
        y = rng.permutation(np.repeat([0, 1], [60, 20]))
        x = rng.normal(size=(80, 3)) + y[:, None]
        lines = [",".join(f"{v:.4f}" for v in row) + f",{'ab'[c]}" for row, c in zip(x, y)]
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.csv").write_text("u,v,w,label\n" + "\n".join(lines), encoding="utf-8")
        return tmp_path / name / "train.csv"

    files = [write("one", 0), write("two", 1)]
    settings = {
        "recipes": ["logistic", "random-under+logistic", "erm"],
        "folds": 2,
        "epochs": 2,
        "model": False,
    }
    done = []
    found = compare_several(files, out=tmp_path / "out", on=done.append, **settings)
    assert set(found.comparisons) == {"one", "two"}
    assert [r.prior for r in found.rankings] == ["natural", "balanced"]
    saved = json.loads((tmp_path / "out" / "ranks.json").read_text(encoding="utf-8"))
    assert saved["rankings"][0]["recipes"] == list(found.rankings[0].recipes)
    for name in saved["datasets"]:
        assert (tmp_path / "out" / saved["datasets"][name]["link"]).exists()
    stamps = {f: f.stat().st_mtime_ns for f in (tmp_path / "out").glob("*/runs/*")}
    assert len(stamps) == 24  # a run's scores and its outputs
    again = compare_several([load(f) for f in files], out=tmp_path / "out", **settings)
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "out").glob("*/runs/*")} == stamps
    assert again.rankings[0].ranks == found.rankings[0].ranks
    quick = settings | {"recipes": settings["recipes"][:2]}
    same = compare_several([load(files[0]), load(files[0])], out=tmp_path / "twice", **quick)
    assert set(same.comparisons) == {"one", "one-2"}
    with pytest.raises(ValueError, match="at least two"):
        compare_several(files[:1])
    with pytest.raises(ValueError, match=r"prior='p\.json'"):
        compare_several(files, prior="p.json")
