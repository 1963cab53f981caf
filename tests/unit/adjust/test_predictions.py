"""Reading, adjusting and writing saved predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

from longtail.adjust import Predictions, adjust_predictions, load, read_counts, read_predictions
from longtail.metrics import evaluate

NAMES = ("cat", "dog", "newt")
COUNTS = np.array([900, 80, 20])
SOURCE = COUNTS / COUNTS.sum()
MEANS = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.5]])


def draw(
    n: int, prior: np.ndarray, gain: float = 1.0, assumed: np.ndarray = SOURCE, seed: int = 0
) -> Predictions:
    """A Bayes classifier for the prior ``assumed``, ``gain`` times too sure, on data from ``prior``."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(3), rng.choice(3, n - 3, p=prior)])
    x = MEANS[y] + rng.normal(size=(n, 2))
    z = np.log(assumed) - 0.5 * ((x[:, None] - MEANS) ** 2).sum(-1)
    return Predictions.of(gain * (z - np.logaddexp.reduce(z, axis=1, keepdims=True)), "logits", y, NAMES)


def probabilities(p: Predictions) -> np.ndarray:
    e = np.exp(p.logits - p.logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def table(p: Predictions, prefix: str, names: tuple[str, ...]) -> pandas.DataFrame:
    values = p.logits if prefix == "logit_" else probabilities(p)
    return pandas.DataFrame(values, columns=[prefix + n for n in names])


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".npz"])
@pytest.mark.parametrize(
    "prefix, names", [("p_", ("0", "1", "2")), ("logit_", NAMES), ("logit_", ("0", "1", "2"))]
)
def test_formats(tmp_path: Path, suffix: str, prefix: str, names: tuple[str, ...]) -> None:
    p, path = draw(30, SOURCE), tmp_path / f"file{suffix}"
    data = table(p, prefix, names)
    data = data[data.columns[::-1]].assign(label=np.array(NAMES)[p.y], other=1.0)  # columns in another order
    if suffix == ".npz":
        key = "probs" if prefix == "p_" else "logits"
        np.savez(path, **{key: probabilities(p) if prefix == "p_" else p.logits}, label=p.y)
    elif suffix == ".parquet":
        data.to_parquet(path)
    else:
        data.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    read = read_predictions(path, NAMES)
    np.testing.assert_allclose(probabilities(read), probabilities(p), rtol=1e-9, atol=1e-12)
    assert read.y.tolist() == p.y.tolist()
    assert read.names == NAMES


def test_columns_named_by_class_need_a_kind(tmp_path: Path) -> None:
    p, path = draw(30, SOURCE), tmp_path / "file.csv"
    table(p, "", NAMES).to_csv(path, index=False)
    with pytest.raises(ValueError, match="look like probabilities: pass kind='probabilities'"):
        read_predictions(path, NAMES)
    read = read_predictions(path, NAMES, kind="probabilities")
    assert read.y is None
    np.testing.assert_allclose(probabilities(read), probabilities(p), atol=1e-12)


def broken(tmp_path: Path, change, prefix: str = "p_") -> Path:
    data = change(table(draw(30, SOURCE), prefix, NAMES).assign(label="cat"))
    data.to_csv(tmp_path / "file.csv", index=False)
    return tmp_path / "file.csv"


@pytest.mark.parametrize(
    "change, prefix, message",
    [
        (lambda t: t.rename(columns=lambda c: c.replace("p_", "logit_")), "p_", "look like probabilities"),
        (
            lambda t: t.rename(columns=lambda c: c.replace("logit_", "p_")),
            "logit_",
            "row 0 .*are these logits",
        ),
        (lambda t: t.drop(columns="p_dog"), "p_", "no column 'p_dog'"),
        (lambda t: t.rename(columns=lambda c: c.replace("p_", "q_")), "p_", "no column for class 'cat'"),
        (lambda t: t.assign(p_dog=t.p_dog.where(t.index != 4)), "p_", "row 4 holds nan"),
        (lambda t: t.assign(p_dog=t.p_dog + 0.1 * (t.index == 4)), "p_", "row 4 sums to 1.1"),
        (lambda t: t.assign(label=t.label.where(t.index != 4, "fox")), "p_", "label row 4 is 'fox'"),
    ],
)
def test_bad_files(tmp_path: Path, change, prefix: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_predictions(broken(tmp_path, change, prefix), NAMES)


def test_kind_must_agree_and_the_ending_be_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="named as probabilities"):
        read_predictions(broken(tmp_path, lambda t: t), NAMES, kind="logits")
    (tmp_path / "file.doc").write_text("x")
    with pytest.raises(ValueError, match=r"\.csv, \.tsv, \.jsonl, \.parquet, \.feather, \.xlsx or \.npz"):
        read_predictions(tmp_path / "file.doc")
    np.savez(tmp_path / "file.npz", scores=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="'probs' or 'logits'"):
        read_predictions(tmp_path / "file.npz")


