"""What the reviews experiment says, on scores whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reviews import findings
from sklearn.metrics import f1_score
from specimen import results_of_runs

from longtail.comparison.record import Results, Run


def results(tables: dict[str, np.ndarray], baseline: str = "ce") -> Results:
    """Runs whose F1 of class 1 is as given: of 2000 rows, 1000 are of class 1, and all others are right."""
    runs = []
    for name, table in tables.items():
        for (seed, fold), score in np.ndenumerate(table):
            hit = 1000 * score / (2 - score)
            confusion = [[1000, 0], [1000 - hit, hit]]
            under = {"as_trained": confusion, "natural": confusion}
            runs.append(Run(recipe=name, fold=fold, seed=seed, status="done", confusion=under))
    seeds, folds = next(iter(tables.values())).shape
    return results_of_runs(runs, {name: name for name in tables}, folds, seeds, baseline)


def test_f1_is_sklearns() -> None:
    draw = np.random.default_rng(0)
    y, decided = draw.integers(0, 2, 200), draw.integers(0, 2, 200)
    table = [[int(((y == i) & (decided == j)).sum()) for j in range(2)] for i in range(2)]
    assert findings.f1(table, 1) == pytest.approx(f1_score(y, decided))
    assert findings.f1([[5, 0], [0, 0]], 1) == 0


def test_lines_carry_the_tests() -> None:
    base = 0.9 + 0.01 * np.random.default_rng(0).standard_normal((2, 5))
    worse = base - 0.1 + 0.001 * np.random.default_rng(1).standard_normal((2, 5))
    lines = {
        line.name: line for line in findings.lines(results({"ce": base, "worse": worse, "same": base}), 1)
    }
    assert lines["ce"].mean == pytest.approx(base.mean())
    assert lines["ce"].sd == pytest.approx(np.sqrt(base.var(axis=1, ddof=1).mean()))
    assert math.isnan(lines["ce"].p)
    assert lines["worse"].p < 0.001
    assert lines["worse"].difference == pytest.approx((worse - base).mean())
    assert lines["same"].p == 1
    assert lines["same"].spread_p == 1
    assert lines["ce"].best == pytest.approx(base.max())


def test_a_loss_that_did_not_finish_is_left_out() -> None:
    found = results({"ce": np.full((1, 5), 0.9), "half": np.full((1, 5), 0.8)})
    found = found.but(runs=found.runs[:-1])
    assert [line.name for line in findings.lines(found, 1)] == ["ce"]


@pytest.mark.parametrize("wide", [1.0, 6.0])
def test_the_spread_test_keeps_its_level_and_finds_a_difference(wide: float) -> None:
    """Over many experiments: about 5 % false alarms at equal spread, most of six-fold spreads found."""
    draw = np.random.default_rng(0)
    p = []
    for _ in range(200):
        fold = draw.standard_normal((1, 5)) * 2  # what all losses share
        a, b = fold + draw.standard_normal((2, 5)), fold + wide * draw.standard_normal((2, 5))
        p.append(findings.spread_test(a, b))
    alarms = float((np.array(p) <= 0.05).mean())
    assert alarms <= 0.09 if wide == 1 else alarms > 0.5


def test_five_pairs_cannot_be_surer_than_a_sixteenth() -> None:
    a = np.array([[1.0, 2, 3, 4, 6]])
    assert findings.spread_test(a, a * 1e-3 + 0.5) == pytest.approx(2 / 32)


def test_chances_of_alike_losses() -> None:
    draw = np.random.default_rng(0)
    found = findings.chances(draw.standard_normal((7, 2, 5)), [False, False, True, True, True, True, False])
    assert found["best"] == pytest.approx(4 / 7, abs=0.02)
    assert found["spread"] == pytest.approx(4 / 7, abs=0.02)
    assert found["same"] > 1 / 7 + 0.05, "the two extremes go together"
    assert found["both"] > found["best"] * found["spread"]


def test_sources_of_spread() -> None:
    draw = np.random.default_rng(0)
    fold, loss = draw.standard_normal(200), draw.standard_normal(60)
    tables = loss[:, None, None] + 3 * fold[None, None, :] + 0.5 * draw.standard_normal((60, 2, 200))
    found = findings.sources(tables)
    assert found["fold"] == pytest.approx(3 * fold.std(ddof=1), rel=0.02)
    assert found["loss"] == pytest.approx(loss.std(ddof=1), rel=0.02)
    assert found["rest"] == pytest.approx(0.5, rel=0.02)
    assert found["seed"] == pytest.approx(0.5, rel=0.02)
    assert math.isnan(findings.sources(tables[:, :1])["seed"])
