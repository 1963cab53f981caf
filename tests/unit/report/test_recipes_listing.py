"""The list of recipes: by family, wide, narrow and in a pipe; by kind of data and by a word."""

import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from longtail import api, cli
from longtail.catalogue import FAMILIES, known_recipes
from longtail.report.listings import show_recipes


@pytest.fixture(scope="module")
def rows():
    return api.recipes()


def printed(rows, width: int, terminal: bool = True) -> str:
    out = io.StringIO()
    show_recipes(rows, None, Console(width=width, file=out, force_terminal=terminal, color_system=None))
    return out.getvalue()


def test_every_recipe_has_a_family_and_families_stand_together(rows):
    assert {row["name"] for row in rows} == set(known_recipes())
    families = [row["family"] for row in rows]
    assert families == sorted(families, key=FAMILIES.index)
    assert set(families) == set(FAMILIES)
    of = {row["name"]: row["family"] for row in rows}
    assert of["erm"] == "the yardstick"
    assert of["crt"] == "stage after stage"
    assert of["smote+logistic"] == "classical, on resampled rows"
    assert of["tau-norm"] == "after training"


@pytest.mark.parametrize("width", [60, 80, 119, 120, 150, 240])
def test_it_fits_and_no_name_is_broken(rows, width):
    text = printed(rows, width)
    assert max(map(len, text.splitlines())) <= width
    for row in rows:
        assert row["name"] in text.split()
    for family in FAMILIES:
        assert family in text or width >= 120  # a heading of the wide table may break over lines
    assert f"{len(rows)} recipes." in text


def test_in_a_pipe_it_is_a_line_per_recipe(rows):
    lines = printed(rows, 80, terminal=False).splitlines()
    assert [line.split("\t")[0] for line in lines] == [row["name"] for row in rows]
    assert {line.count("\t") for line in lines} == {6}


def test_by_kind_and_by_a_word():
    everything = {row["name"] for row in api.recipes()}
    tables = {row["name"] for row in api.recipes(kind="table")}
    assert everything - tables >= {"ssp-rotation"}
    assert {row["name"] for row in api.recipes(search="SMOTE+")} == {n for n in everything if "smote+" in n}
    with pytest.raises(ValueError, match="kind='tabel' must be one of image, text, table, embedding"):
        api.recipes(kind="tabel")
    wrong = CliRunner().invoke(cli.app, ["recipes", "--kind", "tabel"])
    assert wrong.exit_code == 2
    assert "--kind" in wrong.output
    assert CliRunner().invoke(cli.app, ["recipes", "no such word"]).exit_code == 0
