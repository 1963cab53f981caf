"""Pre-trained encoders from file to saved model: frozen, adapted and fine-tuned, on tiny random models."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
import tiny
import torch

from longtail import api
from longtail.backbones import TextModel, VisionModel
from longtail.data import Dataset
from longtail.integrations.sklearn import LongTailClassifier
from longtail.labels import Labels
from longtail.model import Model
from longtail.run import infer

pytest.importorskip("transformers")

N = 90


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One class says 虫 (insect), the other does not."""
    draw = torch.Generator().manual_seed(0)
    file = tmp_path_factory.mktemp("data") / "reviews.tsv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, delimiter="\t")
        writer.writerow(["label", "comment"])
        for i in range(N):
            rare = i % 5 == 0
            letters = "".join(
                "好吃喝不味道很错"[k] for k in torch.randint(0, 8, (3 + i % 7,), generator=draw)
            )
            writer.writerow([int(rare), letters + ("虫脏虫" if rare else "")])
    return file


@pytest.mark.parametrize(
    "options", ["", ",tune=frozen,pool=cls,normalise=yes", ",tune=lora,rank=2", ",tune=full"]
)
def test_text_from_file_to_saved_model(bert: Path, reviews: Path, tmp_path: Path, options: str) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "bert"))
    model = api.train(
        str(reviews), recipe="erm", backbone=f"hf:{folder}{options}", epochs=2, out=tmp_path / "model",
        kind="text", text="comment", label="label",
    )  # fmt: skip
    shutil.rmtree(folder)  # the saved model stands alone
    again = Model.load(tmp_path / "model")
    texts = ["好吃", "不好吃虫", "", "味" * 200]
    assert torch.equal(model.predict_proba(texts), again.predict_proba(texts))
    assert again.predict_proba(texts).sum(1).allclose(torch.ones(4))
    assert sorted(p.suffix for p in (tmp_path / "model").iterdir()) == [".json", ".safetensors"]
    assert str(folder) not in (tmp_path / "model" / "model.json").read_text(encoding="utf-8")
    frame = api.predict(tmp_path / "model", reviews, text="comment")
    assert len(frame) == N


def test_what_trains(bert: Path, reviews: Path, tmp_path: Path) -> None:
    start = TextModel.pretrained(str(bert), pool="cls").state_dict()
    kept = {}
    for tune in ("lora", "full"):
        model = api.train(
            str(reviews), backbone=f"hf:{bert},tune={tune}", epochs=1, kind="text", text="comment"
        )
        state = {k.replace(".base_layer", ""): v for k, v in model.outcome.net.backbone.state_dict().items()}
        kept[tune] = [name for name, value in start.items() if state[name].equal(value)]
        if tune == "lora":
            assert any(bool((v != 0).any()) for k, v in state.items() if "lora_B" in k), (
                "adapters did not move"
            )
    assert kept["lora"] == list(start)
    assert len(kept["full"]) < 3


