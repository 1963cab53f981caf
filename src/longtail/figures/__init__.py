"""Figures: pictures that teach, drawn from any data and any trained model. A file for each, found by walking the room.

A figure measures first and draws then: ``measure`` gives numbers, ``paint`` makes a picture of them. ``longtail figures``
lists them; ``longtail.figures("gradients", "digits-lt", out="gradients.svg")`` is the same in Python.

Matplotlib and scikit-learn are imported inside the functions that need them.
"""

from longtail.figures.figure import Drawn, Figure, Measured
from longtail.figures.room import found, named
from longtail.figures.subject import Subject
from longtail.verb import callable_room

__all__ = ["Drawn", "Figure", "Measured", "Subject", "found", "named"]

callable_room(__name__)
