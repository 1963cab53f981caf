"""The page and the terminal tables: complete, escaped, self-contained, and right at the edges."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from rich.console import Console
from specimen import changed, specimen, with_rows

import longtail.report
from longtail.comparison.curves import drawn as drawn_recipes
from longtail.comparison.leaderboard import board
from longtail.comparison.length import Length
from longtail.comparison.rates import rates
from longtail.comparison.recommendation import _some, advice, recommendation
from longtail.comparison.record import Results, Run
from longtail.losses import Focal
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.report import figures, render, show, write_report
from longtail.report.box import box
from longtail.report.confused import confused
from longtail.report.curves import curves
from longtail.report.defined import defined
from longtail.report.page import capital
from longtail.report.svg import COLOURS, columns, drawing, inline, shortened

NASTY = (
    "<script>alert(1)</script>",
    "$x$ and $\\frac{1}{",
    "猫と犬",
    "--><b>bold</b>",
    "]]></svg><img src=x onerror=alert(2)>",
    "#0100fd",
    "\"quotes' &amp;",
    "عربى",
    "pi 3.14159265",
    "bell\x07tab\tline\nend",
)
VOID = {"meta", "br", "img", "input", "link", "hr"}


class Page(HTMLParser):
    """Collects tags and text, and checks that tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def nasty() -> tuple[Results, str, Page]:
    results = specimen(names=NASTY, folds=3)
    results = results.but(
        data=replace(
            results.data, name="<i>data</i>", path="<i>data</i>", notes=("column '<u>' was left out",)
        ),
        command="longtail compare '<data>'",
        recipes={**results.recipes, "crt": {**results.recipes["crt"], "title": "cRT <em>$2$</em>"}},
    )
    text = render(results)
    return results, text, Page(text)


def test_every_text_is_escaped_and_shown(nasty: tuple[Results, str, Page]) -> None:
    results, _, page = nasty
    known = {tag for tag, _ in Page(render(specimen(folds=2))).tags}
    assert {tag for tag, _ in page.tags} <= known
    assert not {"img", "i", "u", "em"} & known
    for name in results.data.names:
        assert shortened(name) in page.texts
    for shown in (
        "<i>data</i>",
        "column '<u>' was left out",
        "longtail compare '<data>'",
        "cRT <em>$2$</em>",
    ):
        assert shown in page.text


def test_page_is_self_contained(nasty: tuple[Results, str, Page]) -> None:
    _, text, page = nasty
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "base")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href"):
                assert value is not None
                assert value.startswith("#")
            elif name in ("style", "clip-path"):
                assert not re.search(r"url\((?!#)", value or "")
    assert "@import" not in text
    assert "url(" not in text[text.index("<style>") : text.index("</style>")]
    assert "default-src 'none'" in text


def test_one_script_runs_and_nothing_of_the_data_is_in_it(nasty: tuple[Results, str, Page]) -> None:
    _, text, page = nasty
    assert [attributes for tag, attributes in page.tags if tag == "script"] == [{}]
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    assert script == (Path(longtail.report.__file__).parent / "page.js").read_text(encoding="utf-8")
    assert not re.search(r"fetch|XMLHttp|import|eval|innerHTML|https?:", script)
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    found = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{found}';" in policy
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")


def test_tables_sort_and_scroll_inside_their_own_frame(nasty: tuple[Results, str, Page]) -> None:
    text = nasty[1]
    tables = re.findall(r'<div class="([^"]*)" tabindex="0">\s*<table class="([^"]*)"', text)
    assert len(tables) == text.count("<table")
    assert {frame for frame, _ in tables} == {"scroll framed"}
    assert sum("sorts" in kind.split() for _, kind in tables) >= 4  # two under each prior
    for row in re.findall(r'<tr class="best.*?</tr>', text, re.S):
        assert row.count("<td") == row.count("data-v=") - 1  # and the recipe's name


def test_groups_are_told_where_there_are_such() -> None:
    ten, two = specimen(folds=2), specimen(num_classes=2, folds=2, imbalance=80.0)
    assert {name for name, members in two.data.groups.items() if members} == {"many", "few"}
    for results, told in ((ten, True), (two, False)):
        page = Page(render(results))
        console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        show(results, console)
        assert ("few ↑" in page.text) == ("few." in page.text) == told
        assert ("few" in re.findall(r"[a-z]+", console.export_text())) == told


