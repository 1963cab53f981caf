"""docs/losses.md is what the docstrings say."""

import importlib.util
import re
from pathlib import Path

from torch import nn

import longtail.losses

DOCS = Path(__file__).parents[3] / "docs"


def generator():
    spec = importlib.util.spec_from_file_location("make_losses", DOCS / "make_losses.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_not_drifted() -> None:
    assert (DOCS / "losses.md").read_text() == generator().page(), "run: python docs/make_losses.py"


def test_every_loss_has_an_entry_with_its_prior() -> None:
    page = (DOCS / "losses.md").read_text()
    classes = [name for name in longtail.losses.__all__ if isinstance(getattr(longtail.losses, name), type)]
    modules = [name for name in classes if issubclass(getattr(longtail.losses, name), nn.Module)]
    assert len(modules) >= 13
    assert [name for name in modules if f"**Prior of the logits** ({name})" not in page] == []


def test_the_guide_names_real_losses() -> None:
    guide = (DOCS / "losses_guide.md").read_text()
    for name in re.findall(r"`([A-Z]\w+)[`(]", guide):
        assert name in longtail.losses.__all__, name
