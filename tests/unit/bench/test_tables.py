"""The table of a benchmark, from made-up runs."""

import math
from pathlib import Path

import pytest

from longtail.bench import figures, published, tables
from longtail.bench.summary import agreement, lines, spread


def run(recipe, accuracy, draw=(0, 0, 0), status="done", **more):
    scores = {"accuracy": accuracy / 100, "many": 0.9, "medium": 0.5, "few": None, "ece": 0.1}
    better = {**scores, "accuracy": accuracy / 100 + 0.05}
    stages = [
        {"name": "", "key": "k", "seconds": 60.0, "cpu_seconds": 60.0, "refit": False},
        {"name": "", "key": "inner", "seconds": 50.0, "cpu_seconds": 50.0, "refit": True},
    ]
    return {
        "recipe": recipe, "imbalance": 100.0, "subset": draw[0], "init": draw[1], "order": draw[2], "status": status,
        "error": None, "stages": stages, "scores": {"as_trained": scores, "balanced": better},
        "history": [{"stage": "", "epoch": 0, "loss": 2.0}, {"stage": "", "epoch": 1, "loss": 1.0}], **more,
    }  # fmt: skip


def results(runs, recipes, vary=(), augment="crop-flip"):
    return {
        "command": "longtail bench cifar100-lt", "versions": {"torch": "2"}, "hardware": "2 cores",
        "created": "2026-11-25", "notes": [], "runs": runs,
        "settings": {
            "benchmark": "cifar100-lt", "imbalances": [100.0], "recipes": recipes, "seeds": 2, "vary": list(vary),
            "preset": None, "protocol": "ldam", "augment": augment, "epochs": 200, "batch": 128, "backbone": "resnet32",
            "tuning": "refit", "precision": "fp32", "device": "cpu",
        },
    }  # fmt: skip


NAMES = ["erm", "focal", "mixup", "ldam-drw", "bbn", "ghm"]


@pytest.fixture
def found():
    """In the published order, but for the last two."""
    means = {"erm": 30.0, "focal": 31.0, "mixup": 34.0, "ldam-drw": 40.0, "bbn": 36.0, "ghm": 33.0}
    runs = [run(n, m + k, (k, k, k)) for n, m in means.items() for k in (0, 1)]
    return results(runs, NAMES)


def test_a_line_has_mean_spread_difference_and_time(found):
    by_name = {line.recipe: line for line in lines(found, 100.0)}
    assert [line.recipe for line in lines(found, 100.0)] == [
        "ldam-drw",
        "bbn",
        "mixup",
        "ghm",
        "focal",
        "erm",
    ]
    mean, sd = by_name["erm"].as_trained["accuracy"]
    assert (mean, sd) == (pytest.approx(30.5), pytest.approx(math.sqrt(0.5)))
    assert by_name["erm"].difference == pytest.approx(30.5 - 38.3)
    assert by_name["erm"].seconds == 60.0  # not the training that fits a calibrator
    assert math.isnan(by_name["ghm"].difference)
    assert "few" not in by_name["erm"].as_trained


def test_the_markdown_says_what_does_not_compare(found):
    text = tables.markdown(found)
    row = {n: next(line for line in text.splitlines() if f"| {n} |" in line) for n in NAMES}
    assert "| 30.5 ± 0.7 (2) | 35.5 ± 0.7 |" in row["erm"]
    assert "| 38.3 * |" in row["erm"]
    assert "| 42.6 † |" in row["bbn"]
    assert "| – | – |" in row["ghm"]
    assert "two-branch ResNet-32" in text
    assert "the best epoch on the test set, not the last" in text
    assert "LDAM-DRW protocol" in text


def test_ranks_are_compared_with_the_published(found):
    rho, low, high, n = agreement(found, 100.0, comparable=False)
    assert n == 5  # ghm has no published number
    assert rho == 0.9  # bbn and ldam-drw have changed places
    assert low <= rho <= high
    assert agreement(found, 100.0, comparable=True)[3] == 4  # without bbn, which is another net
    assert "rank correlation of our accuracies with the published, all: 0.90" in tables.markdown(found)


def test_a_missing_run_a_failure_and_one_not_yet_run_are_said():
    runs = [run("erm", 30.0), {**run("focal", 0, status="failed"), "error": "ValueError: no"}]
    text = tables.markdown(results(runs, ["erm", "focal", "mixup"]))
    assert "30.0 (1 of 2)" in text
    assert "focal failed: ValueError: no" in text
    assert "Not run yet: mixup." in text


def test_the_spread_is_split():
    draws = {(0, 0, 0): 30.0, (1, 1, 1): 35.0, (0, 0, 1): 31.0, (0, 1, 0): 33.0, (1, 0, 0): 34.0}
    found = results([run("erm", v, d) for d, v in draws.items()], ["erm"], ["subset", "init", "order"])
    split = spread(found, 100.0, "erm")
    assert split["order"][0] == pytest.approx(math.sqrt(0.5))
    assert split["init"][1] == pytest.approx(math.sqrt(4.5 - 0.5))
    assert split["subset"][1] == pytest.approx(math.sqrt(8.0 - 0.5))
    assert "| erm | init | 2 | 2.12 | 2.00 |" in tables.markdown(found)


def test_figures_name_every_recipe_once(found):
    for svg in (figures.cost(found, 100.0), figures.curves(found, 100.0)):
        for name in NAMES:
            assert svg.count(f">{name}") == 1
        assert "<text" in svg
    probed = [{**r, "history": [{"stage": "", "epoch": e, "loss": 1.0, "probe": {"accuracy": 0.3}} for e in range(4)]}
              for r in found["runs"]]  # fmt: skip
    assert "test accuracy" in figures.curves({**found, "runs": probed}, 100.0)
    assert figures.cost(results([], ["erm"]), 100.0) is None


def test_the_page_has_every_published_number():
    page = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert tables.published_table() in page, (
        "paste longtail.bench.tables.published_table() into docs/benchmarks.md"
    )
    assert all(f"{p.accuracy:.1f}" in page for p in published())