def test_columns_of_the_terminal_stand_in_the_order_of_the_page_and_none_is_of_dashes() -> None:
    results = changed(specimen(folds=2), lambda run: run.but(bytes=None, test_rows=None))
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(results, console)
    text = console.export_text()
    (head, *_) = [line.split() for line in text.splitlines() if "recipe" in line.split()]
    assert [name for name in head if name in ("many", "medium", "few")] == ["many", "medium", "few"]
    assert "size" not in head
    assert "pred." not in head


def test_the_verdict_comes_first_without_a_number(nasty: tuple[Results, str, Page]) -> None:
    results, text, _ = nasty
    cards = re.findall(r'<div class="card">(.*?)</div>', text, re.S)
    assert len(cards) == 2
    for card in cards:
        (verdict,) = re.findall(r'<p class="winner">(.*?)</p>', card, re.S)
        assert not re.search(r"\d", verdict)
        assert card.index("winner") < card.index("<details>")
    assert advice(results, "natural").reasons[0].startswith("It scores highest: macro F1 0.")


def test_the_box_says_what_the_numbers_rest_on() -> None:
    said = dict(box(specimen(folds=3, seeds=2)))
    assert list(said) == ["Data", "Prior", "Metric", "Split", "Baseline", "Decisions"]
    assert "once with classes as frequent as in the data" in said["Prior"]
    assert "ranked by macro F1 under the natural prior" in said["Metric"]
    assert "All of that 2 times" in said["Split"]
    assert said["Baseline"] == "Every recipe is compared with Cross-entropy."
    one = dict(box(specimen(folds=1, num_classes=3, prior="prior.json")))
    assert one["Split"].startswith("One split: 50 % of the rows are tested")
    assert "You gave: class 0 0.333, class 1 0.333, class 2 0.333." in one["Prior"]
    assert "twice" not in dict(box(specimen(folds=2, prior="balanced")))["Prior"]


def test_confusion_has_shares_and_rows_by_frequency() -> None:
    results = specimen(folds=2)
    found = confused(results, "natural", "erm")
    assert found is not None
    assert list(found.names) == [results.data.names[k] for k in figures.by_frequency(results)]
    for k, row in zip(figures.by_frequency(results), found.cells):
        assert sum(cell.rows for cell in row) == results.data.counts[k]
        assert sum(cell.share for cell in row) == pytest.approx(1)
    first = found.cells[0][0]
    text = render(results)
    assert f"{100 * first.share:.0f} <small>{first.rows}</small>" in text.replace(",", "")


def test_confusion_of_many_classes_is_the_pairs_confused_most() -> None:
    results = specimen(num_classes=32, folds=2, largest=200, recipes=("erm", "crt"))
    found = confused(results, "natural", "erm")
    assert found is not None
    assert found.cells == ()
    assert len(found.pairs) == 20
    assert [p.rows for p in found.pairs] == sorted((p.rows for p in found.pairs), reverse=True)
    more = specimen(num_classes=70, folds=2, recipes=("erm",))
    more = changed(more, lambda run: run.but(confusion={"natural": {"pairs": [[3, 4, 2 + run.fold]]}}))
    (pair,) = confused(more, "natural", "erm").pairs  # type: ignore[union-attr]
    names, counts = more.data.names, more.data.counts
    assert (pair.true, pair.decided, pair.rows) == (names[3], names[4], 5)
    assert pair.share == pytest.approx(5 / counts[3])
    assert "these 1 pairs" in Page(render(more)).text


def test_reliability_joins_bins_of_single_rows_and_clips_no_dot() -> None:
    confidence = np.array([0.0, 0.3, 0.7, 89.1, 9.5])
    accuracy = np.array([0.0, 1.0, 0.0, 89.1, 9.0])
    weight = np.array([0.0, 0.6, 0.6, 90.0, 10.0])
    c, a, w = figures._joined(confidence, accuracy, weight, 0.01)
    assert w.tolist() == [1.2, 90.0, 10.0]
    assert c[0] == pytest.approx(1 / 1.2)
    assert a[0] == pytest.approx(1 / 1.2)
    results = specimen(folds=2)
    drawn = figures.reliability(results, "natural", board(results, "natural").rows)
    assert drawn is not None
    dots = re.findall(r'<g clip-path="[^"]*">\s*<use [^>]*fill-opacity', drawn)
    assert not dots


