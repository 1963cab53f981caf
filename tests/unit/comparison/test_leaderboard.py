"""Rows, ranks, pairs, the tidy file and the recommendation."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from specimen import changed, results_of_runs, scored, specimen

from longtail.comparison.against import against_winner, as_good, indistinguishable
from longtail.comparison.kept import best_recipe
from longtail.comparison.leaderboard import (
    board,
    paired,
    ranking_metric,
    shown_priors,
    write_csv,
)
from longtail.comparison.recommendation import recommendation
from longtail.comparison.record import Results, Run
from longtail.comparison.statistics import corrected_t_test, holm
from longtail.metrics import found


@pytest.fixture(scope="module")
def results() -> Results:
    return specimen()


def scores(results: Results, recipe: str, prior: str, metric: str) -> np.ndarray:
    return np.array([run.scores[prior][metric] for run in results.runs if run.recipe == recipe])


def made_up(table: dict[str, list[float]], metric: str = "balanced_accuracy") -> Results:
    """Results whose runs have the given scores, one a fold, under both priors."""
    folds = max(map(len, table.values()))
    runs = [
        Run(
            recipe=name, fold=fold, seed=0, status="done", seconds=1.0, predict_seconds=0.1, parameters=1,
            scores={p: {metric: value, "macro_f1": value} for p in ("natural", "balanced")},
        )
        for name, values in table.items()
        for fold, value in enumerate(values)
    ]  # fmt: skip
    return results_of_runs(runs, {name: name.upper() for name in table}, folds)


def test_means_spreads_and_tests_are_those_of_the_runs(results: Results) -> None:
    rows = board(results, "balanced").rows
    p = {}
    for row in rows:
        values = scores(results, row.recipe, "balanced", "balanced_accuracy")
        assert row.mean["balanced_accuracy"] == pytest.approx(values.mean())
        assert row.sd["balanced_accuracy"] == pytest.approx(values.std(ddof=1))
        before = scores(results, row.recipe, "as_trained", "balanced_accuracy").mean()
        assert row.as_trained["balanced_accuracy"] == pytest.approx(before)
        if row.recipe == "erm":
            assert math.isnan(row.difference)
            assert math.isnan(row.p)
        else:
            d = values - scores(results, "erm", "balanced", "balanced_accuracy")
            mean, low, high, p[row.recipe] = corrected_t_test(d, 0.2)
            assert (row.difference, row.low, row.high) == pytest.approx((mean, low, high))
    assert [row.p for row in rows if row.recipe in p] == pytest.approx(holm(list(p.values())))
    assert [row.rank for row in rows] == list(range(1, 7))
    means = [row.mean["balanced_accuracy"] for row in rows]
    assert means == sorted(means, reverse=True)


def test_ranked_by_the_metric_of_the_prior_or_the_one_asked_for(results: Results) -> None:
    f1 = [row.mean["macro_f1"] for row in board(results, "natural").rows]
    assert f1 == sorted(f1, reverse=True)
    nll = [row.mean["nll"] for row in board(results, "natural", "nll").rows]
    assert nll == sorted(nll)
    assert ranking_metric("declared") == "macro_f1"
    with pytest.raises(ValueError, match="metric='f2'"):
        board(results, "natural", "f2")
    with pytest.raises(ValueError, match="prior='declared'"):
        board(results, "declared")


@pytest.mark.parametrize(
    ("prior", "want"),
    [
        ("natural", ("natural", "balanced")),
        ("balanced", ("balanced",)),
        ("my.json", ("declared", "balanced")),
    ],
)
def test_shown_priors(prior: str, want: tuple[str, ...]) -> None:
    results = specimen(folds=2, recipes=("erm", "crt"), prior=prior)
    assert shown_priors(results) == want
    assert list(recommendation(results)) == list(want)


def test_failed_and_unfinished_recipes_are_listed_but_not_ranked() -> None:
    results = specimen(folds=3, fail=("focal",), short=("crt",))
    rows = {row.recipe: row for row in board(results, "balanced").rows}
    assert list(rows)[-2:] == ["crt", "focal"]
    assert rows["crt"].rank is rows["focal"].rank is None
    assert rows["crt"].problem == "2 of 3 runs are missing"
    assert rows["focal"].problem == "failed (fold 0, seed 0): loss became nan at epoch 3 <b>"
    assert (rows["crt"].done, rows["focal"].done, rows["crt"].planned) == (1, 0, 3)
    assert math.isnan(rows["crt"].p)
    text = recommendation(results)["balanced"]
    assert "Not ranked, because runs failed or are missing: cRT and Focal loss." in text


def test_a_budget_that_stopped_all_alike_still_ranks() -> None:
    results = specimen(folds=4)
    results = results.but(runs=tuple(run for run in results.runs if run.fold < 2))
    assert all(row.rank for row in board(results, "natural").rows)


def test_pairs_are_by_fold_and_seed_whatever_the_order(results: Results) -> None:
    shuffled = results.but(runs=results.runs[::-1])
    want = paired(results, "crt", "erm", "balanced", "nll")
    assert len(want) == 5
    assert paired(shuffled, "crt", "erm", "balanced", "nll") == want
    fewer = results.but(runs=tuple(run for run in shuffled.runs if (run.recipe, run.fold) != ("erm", 2)))
    assert paired(fewer, "crt", "erm", "balanced", "nll") == [*want[:2], *want[3:]]


def test_null_scores_are_left_out() -> None:
    results = made_up({"erm": [0.5, 0.6, 0.7], "crt": [0.6, 0.7, 0.9]})
    few = {0: {"few": None}, 1: {"few": 0.5}, 2: {}}
    results = changed(results, lambda run: scored(run, "natural", **few[run.fold]))
    row = next(r for r in board(results, "natural").rows if r.recipe == "erm")
    assert row.mean["few"] == 0.5
    assert math.isnan(row.sd["few"])


def test_recommendation_of_a_clear_winner() -> None:
    results = made_up({"erm": [0.50, 0.51, 0.49, 0.50, 0.52], "crt": [0.70, 0.72, 0.69, 0.71, 0.71]})
    text = recommendation(results)["balanced"]
    assert text.startswith(
        "Under the balanced prior (every class equally frequent): use CRT: it beats ERM, the baseline"
    )
    assert "by more than luck. It scores highest: balanced accuracy 0.706 (sd 0.011 over 5 runs)" in text
    assert "That is +0.202 against ERM" in text
    assert "p < 0.001" in text
    assert "Every other ranked recipe is shown to be worse." in text
    assert indistinguishable(results, "balanced") == []


def test_recommendation_of_a_draw() -> None:
    results = made_up({"erm": [0.5, 0.6, 0.5, 0.6], "crt": [0.6, 0.5, 0.6, 0.52]})
    *others, last = results.runs
    results = results.but(runs=(*others, last.but(seconds=100.0)))
    text = recommendation(results)["natural"]
    assert "may be luck: +0.005 against ERM" in text
    assert "no recipe is shown to beat the baseline" in text
    assert "Not distinguishable from it on these folds: ERM." in text
    assert "none is shown to be as good within 0.01" in text  # the interval allows much more
    assert "quickest" not in text
    wide = recommendation(results, margin=0.5)["natural"]
    assert "As good within 0.5 (the 95% interval allows no larger loss): ERM" in wide
    assert "quickest of them is ERM (1.0 s a run against 26 s)" in wide


def test_a_quicker_recipe_is_not_called_as_good_where_the_interval_allows_much_worse() -> None:
    results = made_up({"erm": [0.50, 0.60, 0.55, 0.58], "crt": [0.6, 0.54, 0.6, 0.59]})
    results = changed(results, lambda run: run.but(seconds=1.0 if run.recipe == "erm" else 100.0))
    assert [row.recipe for row in indistinguishable(results, "natural")] == ["erm"]
    assert as_good(results, "natural") == []
    assert [row.recipe for row in as_good(results, "natural", margin=0.3)] == ["erm"]
    close = made_up({"erm": [0.600, 0.601, 0.600], "crt": [0.601, 0.6015, 0.601], "bad": [0.5, 0.51, 0.5]})
    assert [row.recipe for row in as_good(close, "natural")] == ["erm"]
    with pytest.raises(ValueError, match="margin=0"):
        as_good(results, "natural", margin=0)


def test_as_good_knows_where_lower_is_better() -> None:
    table = {"erm": [0.30, 0.301, 0.30], "crt": [0.299, 0.2995, 0.299], "bad": [0.4, 0.41, 0.4]}
    results = made_up(table, "nll")
    assert [row.recipe for row in as_good(results, "natural", "nll")] == ["erm"]
    assert [row.recipe for row in indistinguishable(results, "natural", "nll")] == ["erm"]


def test_any_pair_could_have_held_the_winner() -> None:
    """Against the best of k recipes Holm's family is all pairs, not the k - 1 that are looked at."""
    table = {name: [0.5 + 0.01 * k, 0.51 + 0.02 * k, 0.5 + 0.015 * k, 0.52] for k, name in enumerate("abcd")}
    results = made_up({"erm": [0.4, 0.5, 0.45, 0.41], **table})
    found = {row.recipe: (d.p, p) for row, d, p in against_winner(results, "natural")}
    smallest = min(found.values())
    assert len(found) == 4
    assert smallest[1] == pytest.approx(min(1.0, 10 * smallest[0]))


