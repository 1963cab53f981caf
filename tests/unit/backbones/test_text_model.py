"""Hugging Face text encoders on a tiny random BERT: the same numbers as transformers gives, batched by length."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from longtail.backbones import Pretrained, TextModel
from longtail.backbones.text_model import buckets, pooled
from longtail.data import TokenEncoder
from longtail.inputs import TokenRows
from longtail.part import from_json, to_json

TEXTS = ["good", "味道很不错!", "a", "not good at all, the food was bad.", "", "ok ok"]


@pytest.fixture(scope="module")
def encoder(bert: Path) -> TokenEncoder:
    return TokenEncoder.of(str(bert))


def by_transformers(folder: Path, pool: str) -> torch.Tensor:
    """What the library itself gives, one text at a time, so without padding."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    out = []
    with torch.no_grad():
        for text in TEXTS:
            found = model(**tokenizer(text, return_tensors="pt"))
            hidden = found.last_hidden_state[0]
            said = {"cls": hidden[0], "mean": hidden.mean(0), "last": hidden[-1]}
            out.append(found.pooler_output[0] if pool == "pooler" else said[pool])
    return torch.stack(out)


@pytest.mark.parametrize("pool", ["cls", "mean", "last", "pooler"])
def test_equals_transformers_without_padding(bert: Path, encoder: TokenEncoder, pool: str) -> None:
    model = TextModel.pretrained(str(bert), pool=pool)
    with torch.no_grad():
        assert torch.allclose(model(encoder(TEXTS)), by_transformers(bert, pool), atol=1e-5)


def test_token_ids_are_the_tokenizers_own(bert: Path, encoder: TokenEncoder) -> None:
    from transformers import AutoTokenizer

    wanted = AutoTokenizer.from_pretrained(bert)(TEXTS)["input_ids"]
    rows = encoder(TEXTS)
    assert [rows[i : i + 1].ids.tolist() for i in range(len(TEXTS))] == wanted
    again = TokenEncoder.load(*encoder.save())
    assert all(a.equal(b) for a, b in zip(again(TEXTS).tensors(), rows.tensors()))


def test_long_texts_are_cut_and_said(bert: Path) -> None:
    encoder = TokenEncoder.of(str(bert), tokens=8).noting_cuts(TEXTS)
    assert encoder(TEXTS).shape == (6, 8)
    assert "2 of 6 texts fill all 8 tokens" in encoder.notes[-1]
    assert TokenEncoder.of(str(bert), tokens=1000).tokens == 64  # the encoder's own limit


def test_buckets_give_the_same_and_keep_the_order(
    bert: Path, encoder: TokenEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TextModel.pretrained(str(bert), pool="mean")
    with torch.no_grad():
        whole = model(encoder(TEXTS))
        seen = []
        monkeypatch.setattr("longtail.backbones.text_model.BUCKET", 40)
        monkeypatch.setattr(
            "longtail.backbones.text_model.buckets", lambda a, b: seen.extend(buckets(a, b, 40)) or seen
        )
        assert torch.allclose(model(encoder(TEXTS)), whole, atol=1e-5)
    lengths = encoder(TEXTS).lengths
    assert len(seen) > 1
    assert all(len(rows) == 1 or len(rows) * int(lengths[rows].max()) <= 40 for rows in seen)
    assert sorted(torch.cat(seen).tolist()) == list(range(len(TEXTS)))


def test_buckets_never_pad_a_short_text_to_a_long_one() -> None:
    lengths = torch.tensor([5] * 100 + [500])
    runs = buckets(lengths, torch.arange(101), limit=600)
    assert [len(r) for r in runs] == [100, 1]


def test_pooling_passes_over_the_padding() -> None:
    hidden = torch.randn(2, 4, 3)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    spoilt = hidden.clone()
    spoilt[1, 2:] = 1e6
    for pool in ("cls", "mean", "last"):
        assert torch.allclose(pooled(hidden, mask, pool), pooled(spoilt, mask, pool))


def test_rebuilt_from_its_spec_without_the_folder(bert: Path, encoder: TokenEncoder, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "moved"))
    model = TextModel.pretrained(str(folder), rank=2)
    shutil.rmtree(folder)
    again = from_json(json.loads(json.dumps(to_json(model.spec))), slot="backbone").build()
    again.load_state_dict(model.state_dict())
    assert str(folder) not in json.dumps(to_json(model.spec))
    with torch.no_grad():
        assert model(encoder(TEXTS)).equal(again.eval()(encoder(TEXTS)))


