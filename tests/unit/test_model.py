import contextlib
import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import longtail
from longtail.files import HOST, read_json, write_json
from longtail.model import Model
from longtail.net import Net, rebuild
from longtail.part import part


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


@pytest.fixture(scope="module")
def made(dataset):
    """Two models that were trained once; nothing here changes them."""
    return {name: longtail.train(dataset, recipe=name, epochs=1) for name in ("erm", "focal")}


@pytest.fixture
def model(made, tmp_path):
    """One that has just been saved to ``m``."""
    made["erm"].save(tmp_path / "m")
    return made["erm"]


@pytest.mark.parametrize(
    "recipe", ["erm", "tau-norm", "ldam-drw", "focal", "bbn", "logistic", "random-forest:trees=20"]
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


def test_a_model_that_names_foreign_code_is_refused(model, tmp_path):
    file = tmp_path / "m" / "model.json"
    touch = {"part": "os:system", "kwargs": {"command": f"touch {tmp_path / 'pwned'}"}}
    rewrite(file, lambda about: about["net"].update(head=touch))
    with pytest.raises(ValueError, match=r"model\.json cannot be read: part 'os:system' is not longtail's"):
        Model.load(tmp_path / "m")
    assert not (tmp_path / "pwned").exists()


def rewrite(file, change):
    """A forged file: changed, with a checksum that fits."""
    about = read_json(file, checked=True)
    change(about)
    write_json(file, about, checked=True)


def save_over(path):
    inner = {"part": "longtail.adjust.temperature:Temperature", "kwargs": {"temperature": 2.0}}
    return {"part": "longtail.adjust.files:save", "kwargs": {"adjuster": inner, "path": str(path)}}


GONE = {
    "a head": lambda a: a["net"]["head"].update(part="heads/Linaer"),
    "a head by its old name": lambda a: a["net"]["head"].update(part="longtail.heads.linaer:Linaer"),
    "a keyword": lambda a: a["net"]["head"]["kwargs"].update(colour="red"),
    "an adjuster": lambda a: a.update(adjusters=[{"part": "adjust/Gone", "kwargs": {}}]),
    "a calibrator": lambda a: a.update(calibrator={"part": "longtail.adjust.gone:Gone", "kwargs": {}}),
    "an encoder": lambda a: a["encoder"].update({"class": "GoneEncoder"}),
}


@pytest.mark.parametrize("gone", GONE)
def test_a_model_that_names_what_does_not_exist_says_what_to_do(model, tmp_path, gone):
    rewrite(tmp_path / "m" / "model.json", GONE[gone])
    with pytest.raises(ValueError, match=r"model\.json cannot be read.*Another version wrote.*train") as why:
        Model.load(tmp_path / "m")
    assert ("did you mean 'Linear'?" in str(why.value)) == gone.startswith("a head")


HUGE = 3 * 10**8
ATTACKS = {
    "a function that writes, as head": lambda a, f: a["net"].update(head=save_over(f)),
    "a function that writes, as adjuster": lambda a, f: a.update(adjusters=[save_over(f)]),
    "a function that writes, as calibrator": lambda a, f: a.update(calibrator=save_over(f)),
    "a function that writes, inside": lambda a, f: a["net"]["head"]["kwargs"].update(bias=save_over(f)),
    "a request": lambda a, f: a["net"].update(
        head={
            "part": "longtail.backbones.hub:find",
            "kwargs": {"source": "a/b", "name": "c", "download": True},
        }
    ),
    "a head as backbone": lambda a, f: a["net"].update(backbone=a["net"]["head"]),
    "sizes": lambda a, f: a["net"]["head"]["kwargs"].update(feature_dim=HUGE),
    "classes": lambda a, f: a["net"]["head"]["kwargs"].update(num_classes=HUGE),
    "a forest of layers": lambda a, f: a["net"]["backbone"]["kwargs"].update(depth=HUGE),
    "a foreign encoder": lambda a, f: a["encoder"].update({"class": "Path"}),
    "tensors elsewhere": lambda a, f: a.update(tensors=f"../{f.name}"),
    "a prior of nothing": lambda a, f: a.update(logit_prior=[0.0, 0.0, 0.0]),
    "names twice": lambda a, f: a["labels"].update(names=["0", "0", "1"]),
    "counts below 0": lambda a, f: a["labels"].update(counts=[1, -5, 3]),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_model_runs_nothing_and_takes_no_memory(model, tmp_path, attack):
    (tmp_path / "thesis.tex").write_text("years of work")
    rewrite(tmp_path / "m" / "model.json", lambda about: ATTACKS[attack](about, tmp_path / "thesis.tex"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"model\.json"):
        Model.load(tmp_path / "m")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10  # kilobytes


def test_counts_of_hundreds_of_millions_take_no_memory(model, dataset, tmp_path):
    rewrite(tmp_path / "m" / "model.json", lambda about: about["labels"].update(counts=[HUGE, HUGE, HUGE]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = Model.load(tmp_path / "m")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10  # kilobytes; it was 9 GB
    assert model.outcome.classes.prior.tolist() == [1 / 3] * 3
    assert model.predict_proba(dataset.raw, "natural").shape == (len(dataset), 3)


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "bert", "_name_or_path": "someone/something"},
        {"model_type": "bert", "auto_map": {"AutoModel": "someone/something--model.Model"}},
        {"model_type": "bert", "attn_implementation": "someone/kernel"},
        {"model_type": "detr", "use_pretrained_backbone": True, "backbone": "resnet50"},
        {"model_type": "llava", "vision_config": {"model_type": "clip_vision_model", "_name_or_path": "a/b"}},
        {"model_type": "bert", "num_hidden_layers": HUGE},
        {"model_type": "bert", "vocab_size": HUGE},
        {"model_type": 3},
        [],
    ],
    ids=str,
)
def test_a_forged_config_asks_no_hub_and_takes_no_memory(monkeypatch, config):
    pytest.importorskip("transformers")

    def request(*args, **kwargs):
        raise AssertionError("it asked for something over the network")

    monkeypatch.setattr("socket.socket.connect", request)
    spec = {"part": "longtail.backbones.text_model:TextModel", "kwargs": {"config": json.dumps(config)}}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="backbone TextModel"):
        rebuild(spec, {}, "backbone")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 2**10  # kilobytes


@pytest.mark.parametrize("name", ["hf-hub:someone/something", "hf_hub:a/b", "local-dir:/etc", "../x"])
def test_a_timm_model_is_a_name_not_a_place(name):
    spec = {"part": "longtail.backbones.timm_model:TimmModel", "kwargs": {"name": name}}
    with pytest.raises(ValueError, match="no place to read it from"):
        rebuild(spec, {}, "backbone")


class Doubled(nn.Linear):
    """A head of the user's own that can be rebuilt."""

    def __init__(self, feature_dim: int, num_classes: int) -> None:
        super().__init__(feature_dim, num_classes)
        self.spec = part(Doubled, feature_dim=feature_dim, num_classes=num_classes)

    def forward(self, x):
        return 2 * super().forward(x)


def test_a_model_with_a_head_of_one_s_own_says_how_to_load_it(dataset, tmp_path):
    from longtail import recipes
    from longtail.surgery import SwapHead

    def swapped(base):
        erm = recipes.erm(base)
        return erm.but(stages=(erm.stages[0].but(surgery=(part(SwapHead, head=part(Doubled)),)),))

    with pytest.warns(UserWarning, match=r"Model\.load\(folder, own=\{.*Doubled'?: Doubled\}\)"):
        model = longtail.train(dataset, recipe=swapped, epochs=1, out=tmp_path / "m")
    with pytest.raises(ValueError, match=r"own=\{'.*:Doubled'"):
        Model.load(tmp_path / "m")
    again = Model.load(tmp_path / "m", own={f"{Doubled.__module__}:Doubled": Doubled})
    assert torch.equal(again.predict_proba(dataset.raw), model.predict_proba(dataset.raw))


@pytest.mark.parametrize("where", ["model.json", "tensors"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "empty"])
def test_a_damaged_file_is_named(model, tmp_path, where, damage):
    file = tmp_path / "m" / "model.json"
    if where == "tensors":
        file = next((tmp_path / "m").glob("*.safetensors"))
    raw = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage == "flip":
        at = raw.index(b'"counts": [') + 20 if where == "model.json" else len(raw) - 1
        raw[at] ^= 1
        file.write_bytes(raw)
    else:
        file.write_bytes(raw[: len(raw) // 2] if damage == "cut" else b"")
    with pytest.raises((ValueError, FileNotFoundError), match=file.name):
        Model.load(tmp_path / "m")


def test_at_each_moment_of_a_save_there_is_a_whole_model(dataset, made, model, tmp_path, monkeypatch):
    first, second = model, made["focal"]
    known = [m.predict_proba(dataset.raw) for m in (first, second)]
    moments = []

    def looking(name):
        did = getattr(os, name)

        def look(*args, **kwargs):
            moments.append(Model.load(tmp_path / "m").predict_proba(dataset.raw))
            did(*args, **kwargs)
            moments.append(Model.load(tmp_path / "m").predict_proba(dataset.raw))

        monkeypatch.setattr(os, name, look)

    for name in ("replace", "unlink", "chmod"):
        looking(name)
    second.save(tmp_path / "m")
    monkeypatch.undo()
    assert len(moments) >= 8
    which = [min(k for k in (0, 1) if torch.equal(m, known[k])) for m in moments]
    assert which == sorted(which)
    assert set(which) == {0, 1}
    assert len(list((tmp_path / "m").glob("*.safetensors"))) == 1


@pytest.mark.parametrize(
    "why", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "stopped"]
)
@pytest.mark.parametrize("step", range(1, 5))
def test_a_save_that_fails_leaves_the_old_model(dataset, made, model, tmp_path, monkeypatch, step, why):
    first, second, left = model, made["focal"], [step]
    fsync = os.fsync

    def full(handle):
        left[0] -= 1
        if left[0] == 0:
            raise why
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with contextlib.suppress(OSError, KeyboardInterrupt):
        second.save(tmp_path / "m")
    monkeypatch.undo()
    found = Model.load(tmp_path / "m").predict_proba(dataset.raw)
    assert any(torch.equal(found, m.predict_proba(dataset.raw)) for m in (first, second))
    assert len(list((tmp_path / "m").glob("*.safetensors"))) == 1
    assert not [f for f in (tmp_path / "m").iterdir() if f.suffix == ".tmp"]


SAVE = """
import os, signal, sys
from longtail.model import Model
import longtail.model

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

model = Model.load(sys.argv[1])
longtail.model.write_json = die
model.save(sys.argv[2])
"""


@pytest.mark.parametrize("there", ["a model", "nothing"])
def test_tensors_that_a_killed_save_left_are_swept_by_the_next(model, dataset, tmp_path, there):
    """Killed after the tensors and before ``model.json``: a first save was refused from then on."""
    target = tmp_path / ("m" if there == "a model" else "new")
    assert subprocess.run([sys.executable, "-c", SAVE, tmp_path / "m", target]).returncode == -9
    assert len(list(target.glob("model-*.safetensors"))) == (2 if there == "a model" else 1)
    (target / ".notes").touch()
    model.save(target)
    assert len(list(target.glob("model-*.safetensors"))) == 1
    assert torch.equal(Model.load(target).predict_proba(dataset.raw), model.predict_proba(dataset.raw))
    assert (target / ".notes").exists()


def test_what_another_process_is_saving_stays(model, tmp_path):
    other = tmp_path / "m" / f"model-{HOST}-{os.getppid()}-0123456789ab.safetensors"
    other.touch()
    model.save(tmp_path / "m")
    assert other.exists()


def test_others_may_read_a_model(dataset, tmp_path):
    before = os.umask(0o022)
    try:
        longtail.train(dataset, recipe="erm", epochs=1, out=tmp_path / "m")
    finally:
        os.umask(before)
    assert {f.stat().st_mode & 0o777 for f in (tmp_path / "m").iterdir()} == {0o644}


def test_a_damaged_model_is_refused(model, tmp_path):
    file = next((tmp_path / "m").glob("model-*.safetensors"))
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


@pytest.mark.parametrize(
    "recipe",
    ["logistic", "random-forest:trees=20", "easy-ensemble:subsets=2", "crt", "lws", "bags", "mislas"],
)
@pytest.mark.usefixtures("no_report")
def test_from_the_cache_is_the_same(dataset, tmp_path, recipe):
    import shutil

    asked = {"recipes": [recipe], "folds": 2, "epochs": 2, "out": tmp_path, "model": False}
    first = longtail.compare(dataset, **asked)
    shutil.rmtree(tmp_path / "runs")
    again = longtail.compare(dataset, **asked)
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
