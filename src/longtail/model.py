"""Model: a trained outcome with the encoder of its inputs, saved as safetensors and JSON, never pickle."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.run.cache import load_checked, pack, save_checked, unpack
from longtail.run.chain import restore, specs
from longtail.run.engine import Engine
from longtail.run.outcome import Outcome, Prior

FORMAT = 1


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
        return self.outcome.labels.names

    def __repr__(self) -> str:
        recipe, data = (self.facts.get(key, {}).get("name", "?") for key in ("recipe", "data"))
        return f"Model({recipe} on {data}: {len(self.names)} classes)"

    def predict_proba(self, raw: Any, prior: Prior = "natural") -> Tensor:
        """Probabilities ``[N, C]`` under the prior you deploy under: "natural", "balanced" or one number a class.

        Args:
            raw: a data frame, an array, a list of texts ...: see ``longtail.data.in_memory``. What could not be read is
                warned of.
        """
        return self.outcome.predict_proba(self.encode(raw), prior)

    def predict(self, raw: Any, prior: Prior = "natural") -> list[str]:
        """Class names."""
        return [self.names[k] for k in self.outcome.predict(self.encode(raw), prior).tolist()]

    def encode(self, raw: Any) -> Any:
        """The rows as the net takes them."""
        from longtail.data import load_inputs

        return self.encoder(load_inputs(raw, self.encoder))

    def save(self, folder: str | Path) -> Path:
        """Write ``model.safetensors`` and ``model.json`` into a folder, replacing what an earlier save left there.

        Raises:
            TypeError: the net holds modules of your own, which only your code can rebuild.
        """
        folder, o = Path(folder), self.outcome
        rebuilt = specs(o.net)
        for name, spec in rebuilt.items():
            if spec is None:
                own = type(getattr(o.net, name)).__name__
                raise TypeError(
                    f"{name} {own} is not longtail's: save its state_dict with torch and rebuild it yourself"
                )
        tensors: dict[str, Tensor] = {f"net/{k}": v for k, v in o.net.state_dict().items()}
        encoder, arrays = self.encoder.save()
        tensors |= {f"encoder/{k}": v for k, v in arrays.items()}
        about = {
            "format": FORMAT,
            "net": rebuilt,
            "labels": {"names": o.labels.names, "counts": o.labels.counts.tolist()},
            "logit_prior": None if o.logit_prior is None else o.logit_prior.tolist(),
            "adjusters": [a.to_json() for a in o.adjusters],
            "calibrator": o.calibrator.to_json() if o.calibrator is not None else None,
            "thresholds": o.thresholds.to_json() if o.thresholds is not None else None,
            "encoder": {
                "class": type(self.encoder).__name__,
                "facts": pack(encoder, tensors, "encoder-facts"),
            },
            "facts": self.facts,
        }
        temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
        temporary.mkdir(parents=True)
        try:
            save_checked(temporary / "model.safetensors", tensors, {"format": FORMAT})
            text = json.dumps(about, ensure_ascii=False, indent=1)
            (temporary / "model.json").write_text(text, encoding="utf-8")
            if folder.exists():
                if not (folder / "model.json").exists() and any(folder.iterdir()):
                    raise FileExistsError(f"{folder} exists and holds no model: name another folder")
                shutil.rmtree(folder)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder

    @classmethod
    def load(cls, folder: str | Path, engine: Engine | None = None) -> Model:
        """Read a saved model. Runs no code from the files.

        Raises:
            FileNotFoundError: no model there.
            ValueError: a damaged file, or one written by a newer longtail.
        """
        from longtail import adjust, data

        folder = Path(folder)
        file = folder / "model.json"
        if not file.exists():
            raise FileNotFoundError(
                f"{folder} holds no model.json; give the folder that `longtail train` wrote"
            )
        about = json.loads(file.read_text(encoding="utf-8"))
        if about.get("format") != FORMAT:
            raise ValueError(f"{file} has format {about.get('format')!r}; this version reads {FORMAT}")
        tensors, _ = load_checked(folder / "model.safetensors")
        weights = {k.removeprefix("net/"): v for k, v in tensors.items() if k.startswith("net/")}
        net = restore(None, weights, about["net"])
        kinds = {c.__name__: c for c in get_args(data.Encoder)}
        arrays = {k.removeprefix("encoder/"): v for k, v in tensors.items() if k.startswith("encoder/")}
        encoder = kinds[about["encoder"]["class"]].load(unpack(about["encoder"]["facts"], tensors), arrays)
        counts = torch.tensor(about["labels"]["counts"])
        y = torch.repeat_interleave(torch.arange(len(counts)), counts)
        prior = about["logit_prior"]
        outcome = Outcome(
            net,
            recipe=None,
            labels=Labels.of(y, about["labels"]["names"]),
            logit_prior=None if prior is None else torch.tensor(prior, dtype=torch.float64),
            adjusters=tuple(adjust.from_json(a) for a in about["adjusters"]),
            calibrator=adjust.from_json(about["calibrator"]) if about["calibrator"] else None,
            thresholds=adjust.from_json(about["thresholds"]) if about["thresholds"] else None,
            engine=engine or Engine(),
        )
        return cls(outcome, encoder, about["facts"])
