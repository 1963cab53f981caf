import pytest
import torch

from longtail.examples import Examples
from longtail.inputs import SparseRows
from longtail.labels import Labels
from longtail.source import Resident


def sparse(dense):
    rows, columns = dense.nonzero(as_tuple=True)
    indptr = torch.cat(
        [torch.zeros(1, dtype=torch.int64), torch.bincount(rows, minlength=len(dense)).cumsum(0)]
    )
    return SparseRows(indptr, columns, dense[rows, columns], dense.shape[1])


def test_sparse_rows_index_like_a_matrix():
    g = torch.Generator().manual_seed(0)
    dense = torch.rand(20, 7, generator=g) * (torch.rand(20, 7, generator=g) > 0.6)
    dense[3] = 0
    rows = sparse(dense)
    index = torch.tensor([3, 19, 0, 0, 3])
    assert torch.equal(rows.dense(), dense)
    assert torch.equal(rows[index].dense(), dense[index])
    assert torch.equal(rows[2:5].dense(), dense[2:5])
    assert rows[index].shape == (5, 7)


def test_fingerprint_sees_inputs_and_labels():
    x, y = torch.arange(6.0).view(3, 2), Labels.of([0, 1, 0])
    same = Examples(x.clone(), Labels.of([0, 1, 0]))
    assert Examples(x, y).fingerprint == same.fingerprint
    assert Examples(x + 1, y).fingerprint != same.fingerprint
    assert Examples(x, Labels.of([0, 1, 1])).fingerprint != same.fingerprint
    assert Examples(x.to(torch.float64), y).fingerprint != same.fingerprint
    assert Examples(sparse(x), y).fingerprint != same.fingerprint


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="x has 2 rows and labels has 3"):
        Examples(torch.zeros(2, 1), Labels.of([0, 1, 0]))


def test_what_is_in_memory_may_be_given_as_it_is():
    x, y = torch.arange(6.0).view(3, 2), Labels.of([0, 1, 0])
    plain, wrapped = Examples(x, y, unlabelled=x), Examples(Resident(x), y, unlabelled=Resident(x))
    assert plain.x is x
    assert plain.fingerprint == wrapped.fingerprint
    assert plain.unlabelled_fingerprint == wrapped.unlabelled_fingerprint != plain.fingerprint
    taken = plain.take(torch.tensor([2, 0, 2]))
    assert torch.equal(taken.x, x[[2, 0, 2]])
    assert taken.labels.y.tolist() == [0, 0, 0]
    with pytest.raises(TypeError, match=r"x is a ndarray: give a tensor.*torch.from_numpy"):
        Examples(x.numpy(), y)
