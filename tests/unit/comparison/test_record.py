"""What a comparison found: written and read again the same, and nothing is guessed at."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from specimen import specimen, with_rows

from longtail import api
from longtail.api import comparing
from longtail.comparison.leaderboard import board
from longtail.comparison.length import Length
from longtail.comparison.record import FORMAT, Results, Run, Trained, read_results
from longtail.data import Dataset
from longtail.files import Damaged, read_json, write_json
from longtail.labels import Labels


@pytest.fixture(scope="module")
def results() -> Results:
    return with_rows(specimen(folds=2, recipes=("erm", "crt"), fail=("crt",)), 2).but(
        evidence={"natural": {"same_as": {}}}, model={"recipe": "erm", "path": None}, left_out="Out of time."
    )


RUN = Run(
    recipe="erm", fold=1, seed=2, status="done", identity="abc", seconds=0.1 + 0.2, bytes=12, converged=None,
    length=Length(30, False, ((10, 1 / 3), (30, 0.25))),
    stages=(Trained(name="erm", key="k", seconds=0.1, cpu_seconds=0.3, refit=True, shared=True),),
    history=({"stage": "erm", "epoch": 0, "loss": 2.5},), prior_checked={"kept": True},
    fitted={"thresholds": {"part": "a"}},
    scores={"natural": {"accuracy": 1 / 3, "few": None}},
)  # fmt: skip


def test_a_run_is_the_same_after_a_file(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", RUN.to_json(), checked=True)
    assert Run.from_json(read_json(tmp_path / "run.json", checked=True)) == RUN


def test_results_are_the_same_after_a_file(results: Results, tmp_path: Path) -> None:
    write_json(tmp_path / "results.json", results.to_json())
    found = read_results(tmp_path / "results.json")
    assert (found.runs, found.data, found.settings) == (results.runs, results.data, results.settings)
    assert (found.curves, found.mistakes) == (results.curves, results.mistakes)
    assert found.to_json() == results.to_json()
    assert found.to_json()["format"] == FORMAT


def test_json_is_plain(results: Results) -> None:
    for written in (results.to_json(), RUN.to_json()):
        assert json.loads(json.dumps(written)) == written  # no tuple, no number as a key


def test_nothing_of_it_can_be_set(results: Results) -> None:
    for value, name in ((RUN, "fold"), (results, "runs"), (results.data, "n"), (results.settings, "prior")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, 3)


def test_a_board_is_built_once_and_anew_for_other_results(results: Results) -> None:
    made = board(results, "natural")
    assert board(results, "natural", "macro_f1") is made
    assert board(results, "balanced") is not made
    assert board(results.but(evidence={}), "natural") is not made


def places(written: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every object of a file that is one of the types."""
    run = written["runs"][0]
    return {
        "Results": written, "Data": written["data"], "Settings": written["settings"], "Run": run,
        "Trained": run["stages"][0],
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["Results", "Data", "Settings", "Run", "Trained"])
def test_a_field_that_is_not_known_is_named(results: Results, kind: str) -> None:
    written = results.to_json()
    places(written)[kind]["mood"] = "good"
    with pytest.raises(ValueError, match=rf"{kind}: .*'mood'"):
        Results.from_json(written)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Results", "versions"),
        ("Results", "runs"),
        ("Data", "names"),
        ("Settings", "folds"),
        ("Run", "recipe"),
    ],
)
def test_a_field_that_is_missing_is_named(results: Results, kind: str, field: str) -> None:
    written = results.to_json()
    del places(written)[kind][field]
    with pytest.raises(ValueError, match=f"'{field}'"):
        Results.from_json(written)


def test_a_status_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="status 'finished' is none of done, failed, skipped"):
        Run.from_json({**RUN.to_json(), "status": "finished"})


@pytest.mark.parametrize("written", [1, "2", None, FORMAT + 1])
def test_another_format_is_refused_with_the_remedy(results: Results, tmp_path: Path, written: Any) -> None:
    file = tmp_path / "results.json"
    write_json(file, {**results.to_json(), "format": written})
    with pytest.raises(ValueError, match=rf"format {written!r}; this version reads {FORMAT}.*again") as why:
        read_results(file)
    assert str(file) in str(why.value)


SPOILT = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "a list": lambda text: "[]",
    "runs are a number": lambda text: json.dumps({**json.loads(text), "runs": 5}),
    "a run is a number": lambda text: json.dumps({**json.loads(text), "runs": [5]}),
    "data are a list": lambda text: json.dumps({**json.loads(text), "data": []}),
    "names are a number": lambda text: json.dumps({**json.loads(text), "data": {"names": 1}}),
    "stages are a number": lambda text: text.replace('"stages": [', '"stages": [7, ', 1),
    "a length is a number": lambda text: text.replace('"length": null', '"length": 7', 1),
    "another file": lambda text: '{"a": 1}',
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_damaged_file_is_named(results: Results, tmp_path: Path, how: str) -> None:
    file = tmp_path / "results.json"
    text = json.dumps(results.to_json())
    file.write_text(SPOILT[how](text), encoding="utf-8")
    with pytest.raises(ValueError, match=r"results\.json") as why:
        read_results(file)
    assert isinstance(why.value, Damaged) == (how in ("cut", "empty", "a list"))


def compared(folder: Path) -> tuple[api.Comparison, list[dict[str, Any]]]:
    g = torch.Generator().manual_seed(0)
    labels = Labels.of([0] * 40 + [1] * 20)
    data = Dataset.of("toy", "embedding", torch.randn(60, 3, generator=g) + labels.y[:, None], labels)
    told: list[dict[str, Any]] = []
    found = api.compare(data, recipes=["logistic"], folds=2, out=folder, model=False, on=told.append)
    return found, told


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report: it takes longer than all else here."""
    monkeypatch.setattr(comparing, "write_report", lambda results, path: None)


@pytest.mark.usefixtures("plain")
def test_a_table_of_another_version_is_replaced_and_that_is_said(tmp_path: Path) -> None:
    first, _ = compared(tmp_path)
    assert first.results == read_json(tmp_path / "results.json")
    write_json(tmp_path / "results.json", {**first.results, "format": 1})
    again, told = compared(tmp_path)
    said = f"the earlier table in {tmp_path} (another version of longtail) will be replaced"
    assert {"note": said} in told
    assert not any("task" in event for event in told)  # what it keeps is not trained again
    assert again.results["runs"] == first.results["runs"]


@pytest.mark.usefixtures("plain")
def test_a_damaged_table_is_an_error_before_anything_is_done(tmp_path: Path) -> None:
    first, _ = compared(tmp_path)
    for spoilt in ({**first.results, "runs": [5]}, {**first.results, "data": []}, {"a": 1}):
        write_json(tmp_path / "results.json", spoilt)
        with pytest.raises(
            ValueError, match=r"results\.json is damaged or not of longtail .*delete this one"
        ):
            compared(tmp_path)


@pytest.mark.usefixtures("plain")
def test_a_run_that_another_state_of_longtail_wrote_is_set_aside_and_made_again(tmp_path: Path) -> None:
    first, _ = compared(tmp_path)
    file = min((tmp_path / "runs").glob("*.json"))
    write_json(file, {**read_json(file), "mood": "good"}, checked=True)
    again, told = compared(tmp_path)
    notes = [event["note"] for event in told if "note" in event]
    assert any(str(file) in note and "'mood'" in note and "is made again" in note for note in notes)
    assert file.with_suffix(".damaged").exists()
    assert [run.scores for run in again.record.runs] == [run.scores for run in first.record.runs]
