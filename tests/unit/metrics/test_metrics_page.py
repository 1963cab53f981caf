"""docs/metrics.md is what the metrics say."""

import importlib.util
import re
from pathlib import Path

from longtail.metrics import found

DOCS = Path(__file__).parents[3] / "docs"


def generator():
    spec = importlib.util.spec_from_file_location("make_metrics", DOCS / "make_metrics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_not_drifted() -> None:
    assert (DOCS / "metrics.md").read_text() == generator().page(), "run: python docs/make_metrics.py"


def test_the_guide_names_real_metrics() -> None:
    guide = (DOCS / "metrics_guide.md").read_text()
    named = set(re.findall(r"--metric (\w+)", guide)) | set(re.findall(r"`([a-z0-9]+_[a-z0-9_]+)`", guide))
    assert named - set(found()) == {"per_class"}


def test_each_metric_says_what_it_means_in_a_sentence() -> None:
    for m in found().values():
        assert m.meaning[0].isupper(), m.name
        assert m.meaning.endswith("."), m.name
        assert len(m.meaning.split()) <= 25, m.name
