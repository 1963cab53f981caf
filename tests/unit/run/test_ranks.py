"""Two gloo ranks train what one process trains."""

import pytest
import torch

from longtail import recipes
from longtail.run import Cache, run_stage, train_stages
from longtail.run.loop import batch_starts
from longtail.testing.ranks import on_ranks
from longtail.testing.recipe import toy, toy_net, toy_stage

CHOSEN = (recipes.erm, recipes.weighted_ce, recipes.balanced_softmax, recipes.crt, recipes.ldam_drw)


def trained(recipe) -> dict[str, torch.Tensor]:
    """The recipe's stages under keys of our own: the number of ranks is part of a real key, and so of its draws."""
    net = toy_net()
    for k, stage in enumerate(recipe(toy_stage(2)).stages):
        net, _ = run_stage(net, stage, toy(), key=f"stage {k}")
    return net.state_dict()


def rank_of_two(rank: int, folder: str) -> None:
    for recipe in CHOSEN:
        torch.save(trained(recipe), f"{folder}/{recipe.__name__}-{rank}.pt")
    for again in range(2):
        cached = train_stages(recipes.crt(toy_stage(2)), toy_net(), toy(), cache=Cache(f"{folder}/cache"))
        torch.save(cached.net.state_dict(), f"{folder}/cached-{again}-{rank}.pt")


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    on_ranks(rank_of_two, 2, str(folder))
    return folder


@pytest.mark.parametrize("recipe", CHOSEN, ids=lambda r: r.__name__)
def test_two_ranks_train_what_one_process_trains(two_ranks, recipe):
    first, second = (torch.load(two_ranks / f"{recipe.__name__}-{r}.pt") for r in (0, 1))
    assert all(torch.equal(first[k], second[k]) for k in first), "the ranks differ"
    # A weighted mean divides by the weights of the rank's own examples: a small difference, where weights differ.
    close = 0.05 if recipe in (recipes.weighted_ce, recipes.ldam_drw) else 1e-4
    for name, value in trained(recipe).items():
        assert torch.allclose(value, first[name], atol=close), name


def test_ranks_share_a_cache(two_ranks):
    runs = [torch.load(two_ranks / f"cached-{again}-{r}.pt") for again in range(2) for r in range(2)]
    assert all(torch.equal(run[k], runs[0][k]) for run in runs for k in run)
    assert len(list((two_ranks / "cache").glob("*.safetensors"))) == 2


def test_a_batch_too_small_for_the_ranks_is_an_error():
    with pytest.raises(ValueError, match="too small for 4 ranks"):
        batch_starts(5, 64, ranks=4)
    assert list(batch_starts(35, 16, ranks=2)) == [0, 16]