def test_a_figure_fits_a_telephone() -> None:
    for results in (specimen(folds=2), specimen(num_classes=70, folds=2, recipes=("erm", "crt"))):
        for least in re.findall(r"<svg [^>]*min-width: (\d+)px", render(results)):
            assert int(least) <= 368  # of 400 pixels, without the margins of the page


def test_two_classes_are_not_joined_by_a_line() -> None:
    def lines(num_classes: int) -> int:
        results = specimen(num_classes=num_classes, folds=2, recipes=("erm",))
        rows = board(results, "natural").rows
        drawn = figures.recall_by_frequency(results, "natural", rows, ["erm"])
        assert drawn is not None
        return len(re.findall(r'style="fill: none; stroke: var\(--s0\)', drawn))

    assert (lines(2), lines(3)) == (0, 1)


def test_ids_are_unique_and_references_resolve(nasty: tuple[Results, str, Page]) -> None:
    _, text, page = nasty
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|xlink:href="#)([^)"]+)', text)) <= set(ids)


def test_no_stand_in_colour_is_left_and_variables_exist(nasty: tuple[Results, str, Page]) -> None:
    _, text, page = nasty
    tags = " ".join(re.findall(r"<[^>]*>", text))
    for colour in COLOURS.values():
        assert colour not in tags
    assert "#0100fd" in page.texts  # a class of that name is text, not a colour
    css = text[text.index("<style>") : text.index("</style>")]
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    for name in set(re.findall(r"var\(--([\w-]+)\)", text)):
        assert f"--{name}:" in light
        assert name == "font" or f"--{name}:" in dark


def test_page_says_what_was_found(nasty: tuple[Results, str, Page]) -> None:
    results, text, page = nasty
    for prior in ("natural", "balanced"):
        said = advice(results, prior)
        for sentence in (capital(said.verdict), *said.reasons, said.cost):
            assert sentence in page.text
        for row in board(results, prior).rows:
            for metric in (
                "balanced_accuracy",
                "macro_f1",
                "worst_class_recall",
                "many",
                "nll",
                "brier",
                "ece",
            ):
                assert f"{row.mean[metric]:.3f}" in page.text
    before = {r.recipe: r.as_trained["balanced_accuracy"] for r in board(results, "balanced").rows}
    assert f"{before['erm']:.3f}" in page.text
    for version in ("torch 2.13.0", "python 3.11.9", "2 cores, 8 GB, no GPU"):
        assert version in page.text
    # distribution, training, cost, and three for each of two priors
    assert text.count("<svg ") == 3 + 2 * 3


@pytest.mark.parametrize(
    "settings",
    [
        {"num_classes": 2, "prior": "balanced"},
        {"num_classes": 70, "short": ("crt",), "fail": ("focal",)},
        {"folds": 1, "num_classes": 30, "prior": "prior.json"},
        {"fail": ("erm", "crt"), "recipes": ("erm", "crt")},
        {"fail": ("erm",), "recipes": ("erm", "crt")},
        {"recipes": ("erm",)},
    ],
    ids=str,
)
def test_edges(settings: dict[str, Any], tmp_path: Path) -> None:
    results = specimen(**{"folds": 2, **settings})
    start = time.perf_counter()
    write_report(results, tmp_path / "report.html")
    assert time.perf_counter() - start < 30
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "nan" not in page.text.replace("loss became nan", "")
    assert ("One run per recipe" in page.text) == (settings.get("folds") == 1)
    if "fail" in settings:
        assert "loss became nan at epoch 3 <b>" in page.text
    if "short" in settings:
        assert "1 of 2 runs" in page.text
    if settings.get("num_classes") == 70:
        assert "taken for" not in page.text  # no confusion matrix is recorded for so many classes
    headings = [
        t for t in page.texts if t.startswith("Under the ") and "scores" not in t and "nothing" not in t
    ]
    assert len(headings) == (1 if settings.get("prior") == "balanced" else 2)


def test_what_is_missing_in_a_run_is_left_out() -> None:
    results = specimen(folds=2)

    def less(run: Run) -> Run:
        natural = {"natural": run.per_class["natural"]}
        return run.but(confusion={}, reliability={}, per_class=natural, history=())

    results = changed(results, less)
    text = render(results)
    assert text.count("<svg ") == 2 + 2  # distribution, cost; recall and its change under the natural prior