def test_exact_ties_go_to_the_baseline_then_to_the_cheapest() -> None:
    results = made_up({"aaa": [0.5, 0.6], "dear": [0.5, 0.6], "cheap": [0.5, 0.6], "erm": [0.5, 0.6]})
    seconds = {"dear": 9.0, "cheap": 0.5, "erm": 100.0, "aaa": 5.0}
    results = changed(results, lambda run: run.but(seconds=seconds[run.recipe]))
    assert [row.recipe for row in board(results, "natural").rows] == ["erm", "cheap", "aaa", "dear"]
    assert "stay with ERM, the baseline: nothing tried here" in recommendation(results)["natural"]


def test_no_recommendation_rests_on_what_did_not_converge() -> None:
    results = made_up({"erm": [0.5, 0.51, 0.5], "crt": [0.6, 0.62, 0.6], "wild": [0.9, 0.91, 0.9]})
    results = changed(results, lambda run: run.but(converged=run.recipe != "wild" or run.fold != 1))
    made = board(results, "natural")
    rows = made.rows
    assert [(row.recipe, row.converged) for row in rows] == [("wild", False), ("crt", True), ("erm", True)]
    assert made.winner is rows[1]
    assert made.row("erm") is rows[2]
    assert made.row("no such") is None
    assert best_recipe(results) == "crt"
    text = recommendation(results)["natural"]
    assert "use CRT: it beats ERM" in text
    assert "Left out here, because their training did not converge: WILD." in text
    assert "wild" not in [row.recipe for row in indistinguishable(results, "natural")]
    results = changed(results, lambda run: run.but(converged=False))
    text = recommendation(results)["natural"]
    assert "nothing can be recommended yet, because no recipe's training converged. Train longer" in text
    assert board(results, "natural").winner is None
    assert best_recipe(results) == "wild"  # the model is of the best there is


