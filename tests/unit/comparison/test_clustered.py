"""Rates of rows that belong together: intervals that hold the truth as often as they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from specimen import changed, set_to, specimen

from longtail import api
from longtail.comparison.clustered import rates_of
from longtail.comparison.rates import predictive, rates, wilson


def patients(rng: np.random.Generator, groups: int = 60, size: int = 8, alike: float = 1.2):
    """Cases, calls and groups: of every patient some rows are cases, and calls of a patient go the same way."""
    unit = np.repeat(np.arange(groups), size)
    case = rng.random(len(unit)) < 0.3
    luck = alike * rng.normal(size=groups)[unit] + rng.normal(size=len(unit))
    return case, luck > np.where(case, -0.9, 1.3), unit


def shares(case, call, unit, weight=None, apart=True):
    """Sensitivity and PPV at a frequency of .1 with their intervals, over groups or over rows."""
    if not apart:
        unit = np.arange(len(case))
    known = rates_of(case, call, unit, weight)
    n, m, se, sp = known["cases"], known["others"], known["sensitivity"], known["specificity"]
    cells = se * n, (1 - se) * n, (1 - sp) * m, sp * m
    return wilson(cells[0], n), predictive(*cells, 0.1, known["covariance"])


def test_rows_of_their_own_have_the_intervals_of_independent_rows():
    rng = np.random.default_rng(0)
    case, call, _ = patients(rng, 300, 1)
    known = rates_of(case, call, np.arange(300))
    assert known["cases"] == pytest.approx(case.sum(), rel=0.05)
    assert known["others"] == pytest.approx((~case).sum(), rel=0.05)
    twice = rates_of(
        np.tile(case, 2), np.tile(call, 2), np.tile(np.arange(300), 2)
    )  # two seeds, the same calls
    assert twice["cases"] == pytest.approx(known["cases"], rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_hold_the_truth_over_groups_and_not_over_rows(weighted):
    rng = np.random.default_rng(1)

    def drawn(groups):
        case, call, unit = patients(rng, groups)
        weight = np.exp(rng.normal(size=groups))[unit] if weighted else None
        return case, call, unit, weight

    case, call, *_ = drawn(40_000)
    se, fpr = call[case].mean(), call[~case].mean()
    truth = se, 0.1 * se / (0.1 * se + 0.9 * fpr)
    held = {True: [], False: []}
    for _ in range(300):
        one = drawn(60)
        for apart in held:
            found = shares(*one, apart=apart)
            held[apart].append([s.low <= t <= s.high for s, t in zip(found, truth)])
    right, wrong = (np.mean(held[apart], axis=0) for apart in (True, False))
    assert (right > 0.92).all(), right
    assert (right < 0.99).all(), right
    assert (wrong < 0.9).all(), wrong


def test_where_every_case_is_found_groups_are_the_witnesses():
    unit = np.repeat(np.arange(10), 20)
    case = np.ones(200, dtype=bool)
    case[::4] = False
    known = rates_of(case, case, unit)
    assert known["sensitivity"] == known["specificity"] == 1.0
    assert 5 < known["cases"] < 10  # not 150
    assert rates_of(np.ones(5, dtype=bool), np.ones(5, dtype=bool), np.arange(5)) == {}
    assert rates_of(case, ~case, np.zeros(200, dtype=int))["cases"] < 0.1  # one group says next to nothing


def test_the_table_takes_what_is_known_over_groups():
    results = specimen(num_classes=2, folds=2, recipes=("erm",))
    table = [[50.0, 20.0], [50.0, 980.0]]
    results = changed(results, lambda run: run.but(confusion={"natural": table}))
    data = replace(results.data, names=("sick", "healthy"), counts=(140, 2060), n=2200)
    results = set_to(results.but(data=data), split={"group": "patient"})
    plain = rates(results, "natural", "erm")
    known = {"sensitivity": 5 / 7, "specificity": 0.95, "cases": 20.0, "others": 100.0, "covariance": 0.0}
    found = rates(results.but(evidence={"natural": {"rates": {"erm": known}}}), "natural", "erm")
    assert (plain.over, found.over) == ("rows", "groups")
    assert found.sensitivity.value == pytest.approx(plain.sensitivity.value)
    assert found.ppv.value == pytest.approx(plain.ppv.value, rel=0.05)
    for wide, narrow in (
        (found.sensitivity, plain.sensitivity),
        (found.ppv, plain.ppv),
        (found.npv, plain.npv),
    ):
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert (found.cases, found.missed) == (plain.cases, plain.missed)


def test_a_comparison_by_groups_says_that_its_intervals_are_over_groups(tmp_path, monkeypatch):
    import pandas as pd

    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(40), 5)
    sick = rng.random(200) < 0.3
    luck = rng.normal(size=40)[patient]
    df = pd.DataFrame({"patient": patient, "a": luck + 1.5 * sick, "state": np.where(sick, "sick", "well")})
    how = {"recipes": ["logistic"], "folds": 2, "label": "state", "model": False, "verbose": 0}
    api.compare(df, group="patient", out=tmp_path / "a", **how)
    page = " ".join((tmp_path / "a" / "report.html").read_text().split())
    assert "Rows of one <bdi>patient</bdi> are alike, so both are taken over these" in page
    monkeypatch.setattr("longtail.api.comparing.write_report", lambda results, path: None)
    assert "rates" not in api.compare(df, out=tmp_path / "b", **how).record.evidence["natural"]
