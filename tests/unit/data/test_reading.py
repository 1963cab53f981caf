"""Columns as people write them are read as the quantities they are, said in the notes, and read alike at prediction."""

from __future__ import annotations

import datetime
import decimal
import json
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from longtail import api
from longtail.data import TableEncoder, load, load_inputs
from longtail.formats.read_column import read
from longtail.formats.reading import Doubt, Reading, keep, kept

AMOUNTS = np.exp(np.random.default_rng(0).normal(6.5, 1, 200)).round(2)


def german(v: float) -> str:
    return f"{v:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


STYLES = {
    "comma between thousands": lambda v: f"{v:,.2f}",
    "dollar": lambda v: f"${v:.2f}",
    "dollar and comma": lambda v: f"${v:,.2f}",
    "euro behind": lambda v: f"{v:.2f} €",
    "currency code": lambda v: f"USD {v:.2f}",
    "decimal comma": lambda v: f"{v:.2f}".replace(".", ","),
    "decimal comma, point between thousands": german,
    "per cent": lambda v: f"{v:.2f} %",
    "unit": lambda v: f"{v:.2f} kg",
    "unit without a space": lambda v: f"{v:.2f}kg/m3",
    "thin space": lambda v: f"{v:,.2f}".replace(",", "\u2009"),
    "narrow no-break space": lambda v: f"{v:,.2f}".replace(",", "\u202f"),
    "apostrophe": lambda v: f"{v:,.2f}".replace(",", "’"),
    "quotes": lambda v: f"'{v:.2f}'",
    "full width": lambda v: f"{v:.2f}".translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789."}),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", ["str", object])
def test_numbers_in_one_style(style, kind) -> None:
    cells = pd.Series([*map(STYLES[style], AMOUNTS), None, "n/a"], dtype=kind)
    values, how, notes = read(cells, "amount")
    np.testing.assert_allclose(values.to_numpy(), [*AMOUNTS, np.nan, np.nan])
    assert len(notes) == 1
    assert "column 'amount'" in notes[0]
    # and as they were read, in a later file
    again, _, said = read(cells.iloc[:3], "amount", Reading.from_json(json.loads(json.dumps(how.to_json()))))
    np.testing.assert_allclose(again.to_numpy(), AMOUNTS[:3])
    assert said == []


@pytest.mark.parametrize("style", ["decimal comma", "unit", "per cent"])
def test_a_style_that_training_did_not_have_is_no_number(style) -> None:
    values, _, notes = read(
        pd.Series(list(map(STYLES[style], AMOUNTS[:8]))), "amount", Reading("number", "plain")
    )
    assert values.isna().all()
    assert "8 of 8 cells are not numbers (row 1: " in notes[0]
    assert isinstance(notes[0], Doubt)


@pytest.mark.parametrize(
    "cells, want",
    [
        (["(1,200.50)", "3.00"], [-1200.5, 3.0]),
        (["−5", "-2.5"], [-5.0, -2.5]),
        (["<5", "7", "9"], [5.0, 7.0, 9.0]),
        (["10+ years", "< 1 year", "3 years"], [10.0, 1.0, 3.0]),
        (["1e-3 m/s", "2 m/s"], [0.001, 2.0]),
        (["1,16,374", "20,000"], [116374.0, 20000.0]),  # lakh
        (["$5", "7"], [5.0, 7.0]),
        (["0,125", "12,500"], [0.125, 12.5]),  # no group begins with 0
        (["13:30", "1:30 pm"], [13.5, 13.5]),
        (["3 days 12:00:00", "0 days 06:00:00"], [3.5, 0.25]),
        (["PT6H", "P1D"], [0.25, 1.0]),
    ],
)  # fmt: skip
def test_numbers_of_other_kinds(cells, want) -> None:
    values, _, notes = read(pd.Series(cells), "x")
    assert values.tolist() == pytest.approx(want)
    assert notes


@pytest.mark.parametrize(
    "cells",
    [
        ["3 kg", "200 g"] * 20,
        ["1st", "2nd", "3rd"],
        [f"A{k}" for k in range(40)],
        ["18-24", "25-34"],
        ["1/2", "3/4"],
        ["192.168.1.1", "10.0.0.1"],
        ["Jan", "Feb"],
        ["2019-20", "2020-21"],
        ["3 of 5", "2 of 5"],
        ["1.2.3", "2.0.1"],
        ["007", "x"],
        ["5'11\"", "6'0\""],
    ],
)
def test_what_is_no_quantity_stays_a_word(cells) -> None:
    values, how, _ = read(pd.Series(cells), "x")
    assert (how.kind, values.tolist()) == ("word", cells)


