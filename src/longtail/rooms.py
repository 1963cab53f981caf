"""Rooms: how the parts of the house are called in files, and which of them may stand where.

A part is ``room/Name``, looked up in the room's ``PARTS``. The name says nothing of the file that holds the class, so a
file may move, and its keys and saved models stay. What a file names is compared with these lists and never imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from longtail.words import nearest

ROOMS = {
    "losses": "longtail.losses", "samplers": "longtail.samplers", "mixing": "longtail.mixing",
    "augment": "longtail.augment", "heads": "longtail.heads", "surgery": "longtail.surgery",
    "adjust": "longtail.adjust", "objectives": "longtail.objectives", "weights": "longtail.weights",
    "schedule": "longtail.schedule", "optim": "longtail.optim", "backbones": "longtail.backbones",
    "classical/inputs": "longtail.classical.inputs", "classical/head": "longtail.classical.head",
    "classical/estimators": "longtail.classical.estimators",
}  # fmt: skip
"""The module that holds each room's ``PARTS``. A room's name is in files and keys: the module may change, it may not."""

SLOTS = {
    "backbone": ("backbones", "classical/inputs"),
    "head": ("heads", "classical/head", "backbones/ResNetBranch"),
    "adjuster": ("adjust",),
    "recipe": (
        "losses", "samplers", "mixing", "augment", "heads", "surgery", "adjust", "objectives", "weights", "schedule",
        "optim", "classical/estimators",
    ),
}  # fmt: skip
"""What may stand where in a file: the ``PARTS`` of these rooms, and nothing else, are ever built from one.

``PARTS`` is written out by hand. What takes a path or may ask a network is on none of the lists.
"""

RENAMED: dict[str, str] = {}
"""Earlier names, ``room/Old``, of parts that are called otherwise now: files that hold them are still read."""

OTHER_VERSION = "Another version wrote the file: read it with that one, or train the model again"
"""What to do about a file that names what does not exist."""


def listed(slot: str) -> dict[str, Callable[..., Any]]:
    """What may be built from a file in that slot, by its name in files.

    >>> listed("adjuster")["adjust/Temperature"].__name__
    'Temperature'
    """
    found = {}
    for allowed in SLOTS[slot]:
        room = allowed if allowed in ROOMS else allowed.rpartition("/")[0]
        found.update({name: p for name, p in _parts(room).items() if allowed in (room, name)})
    return found


@cache
def name_of(target: Callable[..., Any]) -> str:
    """How a class is called in files: ``"room/Name"`` for a part of the house, ``"module:Name"`` for any other.

    >>> from longtail.adjust import Temperature
    >>> name_of(Temperature)
    'adjust/Temperature'
    """
    module = target.__module__.replace("__mp_main__", "__main__")  # as a spawned process calls the script
    for room in _near(module):
        for name, listed_part in _parts(room).items():
            if listed_part is target:
                return name
    return f"{module}:{target.__qualname__}"


def is_ours(target: Callable[..., Any]) -> bool:
    """Is it of the house, or on one of its lists (as the optimisers of torch are)?"""
    return target.__module__.split(".")[0] == "longtail" or "/" in name_of(target)


def current(name: str) -> str:
    """What a part is called today. Up to version 0.1.0 files held ``"module:Name"`` for parts of the house, too.

    >>> current("longtail.losses.focal:Focal"), current("mine:Focal")
    ('losses/Focal', 'mine:Focal')
    """
    module, _, cls = name.partition(":")
    if module.startswith("torch.optim."):
        name = f"optim/{cls}"
    elif module.startswith("longtail."):
        path = module.removeprefix("longtail.").replace(".", "/") + "/"
        name = next((f"{room}/{cls}" for room in ROOMS if path.startswith(f"{room}/")), name)
    return RENAMED.get(name, name)


def why_not(name: Any, slot: str, known: Mapping[str, Callable[..., Any]]) -> str:
    """Why a part that a file names cannot be built there, and what to do."""
    today = current(name) if isinstance(name, str) else ""
    room, _, cls = today.rpartition("/")
    if room not in ROOMS:
        return (
            f"part {name!r} is not longtail's, or not on the list of what may be a {slot}. If it is your own class, "
            f"pass it: own={{{name!r}: ...}}"
        )
    if today in _parts(room):
        return f"part {name!r} is not on the list of what may be a {slot}"
    from longtail import __version__

    like = nearest(cls[:80], [p.__name__ for n, p in known.items() if n.startswith(f"{room}/")]) or "."
    return f"part {name!r}: longtail {__version__} has no {cls!r} in {room}{like} {OTHER_VERSION}"


def _near(module: str) -> tuple[str, ...]:
    """The rooms that may list a class of that module, the likeliest first."""
    if module.startswith("torch.optim."):
        return ("optim",)
    if not module.startswith("longtail."):
        return ()
    own = [room for room, where in ROOMS.items() if f"{module}.".startswith(f"{where}.")]
    return (*own, *(room for room in ROOMS if room not in own))


@cache
def _parts(room: str) -> dict[str, Callable[..., Any]]:
    return {f"{room}/{p.__name__}": p for p in importlib.import_module(ROOMS[room]).PARTS}
