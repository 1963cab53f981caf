"""What batching by length saves, and what a frozen encoder costs: a BERT of 4 layers and width 256 with random weights.

    python benchmarks/encoders.py DATA.tsv [ROWS]

Random weights cost what trained ones cost; nothing here says how good an encoder is. The two orders are timed in turns,
three times each; the medians are compared.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from longtail.backbones import TextModel, text_model
from longtail.data import TokenEncoder, load
from longtail.inputs import TokenRows

BATCH = 512


def model(folder: Path, texts: list[str]) -> Path:
    """A random BERT whose vocabulary is the characters of the texts."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *sorted({c for t in texts for c in t.lower() if not c.isspace()})]
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    BertTokenizerFast.from_pretrained(folder, model_max_length=512).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def padded(rows: TokenRows, bucketed: bool) -> int:
    """Tokens that the encoder reads, padding included."""
    total = 0
    for start in range(0, len(rows), BATCH):
        lengths = rows[start : start + BATCH].lengths
        if bucketed:
            order = lengths.argsort(stable=True)
            runs = text_model.buckets(lengths[order], order)
            total += sum(len(run) * int(lengths[run].max()) for run in runs)
        else:
            total += len(lengths) * int(lengths.max())
    return total


def seconds(net: TextModel, rows: TokenRows, limit: int) -> float:
    """Time of one pass over the rows with buckets of at most ``limit`` padded tokens."""
    text_model.BUCKET = limit
    text_model.buckets.__defaults__ = (limit,)  # type: ignore[attr-defined]
    began = time.perf_counter()
    with torch.no_grad():
        for start in range(0, len(rows), BATCH):
            net(rows[start : start + BATCH])
    return time.perf_counter() - began


def main() -> None:
    data, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1024
    torch.set_num_threads(1)
    texts = load(data).raw
    with tempfile.TemporaryDirectory() as folder:
        where = str(model(Path(folder), texts))
        encoder = TokenEncoder.of(where)
        net = TextModel.pretrained(where, pool="mean")
    rows = encoder(texts)
    real = int(rows.lengths.sum())
    print(f"{len(rows)} texts, {real} tokens, longest {rows.shape[1]}, median {int(rows.lengths.median())}")
    train = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0)).split(32)
    steps = sum(len(b) * int(rows[b].lengths.max()) for b in train)
    print(f"training batches of 32, padded to their longest: {steps / real:.2f} of the real tokens")
    for name, total in (
        ("all rows padded to the longest", len(rows) * rows.shape[1]),
        (f"batches of {BATCH} padded to their longest", padded(rows, False)),
        ("buckets by length", padded(rows, True)),
    ):
        print(f"{name}: {total} tokens, {total / real:.2f} of the real ones")
    some = rows[:n]
    plain, buckets = [], []
    for _ in range(3):
        plain.append(seconds(net, some, 1 << 40))
        buckets.append(seconds(net, some, 8192))
    a, b = statistics.median(plain), statistics.median(buckets)
    print(f"{n} texts, one core: {a:.1f} s padded by batch ({min(plain):.1f} to {max(plain):.1f}), {b:.1f} s in buckets "
          f"({min(buckets):.1f} to {max(buckets):.1f}): {a / b:.2f} times")  # fmt: skip


if __name__ == "__main__":
    main()