@pytest.mark.parametrize("decimal_comma, want", [(False, 1100.0), (True, 1.1)])
def test_a_comma_that_may_be_either_is_said(decimal_comma, want) -> None:
    values, _, notes = read(pd.Series([f"1,{k}" for k in range(100, 150)]), "x", decimal_comma=decimal_comma)
    assert values[0] == want
    assert notes == [f"column 'x': '1,100' is read as {want:g}"]


def test_quantities_that_are_read_as_words_are_named() -> None:
    _, _, notes = read(pd.Series([f"{k} {('kg', 'g')[k % 2]}" for k in range(40)]), "mass")
    assert "numbers in different units ('kg', 'g'): they are read as 40 words" in notes[0]
    _, _, notes = read(pd.Series([f"{k}.5k" if k % 2 else f"{k}.5" for k in range(40)]), "price")
    assert "(none, 'k')" in notes[0] or "('k', none)" in notes[0]
    _, _, notes = read(pd.Series([f"ticket {k}" for k in range(40)]), "ticket")
    assert "40 different words in 40 rows" in notes[0]
    _, _, notes = read(pd.Series([*map(str, range(30)), *(f"w{k}" for k in range(20))]), "mixed")
    assert "numbers or dates in no single form ('w0' and others): they are read as 50 words" in notes[0]
    _, _, notes = read(
        pd.Series([f"{k}.{k}.2020" if k % 2 else f"2020-{k}-{k}x" for k in range(1, 40)]), "when"
    )
    assert "in no single form" in notes[0]


def test_a_word_for_missing_numbers_is_said() -> None:
    values, how, notes = read(pd.Series([f"{k}.5" for k in range(60)] + ["unknown"] * 20), "x")
    assert (how.kind, int(values.isna().sum())) == ("number", 20)
    assert "20 of 80 cells are not numbers (row 61: 'unknown'): read as missing" in notes[0]


@pytest.mark.parametrize(
    "cells, first, open_",
    [
        (["2020-01-02", "2021-12-31"], "2020-01-02", False),
        (["2020-01-02 03:04", "2020-01-02T03:04:05Z"], "2020-01-02 03:04", False),
        (["2020-01-02T03:00:00+02:00"], "2020-01-02 01:00", False),
        (["2020/1/2"], "2020-01-02", False),
        (["03/04/2020"], "2020-03-04", True),
        (["03/04/2020", "25/04/2020"], "2020-04-03", False),
        (["03/04/2020", "04/25/2020"], "2020-03-04", False),
        (["3/4/20 13:05", "25/4/20 1:00"], "2020-04-03 13:05", False),
        (["03.04.2020"], "2020-04-03", False),
        (["2-Jan-2020"], "2020-01-02", False),
        (["Jan 2, 2020", "May 31, 2020"], "2020-01-02", False),
        (["2 January 2020"], "2020-01-02", False),
        (["1/2/2020 3:04 PM"], "2020-01-02 15:04", True),
        (["Dec-15"], "2015-12-01", False),
        (["2020-03"], "2020-03-01", False),
        (["2020Q3"], "2020-07-01", False),
        (["2020年3月5日"], "2020-03-05", False),
    ],
)
def test_dates(cells, first, open_) -> None:
    column = pd.Series(cells * 10)
    values, how, notes = read(column, "when")
    assert (how.kind, values[0]) == ("date", pd.Timestamp(first))
    assert values.notna().all()
    assert "dates, read as a running time and calendar parts" in notes[0]
    assert ("no cell tells" in notes[0]) == open_
    again, _, said = read(pd.Series([*cells, "soon"]), "when", Reading.from_json(how.to_json()))
    assert again.tolist()[:-1] == values.tolist()[: len(cells)]
    assert f"1 of {len(cells) + 1} cells are not dates" in said[0]


