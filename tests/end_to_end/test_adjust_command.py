"""``longtail adjust`` as it is typed: every format, every prior, and clear words for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

from longtail.cli import app

NAMES = ["cat", "dog", "newt"]
COUNTS = {"cat": 900, "dog": 80, "newt": 20}
MEANS = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.5]])


def frame(n: int = 400, seed: int = 0, prefix: str = "p_") -> pandas.DataFrame:
    """A classifier for the prior of COUNTS on data that have it, and the labels."""
    prior = np.array(list(COUNTS.values())) / 1000
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(3), rng.choice(3, n - 3, p=prior)])
    x = MEANS[y] + rng.normal(size=(n, 2))
    z = np.log(prior) - 0.5 * ((x[:, None] - MEANS) ** 2).sum(-1)
    p = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
    table = pandas.DataFrame(z if prefix == "logit_" else p, columns=[prefix + name for name in NAMES])
    table["label"] = np.array(NAMES)[y]
    return table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "counts.json").write_text(json.dumps(COUNTS))
    return tmp_path


def run(folder: Path, table: pandas.DataFrame, *options: str, suffix: str = ".csv") -> tuple[int, str]:
    path = folder / f"saved{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path)
    elif suffix == ".npz":
        y = [NAMES.index(name) for name in table["label"]]
        np.savez(
            path, probs=table.drop(columns="label").to_numpy(), label=np.array(y), classes=np.array(NAMES)
        )
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    words = [
        "adjust",
        str(path),
        "--counts",
        str(folder / "counts.json"),
        "--out",
        str(folder / "out"),
        *options,
    ]
    result = CliRunner().invoke(app, words)
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".npz"])
def test_every_format_gives_scores_under_both_priors_and_an_adjuster(folder: Path, suffix: str) -> None:
    code, said = run(folder, frame(), suffix=suffix)
    assert code == 0, said
    for words in (
        "scored under the balanced prior",
        "scored under the natural prior",
        "balanced accuracy",
        "brier",
    ):
        assert words in said
    assert {f.name for f in (folder / "out").iterdir()} == {
        f"predictions{suffix}",
        "adjuster.json",
        "scores.json",
    }
    scores = json.loads((folder / "out" / "scores.json").read_text())["scores"]
    value, low, high = scores["balanced"]["change"]["nll"]
    assert low <= value <= high < 0


def test_columns_named_by_class(folder: Path) -> None:
    code, said = run(folder, frame(prefix=""))
    assert code == 2
    assert "pass --kind probabilities" in said
    assert run(folder, frame(prefix=""), "--kind", "probabilities")[0] == 0


def test_a_declared_prior_and_the_prior_trained_under(folder: Path) -> None:
    (folder / "prior.json").write_text(json.dumps({"newt": 0.5, "cat": 0.25, "dog": 0.25}))
    code, said = run(folder, frame(), "--prior", str(folder / "prior.json"))
    assert code == 0, said
    assert "scored under the declared prior" in said
    assert json.loads((folder / "out" / "scores.json").read_text())["prior"] == [0.25, 0.25, 0.5]
    code, said = run(folder, frame(), "--from-prior", "balanced", "--prior", "natural")
    assert code == 0, said
    assert "prior taken out: given" in said


def test_held_out_predictions_and_what_is_said_of_few(folder: Path) -> None:
    frame(300, seed=1).to_csv(folder / "held.csv", index=False)
    code, said = run(folder, frame(), "--held", str(folder / "held.csv"))
    assert code == 0, said
    assert "fitted on held-out predictions" in said
    frame(300, seed=1).query("label != 'newt'").to_csv(folder / "held.csv", index=False)
    with pytest.warns(UserWarning, match="no held-out example of 1 of 3 classes"):
        assert run(folder, frame(), "--held", str(folder / "held.csv"))[0] == 0
    frame(300, seed=1).head(3).to_csv(folder / "held.csv", index=False)
    with pytest.warns(UserWarning, match="3 held-out examples for 4 parameters"):
        assert run(folder, frame(), "--held", str(folder / "held.csv"))[0] == 0


def test_a_class_with_no_training_rows(folder: Path) -> None:
    (folder / "counts.json").write_text(json.dumps({**COUNTS, "newt": 0}))
    code, said = run(folder, frame())
    assert code == 0
    assert "class 'newt' has no training rows: it counts as the rarest class that training saw" in said
    assert "(--unseen error refuses it)" in said
    code, said = run(folder, frame(), "--unseen", "error")
    assert code == 2
    assert "prior is 0 for class 2" in said


def edited(column: str, row: int, value: object, prefix: str = "p_") -> pandas.DataFrame:
    table = frame(prefix=prefix)
    table[column] = table[column].where(table.index != row, value)
    return table


@pytest.mark.parametrize(
    "table, words",
    [
        (edited("p_dog", 7, np.nan), "row 7 holds nan"),
        (edited("p_dog", 7, 0.9999), "row 7 sums to"),
        (edited("p_dog", 7, -0.5), "row 7 holds -0.5"),
        (edited("label", 7, "fox"), "label row 7 is 'fox'"),
        (edited("logit_dog", 7, np.inf, "logit_"), "row 7 holds inf"),
        (frame().rename(columns=lambda c: c.replace("p_", "logit_")), "look like probabilities"),
        (frame(prefix="logit_").rename(columns=lambda c: c.replace("logit_", "p_")), "are these logits"),
    ],
    ids=["nan", "sum", "negative", "label", "infinity", "probabilities", "logits"],
)
def test_bad_rows_are_named(folder: Path, table: pandas.DataFrame, words: str) -> None:
    code, said = run(folder, table)
    assert code == 2
    assert words in said
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "prior, words",
    [([0.5, 0.4, 0.4], "prior.json sums to 1.3, not 1"), ({"cat": 1.0}, "no number for class 'dog'")],
    ids=str,
)
def test_bad_priors_are_named(folder: Path, prior: object, words: str) -> None:
    (folder / "prior.json").write_text(json.dumps(prior))
    code, said = run(folder, frame(), "--prior", str(folder / "prior.json"))
    assert code == 2
    assert words in said


WITHOUT_TORCH = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "pandas", "scipy"):
            raise ImportError(name + " is absent")
sys.meta_path.insert(0, Absent())
import numpy as np
import longtail.adjust
print(longtail.adjust.load(sys.argv[1])(np.array([[2.0, 0.5, -1.0]])).argmax(1)[0])
assert not {"torch", "pandas", "scipy"} & set(sys.modules)
"""


def test_production_needs_numpy_alone(folder: Path) -> None:
    assert run(folder, frame())[0] == 0
    command = [sys.executable, "-c", WITHOUT_TORCH, str(folder / "out" / "adjuster.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