def test_the_frozen_encoder_runs_once_over_a_comparison(
    bert: Path, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    forward = TextModel.forward

    def counted(self: TextModel, x: object) -> torch.Tensor:
        rows.append(len(x))  # type: ignore[arg-type]
        return forward(self, x)  # type: ignore[arg-type]

    monkeypatch.setattr(TextModel, "forward", counted)
    settings = {
        "recipes": ["erm", "lift", "crt", "logistic"], "folds": 3, "backbone": f"hf:{bert}", "epochs": 2,
        "out": tmp_path / "out", "kind": "text", "text": "comment",
    }  # fmt: skip
    found = api.compare(str(reviews), **settings)
    assert all(r["status"] == "done" for r in found.results["runs"]), found.results["runs"]
    assert sum(rows) == N
    assert found.results["data"]["kind"] == "text"
    assert any("16 frozen features of hf:" in note for note in found.results["data"]["notes"])
    rows.clear()
    again = api.compare(str(reviews), **settings)
    assert not rows
    assert again.results["runs"] == found.results["runs"]
    assert Model.load(tmp_path / "out" / "model").predict(["好吃虫脏虫"])[0] in ("0", "1")


def test_the_frozen_model_equals_encoder_then_head(bert: Path, reviews: Path) -> None:
    model = api.train(str(reviews), backbone=f"hf:{bert},pool=mean", epochs=2, kind="text", text="comment")
    texts = ["好吃", "很差虫"]
    features = TextModel.pretrained(str(bert), pool="mean", frozen=True)(model.encoder.front(texts))
    logits = infer(model.outcome.net, model.encoder.back(features.detach()), model.outcome.engine)
    assert torch.allclose(logits, model.outcome.logits(model.encoder(texts)), atol=1e-5)


def test_a_comparison_resumes_and_is_the_same(bert: Path, reviews: Path, tmp_path: Path) -> None:
    settings = {
        "recipes": ["erm", "lift", "crt"], "folds": 2, "epochs": 1, "kind": "text", "text": "comment",
        "model": False, "backbone": f"hf:{bert},tune=lora,rank=2",
    }  # fmt: skip
    one = api.compare(str(reviews), out=tmp_path / "a", **settings)
    shutil.rmtree(tmp_path / "a" / "runs")  # the stages stay in the cache
    two = api.compare(str(reviews), out=tmp_path / "a", **settings)
    fresh = api.compare(str(reviews), out=tmp_path / "b", **settings)
    scores = [[r["scores"] for r in c.results["runs"]] for c in (one, two, fresh)]
    assert scores[0] == scores[1] == scores[2]


def test_a_classical_recipe_says_that_it_reads_no_tokens(bert: Path, reviews: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"'logistic' cannot read the tokens .* take tune=frozen or no backbone"
    ):
        api.compare(
            str(reviews), recipes=["erm", "logistic"], folds=2, epochs=1, kind="text", text="comment", model=False,
            backbone=f"hf:{bert},tune=full", out=tmp_path,
        )  # fmt: skip
    assert not (tmp_path / "cache").exists()  # before anything was trained


@pytest.mark.parametrize("kind", ["vit", "convnext", "clip"])
@pytest.mark.parametrize("options", ["", ",tune=lora,rank=2", ",tune=full"])
def test_images(kind: str, options: str, tmp_path: Path) -> None:
    folder = tiny.vision(tmp_path / kind, kind)
    y = torch.tensor([0] * 30 + [1] * 8)
    images = torch.randint(
        0, 256, (38, 3, 12, 12), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    images[y == 1, 0] = 255
    dataset = Dataset.of("toy", "image", images, Labels.of(y))
    model = api.train(
        dataset, recipe="lift", backbone=f"hf:{folder}{options}", epochs=2, out=tmp_path / "model"
    )
    shutil.rmtree(folder)
    again = Model.load(tmp_path / "model")
    assert torch.equal(model.predict_proba(images), again.predict_proba(images))
    about = json.loads((tmp_path / "model" / "model.json").read_text())
    assert about["net"]["head"]["part"] == "heads/Cosine"


def test_the_head_starts_at_the_class_means(tmp_path: Path) -> None:
    from longtail.heads import Cosine
    from longtail.net import Net
    from longtail.surgery import CosineMeans

    folder = tiny.vision(tmp_path / "vit", "vit")
    images = torch.randint(
        0, 256, (6, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    y = torch.tensor([0, 0, 0, 1, 1, 1])
    backbone = VisionModel.pretrained(str(folder))
    net = Net(backbone, Cosine(16, 2))
    with torch.no_grad():
        features = backbone(images)
        head = CosineMeans(lambda n: (n.backbone(images), y), scale=25.0)(net).head
    unit = features / features.norm(dim=1, keepdim=True)
    wanted = torch.stack([unit[:3].mean(0), unit[3:].mean(0)])
    assert torch.allclose(head.weight, wanted / wanted.norm(dim=1, keepdim=True), atol=1e-5)
    assert head.scale == 25.0


@pytest.mark.parametrize("tune", ["frozen", "full"])
def test_a_classifier_predicts_texts_behind_an_encoder(bert: Path, tune: str) -> None:
    texts, y = ["好吃", "味道很错", "好喝不虫", "脏虫"] * 10, ["fine", "fine", "bad", "bad"] * 10
    made = LongTailClassifier(backbone=f"hf:{bert},tune={tune}", epochs=1, random_state=0).fit(texts, y)
    asked = [*texts[:4], None]
    assert torch.equal(
        torch.from_numpy(made.predict_proba(asked)).argmax(1),
        made.model_.predict_proba(asked).argmax(1),
    )


@pytest.mark.parametrize(
    ("backbone", "message"), [("hf:no-such-folder", "download=yes|tokenizer"), ("timm:resnet18", "text data")]
)
def test_wrong_backbones(reviews: Path, backbone: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        api.train(str(reviews), backbone=backbone, kind="text", text="comment")


def test_a_table_has_no_encoder() -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": range(8), "b": range(8)})
    with pytest.raises(ValueError, match="reads text or images, and this is table data"):
        api.train(Dataset.of("toy", "table", frame, Labels.of([0, 1] * 4)), backbone="hf:x")
