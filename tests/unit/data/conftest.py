"""Real files, found through the environment variable LONGTAIL_DATA; tests that need them skip where it is not set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def real() -> Callable[[str], Path]:
    def find(name: str) -> Path:
        root = os.environ.get("LONGTAIL_DATA")
        if not root:
            pytest.skip("LONGTAIL_DATA is not set: it names the folder of real data sets")
        path = Path(root) / name
        if not path.exists():
            pytest.skip(f"{path} is not there")
        return path

    return find


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def put(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put
