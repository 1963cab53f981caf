"""Costs: one value for every form in which they are said, refused by the argument's name, and the cheapest decision."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from longtail.costs import Costs, columns_named

NAMES = ("good", "bad")
GERMAN = Costs(((0.0, 1.0), (5.0, 0.0)))
BY_NAME = {"bad": {"bad": 0, "good": 5}, "good": {"bad": 1, "good": 0}}


@pytest.mark.parametrize(
    "said",
    [
        "0,1;5,0", " 0, 1 ; 5,0; ", [[0, 1], [5, 0]], ((0, 1), (5, 0)), np.array([[0, 1], [5, 0]]),
        torch.tensor([[0, 1], [5, 0]]), BY_NAME, {1: {1: 0, 0: 5}, 0: {0: 0, 1: 1}}, pd.DataFrame(BY_NAME).T,
        pd.DataFrame([[0, 1], [5, 0]]), GERMAN,
    ],
    ids=str,
)  # fmt: skip
def test_every_form_is_one_value(said):
    assert Costs.of(said, NAMES) == GERMAN
    assert Costs.from_json(json.loads(json.dumps(Costs.of(said, NAMES).cells))) == GERMAN


FILES = {
    "plain.csv": "0,1\n5,0\n", "named.csv": "true,bad,good\nbad,0,5\ngood,1,0\n", 
    "corner.csv": ";bad;good\nbad;0;5\ngood;1;0\n",
    "rows.json": "[[0, 1], [5, 0]]", "named.json": json.dumps(BY_NAME),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_where_it_is_allowed(tmp_path, name):
    file = tmp_path / name
    file.write_text(FILES[name])
    assert Costs.of(file, NAMES, files=True) == Costs.of(str(file), NAMES, files=True) == GERMAN
    with pytest.raises(ValueError, match="must be rows of costs such as '0,1;20,0'"):
        Costs.of(file, NAMES)


def test_classes_called_by_numbers_are_taken_by_name():
    said = {"1": {"1": 0, "2": 1}, "2": {"1": 5, "2": 0}}
    assert Costs.of(said, ("1", "2")) == GERMAN
    assert Costs.of({1: {1: 0, 2: 1}, 2: {1: 5, 2: 0}}, ("1", "2")) == GERMAN


@pytest.mark.parametrize(
    "said, words",
    [
        ("0,1", "loss='0,1' must be rows of costs such as '0,1;20,0'"),
        ("0,1;5", r"loss has 2 rows \(2\+1 cells\) for 2 classes.*in their order, good, bad"),
        ("0,1,2;1,0,2;1,2,0", "loss has 3 rows .* for 2 classes"),
        ("0,1;inf,0", "loss holds 'inf'; each cost is a finite number"),
        ([[0, 1], [float("nan"), 0]], "loss holds nan"),
        ([[0, 1], [None, 0]], "loss holds None"),
        ("1,1;5,5", "loss: every decision costs the same"),
        ("A,A;B,B", "loss: every decision costs the same"),
        ({"good": {"good": 0, "bad": 1}}, "loss has no number for class 'bad'|has no number"),
        ({"good": {"good": 0, "ugly": 1}, "bad": {"good": 5, "ugly": 0}}, "'ugly', which is no class"),
        ({"good": {"good": 0, "bad": 1}, "bad": {"good": 5}}, r"loss\['bad'\]: .*'bad' is not in all of them"),
        ({"good": [0, 1], "bad": [5, 0]}, r"loss: each true class needs \{decided: cost\}"),
        (pd.DataFrame([[0, 1], [5, 0]], columns=NAMES), "name both by class .'good', 'bad'., or both by number"),
        ([0, 1], r"loss=\[0, 1\] must be rows of costs"),
        (5, "loss=5 must be rows of costs"),
        (Costs(((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))), "loss has 3 rows"),
    ],
    ids=str,
)  # fmt: skip
def test_what_are_no_costs_is_refused_by_the_name_of_the_argument(said, words):
    with pytest.raises((ValueError, TypeError), match=words):
        Costs.of(said, NAMES, "loss")


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.json", "{", "a.json: costs must be rows of costs"),
        ("a.json", "3", "a.json: costs must be rows of costs"),
        ("a.csv", "true,good\ngood,0\n", "a.csv|costs has no number"),
        ("a.csv", "true,good,bad\ngood,0,1\ngood,5,0\n", "a class is given twice"),
        ("a.csv", "true,good,bad\ngood,0,1\nbad,5\n", "each row needs 2 costs"),
    ],
)
def test_a_file_that_holds_no_costs_is_refused(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=words):
        Costs.of(tmp_path / name, NAMES, files=True)


# Decisions


def brute(p: np.ndarray, cost: np.ndarray) -> list[int]:
    """Every decision tried, in exact fractions of the floats; the more probable of equally cheap ones."""
    from fractions import Fraction as F

    out = []
    for k, row in enumerate(p):
        own = cost if cost.ndim == 2 else cost[k]
        c = range(len(row))
        dear = [sum(F(float(row[i])) * F(float(own[i, j])) for i in c) for j in c]
        out.append(min(c, key=lambda j: (dear[j], -row[j])))
    return out


def problems(count: int = 150) -> list[tuple[np.ndarray, np.ndarray, np.random.Generator]]:
    """Small whole numbers, so that many decisions tie; negative costs, and right decisions that cost something."""
    rng, found = np.random.default_rng(0), []
    while len(found) < count:
        c = int(rng.integers(2, 6))
        p, cost = rng.integers(1, 10, (4, c)).astype(float), rng.integers(-8, 40, (c, c)).astype(float)
        if (cost != cost[:, :1]).any():
            found.append((p / p.sum(1, keepdims=True), cost, rng))
    return found


def test_decisions_are_those_of_brute_force():
    for p, cost, _ in problems():
        chosen, best = Costs.of(cost, "abcdef"[: len(cost)]).decide(p), np.array(brute(p, cost))
        rows, expected = np.arange(len(p)), p @ cost
        np.testing.assert_allclose(expected[rows, chosen], expected[rows, best], rtol=1e-9, atol=1e-9)
        assert (p[rows, chosen] >= p[rows, best] - 1e-12).all()  # of equally cheap ones none is more probable


def test_what_a_true_class_costs_in_any_case_and_the_unit_change_no_decision():
    for p, cost, rng in problems():
        names = "abcdef"[: len(cost)]
        want = Costs.of(cost, names).decide(p).tolist()
        more = rng.integers(-20, 20, (len(cost), 1))
        for other in (cost + more, cost * 0.25, cost * 3, cost * 1000 + more):
            assert Costs.of(other, names).decide(p).tolist() == want


def test_one_minus_the_identity_is_the_most_probable_class():
    p = torch.softmax(torch.randn(500, 7, generator=torch.Generator().manual_seed(0)), 1)
    got = Costs.of(1 - np.eye(7), [str(k) for k in range(7)]).decide(p)
    assert got.dtype == torch.int64
    assert torch.equal(got, p.argmax(1))


def test_of_two_classes_it_is_a_threshold():
    p = np.linspace(0, 1, 1001)
    rows = np.stack([1 - p, p], 1)
    for false_alarm, miss in [(1.0, 5.0), (3.0, 2.0), (1.0, 1e9)]:
        got = Costs(((0.0, false_alarm), (miss, 0.0))).decide(rows)
        clear = np.abs(p - false_alarm / (false_alarm + miss)) > 1e-9
        np.testing.assert_array_equal(got[clear], (p > false_alarm / (false_alarm + miss)).astype(int)[clear])


def test_equally_cheap_decisions_go_to_the_more_probable_class():
    costs = Costs.of("0,1,1;1,0,1;1,1,0", "abc")
    assert costs.decide([[0.2, 0.4, 0.4], [0.3, 0.3, 0.4]]).tolist() == [1, 2]
    tied = Costs.of("0,1;1,0", NAMES)
    assert tied.decide([[0.5, 0.5]]).tolist() == [0]
    assert Costs.of("0,3;1,0", NAMES).decide([[0.25, 0.75]]).tolist() == [1]  # .75 and .75 expected


def test_costs_of_the_row_decide_that_row():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(2), 200)
    value = rng.uniform(1, 50, 200)
    costs = Costs.of("0,4;VALUE,0", NAMES)
    assert costs.columns == columns_named("0,4;VALUE,0") == ("VALUE",)
    assert columns_named([[0, 1], [5, 0]]) == columns_named(None) == ()
    assert costs.matrix({"VALUE": value}).shape == (200, 2, 2)
    assert costs.decide(p, {"VALUE": torch.tensor(value)}).tolist() == brute(
        p, costs.matrix({"VALUE": value})
    )
    with pytest.raises(
        ValueError, match="costs name the column 'VALUE', which these rows do not have; did you mean 'value'"
    ):
        costs.decide(p, {"value": value})
    with pytest.raises(ValueError, match="column 'VALUE' holds costs, and row 3 has no finite number"):
        costs.decide(p, {"VALUE": np.where(np.arange(200) == 3, np.nan, value)})
    with pytest.raises(ValueError, match="probabilities of shape"):
        costs.decide(p[:5], {"VALUE": value})


def test_words():
    assert GERMAN.in_words(NAMES) == (
        "A 'good' row decided as 'bad' costs 1; a 'bad' row decided as 'good' costs 5; a right decision costs 0."
    )
    assert "decided right costs what its column 'TP' says" in Costs.of("0,1;5,TP", NAMES).in_words(NAMES)
    ten = Costs.of(20 * (1 - np.eye(10)), [str(k) for k in range(10)])
    assert (
        ten.in_words(list("abcdefghij"))
        == "The costs are a matrix of 10 true by 10 decided classes, from 0 to 20."
    )
