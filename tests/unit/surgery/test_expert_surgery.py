"""Surgery for experts and attention on a ResNet, and what the cache gives back of it."""

import warnings

import pytest
import torch
from torch import nn

from longtail import recipes
from longtail.backbones import Attended, ResNetCIFAR, ResNetTrunk
from longtail.examples import Examples
from longtail.heads import Experts, Linear, Routed
from longtail.labels import Labels
from longtail.net import Net
from longtail.run import Cache, Engine, train_stages
from longtail.surgery import AddAttention, AddBranches, AddExperts, AddRouters, WeighExperts
from longtail.testing.recipe import toy_stage
from longtail.weights import expert_priors


def images(counts=(20, 8, 4, 4)) -> Examples:
    g = torch.Generator().manual_seed(0)
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    x = torch.randint(60, (len(y), 3, 8, 8), generator=g) + 40 * y[:, None, None, None]
    return Examples(x.to(torch.uint8), Labels.of(y), "images")


def image_net(classes=4) -> Net:
    torch.manual_seed(0)
    return Net(ResNetCIFAR(8), Linear(64, classes))


def test_the_trunk_is_shared_and_the_experts_differ():
    net = image_net()
    new = AddExperts(3)(net)
    assert isinstance(new.backbone, ResNetTrunk)
    assert list(new.backbone.layer1) == list(net.backbone.layer1)
    assert not len(new.backbone.layer2)
    first, second = (b.stages[0][0].conv1.weight for b in new.head.branches[:2])
    assert not torch.equal(first, second)
    x = images().x
    assert new.eval()(x).shape == (36, 4)
    wide = AddExperts(2, widths=(32, 64))(net)
    assert wide.head.classifiers[0].in_features == 64
    own = sum(p.numel() for p in net.backbone.layer2.parameters())
    assert sum(p.numel() for p in wide.head.branches[0].stages[0].parameters()) == own


def test_branches_of_a_resnet_are_a_last_block_each():
    torch.manual_seed(0)
    net = Net(ResNetCIFAR(14), Linear(64, 4))
    new = AddBranches()(net)
    assert [*new.backbone.layer1, *new.backbone.layer2] == [*net.backbone.layer1, *net.backbone.layer2]
    assert list(new.backbone.layer3) == [net.backbone.layer3[0]]
    branches = new.head.conventional, new.head.rebalancing
    assert not torch.equal(*(b.stages[0][0].conv1.weight for b in branches))
    for (
        branch
    ) in branches:  # with the ResNet's own last block in its place, a branch gives the ResNet's features
        branch.stages[0][0].load_state_dict(net.backbone.layer3[1].state_dict())
    x = images().x
    net.eval(), new.eval()
    maps = new.backbone(x)
    assert maps.shape == (36, 64, 2, 2)
    for branch in branches:
        assert torch.allclose(branch(maps), net.backbone(x), atol=1e-6)
    assert new(x).shape == (36, 4)


def test_a_trunk_says_which_cuts_there_are():
    with pytest.raises(ValueError, match="blocks=4 must be 1 to 3, the blocks of a ResNet-8"):
        ResNetTrunk(8, blocks=4)


