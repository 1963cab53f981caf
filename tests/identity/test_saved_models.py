"""Models that version 0.1.0 saved load, and predict what they predicted, wherever the files of their parts have moved."""

import importlib.util
import json
import zipfile

import pytest
import saved_models
import torch

from longtail.model import Model
from longtail.part import Part, from_json

FILES = sorted(saved_models.FOLDER.glob("*.zip"))


def unpacked(file, tmp_path):
    """The model's folder and what it was asked."""
    with zipfile.ZipFile(file) as packed:
        packed.extractall(tmp_path / "model")
    asked = tmp_path / "model" / "asked.json"
    return asked.parent, json.loads(asked.read_text(encoding="utf-8"))


def test_every_kind_and_encoder_is_there():
    assert {f.stem for f in FILES} == set(saved_models.MODELS)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_an_old_model_predicts_what_it_did(file, tmp_path):
    if file.stem in saved_models.NEED_TRANSFORMERS and not importlib.util.find_spec("transformers"):
        pytest.skip("its encoder needs transformers")
    folder, asked = unpacked(file, tmp_path)
    model, rows = Model.load(folder), saved_models.rows(asked)
    for prior in saved_models.PRIORS:
        before = torch.tensor(asked["probabilities"][prior])
        assert torch.allclose(model.predict_proba(rows, prior), before, atol=2e-6)
        assert model.predict(rows, prior) == asked["classes"][prior]
    assert (model.outcome.calibrator is not None) == (file.stem == "calibrator")
    assert bool(model.outcome.adjusters) == (file.stem == "adjuster")


OLD_NAMES = json.loads((saved_models.FOLDER.parent / "old_names.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("slot", OLD_NAMES)
def test_every_name_that_version_0_1_0_wrote_is_known(slot):
    """A name in this list was in somebody's file: it is never taken out, whatever the class is called today."""
    for name in OLD_NAMES[slot]:
        assert isinstance(from_json({"part": name, "kwargs": {}}, slot=slot), Part), name
