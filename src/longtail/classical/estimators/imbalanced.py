"""The one place that imports imbalanced-learn, an extra."""

from __future__ import annotations

import importlib
from typing import Any


def imbalanced(module: str) -> Any:
    """``imblearn.<module>``.

    Raises:
        ImportError: imbalanced-learn is not installed.
    """
    try:
        return importlib.import_module(f"imblearn.{module}")
    except ImportError as why:
        raise ImportError(
            "this recipe needs imbalanced-learn: install it with `pip install longtail[imbalanced]`"
        ) from why
