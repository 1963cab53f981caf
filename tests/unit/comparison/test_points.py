"""Points: the threshold comes from held-out training rows, and what became of the promise on test rows is told."""

from __future__ import annotations

import csv
import math

import numpy as np
import pandas as pd
import pytest
import torch

from longtail import api
from longtail.classes import Classes
from longtail.comparison.judge import Judge, priors_of
from longtail.comparison.outputs import Outputs
from longtail.comparison.points import points_of
from longtail.metrics import Aimed, Point, named
from longtail.prior import Prior
from longtail.run.outcome import Held, Meaning

CLASSES = Classes(("common", "rare"), torch.tensor([800, 200]))
NATURAL = Prior.natural()
POINTS = ["recall@precision>=0.7", "recall@fpr<=0.1", "precision@recall>=0.8", "fpr@recall>=0.9"]


def drawn(rng: np.random.Generator, n: int, share: float = 0.2) -> tuple[torch.Tensor, torch.Tensor]:
    """Natural logits that are exact, ``[n, 2]``, and classes."""
    y = (rng.random(n) < share).astype(np.int64)
    x = rng.normal(size=n) + 1.5 * y
    odds = 1.5 * x - 1.125 + math.log(share / (1 - share))
    return torch.tensor(np.stack([np.zeros(n), odds], 1)), torch.tensor(y)


def said(seed: int = 0, held: int = 600, test: int = 600) -> Outputs:
    rng = np.random.default_rng(seed)
    (hz, hy), (z, y) = drawn(rng, held), drawn(rng, test)
    kept = Held.of(torch.softmax(hz, 1), hy) if held else None
    return Outputs(torch.arange(len(y)), y, z, Meaning(CLASSES, CLASSES.prior), None, kept)


def judged(outputs: Outputs, point: str, prior: Prior = NATURAL) -> tuple[float, float]:
    """The value of a point under a prior, and what its promise came to."""
    aimed = Aimed.of(Point.of_text(point), CLASSES)
    found = Judge(CLASSES, priors_of(prior), "natural", points=(aimed,))(outputs)["scores"][prior.name]
    return tuple(math.nan if v is None else v for v in (found[point], found[aimed.point.reached]))


def slow(outputs: Outputs, point: Point, prior: Prior) -> tuple[float, float]:
    """By trying every threshold that the held-out rows tell, in plain loops."""
    assert outputs.held is not None
    target = prior.resolve(CLASSES).numpy()
    natural = CLASSES.prior.numpy()

    def odds(log_p: np.ndarray) -> np.ndarray:
        moved = log_p + np.log(target / natural)
        return np.round(moved[:, 1] - moved[:, 0], 5)

    def scores(z: np.ndarray, y: np.ndarray, at: float) -> dict[str, float]:
        share = np.bincount(y, minlength=2) / len(y)
        w = (target / share)[y]
        taken = z >= at
        hits, wrong = w[taken & (y == 1)].sum(), w[taken & (y == 0)].sum()
        return {
            "recall": hits / w[y == 1].sum(),
            "precision": hits / (hits + wrong) if taken.any() else math.nan,
            "fpr": wrong / w[y == 0].sum(),
        }

    hz, hy = odds(outputs.held.log_p.double().numpy()), outputs.held.y.numpy()
    best, chosen = -math.inf, math.inf
    for at in sorted(set(hz), reverse=True):
        found = scores(hz, hy, at)
        off = found[point.held] - point.limit
        kept = off <= 1e-9 if point.held == "fpr" else off >= -1e-9
        value = -found["fpr"] if point.value == "fpr" else found[point.value]
        if kept and value > best + 1e-12:
            best, chosen = value, at
    z = odds(torch.log_softmax(outputs.logits.double(), 1).numpy())
    test = scores(z, outputs.y.numpy(), chosen)
    return test[point.value], test[point.held]


@pytest.mark.parametrize("prior", [Prior.balanced(), Prior.given((0.6, 0.4))], ids=str)
@pytest.mark.parametrize("text", POINTS)
def test_a_point_is_the_best_threshold_of_the_held_out_rows_on_the_test_rows(text, prior):
    outputs = said()
    np.testing.assert_allclose(
        judged(outputs, text, prior), slow(outputs, Point.of_text(text), prior), rtol=1e-6
    )


