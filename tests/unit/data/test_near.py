"""Near copies across a test set, and what inspect warns of; each warning once, and not where there is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from longtail import api, cli
from longtail.kinds.near import near_copies
from longtail.kinds.text.read import rows_of_sparse

WORDS = np.array([f"word{k}" for k in range(300)])


def texts(rng, n, length=30):
    return [" ".join(rng.choice(WORDS, length)) for _ in range(n)]


def planted(rng, kind):
    """Rows of which 200 train and 60 test, and five test rows that are near copies of the first training rows."""
    if kind == "text":
        train = texts(rng, 200)
        rows = train + texts(rng, 60)
        for k in range(5):
            rows[200 + k] = train[k].replace(train[k].split()[10], "another", 1).upper() + "!"
        return rows
    if kind == "image":
        rows = torch.from_numpy(rng.integers(0, 255, (260, 3, 4, 4))).float()
        rows = torch.nn.functional.interpolate(rows, (32, 32), mode="bilinear").round()
        rows[200:205] = (rows[:5] + torch.from_numpy(rng.normal(0, 2, (5, 3, 32, 32)))).round().clamp(0, 255)
        return rows.to(torch.uint8)
    x = rng.normal(size=(260, 6))
    x[200:205] = x[:5] + rng.normal(0, 1e-4, (5, 6))
    if kind == "embedding":
        return torch.from_numpy(x).float()
    if kind == "sparse":
        from scipy.sparse import csr_matrix

        x = np.where(rng.random((260, 80)) < 0.1, rng.random((260, 80)), 0.0)
        x[200:205] = x[:5] * rng.uniform(0.97, 1.03, (5, 80))
        return rows_of_sparse(csr_matrix(x))
    return pd.DataFrame(x * [1, 10, 1e3, 1, 1, 1]).assign(colour=rng.choice(["red", "blue"], 200 + 60))


SIDES = torch.arange(200), torch.arange(200, 260)


@pytest.mark.parametrize("kind", ["text", "image", "embedding", "sparse", "table"])
@pytest.mark.parametrize("seed", range(3))
def test_near_copies_are_found_and_nothing_else(kind, seed):
    rows = planted(np.random.default_rng(seed), kind)
    if kind == "table":  # of another colour it is another row
        same = rows["colour"].to_numpy()[200:205] == rows["colour"].to_numpy()[:5]
        wanted = [(200 + k, k) for k in range(5) if same[k]]
    else:
        wanted = [(200 + k, k) for k in range(5)]
    assert near_copies(rows, *SIDES) == (wanted, 60)
    clean = rows[torch.arange(5, 260)] if not isinstance(rows, list | pd.DataFrame) else rows[5:]
    assert near_copies(clean, torch.arange(195), torch.arange(195, 255))[0] == []


@pytest.mark.parametrize("n", [2, 3, 8])
def test_rows_of_few_or_whole_numbers_are_near_by_chance_and_not_said(n):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert (
            near_copies(
                pd.DataFrame(rng.normal(size=(2000, n))), torch.arange(1500), torch.arange(1500, 2000)
            )[0]
            == []
        )
        whole = pd.DataFrame(rng.integers(0, 5, (400, n)))
        assert near_copies(whole, torch.arange(300), torch.arange(300, 400))[0] == []


def test_short_questions_that_are_alike_are_no_copies():
    ask = ["What is the capital of {}?", "Who was the first king of {}?", "How many people live in {}?"]
    rows = [a.format(f"{WORDS[k]}") for k in range(60) for a in ask]
    assert near_copies(rows, torch.arange(120), torch.arange(120, 180))[0] == []
    rows[150] = "what is the CAPITAL of " + rows[0].split()[-1]
    assert near_copies(rows, torch.arange(120), torch.arange(120, 180))[0] == [(150, 0)]


def test_many_rows_are_sampled_and_that_is_said(monkeypatch):
    rows = planted(np.random.default_rng(0), "text")
    monkeypatch.setattr("longtail.kinds.near.ASKED", 20)
    pairs, asked = near_copies(rows, *SIDES)
    assert asked == 20
    assert len(pairs) < 5


def test_without_rows_there_is_nothing():
    assert near_copies(["a"], torch.arange(1), torch.arange(0)) == ([], 0)
    assert near_copies(pd.DataFrame({"a": [1.0], "b": ["x"]}), torch.arange(1), torch.arange(1))[0] == []


def files(folder):
    rng = np.random.default_rng(0)
    rows = planted(rng, "text")
    label = np.where(np.arange(260) % 3 == 0, "spam", "ham")
    label[255:] = "new"
    table = pd.DataFrame({"text": rows, "label": label})
    table.iloc[:200].to_csv(folder / "a.csv", index=False)
    table.iloc[200:].to_csv(folder / "b.csv", index=False)
    return folder / "a.csv", folder / "b.csv"


def test_inspect_and_compare_warn_of_them_with_two_pairs_and_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr("longtail.api.comparing.write_report", lambda results, path: None)
    a, b = files(tmp_path)
    done = CliRunner().invoke(cli.app, ["inspect", str(a), "--test", str(b)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    near = (
        "5 of 60 test rows are nearly the same as a training row (such as rows 200 and 0 and rows 201 and 1"
    )
    assert near in said
    assert "Leave them out of one part, or name what they share with --group" in said
    assert "5 of 60 test rows are of classes without a training row (new): they count as misses" in said
    assert "nearly the same" not in CliRunner().invoke(cli.app, ["inspect", str(a)]).output
    how = ["--recipes", "logistic", "--no-model", "--jobs", "1", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, ["compare", str(a), "--test", str(b), *how])
    assert " ".join(done.output.split()).count(near) == 1, done.output
    found = api.compare(
        str(a), test=str(b), recipes=["logistic"], model=False, verbose=0, out=tmp_path / "out"
    )
    (note,) = [note for note in found.record.data.notes if near in note]
    assert "word" not in note.split("such as")[0]  # no row of the data stands in it


def test_inspect_warns_of_each_trap():
    """Ids that repeat, a time, an id that tells rows apart, a column that gives the label away."""
    rng = np.random.default_rng(0)
    label = np.where(rng.random(200) < 0.3, "sick", "well")
    frame = pd.DataFrame(
        {
            "patient": [f"p{k}" for k in rng.integers(0, 40, 200)],
            "day": pd.date_range("2024-01-01", periods=200),
            "visit_id": np.arange(200) + 7001,
            "code": np.where(label == "sick", "I10", "Z00"),
            "x": rng.normal(size=200),
            "label": label,
        }
    )
    facts = api.inspect(frame, label="label")
    said = "\n".join([*facts["warnings"], *facts["notes"]])
    for words in (
        "column 'patient' is called like a group", "column 'day' holds dates", "visit_id",
        "column 'code' is the label under another name",
    ):  # fmt: skip
        assert words in said, words