def test_absent_classes_have_no_recall() -> None:
    results = specimen(folds=2)

    def without_first(run: Run) -> Run:
        natural = run.per_class["natural"]
        recall = {"natural": {**natural, "recall": [None, *natural["recall"][1:]]}}
        return run.but(per_class={**run.per_class, **recall})

    results = changed(results, without_first)
    values = figures.mean_per_class(results, "erm", "natural")
    assert values is not None
    assert np.isnan(values[0])
    first = [run.per_class["natural"]["recall"][1] for run in results.runs if run.recipe == "erm"]
    assert values[1] == pytest.approx(np.mean(first))
    assert "no example" in render(results)


def test_figures_leave_the_users_matplotlib_alone() -> None:
    with matplotlib.rc_context({"svg.fonttype": "path", "text.parse_math": True, "axes.facecolor": "red"}):
        before = dict(matplotlib.rcParams)
        text = figures.distribution(specimen(folds=2, names=NASTY))
        assert text is not None
        assert "<text" in text
        assert "red" not in re.sub(r"[a-z-]*red[a-z]+", "", " ".join(re.findall(r"<[^>]*>", text)))
        assert dict(matplotlib.rcParams) == before


def test_same_results_same_page() -> None:
    results = specimen(folds=2, num_classes=3, recipes=("erm", "crt"))
    assert render(results) == render(results)


def test_only_tags_are_rewritten() -> None:
    from matplotlib.figure import Figure

    label = 'font-family: x; id="figure_1" #0100fd 1.23456 <g id="a">'
    with drawing():
        figure = Figure()
        figure.text(0, 0, label, color=COLOURS["ink"])
        page = Page(inline(figure, "one", 'a "title"'))
    assert label in page.texts
    assert page.tags[0][1]["aria-label"] == 'a "title"'
    assert any("var(--ink)" in (a.get("style") or "") for tag, a in page.tags if tag == "text")


def test_shortened_counts_wide_letters_twice() -> None:
    assert shortened("日本語のクラス", 9) == "日本語の…"
    assert columns(shortened("x" * 100, 22)) == 22
    assert shortened("a\x00b\nc") == "a b c"


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_terminal_fits_and_shows_the_essentials(width: int) -> None:
    results = specimen(folds=3, fail=("focal",), short=("random_forest",))
    recipes = {**results.recipes, "erm": {**results.recipes["erm"], "title": "[bold]CE"}}
    results = results.but(data=replace(results.data, name="[red]data[/red]"), recipes=recipes)
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(results, console)
    text = console.export_text()
    assert max(columns(line) for line in text.splitlines()) <= width
    flat = re.sub(r"\s+", " ", text)
    assert "[red]data[/red]: 2," in flat  # markup in names is text
    assert "[bold]CE" in flat
    assert "Under the natural prior" in flat
    assert "Under the balanced prior" in flat
    assert "Focal loss failed (fold 0, seed 0): loss became nan at epoch 3 <b>" in flat
    for prior, paragraph in recommendation(results).items():
        assert paragraph in flat
        best = board(results, prior).rows[0]
        metric = "balanced_accuracy" if prior == "balanced" else "macro_f1"
        assert f"{best.mean[metric]:.3f}" in flat
    assert ("as trained" in text.split("Scores:")[0]) == (width >= 80)
    assert ("±0." in text) == (width >= 120)


def test_terminal_with_one_run_claims_nothing() -> None:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(specimen(folds=1, prior="f.json"), console)
    text = console.export_text()
    assert "One run per recipe: no spread and no test" in text
    assert "±" not in text
    assert "≈" not in text
    assert "p =" not in text
    assert "Under the declared prior" in text