TYPED = {
    "nullable integers": (pd.array([1, None, 3], dtype="Int64"), [1.0, np.nan, 3.0]),
    "nullable floats": (pd.array([1.5, None], dtype="Float64"), [1.5, np.nan]),
    "nullable booleans": (pd.array([True, None, False], dtype="boolean"), [1.0, np.nan, 0.0]),
    "booleans with missing": (np.array([True, None, False], dtype=object), [1.0, np.nan, 0.0]),
    "nullable words": (pd.array(["u", pd.NA], dtype="string"), ["u", None]),
    "decimals": (np.array([decimal.Decimal("1.5"), None], dtype=object), [1.5, np.nan]),
    "durations": (pd.to_timedelta(["12h", None]), [0.5, np.nan]),
    "times": (np.array([datetime.time(6, 30), None], dtype=object), [6.5, np.nan]),
    "categories of words": (pd.Categorical(["lo", None, "hi"], ["lo", "hi"], ordered=True), ["lo", None, "hi"]),
    "categories of numbers": (pd.Categorical([3, 1]), ["3", "1"]),
    "intervals": (pd.IntervalIndex.from_breaks([0, 1, 2]), ["(0, 1]", "(1, 2]"]),
    "sparse": (pd.arrays.SparseArray([0.0, 2.0]), [0.0, 2.0]),
    "mixed": (np.array([1.5, "x", None], dtype=object), ["1.5", "x", None]),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPED)
def test_types_that_pandas_has(name) -> None:
    given, want = TYPED[name]
    values, how, _ = read(pd.Series(given, index=range(5, 5 + len(want))), "x")
    assert [None if v is None else v for v in values] == pytest.approx(
        want, nan_ok=True
    ) or values.tolist() == want
    assert values.index[0] == 5
    again, _, _ = read(pd.Series(given), "x", how)
    assert again.tolist() == pytest.approx(values.tolist(), nan_ok=True) or again.tolist() == values.tolist()


@pytest.mark.parametrize(
    "given",
    [
        pd.Series(pd.to_datetime(["2020-01-02", None])),
        pd.Series(pd.date_range("2020-01-01 19:00", periods=2, tz="America/New_York")),
        pd.Series(pd.period_range("2020-01-02", periods=2, freq="D")),
        pd.Series(np.array([datetime.date(2020, 1, 2), None], dtype=object)),
        pd.Series(np.array([datetime.datetime(2020, 1, 2), datetime.datetime(9999, 12, 31)], dtype=object)),
    ],
)
def test_dates_that_pandas_has(given) -> None:
    values, how, _ = read(given, "x")
    assert (how.kind, str(values.dtype)) == ("date", "datetime64[us]")
    assert values[0] == pd.Timestamp("2020-01-02")


def test_true_and_false_in_a_file_for_a_model_of_booleans() -> None:
    values, _, notes = read(pd.Series(["True", "false", "perhaps"]), "x", Reading("number", "boolean"))
    assert values.tolist() == pytest.approx([1.0, 0.0, np.nan], nan_ok=True)
    assert "1 of 3 cells are not true or false" in notes[0]


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="column 'x': complex numbers"):
        read(pd.Series([1 + 2j]), "x")


def test_readings_stay_with_rows_that_are_taken() -> None:
    frame = keep(
        pd.DataFrame({"a": [1.0, 2.0]}), {"a": Reading("number", "styled", ",", unit="kg", example="1,5 kg")}
    )
    taken = frame.iloc[[1]].reset_index(drop=True)
    assert kept(taken) == {"a": Reading("number", "styled", ",", unit="kg", example="1,5 kg")}
    assert kept(pd.DataFrame()) == {}
    with pytest.raises(ValueError, match="not 'sound'"):
        Reading.from_json({"kind": "sound"})


# From file to prediction


def table(amount, n=200) -> pd.DataFrame:
    return pd.DataFrame({"amount": list(map(amount, AMOUNTS[:n])), "label": np.arange(n) % 10 < 2})


@pytest.mark.parametrize("style", STYLES)
def test_a_saved_model_reads_what_training_read(tmp_path, style) -> None:
    table(STYLES[style]).to_csv(tmp_path / "t.csv", index=False)
    data = load(tmp_path / "t.csv")
    assert data.raw["amount"].dtype == float
    api.train(data, recipe="logistic", out=tmp_path / "m")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a = api.predict(tmp_path / "m", tmp_path / "t.csv")
    table(float).to_parquet(tmp_path / "t.parquet")  # numbers are numbers
    pd.testing.assert_frame_equal(a, api.predict(tmp_path / "m", tmp_path / "t.parquet"))


