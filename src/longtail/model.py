"""Model: a trained outcome with the encoder of its inputs, saved as safetensors and JSON, never pickle."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from longtail import adjust, data
from longtail.classes import Classes
from longtail.classical.head import Fitted
from longtail.costs import Costs
from longtail.files import MARK, Damaged, marked, read_json, sweep, write_json
from longtail.metrics import Aimed, Point
from longtail.part import Own, parts
from longtail.prior import Said, distribution, shares
from longtail.rooms import OTHER_VERSION, listed, name_of
from longtail.run.chain import restore, specs
from longtail.run.engine import Engine
from longtail.run.outcome import LARGE, Held, Outcome
from longtail.store.checked import load_checked, save_checked
from longtail.store.packed import pack, unpack

FORMAT = 2
STORED = re.compile(rf"model-{MARK}\.safetensors")
"""The tensors of a model: the name of each save is its own, so that the old ones lie there until the new are whole."""
NAMED = re.compile(rf"{STORED.pattern}|model-[0-9a-f]{{12}}\.safetensors")
"""What is read: the second are of before a name said whose it is."""
HELD = ("held/log_p", "held/y")
"""What was said of held-out rows: all that the threshold of a point is fitted on, or some for rejection."""
SOME = 2000
"""Held-out rows of which a model that decides for no point keeps what it said, at most."""


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """Raw inputs in, probabilities out.

    Attributes:
        outcome: the net and its prior.
        encoder: raw inputs -> tensors, fitted on the training rows.
        facts: where it comes from: data, recipe, versions (JSON-able).
    """

    outcome: Outcome
    encoder: Any
    facts: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        return self.outcome.classes.names

    def __repr__(self) -> str:
        recipe, data = (self.facts.get(key, {}).get("name", "?") for key in ("recipe", "data"))
        return f"Model({recipe} on {data}: {len(self.names)} classes)"

    def predict_proba(self, raw: Any, prior: Said = "natural") -> Tensor:
        """Probabilities ``[N, C]`` under the prior you deploy under: "natural", "balanced" or numbers, in any form that
        :meth:`longtail.prior.Prior.of` takes.

        Args:
            raw: a data frame, an array, a list of texts ...: see ``longtail.kinds.memory``. What could not be read is
                warned of.
        """
        return self.outcome.predict_proba(self.encode(raw), prior)

    def predict(self, raw: Any, prior: Said = "natural") -> list[Any]:
        """Class names; of several labels per row, a list of names for each row. Where costs name columns, ``raw`` is a
        data frame that has them.
        """
        costs = self.outcome.costs
        of = data.costs_in(raw, () if costs is None else costs.columns)
        decided = self.outcome.predict(self.encode(raw), prior, of)
        if self.outcome.classes.several:
            return [[name for name, there in zip(self.names, row) if there] for row in decided.tolist()]
        return [self.names[k] for k in decided.tolist()]

    def encode(self, raw: Any) -> Any:
        """The rows as the net takes them."""
        from longtail.data import load_inputs

        return self.encoder(load_inputs(raw, self.encoder, reading=self.reading))

    def running(self, engine: Engine) -> Model:
        """The same model on another device, or in another precision."""
        front = (
            self.encoder.running(engine) if isinstance(self.encoder, data.FeatureEncoder) else self.encoder
        )
        return replace(self, outcome=self.outcome.but(engine=engine), encoder=front)

    @property
    def reading(self) -> dict[str, Any]:
        """What it remembers of how its data was read: ``Dataset.reading``."""
        return dict(self.facts.get("data", {}).get("reading", {}))

    def save(self, folder: str | Path) -> Path:
        """Write ``model.json`` and the tensors it names into a folder, in place of what an earlier save left there.

        At each moment the folder holds a whole model: the new tensors lie beside the old ones until ``model.json``, which
        says which are meant, has been swapped. Tensors that a killed save left there are removed.

        Warns if the net holds modules of your own with a ``spec``: they must be handed in again to load it.

        Raises:
            TypeError: the net holds modules of your own without a ``spec``, which only your code can rebuild.
            FileExistsError: the folder holds other things, and no model.
        """
        folder, o = Path(folder), self.outcome
        rebuilt = specs(o.net)
        for name, spec in rebuilt.items():
            if spec is None:
                own = type(getattr(o.net, name)).__name__
                raise TypeError(
                    f"{name} {own} is not longtail's: save its state_dict with torch and rebuild it yourself, or give it "
                    "a spec (longtail.part.part) and load the model with own="
                )
        self._say_own()
        tensors: dict[str, Tensor] = {f"net/{k}": v for k, v in o.net.state_dict().items()}
        if o.held is not None:  # thresholds of points and of rejection follow from these, under any prior
            held = o.held.some(SOME) if o.aimed is None else o.held
            few = held.log_p.half() if held.log_p.numel() >= LARGE else held.log_p.contiguous()
            tensors |= dict(zip(HELD, (few, held.y)))
        encoder, arrays = self.encoder.save()
        tensors |= {f"encoder/{k}": v for k, v in arrays.items()}
        encoder = pack(encoder, tensors, "encoder-facts")
        if folder.exists() and not folder.is_dir():
            raise FileExistsError(f"{folder} is a file: name another folder")
        file = folder / "model.json"
        ours = re.compile(rf"\..*|{STORED.pattern}")  # what a killed first save leaves
        if (
            not file.exists()
            and folder.exists()
            and not all(ours.fullmatch(f.name) for f in folder.iterdir())
        ):
            raise FileExistsError(f"{folder} exists and holds no model: name another folder")
        before = _tensors_of(file)
        with marked() as mark:
            stored = f"model-{mark}.safetensors"
            about = {
                "format": FORMAT,
                "tensors": stored,
                "net": rebuilt,
                "labels": {"names": o.classes.names, "counts": o.classes.counts.tolist(), **_rows(o.classes)},
                "logit_prior": None if o.assumed_prior is None else o.assumed_prior.tolist(),
                "adjusters": [a.to_json() for a in o.adjusters],
                "calibrator": o.calibrator.to_json() if o.calibrator is not None else None,
                "thresholds": o.thresholds.to_json() if o.thresholds is not None else None,
                "costs": None if o.costs is None else o.costs.cells,
                "point": _said(o.aimed),
                "held": o.aimed is not None and o.held is not None,
                "encoder": {"class": type(self.encoder).__name__, "facts": encoder},
                "facts": self.facts,
            }
            try:
                save_checked(folder / stored, tensors, {"format": FORMAT})
                write_json(file, about, indent=1, checked=True)
            finally:  # a stop may come before the swap, or after it
                meant = _tensors_of(file)
                for one in (folder / stored, before):
                    if one is not None and one != meant:
                        one.unlink(missing_ok=True)
        tidy(folder)
        return folder

    @classmethod
    def load(cls, folder: str | Path, engine: Engine | None = None, own: Own | None = None) -> Model:
        """Read a saved model. Runs no code from the files, and builds only the classes listed for each place.

        Args:
            folder: that ``save``, ``longtail train`` or ``longtail compare`` wrote.
            engine: device and numerics.
            own: your own classes that the net holds (modules, estimators), by ``"module:name"``.

        Raises:
            FileNotFoundError: no model there.
            ValueError: a damaged file, one written by another version, or one that names a class of your own.
        """
        folder = Path(folder)
        file = folder / "model.json"
        if not file.exists():
            raise FileNotFoundError(
                f"{folder} holds no model.json; give the folder that `longtail train` wrote"
            )
        remedy = "train it again, or take a copy of the folder"
        for attempt in (1, 2):  # a save in another process may swap the files in between
            try:
                about = read_json(file, checked=True)
            except Damaged as why:
                raise ValueError(f"{why}: {remedy}") from None
            if about.get("format") != FORMAT:
                raise ValueError(f"{file} has format {about.get('format')!r}; this version reads {FORMAT}")
            stored = _tensors_of(file, about)
            try:
                if stored is None:
                    raise FileNotFoundError("its model.json names no file of tensors")
                tensors, _ = load_checked(stored)
                break
            except (ValueError, FileNotFoundError) as why:
                if attempt == 2:
                    raise ValueError(f"{stored or file} is damaged or gone ({why}): {remedy}") from None
        try:
            outcome = _outcome(about, tensors, engine or Engine(), own)
            return cls(outcome, _encoder(about, tensors), about["facts"]).running(outcome.engine)
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            IndexError,
            RuntimeError,
            ArithmeticError,
            StopIteration,
        ) as why:
            said = why if isinstance(why, ValueError) else f"{type(why).__name__}: {why}"
            raise ValueError(f"{file} cannot be read: {said}") from None

    def _say_own(self) -> None:
        """Warn about modules of the user's own, whose classes a reader must hand in."""
        net = self.outcome.net
        for name in ("backbone", "head"):
            module = getattr(net, name)
            own = {name_of(p.target) for p in parts(module.spec)} - set(listed(name))
            if isinstance(module, Fitted):
                own |= set(module.foreign())
            if own:
                given = ", ".join(f"{which!r}: {which.rpartition(':')[2]}" for which in sorted(own))
                warnings.warn(
                    f"the {name} holds classes of your own: load the model with Model.load(folder, own={{{given}}}); "
                    "the command line cannot read it",
                    stacklevel=3,
                )


