"""The room: every figure is found, drawn, written and refused alike; the verb and the command."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

import longtail
from longtail import api, figures
from longtail.figures import Subject, found, named
from longtail.figures.subject import groups_of, with_names
from longtail.figures.written import DARK, LIGHT
from longtail.labels import Labels
from longtail.report.svg import COLOURS

QUICK = {"boundaries": {"epochs": 1, "most": 200}, "feature-space": {"method": "pca"}}


def test_every_file_that_draws_is_found():
    names = {m.name for m in pkgutil.iter_modules(figures.__path__)}
    drawing = {n for n in names if hasattr(importlib.import_module(f"longtail.figures.{n}"), "FIGURE")}
    assert {f.name.replace("-", "_") for f in found().values()} == drawing
    assert len(drawing) >= 8


LONG = pytest.param("many", "boundaries", marks=pytest.mark.slow)  # 150 classes in six families


@pytest.mark.parametrize(
    "which, name",
    [
        LONG if (which, name) == ("many", "boundaries") else (which, name)
        for which in ("subject", "two", "many")
        for name in found()
    ],
)
def test_each_draws_few_classes_two_and_many(name, which, request):
    drawn = named(name).of(request.getfixturevalue(which), **QUICK.get(name, {}))
    json.dumps(drawn.numbers)  # plain
    root = ET.fromstring(drawn.svg)
    texts = " ".join("".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text"))
    for word in (*drawn.figure.title.split(), *drawn.caption.split()):
        assert word in texts, "it says in itself what it teaches, and of what it is"
    assert "#01" not in drawn.svg, "a stand-in was left"
    assert len(drawn.svg) < 400_000


def test_a_figure_is_the_same_twice(subject):
    drawn = named("effective-number").of(subject)
    assert drawn.svg == named("effective-number").of(subject).svg


def test_one_file_serves_light_and_dark():
    assert set(COLOURS) <= set(LIGHT)
    assert set(DARK) == set(LIGHT)
    assert LIGHT["ink"] != DARK["ink"]


def test_a_notebook_s_page_keeps_its_colours(subject):
    svg = named("effective-number").of(subject).svg
    rules = re.findall(r"([^{}\n]+) {[^{]", re.search(r"<style>(.*?)</style>", svg, re.S)[1])
    assert set(rules) == {"svg.longtail", "@media (prefers-color-scheme: dark)"}


@pytest.mark.parametrize(
    ("ending", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("json", b"{")]
)
def test_files_are_what_their_names_say(subject, tmp_path, ending, begins):
    drawn = named("effective-number").of(subject)
    path = drawn.save(tmp_path / "new" / f"figure.{ending}")
    assert path.read_bytes().startswith(begins)
    if ending == "png":
        assert Image.open(path).width == pytest.approx(5.1 * 200, abs=2)
    if ending == "json":
        about = json.loads(path.read_text(encoding="utf-8"))
        assert about["numbers"] == drawn.numbers
        assert about["caption"] == drawn.caption


def test_another_ending_is_an_error_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"out='.*a\.gif' must end in \.svg"):
        longtail.figures("effective-number", out=tmp_path / "a.gif")


def test_without_a_name_they_are_listed():
    listed = api.figures()
    assert [one["name"] for one in listed] == list(found())
    assert all(one["teaches"].endswith(".") for one in listed)


def test_errors_name_what_was_asked():
    with pytest.raises(ValueError, match=r"there is no figure 'gradient'.*gradients"):
        longtail.figures("gradient")
    with pytest.raises(ValueError, match="'gradients:gama=1': gradients has no setting 'gama'"):
        longtail.figures("gradients:gama=1")
    with pytest.raises(ValueError, match=r"recipe='logistic' is classical"):
        longtail.figures("weight-norms", recipe="logistic", epochs=1)


def test_a_model_brings_its_classes_and_data_its_rows(subject, tmp_path):
    model = longtail.train(subject.rows, backbone="mlp", epochs=1, tuning="holdout", out=tmp_path / "model")
    drawn = longtail.figures("weight-norms", tmp_path / "model")
    assert drawn.numbers["norms"]["erm"] == pytest.approx(
        model.outcome.net.head.weight.norm(dim=1).tolist(), rel=1e-5
    )
    assert "erm was trained before, on points" in drawn.caption
    with pytest.raises(ValueError, match="looks at rows: give data beside the model"):
        longtail.figures("gradients", tmp_path / "model")
    drawn = longtail.figures("gradients", subject.rows, model=model)
    assert "on these very rows, which flatters it" in drawn.caption


def test_labels_are_matched_by_name():
    labels = with_names(Labels.of(["b", "c", "b"]), ("c", "a", "b"))
    assert labels.y.tolist() == [2, 0, 2]
    with pytest.raises(ValueError, match="class 'c', which the model does not know"):
        with_names(Labels.of(["b", "c"]), ("a", "b"))


def test_groups_of_two_classes_are_frequent_and_rare(two, subject):
    assert list(groups_of(two.classes)) == ["frequent", "rare"]
    assert list(groups_of(subject.classes)) == ["medium", "few"]


def test_what_was_trained_is_kept(subject, tmp_path):
    for _ in range(2):
        told = []
        longtail.figures(
            "weight-norms", subject.rows, backbone="mlp", epochs=1, keep=tmp_path, on=told.append
        )
    assert told
    assert all(event.get("cached") for event in told)
    assert longtail.clean(tmp_path) > 0


def test_a_subject_without_rows_says_so():
    with pytest.raises(ValueError, match="give data"):
        _ = Subject().rows
