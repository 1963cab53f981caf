"""Rows of several labels: what is read, taken, and counted, beside a dense matrix."""

import pandas as pd
import pytest
import torch

from longtail.backbones import MLP
from longtail.classes import Classes
from longtail.data import TableEncoder
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.label_sets import LabelSets
from longtail.link import SIGMOID, SOFTMAX, link_of
from longtail.losses import WeightedBCE
from longtail.model import Model
from longtail.net import Net
from longtail.part import part
from longtail.prior import Prior
from longtail.recipe import Recipe, Stage
from longtail.run import train_stages

MATRIX = torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 1], [0, 0, 1]])
SETS = LabelSets.of_matrix(MATRIX, ["a", "b", "c"])


def test_both_ways_in_are_the_same():
    named = LabelSets.of([["c", "a"], [], ["b", "c", "c"], ["c"]])
    assert named.fingerprint == SETS.fingerprint
    assert LabelSets.of([[2, 0], [], [1, 2], [2]], ["a", "b", "c"]).fingerprint == SETS.fingerprint
    assert LabelSets.of_matrix(MATRIX.bool().numpy(), ["a", "b", "c"]).fingerprint == SETS.fingerprint
    assert LabelSets.of_matrix(MATRIX.float(), ["a", "b", "d"]).fingerprint != SETS.fingerprint


@pytest.mark.parametrize("index", [[2], [3, 0, 0, 1], [], [1, 1], [0, 1, 2, 3]])
def test_rows_are_those_of_the_matrix(index):
    index = torch.tensor(index, dtype=torch.int64)
    assert SETS.batch(index, "cpu").equal(MATRIX[index].float())
    assert SETS.batch(slice(1, 3), "cpu").equal(MATRIX[1:3].float())
    if len(index):
        taken = SETS.take(index)
        assert taken.batch(slice(None), "cpu").equal(MATRIX[index].float())
        assert taken.classes.rows == len(index) == len(taken)


def test_counts():
    assert SETS.classes.counts.tolist() == MATRIX.sum(0).tolist()
    assert SETS.prior.tolist() == [0.25, 0.25, 0.75]
    assert SETS.cardinality == 1.25
    assert SETS.together.equal(MATRIX.T @ MATRIX)
    for c in range(3):
        assert SETS.holding(c).tolist() == MATRIX[:, c].nonzero().flatten().tolist()
    assert {k: v.tolist() for k, v in SETS.classes.groups(many=2, few=2).items()} == {
        "many": [2], "medium": [], "few": [0, 1]}  # fmt: skip


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: LabelSets.of([["a", "x"]], ["a"]), "row 1 has label 'x', which is not among names: a"),
        (lambda: LabelSets.of([[0], [3]], ["a", "b"]), "row 2 has label 3"),
        (lambda: LabelSets.of([]), "no row"),
        (lambda: LabelSets.of([[], []], ["a"]), "no row has a label"),
        (lambda: LabelSets.of_matrix([[0, 2]]), "0 or 1, and there is 2"),
        (lambda: LabelSets.of_matrix([0, 1]), r"a matrix \[N, C\]"),
        (lambda: Classes(("a", "b"), torch.tensor([3, 1]), rows=2), "counts hold 3, and there are rows=2"),
    ],
)
def test_what_are_no_label_sets(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_links():
    z, one = (
        torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).double(),
        Classes.of(torch.tensor([5, 3, 2])),
    )
    assert link_of(one) is SOFTMAX
    assert link_of(SETS.classes) is SIGMOID
    moved = SOFTMAX.probabilities(z + SOFTMAX.evidence(one.prior))
    by_hand = torch.softmax(z, 1) * one.prior
    torch.testing.assert_close(moved, by_hand / by_hand.sum(1, keepdim=True))
    moved = SIGMOID.probabilities(z + SIGMOID.evidence(SETS.prior))
    odds = z.exp() * SETS.prior / (1 - SETS.prior)
    torch.testing.assert_close(moved, odds / (1 + odds))
    for shares in ([1.0, 0.5, 0.0], [0.0, 0.1, 0.9], [1.0, 1.0, 0.3]):
        assert SIGMOID.evidence(SIGMOID.floored(torch.tensor(shares))).isfinite().all()


def test_a_prior_of_labels_need_not_sum_to_one():
    classes = SETS.classes
    assert Prior.of([0.25, 0.25, 0.75], classes) == Prior.natural()
    assert Prior.of("a=0.5,b=0.5,c=0.5", classes) == Prior.balanced()
    assert Prior.of({"a": 0.9, "b": 0.9, "c": 0.1}, classes).resolve(classes).tolist() == [0.9, 0.9, 0.1]


def test_a_model_of_several_labels_is_saved_and_loaded(tmp_path):
    g = torch.Generator().manual_seed(0)
    raw = pd.DataFrame(torch.randn(200, 3, generator=g).numpy(), columns=["one", "two", "three"])
    held = (raw > [0.0, 1.0, 1.5]).to_numpy()
    targets = LabelSets.of_matrix(held, ["often", "seldom", "rare"])
    encoder = TableEncoder.fit(raw)
    stage = Stage(
        name="bce", epochs=20, batch_size=20, loss=part(WeightedBCE), optim=part(torch.optim.SGD, lr=1.0)
    )
    torch.manual_seed(0)
    net = Net(MLP(encoder(raw).shape[1], width=8), Linear(8, 3))
    outcome = train_stages(Recipe("bce", (stage,)), net, Examples(encoder(raw), targets))
    Model(outcome, encoder, {}).save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    assert loaded.outcome.classes.rows == 200
    for prior in ("natural", "balanced", {"often": 0.5, "seldom": 0.5, "rare": 0.1}):
        assert loaded.predict_proba(raw, prior).equal(outcome.predict_proba(encoder(raw), prior))
    said = loaded.predict(raw)
    assert [set(row) for row in said[:20]] == [
        {n for n, there in zip(targets.names, row) if there}
        for row in outcome.predict(encoder(raw))[:20].tolist()
    ]
    assert max(map(len, said)) > 1
    assert min(map(len, said)) == 0
