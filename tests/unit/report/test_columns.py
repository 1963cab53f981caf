"""The tables show the metrics of their room, and say where one is not defined."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from specimen import changed, set_to, specimen

from longtail.comparison.leaderboard import board
from longtail.comparison.record import Results, Run
from longtail.metrics import found
from longtail.report import render, show
from longtail.report.columns import partly, score, shown


def drawn(results: Results, width: int = 400) -> str:
    console = Console(width=width, record=True, file=io.StringIO(), color_system=None)
    show(results, console)
    return console.export_text()


def without(results: Results, metric: str, folds: int) -> Results:
    """The metric is not defined in the first folds."""

    def undefined(run: Run) -> Run:
        return run.but(scores={prior: {**scores, metric: None} for prior, scores in run.scores.items()})

    return changed(results, lambda run: undefined(run) if run.fold < folds else run)


def test_every_metric_of_the_room_has_a_column_on_the_page_or_in_the_files_alone() -> None:
    results = specimen(num_classes=12, folds=2, recipes=("erm", "crt"))
    groups = {**results.data.groups, "medium": []}  # a group without classes has no column
    results = results.but(data=replace(results.data, groups=groups))
    rows = board(results, "natural").rows
    names = [m.name for m in shown(results, rows)]
    assert names == [
        m.name
        for m in found().values()
        if m.importance > 0 and m.name != "medium" and not m.of_costs and not m.of_sequences
    ]
    page = render(results)
    for m in shown(results, rows):
        assert f">{m.title} {'↓' if m.better == 'lower' else '↑'}</th>" in page
        assert f"<dt>{m.title}</dt><dd>{m.meaning}" in page
    text = drawn(results)
    for m in shown(results, rows, least=2):
        assert (m.short or m.title) in text


def test_a_metric_without_a_value_is_said_to_be_not_defined() -> None:
    results = without(specimen(folds=3, recipes=("erm", "crt")), "roc_auc_rarest", 3)
    row = board(results, "natural").rows[0]
    assert score(row, "roc_auc_rarest") == "not defined"
    assert score(row, "no_such") == "–"
    assert render(results).count("not defined</td>") == 4  # two recipes under two priors
    results = without(specimen(folds=3, recipes=("erm", "crt")), "roc_auc", 3)
    assert "roc" in drawn(specimen(folds=3, recipes=("erm", "crt"))).lower()
    text, said, title = (
        drawn(results),
        "Without a column, since not defined on these rows: ",
        found()["roc_auc"].title,
    )
    assert f"{said}{title}." in text
    assert text.count("not defined") == 1  # no column of nothing in the terminal


def test_a_mean_over_some_of_the_runs_is_marked() -> None:
    results = without(specimen(folds=3, recipes=("erm", "crt")), "worst_class_recall", 1)
    row = board(results, "natural").rows[0]
    assert row.defined["worst_class_recall"] == 2
    assert row.defined["macro_f1"] == row.done == 3
    assert partly(row, "worst_class_recall")
    assert not partly(row, "macro_f1")
    assert score(row, "worst_class_recall") == f"{row.mean['worst_class_recall']:.3f}°"
    text = drawn(results)
    assert f"{row.mean['worst_class_recall']:.3f}°" in text
    assert "°: not defined in some of the runs" in text
    assert "°: not defined" not in drawn(specimen(folds=3, recipes=("erm", "crt")))


@pytest.mark.parametrize("metric", ["roc_auc", "nll"])
def test_the_metric_that_ranks_comes_first(metric: str) -> None:
    results = set_to(specimen(folds=3, recipes=("erm", "crt")), metric=metric)
    head = next(line for line in drawn(results).splitlines() if "to baseline" in line)
    assert head.index(found()[metric].title) < head.index("to baseline") < head.index("macro F1")
    assert f"Ranked by {found()[metric].title}" in render(results)
