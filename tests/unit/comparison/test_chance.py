"""A model that is worse than a guess on its own training rows fails loudly; one that has learnt nothing does not."""

from types import SimpleNamespace

import pytest
import torch

from longtail import recipes
from longtail.comparison.chance import WorseThanChance, check_learnt
from longtail.examples import Examples
from longtail.labels import Labels
from longtail.run import train_stages
from longtail.testing.recipe import toy, toy_net, toy_stage


def test_decisions_turned_round_are_an_error():
    outcome = train_stages(recipes.erm(toy_stage()), toy_net(), toy())
    check_learnt(outcome, toy())
    with torch.no_grad():
        outcome.net.head.weight.neg_()
    with pytest.raises(WorseThanChance, match=r"a guess has 0\.333"):
        check_learnt(outcome, toy())


def test_a_model_that_has_learnt_nothing_is_no_error():
    outcome = train_stages(recipes.erm(toy_stage()), toy_net(), toy())
    with torch.no_grad():
        outcome.net.head.weight.zero_()
    check_learnt(outcome, toy())


def test_alpha_of_a_causal_head_is_chosen_on_held_out_rows():
    """Two classes whose difference is the mean direction: removing it twice turns the decisions round."""
    from longtail.heads import Causal
    from longtail.net import Net
    from longtail.surgery import RemoveMean

    g = torch.Generator().manual_seed(0)
    y = torch.repeat_interleave(torch.arange(2), torch.tensor([180, 20]))
    x = torch.tensor([2.0, 0.0]) * (1 - 2 * y)[:, None] + 0.5 * torch.randn(200, 2, generator=g)
    net = Net(torch.nn.Identity(), Causal(2, 2, parts=1, alpha=2.0)).eval()
    with torch.no_grad():
        net.head.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        net.head.mean.copy_(x.mean(0))
    assert (net(x).argmax(1) == y).float().mean() < 0.1
    tuned = RemoveMean().tune(net, x, y)
    assert tuned.alpha == 0
    assert (tuned(net)(x).argmax(1) == y).float().mean() > 0.95
    with pytest.raises(ValueError, match="alpha=-1"):
        RemoveMean(-1)
    with pytest.raises(TypeError, match="causal head"):
        RemoveMean()(toy_net())


@pytest.mark.parametrize("rare, common, wrong", [(5, 41, False), (2, 30, True)])
def test_what_chance_reaches_in_a_large_table_is_no_error(rare, common, wrong):
    """24 and 96 rows: balanced accuracies of .318 and .198, 3.2 and 5.3 standard errors below a guess."""
    labels = Labels.of([1] * 24 + [0] * 96)
    right = torch.tensor([i < rare for i in range(24)] + [i < common for i in range(96)])
    decided = torch.where(right, labels.y, 1 - labels.y)
    outcome = SimpleNamespace(prior_source="none", logits=lambda x: torch.eye(2)[decided])
    data = Examples(torch.zeros(120, 1), labels)
    if wrong:
        with pytest.raises(WorseThanChance):
            check_learnt(outcome, data)
    else:
        check_learnt(outcome, data)