def test_counts_files(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    path.write_text(json.dumps(dict(zip(NAMES, COUNTS.tolist()))))
    counts, names = read_counts(path)
    assert (counts.tolist(), names) == (COUNTS.tolist(), NAMES)
    path.write_text("[5, 0]")
    assert read_counts(path)[0].tolist() == [5, 0]
    for text in ("[5]", "3", "[5, -1]", "[5, 1.5]", '["5", 1]'):
        path.write_text(text)
        with pytest.raises(ValueError, match="count"):
            read_counts(path)


def test_the_tail_gains_under_the_declared_prior_and_the_intervals_hold_the_value() -> None:
    p = draw(4000, SOURCE)
    adjusted = adjust_predictions(p, COUNTS, resamples=50)
    balanced, natural = adjusted.scores["balanced"], adjusted.scores["natural"]
    assert balanced["change"]["accuracy"][1] > 0  # the whole interval
    assert balanced["change"]["nll"][2] < 0
    assert natural["change"]["accuracy"][2] < 0  # what it costs where the prior is natural after all
    for rows in (balanced, natural):
        for scores in rows.values():
            assert all(low <= value <= high for value, low, high in scores.values())
    want = evaluate(probabilities(adjusted.predictions), p.y, prior=np.full(3, 1 / 3))
    assert balanced["after"]["nll"][0] == pytest.approx(want["nll"])


def test_natural_is_the_identity_for_a_plainly_trained_model() -> None:
    p = draw(200, SOURCE)
    adjusted = adjust_predictions(p, COUNTS, prior="natural", resamples=0)
    np.testing.assert_allclose(adjusted.predictions.logits, p.logits)
    assert adjusted.scores["natural"]["change"]["nll"] == (0.0, 0.0, 0.0)


def test_from_prior_for_a_model_trained_on_balanced_batches() -> None:
    uniform = np.full(3, 1 / 3)
    p = draw(4000, SOURCE, assumed=uniform)
    adjusted = adjust_predictions(p, COUNTS, prior="natural", from_prior=uniform, resamples=0)
    truth = draw(4000, SOURCE)  # the same examples, seen by the classifier for the natural prior
    np.testing.assert_allclose(probabilities(adjusted.predictions), probabilities(truth), atol=1e-9)


def test_held_out_predictions_make_an_unknown_model_honest() -> None:
    odd = np.array([0.2, 0.5, 0.3])
    p, held = draw(4000, SOURCE, 3.0, odd), draw(4000, SOURCE, 3.0, odd, seed=1)
    wrong = adjust_predictions(p, COUNTS, resamples=0)
    right = adjust_predictions(p, COUNTS, held=held, resamples=0)
    assert right.scores["balanced"]["after"]["nll"][0] < wrong.scores["balanced"]["after"]["nll"][0] - 0.05
    assert right.scores["balanced"]["after"]["ece"][0] < 0.05
    assert right.source == "fitted on held-out predictions"


def test_labels_are_not_used_for_adjusting() -> None:
    p = draw(300, SOURCE)
    blind = Predictions(p.logits, None, p.names)
    np.testing.assert_array_equal(
        adjust_predictions(blind, COUNTS).predictions.logits,
        adjust_predictions(p, COUNTS, resamples=0).predictions.logits,
    )
    assert adjust_predictions(blind, COUNTS).scores == {}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_what_is_written_can_be_read_and_applied(tmp_path: Path, suffix: str) -> None:
    p = draw(300, SOURCE)
    adjusted = adjust_predictions(p, COUNTS, prior=[0.2, 0.3, 0.5], resamples=20)
    paths = adjusted.write(tmp_path / "out", suffix)
    assert [q.name for q in paths] == [f"predictions{suffix}", "adjuster.json", "scores.json"]
    read = read_predictions(paths[0], NAMES)
    np.testing.assert_allclose(
        probabilities(read), probabilities(adjusted.predictions), rtol=1e-9, atol=1e-12
    )
    assert (load(paths[1])(p.logits) == adjusted.predictions.logits).all()
    written = json.loads(paths[2].read_text())
    assert set(written["scores"]) == {"balanced", "natural", "declared"}
    assert written["prior"] == [0.2, 0.3, 0.5]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"counts": [1, 2]}, "3 numbers from 0 on"),
        ({"counts": [900, 80, 0], "unseen": "error"}, "prior is 0 for class 2"),
        ({"prior": "uniform"}, "prior='uniform'"),
        ({"prior": [0.5, 0.5, 0.5]}, r"prior=\[0.5, 0.5, 0.5\] sums to 1.5"),
        ({"from_prior": [1.0, 0.5, -0.5]}, r"from_prior\[2\] is -0.5"),
        ({"held": draw(30, SOURCE), "from_prior": SOURCE}, "give one of the two"),
        ({"held": Predictions(draw(30, SOURCE).logits, None, NAMES)}, "held must have labels"),
        ({"level": 1.0}, "level=1.0"),
    ],
)
def test_bad_arguments(changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adjust_predictions(**{"predictions": draw(30, SOURCE), "counts": COUNTS, **changes})


def test_a_class_without_training_examples_can_be_let_through() -> None:
    adjusted = adjust_predictions(draw(30, SOURCE), [900, 80, 0], resamples=0)
    assert np.isfinite(adjusted.predictions.logits).all()
