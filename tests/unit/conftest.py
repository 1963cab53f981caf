"""What tests of every room share."""

import pytest


@pytest.fixture
def no_report(monkeypatch):
    """A comparison writes no page, which takes longer than to train a few rows. Where the page is no matter."""
    from longtail.api import comparing

    monkeypatch.setattr(comparing, "write_report", lambda results, path: None)
