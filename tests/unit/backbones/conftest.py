"""One of each tiny model a session."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    return tiny.bert(tmp_path_factory.mktemp("bert") / "model")


@pytest.fixture(scope="session", params=["vit", "convnext", "dinov2", "clip"])
def vision(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    pytest.importorskip("transformers")
    return request.param, tiny.vision(tmp_path_factory.mktemp(request.param) / "model", request.param)