def test_the_threshold_never_sees_a_test_row():
    """Test labels turned round, and test rows put in the place of others, leave every flag as it is. And a promise of
    precision is broken about as often as kept: a threshold set on the test rows themselves would always keep it."""
    outputs = said()
    aimed = Aimed.of(Point.of_text("recall@precision>=0.7"), CLASSES)
    p = outputs.meaning.probabilities(outputs.logits, "natural")
    flags = outputs.flags(aimed, p, Prior.natural())
    assert flags is not None
    turned = Outputs(outputs.rows, 1 - outputs.y, outputs.logits, outputs.meaning, None, outputs.held)
    assert torch.equal(turned.flags(aimed, p, Prior.natural()), flags)
    some = torch.arange(50)
    few = Outputs(some, outputs.y[some], outputs.logits[some], outputs.meaning, None, outputs.held)
    assert torch.equal(few.flags(aimed, p[some], Prior.natural()), flags[some])
    reached = np.array([judged(said(seed, 400, 400), "recall@precision>=0.7")[1] for seed in range(100)])
    kept = (reached >= 0.7).mean()
    assert 0.2 < kept < 0.6  # below one half: the best of many thresholds flatters
    assert abs(reached.mean() - 0.7) < 0.05


def test_without_held_out_rows_it_is_not_defined():
    for outputs in (said(held=0), said(test=300)):
        if outputs.held is not None:  # rows of one class alone
            one = outputs.held.y == 0
            outputs = Outputs(
                outputs.rows, outputs.y, outputs.logits, outputs.meaning, None,
                Held(outputs.held.log_p[one], outputs.held.y[one]),
            )  # fmt: skip
        assert all(math.isnan(v) for v in judged(outputs, "recall@precision>=0.7"))


def test_a_promise_that_no_threshold_keeps_takes_no_row():
    outputs = said()
    assert outputs.held is not None
    worst = Held(
        outputs.held.log_p.flip(1) - outputs.held.log_p.flip(1).logsumexp(1, keepdim=True), outputs.held.y
    )
    outputs = Outputs(outputs.rows, outputs.y, outputs.logits, outputs.meaning, None, worst)
    value, reached = judged(outputs, "recall@precision>=0.99")
    assert value == 0.0
    assert math.isnan(reached)


@pytest.mark.parametrize(
    "text, words",
    [
        ("recall@precision", "is no point"), ("recall@precision<=0.9", "is no point"), ("f1@recall>=0.9", "is no point"),
        ("recall@recall>=0.9", "is no point"), ("recall@precision>=1.5", "between 0 and 1"),
        ("recall@precision>=0.9.1", "is no point"), ("recall[no]@precision>=0.9", "there is no class 'no'"),
        ("recall[rar]@precision>=0.9", "did you mean 'rare'"),
    ],
)  # fmt: skip
def test_what_is_no_point_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        [Aimed.of(point, CLASSES) for point in points_of(text)]


def test_a_point_says_what_it_is():
    assert named("fpr@recall>=0.95").better == "lower"
    assert named("recall of fpr@recall>=0.95").better == "higher"
    assert "of the class 'sick' at a threshold" in named("recall[sick]@precision>=0.9").meaning
    assert Aimed.of(Point.of_text("recall@fpr<=.1"), CLASSES).k == 1  # the rarest
    assert Aimed.of(Point.of_text("recall[common]@fpr<=.1"), CLASSES).k == 0
    assert points_of("macro_f1") == points_of(None) == ()


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sick = np.arange(240) % 4 == 0
    return pd.DataFrame(
        {
            "a": rng.normal(size=240) + 1.6 * sick,
            "b": rng.normal(size=240),
            "state": np.where(sick, "sick", "healthy"),
        }
    )


def test_a_finished_comparison_is_asked_for_a_point_and_trains_nothing(tmp_path, monkeypatch):
    """Of a classical recipe and of a net, since their held-out rows come about in two ways."""
    how = {
        "recipes": ["logistic", "erm"],
        "folds": 3,
        "epochs": 3,
        "label": "state",
        "out": tmp_path,
        "model": False,
    }
    monkeypatch.setattr("longtail.api.comparing.write_report", lambda results, path: None)
    api.compare(frame(), on=lambda event: None, **how)
    monkeypatch.undo()
    events: list[dict] = []
    name = "recall[sick]@precision>=0.8"
    found = api.compare(frame(), metric="recall[sick] @ precision >= 0.80", on=events.append, **how)
    assert not [e for e in events if "epoch" in e or "task" in e or "key" in e]
    assert found.record.settings.metric == name
    for row in found.rows["natural"]:
        assert 0 < row.mean[name] <= 1
        assert 0.5 < row.mean[f"precision of {name}"] <= 1
    tests = found.record.evidence["natural"]["tests"]
    assert tests[name]  # it is tested on rows
    best = found.rows["natural"][0]
    assert f"the precision was {best.mean[f'precision of {name}']:.3f}" in found.recommendation["natural"]
    with (tmp_path / "results.csv").open(newline="") as file:
        lines = [
            line for line in csv.reader(file) if line[4] == f"precision of {name}" and line[3] == "natural"
        ]
    assert len(lines) == 6
    page = (tmp_path / "report.html").read_text()
    assert "at a threshold that was set on held-out training rows" in page
    assert "recall[sick]@precision&gt;=0.8" in page