def decide_by(folder: Path, costs: Costs | None, aimed: Aimed | None = None) -> bool:
    """Let the model in ``folder`` decide by other costs, or for another point, from now on; None: by none. Nothing
    else of it changes.

    Returns:
        False where it cannot decide for the point, since it was made without one and so keeps some held-out rows only.
    """
    file = folder / "model.json"
    about = read_json(file, checked=True)
    able = aimed is None or bool(about.get("held"))
    cells = None if costs is None else json.loads(json.dumps(costs.cells))
    point = _said(aimed) if able else None
    if about.get("costs") != cells or about.get("point") != point:
        rest = {k: v for k, v in about.items() if k != "checksum"}
        write_json(file, {**rest, "costs": cells, "point": point}, indent=1, checked=True)
    return able


def _said(aimed: Aimed | None) -> dict[str, Any] | None:
    """A point as it is kept."""
    return None if aimed is None else {"name": aimed.point.name, "class": aimed.k}


def tidy(folder: Path) -> None:
    """Remove what a killed save left beside the model in ``folder``."""
    sweep(folder)
    stored = _tensors_of(folder / "model.json")
    if stored is not None:
        sweep(folder, STORED, keep=stored.name)


def _tensors_of(file: Path, about: dict[str, Any] | None = None) -> Path | None:
    """The file of tensors that a ``model.json`` names; None where there is none."""
    if about is None:
        try:
            about = read_json(file)
        except (OSError, ValueError):
            return None
    name = about.get("tensors")
    return file.with_name(name) if isinstance(name, str) and NAMED.fullmatch(name) else None