def test_recipes_that_are_the_same_are_tested_once() -> None:
    table = {
        "erm": [0.50, 0.51, 0.49, 0.5],
        "twin": [0.55, 0.54, 0.56, 0.55],
        "other": [0.55, 0.54, 0.56, 0.55],
    }
    results = made_up(table)
    plain = {row.recipe: row for row in board(results, "natural").rows}
    assert plain["other"].p == pytest.approx(2 * corrected_t_test([0.05, 0.03, 0.07, 0.05], 0.25)[3])
    results = results.but(evidence={"natural": {"same_as": {"other": "twin"}}})
    rows = {row.recipe: row for row in board(results, "natural").rows}
    assert rows["other"].same_as == "twin"
    assert rows["other"].p == rows["twin"].p == pytest.approx(plain["twin"].p / 2)
    assert rows["other"].difference == rows["twin"].difference
    assert [row.recipe for row in indistinguishable(results, "natural")] == []
    results = results.but(evidence={"natural": {"same_as": {"twin": "erm", "other": "erm"}}})
    assert math.isnan({row.recipe: row for row in board(results, "natural").rows}["twin"].p)


def test_tests_on_rows_are_taken_where_there_are_any() -> None:
    results = made_up({"erm": [0.5, 0.55, 0.5], "crt": [0.6, 0.61, 0.6]})
    stored = [0.083, 0.02, 0.14, 0.004, 0.02, None]
    about = {"same_as": {}, "tests": {"macro_f1": {"erm": {"crt": stored}}}}
    results = results.but(evidence={"natural": about})
    row = board(results, "natural").rows[0]
    assert (row.difference, row.low, row.high, row.p) == (0.083, 0.02, 0.14, 0.004)
    assert row.smallest == pytest.approx(0.02 * 2.8, rel=0.01)
    by_folds = board(results, "natural", test="folds").rows[0]
    assert by_folds.p == pytest.approx(corrected_t_test([0.1, 0.06, 0.1], 1 / 3)[3])
    text = recommendation(results)["natural"]
    assert "These data show a difference to the baseline of about 0.056 four times in five" in text
    with pytest.raises(ValueError, match="test='bayes'"):
        board(results, "natural", test="bayes")


