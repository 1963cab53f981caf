"""Figures: pictures that teach, of data and trained models."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from longtail import figures as room
from longtail.api.loading import Given, load
from longtail.api.predicting import model_folder
from longtail.chosen import Asked, pick
from longtail.comparison.features import frozen_features
from longtail.figures.written import endings
from longtail.files import held
from longtail.model import Model
from longtail.protocol import Backbone
from longtail.run import Engine
from longtail.run.engine import engine_of
from longtail.run.loop import On, ignore
from longtail.settings import known_settings, read, taken_apart
from longtail.store import FolderStore

DEFAULT_DATA = "digits-lt"


def figures(
    name: str | None = None,
    data: Given | None = None,
    *,
    model: str | Path | Model | None = None,
    recipe: Asked = "erm",
    out: str | Path | None = None,
    keep: str | Path | None = None,
    backbone: Backbone = None,
    epochs: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    engine: Engine | None = None,
    on: On = ignore,
    **how: Any,
) -> Any:
    """Draw a figure of data and a model; without a name, list the figures.

    Args:
        name: of the figure; settings may follow, as in ``gradients:gamma=1``. None lists them: name and sentence.
        data: as for ``train``, or the folder of a model; left out, ``digits-lt`` where no model is given.
        model: a folder that ``train`` or ``compare`` wrote, or the model; None trains ``recipe`` on the data, for the
            length that their kind starts from.
        recipe: what is trained where no model is given.
        out: file to write: svg, png or pdf; json has the numbers. None writes none.
        keep: folder that keeps what is trained here, so that the next figure is quick; None keeps nothing.
        backbone, epochs, device, precision, engine: of the training, as for ``train``.
        on: called with progress events.
        how: how to read the data, as for ``longtail.data.load``.

    Returns:
        a ``longtail.figures.Drawn``, which a notebook shows; or the list.

    Raises:
        ValueError: no figure of that name, an unknown setting or ending, or data that the figure makes no sense for.

    >>> drawn = figures("effective-number", "digits-lt")
    >>> drawn.numbers["counts"][:3]
    [174, 124, 89]
    """
    if name is None:
        return [{"name": one.name, "teaches": one.teaches} for one in room.found().values()]
    if out is not None:
        endings(Path(out))
    bare, given = taken_apart(name)
    figure = room.named(bare)
    try:
        settings = read(name, given, known_settings(figure.measure))
    except ValueError as why:
        raise ValueError(str(why).replace("recipes: ", "", 1)) from None
    engine = engine_of(engine, device, precision)
    if model is None and isinstance(data, str | Path) and is_model(Path(data)):
        model, data = data, None
    if isinstance(model, str | Path):
        model = Model.load(model_folder(Path(model)), engine)
    if data is None and model is None and figure.needs_data:
        data = DEFAULT_DATA
    dataset = None if data is None else load(data, **how)
    if dataset is not None and model is None:
        frozen = frozen_features(dataset, backbone, engine=engine)
        if frozen is not None:
            (dataset, _), backbone = frozen, None
    ((called, chosen),) = pick([recipe]).items()
    folder = None if keep is None else Path(keep)
    subject = room.Subject(
        dataset, model, recipe=(called, chosen), cache=None if folder is None else FolderStore(folder).stages,
        backbone=backbone, epochs=epochs, engine=engine, on=on,
    )  # fmt: skip
    with nullcontext() if folder is None else held(folder, "longtail figures"):
        drawn = figure.of(subject, **settings)
    if out is not None:
        drawn.save(out)
    return drawn


def is_model(folder: Path) -> bool:
    """Is it a folder of a model, or one that ``compare`` wrote with a model in it?"""
    return (model_folder(folder) / "model.json").is_file()
