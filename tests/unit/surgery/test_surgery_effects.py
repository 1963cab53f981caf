"""What each surgery promises beyond the laws."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from longtail.heads import Cosine, Linear, Scaled
from longtail.net import Net
from longtail.part import part
from longtail.surgery import (
    AddAlignment,
    AddMemory,
    AddScale,
    ClassMeans,
    ResetHead,
    SwapHead,
    TauNormalize,
    tau_normalize,
)
from longtail.testing.head import features
from longtail.testing.surgery import facts, toy_net


def long_tail(
    seed: int = 0, per_class: tuple[int, ...] = (400, 100, 20)
) -> tuple[torch.Tensor, torch.Tensor]:
    """Three Gaussian classes."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.tensor([[0.0, 0.0], [2.0, 0.5], [0.5, 2.5]])
    y = torch.repeat_interleave(torch.arange(3), torch.tensor(per_class))
    return means[y] + torch.randn(len(y), 2, generator=generator), y


def test_reset_keeps_the_kind_and_draws_new_weights() -> None:
    net = SwapHead(Cosine(8, 5, scale=12.0))(toy_net())
    new = ResetHead()(net)
    assert isinstance(new.head, Cosine)
    assert new.head.spec == net.head.spec
    assert not new.head.weight.allclose(net.head.weight)
    assert new.backbone is net.backbone


def test_reset_follows_the_seed() -> None:
    torch.manual_seed(7)
    first = ResetHead()(toy_net()).head.weight
    torch.manual_seed(7)
    assert ResetHead()(toy_net()).head.weight.equal(first)


def test_a_recipe_s_swap_gets_its_sizes() -> None:
    net = part(SwapHead, head=part(Cosine, scale=30.0)).build(**facts())(toy_net())
    assert (net.feature_dim, net.num_classes, net.head.scale) == (8, 5, 30.0)


def test_one_swap_serves_two_nets() -> None:
    swap = SwapHead(Linear(8, 5))
    a, b = swap(toy_net()), swap(toy_net())
    assert a.head is not b.head
    assert a.head.weight.equal(b.head.weight)


def test_a_head_of_another_size_is_an_error() -> None:
    with pytest.raises(ValueError, match="out_features=4, the net has 5"):
        SwapHead(Linear(8, 4))(toy_net())


def test_tau_zero_is_the_head_without_its_bias() -> None:
    net, x = toy_net(), features()
    assert TauNormalize(tau=0.0)(net)(x).allclose(net(x) - net.head.bias, atol=1e-6)
    assert TauNormalize(tau=0.0, bias="keep")(net)(x).equal(net(x))
    assert TauNormalize(tau=0.0, bias="scale")(net)(x).equal(net(x))


def test_tau_one_and_the_bias() -> None:
    net = toy_net()
    norm = net.head.weight.norm(dim=1)
    scaled = TauNormalize(tau=1.0, bias="scale")(net).head
    assert scaled.weight.norm(dim=1).allclose(torch.ones(5))
    assert scaled.bias.allclose(net.head.bias / norm)
    assert TauNormalize(tau=1.0)(net).head.bias is None


def test_a_row_of_zeros_stays() -> None:
    assert tau_normalize(torch.tensor([[0.0, 0.0], [3.0, 4.0]]), 1.0)[0].tolist() == [0.0, 0.0]


def test_tau_is_tuned_by_brute_force() -> None:
    """A head whose frequent classes have the larger norms: the best balanced accuracy, the smallest tau on ties."""
    y = torch.repeat_interleave(torch.arange(3), torch.tensor([400, 100, 20]))
    x = 2 * torch.eye(3)[y] + torch.randn(len(y), 3, generator=torch.Generator().manual_seed(0))
    head = nn.Linear(3, 3)
    with torch.no_grad():
        head.weight.copy_(torch.diag(torch.tensor([3.0, 1.0, 0.3])))
    net = Net(nn.Identity(), head)
    tuned = TauNormalize().tune(net, x, y)

    def balanced(tau: float) -> float:
        right = TauNormalize(tau=tau)(net)(x).argmax(1) == y
        return round(sum(right[y == c].double().mean().item() for c in range(3)) / 3, 10)

    grid = [k / 10 for k in range(21)]
    assert tuned.tau == max(grid, key=lambda tau: (balanced(tau), -tau))
    assert balanced(tuned.tau) > balanced(0.0)
    assert TauNormalize(tau=0.3).tune(net, x, y).tau == 0.3


def test_tau_must_be_known_and_the_head_linear() -> None:
    with pytest.raises(ValueError, match="call tune"):
        TauNormalize()(toy_net())
    with pytest.raises(TypeError, match="needs a linear head, got Cosine"):
        TauNormalize(tau=1.0)(SwapHead(Cosine(8, 5))(toy_net()))
    with pytest.raises(ValueError, match="tau=-1"):
        TauNormalize(tau=-1.0)
    with pytest.raises(ValueError, match="bias='half'"):
        TauNormalize(bias="half")


def test_class_means_help_the_tail() -> None:
    x, y = long_tail()
    test_x, test_y = long_tail(1, (300, 300, 300))
    torch.manual_seed(0)
    net = Net(nn.Identity(), nn.Linear(2, 3))
    optimiser = torch.optim.LBFGS(net.parameters(), max_iter=200)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        return loss

    optimiser.step(closure)
    ncm = ClassMeans(lambda net: (net.backbone(x), y), transform="none")(net)
    recall = [(n(test_x).argmax(1) == test_y)[test_y == 2].double().mean().item() for n in (net, ncm)]
    assert recall[1] > recall[0] + 0.05


def test_class_means_reject_unknown_words_before_the_pass_over_the_data() -> None:
    def never(net: Net) -> tuple[torch.Tensor, torch.Tensor]:
        raise AssertionError("called")

    with pytest.raises(ValueError, match="transform='cl2n'"):
        ClassMeans(never, transform="cl2n")


@pytest.mark.parametrize("surgery", [AddScale(), AddAlignment()], ids=lambda s: type(s).__name__)
def test_added_corrections_start_neutral_and_leave_the_old_head(surgery) -> None:
    net, x = toy_net(), features()
    new = surgery(net)
    assert new(x).equal(net(x))
    assert new.head.inner is not net.head
    before = copy.deepcopy(net.head.state_dict())
    optimiser = torch.optim.SGD(new.head.parameters(), lr=1.0)
    new(x).square().sum().backward()
    optimiser.step()
    assert all(v.equal(before[k]) for k, v in net.head.state_dict().items())
    assert not new(x).allclose(net(x))


def test_scales_stack_on_any_head() -> None:
    net = AddScale()(SwapHead(Cosine(8, 5))(toy_net()))
    assert isinstance(net.head, Scaled)
    assert net.head.spec["inner"] == Cosine(8, 5).spec


def test_a_claim_is_kept_only_where_the_logits_are() -> None:
    before = facts()["prior"]
    assert AddAlignment().assumes(before) is before
    assert AddAlignment(form="released").assumes(before) is None
    with pytest.raises(ValueError, match="form='code'"):
        AddAlignment(form="code")


def test_memory_begins_with_the_class_means_and_the_old_head() -> None:
    x, y = long_tail()
    net = Net(nn.Identity(), nn.Linear(2, 3))
    new = AddMemory(lambda net: (net.backbone(x), y))(net)
    for c in range(3):
        assert new.head.centroids[c].allclose(x[y == c].mean(0), atol=1e-5)
    assert new.head.hallucinate.weight.equal(net.head.weight)
    assert new.head.hallucinate.weight is not net.head.weight
