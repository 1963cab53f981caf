"""Out-of-fold predictions as a table, and the most certain mistakes among them."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import average_precision_score, precision_recall_curve
from typer.testing import CliRunner

from longtail import api, cli
from longtail.comparison import kept
from longtail.comparison.mistake import LETTERS, SIDE, in_words, small_picture
from longtail.comparison.record import read_results
from longtail.formats.images import ImageFiles
from longtail.metrics import importance
from longtail.store import FolderStore

RECIPES = ["logistic", "random-under+logistic"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [60, 30, 10])
    x = rng.normal(size=(100, 3)) + y[:, None] * 0.7
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "truth": x[:, 2], "kind": [f"class {k}" for k in y]})
    table.to_csv(folder / "rows.csv", index=False)
    given = {"label": "kind", "recipes": RECIPES, "folds": 2, "prior": [0.2, 0.3, 0.5], "verbose": 0}
    api.compare(folder / "rows.csv", out=folder / "out", model=False, **given)
    return folder, table


def test_every_row_is_there_once_with_what_was_said_of_it_under_the_declared_prior(compared):
    folder, table = compared
    results = read_results(folder / "out/results.json")
    found = pd.read_csv(folder / "out/predictions.csv")
    assert found["row"].tolist() == list(range(100))
    assert found["truth"].tolist() == table["kind"].tolist()
    p = found[[f"p_{name}" for name in results.data.names]].to_numpy()
    assert p.sum(1) == pytest.approx(np.ones(100), abs=1e-5)
    decided = [results.data.names.index(name) for name in found["decision"]]
    assert found["probability"].to_numpy() == pytest.approx(p[np.arange(100), decided])
    runs = results.by_recipe[kept.best_recipe(results)].values()
    matrix = sum(np.array(run.confusion["declared"]) for run in runs)
    crossed = pd.crosstab(found["truth"], found["decision"]).reindex(
        index=results.data.names, columns=results.data.names, fill_value=0
    )
    assert (crossed.to_numpy() == matrix).all()
    for run in runs:
        assert (found["fold"] == run.fold).sum() == run.test_rows


def test_the_surest_mistakes_of_each_class_come_with_their_row(compared):
    folder, table = compared
    found = api.errors(folder / "out", per_class=2, label="kind")
    assert found.attrs["note"] == ""
    assert (found["truth"] != found["decision"]).all()
    assert (found.groupby("truth").size() <= 2).all()
    assert not [name for name in found if name.startswith("p_class")]
    for row in found.to_dict("records"):
        assert row["a"] == pytest.approx(table.loc[row["row"], "a"])
        assert row["truth (input)"] == pytest.approx(table.loc[row["row"], "truth"])
    every = pd.read_csv(folder / "out/predictions.csv")
    for name, of in found.groupby("truth"):
        wrong = every[(every["truth"] == name) & (every["decision"] != name)]
        assert of["probability"].max() == pytest.approx(wrong["probability"].max())


def test_rows_that_read_otherwise_now_are_not_shown(compared):
    folder, _ = compared
    found = api.errors(folder / "out", recipe="logistic", label="a")
    assert "reads otherwise" in found.attrs["note"] or "not shown" in found.attrs["note"]
    assert "b" not in found
    gone = api.errors(folder / "out", data=folder / "no.csv")
    assert "the rows are not shown" in gone.attrs["note"]
    with pytest.raises(ValueError, match="recipe='erm' was not compared here; there are logistic"):
        api.errors(folder / "out", recipe="erm")
    with pytest.raises(ValueError, match="per_class=0"):
        api.errors(folder / "out", per_class=0)


def test_what_is_no_longer_kept_leaves_no_old_file(compared, tmp_path):
    folder, _ = compared
    results = read_results(folder / "out/results.json")
    (tmp_path / "predictions.csv").write_text("old")
    kept.write_predictions(results, FolderStore(tmp_path).outputs, tmp_path / "predictions.csv")
    assert not (tmp_path / "predictions.csv").exists()
    with pytest.raises(ValueError, match=r"what logistic said in fold 0, seed 0 is no longer there"):
        kept.predictions(results, FolderStore(tmp_path).outputs, "logistic")


def test_of_very_many_numbers_the_class_columns_are_left_out(compared):
    folder, _ = compared
    results = read_results(folder / "out/results.json")
    large = results.but(data=replace(results.data, n=kept.NUMBERS))
    found = kept.predictions(large, FolderStore(folder / "out").outputs, "logistic")
    assert list(found)[-2:] == ["probability", "p_truth"]


def test_the_command_shows_them_and_compare_can_be_quiet_or_json(compared):
    folder, _ = compared
    shown = CliRunner().invoke(
        cli.app, ["errors", str(folder / "out"), "--label", "kind", "--per-class", "1"]
    )
    assert shown.exit_code == 0, shown.output
    assert "The most certain mistakes of" in shown.output
    assert "taken for" in shown.output
    assert "a=" in shown.output
    same = [
        "compare",
        str(folder / "rows.csv"),
        "--label",
        "kind",
        "--recipes",
        ",".join(RECIPES),
        "--folds",
        "2",
    ]
    same += ["--prior", "0.2,0.3,0.5", "--jobs", "1", "--no-model", "--out", str(folder / "out")]
    quiet = CliRunner().invoke(cli.app, [*same, "--quiet"])
    assert (quiet.exit_code, quiet.output) == (0, "")
    found = CliRunner().invoke(cli.app, [*same, "--json"])
    assert json.loads(found.stdout) == json.loads((folder / "out/results.json").read_text())


def test_the_curves_are_of_all_test_rows_weighted_to_the_declared_prior(compared):
    folder, _ = compared
    results = read_results(folder / "out/results.json")
    assert {curve.recipe for curve in results.curves} == set(RECIPES)
    (curve,) = [c for c in results.curves if c.recipe == kept.best_recipe(results)]
    assert (curve.prior, results.data.names[curve.positive]) == ("declared", "class 2")
    found = pd.read_csv(folder / "out/predictions.csv")
    own, p = found["truth"] == "class 2", found["p_class 2"]
    y = [results.data.names.index(name) for name in found["truth"]]
    weight = importance(y, results.settings.prior_vector).numpy()
    want = average_precision_score(own, p, sample_weight=weight)
    assert curve.average_precision == pytest.approx(want, abs=1e-5)
    assert want != pytest.approx(average_precision_score(own, p), abs=0.02)  # the weights matter here
    precision, recall, _ = precision_recall_curve(own, p, sample_weight=weight)
    assert np.array(curve.precision_recall) == pytest.approx(np.stack([recall, precision], 1)[::-1], abs=2e-5)
    decided = found["decision"] == "class 2"
    assert curve.decided[0] == pytest.approx((own & decided).sum() / own.sum())


def test_the_mistakes_of_the_page_are_those_of_the_csv_with_their_cells_rarest_class_first(compared):
    folder, table = compared
    results = read_results(folder / "out/results.json")
    every = pd.read_csv(folder / "out/predictions.csv").set_index("row")
    assert results.mistakes
    counts = dict(zip(results.data.names, results.data.counts))
    order = [counts[one.truth] for one in results.mistakes]
    assert order == sorted(order)
    for one in results.mistakes:
        said = every.loc[one.row]
        assert (one.truth, one.decision, one.fold) == (said["truth"], said["decision"], said["fold"])
        assert one.truth != one.decision
        assert one.probability == pytest.approx(said["probability"], abs=1e-6)
        assert one.words.startswith(
            f"a={table.loc[one.row, 'a']:.4g}, b={table.loc[one.row, 'b']:.4g}, truth="
        )
    for name in results.data.names:
        of = [one.probability for one in results.mistakes if one.truth == name]
        wrong = every[(every["truth"] == name) & (every["decision"] != name)]["probability"]
        assert of == pytest.approx(sorted(wrong, reverse=True)[: kept.PER_CLASS], abs=1e-6)


def test_of_many_classes_no_more_rows_than_a_page_can_have(compared, monkeypatch):
    folder, table = compared
    results = read_results(folder / "out/results.json")
    monkeypatch.setattr(kept, "SHOWN", 2)
    found = kept.worst(results, FolderStore(folder / "out").outputs, table)
    assert len(found) == 2
    assert len({one.truth for one in found}) == 2
    assert kept.worst(results, FolderStore(folder / "elsewhere").outputs, table) == ()


def test_a_long_row_is_cut():
    assert len(in_words({"text": "very " * 1000})) <= LETTERS
    assert in_words({f"c{k}": 1.0 for k in range(500)}).endswith("…")
    assert in_words({"text": "line\n two\t\x0bthree"}) == "line two three"


def test_a_picture_is_small_and_shows_the_row(tmp_path):
    large = torch.zeros(3, 400, 300, dtype=torch.uint8)
    large[0] = 255
    raw = torch.stack([large, 255 - large])
    address = kept.picture(raw, 0)
    assert len(address) < 10_000
    seen = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert seen.size == (72, SIDE)
    assert seen.convert("RGB").getpixel((5, 5))[0] > 240
    tiny = small_picture(torch.arange(3 * 64, dtype=torch.uint8).reshape(3, 8, 8))
    exact = Image.open(io.BytesIO(base64.b64decode(tiny.partition(",")[2])))
    assert exact.getpixel((1, 0)) == (1, 65, 129)
    Image.fromarray(large.permute(1, 2, 0).numpy()).save(tmp_path / "a.png")
    files = ImageFiles((tmp_path / "a.png", tmp_path / "gone.png"), ((400, 300),) * 2, (1, 2))
    assert kept.picture(files, 0).startswith("data:image/jpeg;base64,")
    assert kept.picture(files, 1) == ""
    assert kept.cells(files, [1]) == {"path": [str(tmp_path / "gone.png")]}
    assert kept.picture(["text"], 0) == kept.picture(torch.zeros(3, 5), 0) == ""


def test_what_a_recipe_is_and_what_was_fitted_is_kept(compared):
    folder, _ = compared
    results = read_results(folder / "out/results.json")
    assert set(results.definitions) == set(RECIPES)
    assert results.definitions["logistic"]["estimator"]["part"].endswith("Logistic")
    for run in results.runs:
        assert run.fitted["thresholds"]["kwargs"]["metric"] == "macro_f1"
        assert len(run.fitted["thresholds"]["kwargs"]["weights"]) == 3


def test_no_row_of_the_data_is_in_the_files_where_that_is_asked(tmp_path):
    secret = pd.DataFrame({"note": [f"secret{k} " * 4 for k in range(40)], "label": [0, 1] * 20})
    how = {
        "label": "label",
        "text": "note",
        "recipes": ["logistic"],
        "folds": 2,
        "model": False,
        "verbose": 0,
    }
    for rows in (True, False):
        found = api.compare(secret, out=tmp_path, rows=rows, **how)
        assert bool(found.record.mistakes) == rows
        for name in ("report.html", "results.json"):
            assert ("secret" in (tmp_path / name).read_text()) == rows
