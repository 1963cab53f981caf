"""BagOfWords: equals the dense product, rebuilds, drops words in training only."""

import json

import pytest
import torch

from longtail.backbones.bag_of_words import BagOfWords
from longtail.inputs import SparseRows
from longtail.part import from_json, to_json


def rows(n=20, columns=15):
    g = torch.Generator().manual_seed(0)
    length = torch.randint(0, 6, (n,), generator=g)  # some rows are empty
    length[0] = 0
    total = int(length.sum())
    indptr = torch.cat([torch.zeros(1, dtype=torch.int64), length.cumsum(0)])
    indices = torch.randint(0, columns, (total,), generator=g)
    return SparseRows(indptr, indices, torch.rand(total, generator=g), columns)


def test_equals_the_dense_product():
    x, net = rows(), BagOfWords(15, width=4).eval()
    torch.testing.assert_close(net(x), 10 * x.dense() @ net.weight + net.bias)
    index = torch.tensor([7, 0, 7])
    torch.testing.assert_close(net(x[index]), net(x)[index])
    net = BagOfWords(15, width=4, depth=1, scale=2.0).eval()
    torch.testing.assert_close(net(x), torch.relu(2 * x.dense() @ net.weight + net.bias))


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_rebuilt_from_its_spec_it_is_the_same(depth):
    x, net = rows(), BagOfWords(15, width=4, depth=depth, dropout=0.1)
    net(x).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    again = from_json(json.loads(json.dumps(to_json(net.spec))), slot="backbone").build()
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(x), net.eval()(x))
    assert net(x).shape == (20, net.out_features) == (20, 4)


def test_word_dropout_acts_in_training_only_and_keeps_the_mean():
    x, net = rows(), BagOfWords(15, width=4)
    torch.manual_seed(0)
    with torch.no_grad():
        mean = torch.stack([net(x) for _ in range(4000)]).mean(0)
        torch.testing.assert_close(mean, net.eval()(x), atol=0.02, rtol=0)
        assert torch.equal(net(x), net(x))
        assert not torch.equal(net.train()(x), net(x))


@pytest.mark.parametrize(
    "wrong, match",
    [
        ({"width": 0}, "width=0"),
        ({"depth": -1}, "depth=-1"),
        ({"word_dropout": 1.0}, "word_dropout=1.0"),
        ({"scale": 0.0}, "scale=0.0"),
    ],
)
def test_refuses(wrong, match):
    with pytest.raises(ValueError, match=match):
        BagOfWords(5, **wrong)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match="x has 15 columns; this backbone was made for 5"):
        BagOfWords(5)(rows())