def test_predict_says_what_it_could_not_read(tmp_path) -> None:
    frame = table(float).assign(colour=["red", "blue"] * 100, gone=[np.nan, 1.0] * 100)
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = api.train(tmp_path / "t.csv", recipe="logistic")
    new = pd.DataFrame(
        {"Amount": ["1,163.74", "5", ""], "colour": ["pink", "red", ""], "gone": [1, "", ""], "id": [1, 2, 3]}
    )
    new.to_csv(tmp_path / "new.csv", index=False)
    said: list[str] = []
    api.predict(model, tmp_path / "new.csv", say=said.append)
    for words in (
        "column 'Amount' is taken for 'amount'",
        "not used: column 'id'",
        "column 'amount': 1 of 2 cells are not numbers (row 1: '1,163.74'): read as missing; training had plain numbers",
        "column 'amount': 2 of 3 values are missing; training had none missing, so its median stands in",
        "column 'colour': 1 of 3 cells hold a word that training did not have ('pink')",
        "column 'colour': 1 of 3 cells are missing, which no row of training was",
    ):
        assert any(words in note for note in said), said
    with pytest.warns(UserWarning, match="cells are not numbers"):
        api.predict(model, tmp_path / "new.csv")
    with pytest.raises(
        ValueError, match=r"no column 'amount', 'gone', which the model needs \(2 of its 3 columns"
    ):
        api.predict(model, new[["colour"]])


def test_dates_become_a_running_time_and_calendar_parts(tmp_path) -> None:
    days = pd.date_range("2020-01-01 06:00", periods=100, freq="36h")
    frame = pd.DataFrame(
        {"when": days.strftime("%d/%m/%Y %H:%M"), "label": (days.day_of_week == 6).astype(int)}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = load(tmp_path / "t.csv")
    encoder = TableEncoder.fit(data.raw)
    assert encoder.feature_names == tuple(f"when: {p}" for p in ("time", "month", "day", "weekday", "hour"))
    facts, tensors = encoder.save()
    again = TableEncoder.load(json.loads(json.dumps(facts)), tensors)
    assert again.readings == encoder.readings
    x = again(load_inputs(tmp_path / "t.csv", again))
    assert torch.equal(x, encoder(data.raw))
    weekday = days.day_of_week.to_numpy()
    np.testing.assert_allclose(x[:, 3], (weekday - weekday.mean()) / weekday.std(), atol=1e-5)
    # the same days as a data frame has them
    assert torch.equal(again(load_inputs(pd.DataFrame({"when": days}), again)), x)
    # what does not vary is no column, and missing dates have one mark
    still = TableEncoder.fit(pd.DataFrame({"d": pd.to_datetime(["2020-01-01", "2021-01-01", None])}))
    assert still.feature_names == ("d: time", "d is missing", "d: weekday")
    facts["plan"][0]["part"] = "second"
    with pytest.raises(ValueError, match="'second' is no part of a date"):
        TableEncoder.load(facts, tensors)


def test_date32_and_date_strings_are_alike(tmp_path) -> None:
    days = pd.date_range("2020-01-01", periods=40)
    frame = pd.DataFrame({"when": days.date, "b": np.arange(40) % 7 * 1.5, "label": np.arange(40) % 4 == 0})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    a, b = load(tmp_path / "t.parquet"), load(tmp_path / "t.csv")
    pd.testing.assert_frame_equal(a.raw, b.raw)
    assert any("'when': dates" in note for note in a.notes)


def test_a_model_saved_before_readings_were_kept_is_read(tmp_path) -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"n": [1.0, 2.0], "when": [18262.0, 18263.0]}))
    facts, tensors = encoder.save()
    for step in facts["plan"]:
        del step["reading"]
    old = TableEncoder.load(facts, tensors)
    (tmp_path / "new.csv").write_text("n;when\n1,5;18262\n2,5;18263\n")
    with pytest.warns(UserWarning, match="'1,5' is read as 1.5"):
        raw = load_inputs(tmp_path / "new.csv", old)
    assert raw["n"].tolist() == [1.5, 2.5]
    raw = load_inputs(pd.DataFrame({"n": [1, 2], "when": pd.to_datetime(["2020-01-01", "2020-01-02"])}), old)
    assert raw["when"].tolist() == [18262.0, 18263.0]  # dates were days since 1970
