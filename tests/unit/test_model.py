import json

import numpy as np
import pytest
import torch
from torch import nn

import longtail
from longtail.model import Model
from longtail.net import Net


@pytest.fixture(scope="module")
def dataset():
    import tempfile
    from pathlib import Path

    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [90, 30, 12])
    x = rng.normal(size=(len(y), 3)) + y[:, None]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "points.npz"
        np.savez(file, X=x.astype("float32"), y=y)
        return longtail.load(file)


@pytest.mark.parametrize(
    "recipe", ["erm", "tau-norm", "ldam-drw", "focal", "bbn", "logistic", "random-forest"]
)
def test_saved_and_loaded_is_the_same(dataset, tmp_path, recipe):
    model = longtail.train(dataset, recipe=recipe, epochs=3, out=tmp_path / "m")
    again = Model.load(tmp_path / "m")
    for prior in ("natural", "balanced", [0.2, 0.3, 0.5]):
        assert torch.allclose(
            again.predict_proba(dataset.raw, prior), model.predict_proba(dataset.raw, prior), atol=1e-6
        )
    assert again.predict(dataset.raw) == model.predict(dataset.raw)
    assert again.names == ("0", "1", "2")
    assert not list(tmp_path.rglob("*.pkl")) + list(tmp_path.rglob("*.pt"))


def test_a_model_that_names_foreign_code_is_refused(dataset, tmp_path):
    longtail.train(dataset, recipe="erm", epochs=1, out=tmp_path / "m")
    file = tmp_path / "m" / "model.json"
    about = json.loads(file.read_text())
    about["net"]["head"] = {"part": "os:system", "kwargs": {"command": f"touch {tmp_path / 'pwned'}"}}
    file.write_text(json.dumps(about))
    with pytest.raises(ValueError, match="not longtail's"):
        Model.load(tmp_path / "m")
    assert not (tmp_path / "pwned").exists()


def test_a_damaged_model_is_refused(dataset, tmp_path):
    longtail.train(dataset, recipe="erm", epochs=1, out=tmp_path / "m")
    file = tmp_path / "m" / "model.safetensors"
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 255
    file.write_bytes(raw)
    with pytest.raises(ValueError, match="checksum"):
        Model.load(tmp_path / "m")


def test_a_folder_with_something_else_is_not_overwritten(dataset, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="holds no model"):
        longtail.train(dataset, recipe="erm", epochs=1, out=tmp_path / "m")
    assert (tmp_path / "m" / "thesis.tex").exists()


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.fc = nn.Sequential(nn.Linear(3, 8), nn.ReLU()), nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(self.body(x))


def test_a_net_of_the_user_s_own_is_compared(dataset, tmp_path):
    net = Net.split(Own(), head="fc", example=torch.zeros(2, 3))
    found = longtail.compare(
        dataset, recipes=["erm", "crt", "ldam-drw"], folds=2, epochs=4, backbone=net, out=tmp_path / "out"
    )
    assert {r["status"] for r in found.results["runs"]} == {"done"}
    assert found.best in ("erm", "crt", "ldam-drw")
    assert "not longtail's" in found.results["model"]["why"]
    again = longtail.compare(
        dataset,
        recipes=["erm", "crt", "ldam-drw"],
        folds=2,
        epochs=4,
        backbone=net,
        out=tmp_path / "out",
        model=False,
    )
    assert [r["scores"] for r in again.results["runs"]] == [r["scores"] for r in found.results["runs"]]


def test_recipes_of_the_user_s_own_are_compared(dataset, tmp_path):
    from longtail import recipes
    from longtail.losses import CrossEntropy
    from longtail.part import part

    def smoothed(base):
        return recipes.erm(base.but(loss=part(CrossEntropy, label_smoothing=0.1)))

    mine = {"erm": recipes.erm, "smoothed": smoothed}
    found = longtail.compare(dataset, recipes=mine, folds=2, epochs=2, out=tmp_path / "out", model=False)
    assert {r["recipe"] for r in found.results["runs"]} == {"erm", "smoothed"}


def test_jobs_do_not_change_the_result(dataset, tmp_path):
    names, scores = ["erm", "focal", "random-forest"], []
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        found = longtail.compare(dataset, recipes=names, folds=2, epochs=2, jobs=jobs, out=out, model=False)
        scores.append({(r["recipe"], r["fold"]): r["scores"] for r in found.results["runs"]})
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    "recipe", ["logistic", "random-forest", "easy-ensemble", "crt", "lws", "bags", "mislas"]
)
def test_from_the_cache_is_the_same(dataset, tmp_path, recipe):
    import shutil

    first = longtail.compare(dataset, recipes=[recipe], folds=2, epochs=2, out=tmp_path, model=False)
    shutil.rmtree(tmp_path / "runs")
    again = longtail.compare(dataset, recipes=[recipe], folds=2, epochs=2, out=tmp_path, model=False)
    assert {r["status"] for r in first.results["runs"]} == {"done"}, first.results["runs"][0]["error"]
    assert [r["scores"] for r in again.results["runs"]] == [r["scores"] for r in first.results["runs"]]


def test_one_recipe_s_failure_is_a_row(dataset, tmp_path):
    from longtail import recipes

    def broken(base):
        return recipes.erm(base.but(trains=("neck.*",)))

    found = longtail.compare(
        dataset, recipes={"erm": recipes.erm, "broken": broken}, folds=2, epochs=1, out=tmp_path
    )
    failed = [r for r in found.results["runs"] if r["recipe"] == "broken"]
    assert {r["status"] for r in failed} == {"failed"}
    assert "matches no parameter" in failed[0]["error"]
    assert found.best == "erm"