def test_lora_starts_as_the_model_and_adapts_the_attention(bert: Path, encoder: TokenEncoder) -> None:
    plain, lora = (
        TextModel.pretrained(str(bert), pool="cls"),
        TextModel.pretrained(str(bert), pool="cls", rank=2),
    )
    with torch.no_grad():
        assert torch.allclose(plain(encoder(TEXTS)), lora(encoder(TEXTS)), atol=1e-6)
    adapted = [n for n, _ in lora.named_parameters() if "lora_A" in n]
    assert len(adapted) == 4  # query and value of two layers
    assert all("query" in n or "value" in n for n in adapted)


def test_the_unused_pooler_is_left_out(bert: Path) -> None:
    names = {n for n, _ in TextModel.pretrained(str(bert), pool="mean").named_parameters()}
    assert not any("pooler" in n for n in names)
    assert any("pooler" in n for n, _ in TextModel.pretrained(str(bert), pool="pooler").named_parameters())


def test_a_sentence_encoder_says_how_it_pools(bert: Path, encoder: TokenEncoder, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "sentence"))
    (folder / "1_Pooling").mkdir()
    said = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(said))
    kinds = ["sentence_transformers.models.Transformer", "sentence_transformers.models.Normalize"]
    (folder / "modules.json").write_text(json.dumps([{"type": k} for k in kinds]))
    model = TextModel.pretrained(str(folder))
    assert (model.pool, model.normalise) == ("mean", True)
    with torch.no_grad():
        assert torch.allclose(model(encoder(TEXTS)).norm(dim=1), torch.ones(6))
    assert TextModel.pretrained(str(folder), pool="cls", normalise=False).pool == "cls"


def test_weights_of_another_model_are_not_drawn_at_random(bert: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(bert, tmp_path / "part"))
    weights = load_file(folder / "model.safetensors")
    lost = "encoder.layer.1.output.dense.weight"
    save_file({k: v for k, v in weights.items() if k != lost}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=lost):
        TextModel.pretrained(str(folder))
    save_file(
        {k: v for k, v in weights.items() if "pooler" not in k},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    assert TextModel.pretrained(str(folder)).pool == "cls"  # nobody asked for it
    with pytest.raises(ValueError, match="pooler"):
        TextModel.pretrained(str(folder), pool="pooler")


def test_an_encoder_decoder_gives_its_encoder(tmp_path: Path) -> None:
    from transformers import T5Config, T5Model

    torch.manual_seed(0)
    T5Model(T5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)).save_pretrained(
        tmp_path
    )
    model = TextModel.pretrained(str(tmp_path), pool="mean", rank=2)
    assert not any("decoder" in name for name in model.state_dict())
    assert model(TokenRows.of([[5, 6, 7], [8]])).shape == (2, 16)


def test_code_named_in_a_config_is_not_run(bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "evil"))
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Evil", "AutoConfig": "evil.EvilConfig"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    model = TextModel.pretrained(str(folder))
    assert "evil" not in json.dumps(to_json(model.spec))


def test_a_name_that_is_not_here_is_an_error_and_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ValueError, match="download=yes"):
        TextModel.pretrained("no-such-owner/no-such-model")
    with pytest.raises(ValueError, match="no tokenizer"):
        TokenEncoder.of("no-such-owner/no-such-model")


def test_without_transformers_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install \"longtail\[text\]\""):
        TextModel.pretrained("anything")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hf:", "FOLDER_OR_NAME"),
        ("hf:x,tune=half", "frozen, lora, full"),
        ("hf:x,speed=high", "no option 'speed'"),
        ("hf:x,rank=two", "whole number"),
        ("hf:x,download=perhaps", "yes or no"),
        ("hf:x,pool=sum", "pool='sum'"),
        ("hf:x,tokens=1", "at least 3"),
    ],
)
def test_wrong_options(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pretrained.parse(text)


def test_options_round_trip() -> None:
    text = "hf:bert,tune=lora,pool=mean,normalise=yes,tokens=64,rank=4,download=yes"
    assert str(Pretrained.parse(text)) == text
    assert Pretrained.parse("hf:bert").frozen


def test_token_rows_index_move_and_pad() -> None:
    rows = TokenRows.of([[1, 2], [3], [4, 5, 6]])
    assert rows.shape == (3, 3)
    taken = rows[torch.tensor([2, 1])]
    ids, mask = taken.to("cpu").padded(9)
    assert ids.tolist() == [[4, 5, 6], [3, 9, 9]]
    assert mask.sum(1).tolist() == [3, 1]
    assert rows[1:].lengths.tolist() == [1, 3]
    assert len(rows[torch.tensor([], dtype=torch.int64)]) == 0