def test_importing_the_report_needs_no_drawing_library() -> None:
    code = "import sys, longtail.report; print({'matplotlib', 'jinja2', 'rich'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_cost_is_a_column_of_the_page_and_of_the_terminal() -> None:
    results = specimen(folds=2)
    page = Page(render(results)).text
    wide = Console(width=400, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    show(results, wide)
    row = board(results, "natural").rows[0]
    assert row.size == 49_380
    assert row.predict_per_row == pytest.approx(0.2 / results.runs[0].test_rows, rel=0.05)
    text = wide.export_text()
    for shown in ("49 kB", f"{1e6 * row.predict_per_row:.0f} ms"):
        assert shown in page
        assert shown in text
    results = changed(results, lambda run: run.but(bytes=None, test_rows=None))  # it cannot be stored, say
    assert "49 kB" not in Page(render(results)).text


def test_a_long_list_of_ties_is_cut_short() -> None:
    assert _some([f"r{k}" for k in range(7)]).endswith("r5 and r6")
    assert _some([f"r{k}" for k in range(26)]).endswith("r5 and 20 others (≈ in the table)")


def with_evidence() -> Results:
    """A comparison with tests on rows, a recipe that is the same as another, and one that has not converged."""
    results = specimen(folds=3)
    tested = [0.05, 0.01, 0.09, 0.02, 0.02, 12.0]
    evidence = {}
    for prior, metric in (("natural", "macro_f1"), ("balanced", "balanced_accuracy")):
        best = next(r for r in board(results, prior).rows if r.recipe != "crt")
        about = {"recipe": best.recipe, "metric": metric, "score": best.mean[metric], "expected": 0.4321}
        evidence[prior] = {
            "same_as": {"logit_adjustment": "erm"},
            "tests": {metric: {"erm": dict.fromkeys(("focal", "crt", "balanced_softmax"), tested)}},
            "winner": {**about, "candidates": 5},
        }
    return changed(results.but(evidence=evidence), lambda run: run.but(converged=run.recipe != "crt"))


def test_page_and_terminal_say_what_is_the_same_what_did_not_converge_and_what_to_expect() -> None:
    results = with_evidence()
    page = Page(render(results))
    assert page.text.count("same as Cross-entropy") == 2
    assert page.text.count("not converged") == 2 + 1  # once under each prior, and where it is explained
    assert page.text.count("0.432 expected on new data") == 2
    assert page.text.count("expect about 0.432 on new data") == 2
    assert "[+0.010, +0.090]" in page.text
    assert "one test on every out-of-fold prediction" in page.text
    assert "These data show a difference to the baseline of about" in page.text
    wide = Console(width=300, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    show(results, wide)
    lines = wide.export_text().splitlines()
    assert sum("cRT" in line and " †" in line for line in lines) == 2
    assert sum("Logit adjustment" in line and " =" in line and "same" in line for line in lines) == 2
    text = " ".join(lines)
    for said in (
        "tested on every row, then Holm-adjusted, which the interval is not",
        "†: training did not converge",
    ):
        assert said in text
    plain = Page(render(specimen(folds=3))).text
    assert "corrected resampled t-test" in plain
    assert "expected on new data" not in plain.split("How to read this")[0]


def test_nothing_is_recommended_where_nothing_converged() -> None:
    results = changed(specimen(folds=2), lambda run: run.but(converged=False))
    page = Page(render(results))
    assert page.text.count("Nothing can be recommended yet") == 2
    assert "scores highest" not in page.text
    assert not [a for tag, a in page.tags if tag == "p" and a.get("class") == "score"]
    console = Console(width=100, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    show(results, console)
    assert "nothing can be recommended yet" in re.sub(r"\s+", " ", console.export_text())


def test_the_curves_of_the_rarest_class_are_drawn_with_their_areas_and_the_decisions() -> None:
    results = with_rows(specimen(folds=2, recipes=("erm", "crt", "focal")), 0)
    drawn = curves(results, ["erm", "focal", "crt"])
    assert drawn is not None
    assert "Cross-entropy: AP 0.432, AUC 0.876" in drawn
    assert "cRT: AP" in drawn
    assert "Focal" not in drawn
    dots = re.findall(r"<use [^>]*fill: var\(--(s\d)\)[^>]*stroke: var\(--page\)", drawn)
    assert sorted(dots) == ["s0", "s0", "s2"]  # cRT decides for the class nowhere, so it has no precision
    assert curves(results.but(curves=()), ["erm"]) is None
    text = render(results)
    rarest = min(range(10), key=lambda k: results.data.counts[k])
    assert f"Finding <bdi>{results.data.names[rarest]}</bdi>" in text
    assert "How well is the rarest class found?" not in render(specimen(folds=2))


def test_two_classes_have_sensitivity_and_the_cases_missed_and_more_classes_not() -> None:
    results = specimen(num_classes=2, folds=2)
    page = Page(render(results))
    found = rates(results, "natural", "erm")
    assert found is not None
    assert found.ppv is not None
    low, high = 100 * found.ppv.low, 100 * found.ppv.high
    assert f"{100 * found.ppv.value:.1f} % [{low:.1f}, {high:.1f}]" in page.text
    assert f"{found.missed:.0f} of {found.cases:.0f}" in page.text
    missed = 1000 * found.frequency * (1 - found.sensitivity.value)
    assert f"{missed:.1f}" in page.texts
    assert page.text.count("sensitivity specificity PPV") == 2  # natural, balanced
    assert "PPV" not in Page(render(specimen(num_classes=3, folds=2))).text


@pytest.mark.parametrize(("n", "open_at_once"), [(3, True), (13, False)])
def test_mistakes_come_with_their_row_and_are_folded_where_they_are_many(n: int, open_at_once: bool) -> None:
    text = render(with_rows(specimen(folds=2), n, words="<script>alert(1)</script>"))
    page = Page(text)
    assert sum(tag == "img" for tag, _ in page.tags) == n
    assert all(a["src"].startswith("data:image/") for tag, a in page.tags if tag == "img")  # type: ignore[union-attr]
    assert page.texts.count("<script>alert(1)</script>") == n
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    section = text[text.index('<section id="mistakes">') :]
    assert section[: section.index("</section>")].count("<details open>") == open_at_once
    assert "0.987" in page.texts
    assert "predictions.csv has all rows" in page.text


def test_a_reviewer_finds_settings_thresholds_and_convergence() -> None:
    base = specimen(folds=2, recipes=("erm", "crt"))
    rule = {"part": "adjust/Thresholds", "kwargs": {"metric": "macro_f1", "weights": [1.0, 2.5]}}
    length = Length(30, True, ((10, 0.5), (30, 0.25)))
    results = changed(
        base, lambda r: r.but(fitted={"thresholds": rule}, length=length, converged=r.fold == 0)
    )
    stage = Stage(epochs=30, batch_size=64, loss=part(Focal, gamma=1.5))
    results = results.but(definitions={"erm": Recipe("erm", (stage,)).to_json(), "crt": {}})
    erm, crt = defined(results)
    assert erm.settings == (
        "epochs 30; batch 64; optimiser SGD(lr 0.1, momentum 0.9, nesterov yes, weight_decay 0.0005); schedule Cosine; "
        "loss Focal(gamma 1.5)",
    )
    assert crt.settings == ()
    assert erm.fitted == ("Thresholds(metric macro_f1, weights 1, 2.5)",)
    assert erm.ended == (
        "converged in 1 of 2 runs", "base stage: 30, 30 epochs",
        "tried in the first run: 10 epochs (held-out loss 0.500), 30 epochs (held-out loss 0.250)",
    )  # fmt: skip
    other = changed(results, lambda r: r.but(fitted={} if r.fold else r.fitted))
    assert defined(other)[0].fitted == (f"fold 1: {erm.fitted[0]}", "fold 2: nothing")
    text = Page(render(results)).text
    assert "loss Focal(gamma 1.5)" in text
    assert "column fold" in text


def test_what_is_the_same_as_another_is_not_drawn_beside_it() -> None:
    results = specimen(folds=2, recipes=("erm", "crt", "focal"))
    assert set(drawn_recipes(results)) == {"erm", "crt", "focal"}
    same = {"same_as": {"focal": "erm"}, "tests": {}}
    half = specimen(folds=2, recipes=("erm", "crt", "focal")).but(evidence={"natural": same})
    assert "focal" in drawn_recipes(half)  # under the balanced prior it is another
    whole = results.but(evidence={"natural": same, "balanced": same})
    assert set(drawn_recipes(whole.but())) == {"erm", "crt"}


def test_a_bin_of_few_rows_of_a_rare_class_is_joined_to_its_neighbour() -> None:
    results = specimen(num_classes=2, folds=2, recipes=("erm",))
    large, small = sorted(results.data.counts, reverse=True)
    assert figures.least_share(results, "natural") == max(0.01, 10 / (large + small))
    assert figures.least_share(results, "balanced") == 0.05  # ten rows of the rare class would be a quarter
    assert 0.5 / small * 10 > 0.05


def test_no_frame_stands_around_a_command_that_is_not_there() -> None:
    results = specimen(folds=2)
    assert "<pre>" in render(results)
    assert "<pre>" not in render(results.but(command=""))
