"""Results at a glance in Python: short, escaped, and as a data frame."""

import torch

from longtail import api
from longtail.data import Dataset
from longtail.labels import Labels


def toy(name="<b>toy</b>"):
    g = torch.Generator().manual_seed(0)
    labels = Labels.of([0] * 40 + [1] * 20)
    return Dataset.of(name, "embedding", torch.randn(60, 3, generator=g) + labels.y[:, None], labels)


def test_a_comparison_is_a_line_a_table_and_a_frame(tmp_path):
    found = api.compare(
        toy(), recipes=["logistic", "random-under+logistic"], folds=2, out=tmp_path, verbose=0
    )
    assert len(repr(found)) < 200
    assert repr(found).startswith("Comparison(<b>toy</b>: 2 recipes, 4 runs; best: ")
    page = found._repr_html_()
    assert "<b>toy" not in page
    assert "&lt;b&gt;toy" in page
    assert page.count("<table>") == page.count("</table>") == 2
    frame = found.table
    assert list(frame["prior"]) == ["natural"] * 2 + ["balanced"] * 2
    assert list(frame["rank"]) == [1, 2, 1, 2]
    first = found.rows["natural"][0]
    assert frame.loc[0, "recipe"] == first.recipe == found.best
    assert frame.loc[0, "macro_f1"] == first.mean["macro_f1"]
    assert frame["macro_f1"].dtype == float


def test_data_and_models_have_a_short_repr(tmp_path):
    assert repr(toy()) == "Dataset('<b>toy</b>': embedding, 60 rows, 2 classes, imbalance 2)"
    model = api.train(toy("toy"), recipe="logistic")
    assert repr(model) == "Model(logistic on toy: 2 classes)"


def test_compare_shows_what_it_does_unless_it_is_told_not_to(tmp_path, capsys):
    how = {"recipes": ["logistic"], "folds": 2, "model": False}
    api.compare(toy("toy"), out=tmp_path / "a", **how)
    said = capsys.readouterr().err
    assert "toy: embedding data, 60 rows" in said
    assert "1 recipe x 2 folds: about" in said
    assert "[2/2] logistic, fold 2: done" in said
    api.compare(toy("toy"), out=tmp_path / "b", verbose=0, **how)
    assert capsys.readouterr() == ("", "")