def _rows(classes: Classes) -> dict[str, int]:
    """How many rows there were, where each may have had several labels."""
    return {} if classes.rows is None else {"rows": classes.rows}


def _outcome(about: dict[str, Any], tensors: dict[str, Tensor], engine: Engine, own: Own | None) -> Outcome:
    kept = about["labels"]
    classes = Classes(tuple(map(str, kept["names"])), _vector(kept["counts"], torch.int64), kept.get("rows"))
    prior = about["logit_prior"]
    if prior is not None:
        prior = _vector(prior, torch.float64)
        (shares if classes.several else distribution)("logit_prior", prior, classes.num_classes)
    _check_head(about["net"]["head"], about["facts"])
    weights = {k.removeprefix("net/"): v for k, v in tensors.items() if k.startswith("net/")}
    net = restore(None, weights, about["net"], own)
    if net.num_classes != classes.num_classes:
        raise ValueError(f"the net has {net.num_classes} outputs for {classes.num_classes} classes")
    read, costs, point = adjust.from_json, about.get("costs"), about.get("point")
    held = Held(*(tensors[name] for name in HELD)) if all(name in tensors for name in HELD) else None
    if held is not None and (
        held.log_p.shape != (len(held.y), classes.num_classes)
        or not len(held.y)
        or not 0 <= int(held.y.min()) <= int(held.y.max()) < classes.num_classes
    ):
        raise ValueError(
            f"held-out rows of shape {tuple(held.log_p.shape)} for {classes.num_classes} classes"
        )
    return Outcome(
        net,
        recipe=None,
        classes=classes,
        assumed_prior=prior,
        adjusters=tuple(read(a) for a in about["adjusters"]),
        calibrator=None if about["calibrator"] is None else read(about["calibrator"]),
        thresholds=None if about["thresholds"] is None else read(about["thresholds"]),
        costs=None if costs is None else Costs.of(Costs.from_json(costs), classes.names),
        aimed=None if point is None else _aimed(point, classes.num_classes),
        held=held,
        engine=engine,
    )


def _aimed(kept: Any, num_classes: int) -> Aimed:
    """A point as :func:`_said` has it."""
    k = kept["class"]
    if type(k) is not int or not 0 <= k < num_classes:
        raise ValueError(f"class {k!r} of the point is none of {num_classes}")
    return Aimed.at(Point.of_text(str(kept["name"]), "point"), k)


def _check_head(spec: Any, facts: Any) -> None:
    """An estimator as arrays, which longtail wrote before it kept estimators themselves, is refused with the remedy."""
    if isinstance(spec, dict) and str(spec.get("part")).startswith("longtail.classical.heads."):
        raise ValueError(
            "it holds a classical model as arrays, as longtail kept them earlier: train it again "
            f"(longtail train DATA --recipe {facts['recipe']['name']} --out FOLDER)"
        )


def _encoder(about: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    kinds = {c.__name__: c for c in get_args(data.Encoder)}
    kind, facts = about["encoder"]["class"], about["encoder"]["facts"]
    if kind not in kinds:
        raise ValueError(f"encoder {kind!r} is not one of {', '.join(kinds)}. {OTHER_VERSION}")
    arrays = {k.removeprefix("encoder/"): v for k, v in tensors.items() if k.startswith("encoder/")}
    return kinds[kind].load(unpack(facts, tensors), arrays)


def _vector(values: Any, dtype: torch.dtype) -> Tensor:
    if not isinstance(values, list) or not all(type(v) in (int, float) for v in values):
        raise ValueError("counts and priors must be lists of numbers")
    if dtype is torch.int64 and not all(type(v) is int and 0 <= v < 2**53 for v in values):
        raise ValueError("counts must be whole numbers from 0 on")
    return torch.tensor(values, dtype=dtype)
