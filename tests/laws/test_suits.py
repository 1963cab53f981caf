"""Every recipe on every form of inputs: it is refused before training, with the reason, exactly where it cannot train."""

import warnings

import pytest
import torch
from torch import nn

import longtail.run.chain as chain
from longtail import recipes
from longtail.backbones import MLP, BagOfWords, ResNetCIFAR
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.inputs import SparseRows, TokenRows
from longtail.kinds.start import base_stage
from longtail.labels import Labels
from longtail.net import Net
from longtail.roles import INPUTS
from longtail.run.suits import Given, form_of, refusal

COUNTS = (24, 12, 6)
KINDS = {"image": "image", "rows": "table", "sparse": "text", "tokens": "text"}


class MeanToken(nn.Module):
    """The mean of the tokens' vectors: the smallest backbone that reads tokens."""

    out_features = 8

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(8, 8, padding_idx=0)

    def forward(self, x):
        ids, mask = x.padded(0)
        return (self.table(ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def inputs(form, y, g):
    """Inputs in which the classes differ a little, of one form."""
    if form == "image":
        x = torch.randint(60, (len(y), 3, 8, 8), generator=g) + 60 * y[:, None, None, None]
        return x.to(torch.uint8)
    if form == "rows":
        return torch.randn(len(y), 4, generator=g) + y[:, None]
    if form == "sparse":
        index = torch.stack([y, 3 + torch.randint(4, (len(y),), generator=g)], 1).flatten()
        return SparseRows(torch.arange(0, 2 * len(y) + 1, 2), index, torch.ones(len(index)), 7)
    return TokenRows.of([[1 + int(k), 4 + int(torch.randint(4, (), generator=g))] for k in y])


def toy(form):
    g, y = torch.Generator().manual_seed(0), torch.repeat_interleave(torch.arange(3), torch.tensor(COUNTS))
    return Examples(inputs(form, y, g), Labels.of(y), form, inputs(form, y[::2], g))


def net(form):
    backbones = {
        "image": lambda: ResNetCIFAR(8), "rows": lambda: MLP(4, width=8), "sparse": lambda: BagOfWords(7, width=8),
        "tokens": MeanToken,
    }  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = backbones[form]()
        return Net(backbone, Linear(backbone.out_features, 3))


@pytest.fixture(autouse=True)
def unchecked(monkeypatch):
    monkeypatch.setattr(chain, "check_suits", lambda *args: None)


def test_the_forms_are_all():
    assert set(KINDS) == set(INPUTS)
    assert [form_of(toy(form).x) for form in KINDS] == list(KINDS)


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("recipe", recipes.ALL, ids=lambda f: f.__name__)
def test_a_recipe_is_refused_where_it_cannot_train_and_nowhere_else(form, recipe):
    made = recipe(base_stage(KINDS[form], n=42, side=8, epochs=1, classes=3).but(batch_size=16))
    start, data = net(form), toy(form)
    refused = refusal(made, Given.of(start, data))
    failed = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            chain.train(made, start, data, held=data)
        except (ValueError, TypeError, AttributeError, RuntimeError) as why:
            failed = why
    assert (failed is None) == (refused is None), f"training: {failed or 'works'}; refused: {refused}"