def test_attention_is_the_slow_reference_and_starts_as_the_identity():
    torch.manual_seed(0)
    inner = ResNetCIFAR(8).eval()
    attended = Attended(inner, 64, 2, 2).eval()
    x = images().x[:3]
    assert torch.allclose(attended(x), inner(x), atol=1e-6)
    nn.init.normal_(attended.back.weight)
    maps = inner.maps(x)
    expected = []
    for m in maps:  # one image, one place after another

        def at(layer, i, m=m):
            return layer.weight[:, :, 0, 0] @ m[:, i // 2, i % 2] + layer.bias

        where = (attended.places.weight @ m.flatten() + attended.places.bias).softmax(0)
        places = []
        for i in range(4):
            row = torch.stack([at(attended.theta, i) @ at(attended.phi, j) for j in range(4)]).softmax(0)
            mixed = sum(row[j] * at(attended.g, j) for j in range(4))
            places.append(m[:, i // 2, i % 2] + where[i] * (attended.back.weight[:, :, 0, 0] @ mixed))
        expected.append(torch.stack(places).mean(0))
    assert torch.allclose(attended(x), torch.stack(expected), atol=1e-5)


def test_attention_finds_the_size_of_the_maps_and_keeps_the_logits():
    net, x = image_net().eval(), images().x

    def embed(of):
        return of.backbone(x), images().labels.y

    new = AddAttention(embed)(net)
    assert isinstance(new.backbone, Attended)
    assert new.backbone.places.out_features == 4
    assert torch.allclose(new(x), net(x), atol=1e-5)
    assert not new.training


def test_attention_is_left_out_aloud_where_there_are_no_maps():
    net = Net(nn.Linear(4, 3), nn.Linear(3, 2))
    with pytest.warns(UserWarning, match="Linear gives no feature maps"):
        new = AddAttention(lambda of: None)(net)
    assert new.backbone is net.backbone

    class Own(nn.Module):
        def maps(self, x):
            return x

    with pytest.raises(TypeError, match="no 'spec'"):
        AddAttention(lambda of: None)(Net(Own(), nn.Linear(3, 2)))


def test_weights_and_routers_need_experts():
    net = image_net()
    for surgery in (AddRouters(), WeighExperts((1.0,))):
        with pytest.raises(TypeError, match="AddExperts first"):
            surgery(net)
    with pytest.raises(ValueError, match="sum to 1"):
        WeighExperts((0.5, 0.4))
    with pytest.raises(ValueError, match="for 3 experts"):
        WeighExperts((0.5, 0.5))(AddExperts(3)(net))
    with pytest.raises(ValueError, match="experts=0"):
        AddExperts(0)
    assert isinstance(AddRouters()(AddExperts(3)(net)).head, Routed)


def test_weights_move_the_prior_between_the_experts_own():
    counts = torch.tensor([60, 30, 10])
    natural, uniform, backward = expert_priors(counts)
    assert torch.allclose(WeighExperts((1, 0, 0), counts).assumes(uniform), natural)
    assert torch.allclose(WeighExperts((0, 0, 1), counts).assumes(uniform), backward)
    half = (natural * backward).sqrt()
    assert torch.allclose(WeighExperts((0.5, 0, 0.5), counts).assumes(uniform), half / half.sum())
    assert WeighExperts((1, 0, 0)).assumes(uniform) is None
    assert WeighExperts((1, 0, 0), counts).assumes(None) is None


MINE = (recipes.bbn, recipes.ride, recipes.sade, recipes.lfme, recipes.oltr, recipes.leap, recipes.dive)


@pytest.mark.parametrize("recipe", MINE, ids=lambda r: r.__name__)
def test_on_images_what_the_cache_gives_back_is_what_was_trained(tmp_path, recipe):
    base, engine = toy_stage(1).but(batch_size=12), Engine()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # on a ResNet nothing is left out
        fresh = train_stages(recipe(base), image_net(), images(), engine=engine)
        cache = Cache(tmp_path)
        first = recipe(base).teachers or (recipe(base).upto(1),)  # what a comparison may have trained already
        for earlier in first:
            train_stages(earlier, image_net(), images(), cache=cache, engine=engine)
        for _ in range(2):
            again = train_stages(recipe(base), image_net(), images(), cache=cache, engine=engine)
    for name, value in fresh.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name
    x = images().x
    assert fresh.logits(x).shape == (36, 4)
    assert torch.equal(fresh.logits(x), again.logits(x))
    if recipe is recipes.ride:
        assert isinstance(again.net.head.inner, Experts)
    if recipe is recipes.oltr:
        assert isinstance(again.net.backbone, Attended)
        assert again.net.backbone.back.weight.abs().sum() > 0
