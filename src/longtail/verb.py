"""A room that is called as a verb: ``longtail.adjust(...)`` is ``longtail.api.adjust(...)``."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class Verb(ModuleType):
    """A module whose call is the verb of its name; all else stays as it is."""

    def __call__(self, *args: Any, **how: Any) -> Any:
        """The function of that name in ``longtail.api``."""
        api = importlib.import_module("longtail.api")  # when called: the room itself may need numpy alone
        return getattr(api, self.__name__.rpartition(".")[2])(*args, **how)


def callable_room(name: str) -> None:
    """Make the room of that module name callable.

    >>> import longtail
    >>> callable(longtail.adjust), callable(longtail.losses)
    (True, False)
    """
    sys.modules[name].__class__ = Verb


__all__ = ["Verb", "callable_room"]