def test_the_winner_s_score_is_told_without_its_luck() -> None:
    results = made_up({"erm": [0.5, 0.55, 0.5], "crt": [0.6, 0.61, 0.6]})
    about = {"recipe": "crt", "metric": "macro_f1", "score": 0.603, "expected": 0.581, "candidates": 7}
    results = results.but(evidence={"natural": {"winner": about}})
    said = "It was picked from 7 by this score, so a part of it is luck: expect about 0.581 on new data."
    assert said in recommendation(results)["natural"]
    other = results.but(evidence={"natural": {"winner": {**about, "recipe": "erm"}}})
    assert "picked from" not in recommendation(other)["natural"]  # not what the table says, so it is not used


def test_recommendation_names_a_surer_second() -> None:
    table = {
        "erm": [0.50, 0.50, 0.51, 0.49, 0.50],
        "wild": [0.40, 0.99, 0.55, 0.60, 0.99],
        "steady": [0.60, 0.61, 0.61, 0.59, 0.61],
    }
    text = recommendation(made_up(table))["balanced"]
    assert "WILD scores best, but its gain over ERM, the baseline, may be luck" in text
    assert "may be luck" in text
    assert "the gain of STEADY is not" in text


def test_recommendation_without_enough_to_go_on() -> None:
    one = recommendation(made_up({"erm": [0.5], "crt": [0.6]}))["natural"]
    assert "from a single run: there is no interval" in one
    assert "distinguishable" not in one
    alike = recommendation(made_up({"erm": [0.5, 0.5], "crt": [0.625, 0.625]}))["natural"]
    assert "cannot be estimated" in alike
    alone = recommendation(made_up({"erm": [0.5, 0.6]}))["natural"]
    assert "stay with ERM, the baseline" in alone
    failed = specimen(folds=2, recipes=("erm", "crt"), fail=("erm", "crt"))
    assert "nothing to recommend" in recommendation(failed)["natural"]
    assert [row.rank for row in board(failed, "natural").rows] == [None, None]
    baseless = specimen(folds=2, recipes=("erm", "crt"), fail=("erm",))
    assert "The baseline has no finished run" in recommendation(baseless)["natural"]


def test_recommendation_tells_the_price_for_the_head() -> None:
    results = made_up({"erm": [0.5, 0.51, 0.5], "crt": [0.6, 0.62, 0.6]})

    def groups(run: Run) -> Run:
        many, few = (0.8, 0.5) if run.recipe == "crt" else (0.9, 0.1)
        return scored(run, "natural", many=many, few=few + 0.01 * run.fold, medium=None)

    many = changed(results, groups)
    data = replace(many.data, num_classes=4, names=tuple("abcd"), groups={"many": [0, 1], "few": [2, 3]})
    text = recommendation(many.but(data=data))["natural"]
    assert "What the group of frequent classes loses: their mean recall falls from 0.900 to 0.800." in text
    assert "What the group of rare classes gains: their mean recall rises from 0.110 to 0.510." in text
    data = replace(many.data, groups={"many": [0], "few": [1]})  # of two classes each has its name
    text = recommendation(many.but(data=data))["natural"]
    assert "What the class a loses: its recall falls from 0.900 to 0.800." in text
    assert "What the class b gains: its recall rises from 0.110 to 0.510." in text


def test_csv_is_tidy(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    odd = results.but(runs=(scored(results.runs[0], "natural", few=None), *results.runs[1:]))
    write_csv(odd, path)
    lines = list(csv.DictReader(path.open(encoding="utf-8")))
    assert list(lines[0]) == ["recipe", "fold", "seed", "prior", "metric", "value"]
    # runs, priors (as trained, natural, balanced) times metrics (without top-5 accuracy, costs and entities), seconds
    assert len(lines) == 30 * (3 * (len(found()) - 5) + 3)
    assert {r["metric"] for r in lines if not r["prior"]} == {"fit_seconds", "predict_seconds", "model_bytes"}
    first = odd.runs[0]
    got = {(x["prior"], x["metric"]): x["value"] for x in lines if (x["recipe"], x["fold"]) == ("erm", "0")}
    assert got["natural", "few"] == ""
    assert float(got["balanced", "nll"]) == first.scores["balanced"]["nll"]
