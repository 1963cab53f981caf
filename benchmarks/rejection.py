"""How well rows of classes that training never saw are told by the largest probability: erm, oltr and others on digits.

    python benchmarks/rejection.py [--recipes erm,oltr,balanced-softmax,sade] [--seeds 3] [--imbalance 20] [--epochs E]

Training: the digits 0 to 7 of a long-tailed draw of scikit-learn's 1,797 digits, another one for each seed, tuned and
calibrated as ``longtail train`` does. Test: the images of these digits that were not drawn, and all of 8 and 9.

Under the balanced prior: AUROC of unknown against known; with ``--reject-rate 0.05``, OLTR's F-measure, the share of
known rows that is rejected (told on held-out training rows: .05), and that of unknown ones; accuracy on the known rows
without rejection. Mean and standard deviation over seeds.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from longtail import __version__, api
from longtail.comparison.results import hardware
from longtail.data import Dataset
from longtail.data.digits import digits
from longtail.data.imbalance import choose_random, exponential_counts
from longtail.data.predicted import scored_open
from longtail.labels import Labels

KNOWN = 8


def images(pixels: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rows as the net takes them, uint8 ``[n, 3, 8, 8]``."""
    grey = (pixels[rows] * (255 / 16)).round().to(torch.uint8)
    return grey[:, None].expand(-1, 3, -1, -1).contiguous()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--recipes", default="erm,oltr,balanced-softmax,sade")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--imbalance", type=float, default=20.0)
    parser.add_argument("--epochs", type=int, help="of the first stage; found on held-out rows if left out")
    asked = parser.parse_args()
    pixels, digit = map(torch.from_numpy, digits())
    known = torch.nonzero(digit < KNOWN).flatten()
    labels = Labels.of(digit[known])
    print(
        f"longtail {__version__}, {hardware()}; seeds {asked.seeds}, imbalance {asked.imbalance:g}, "
        f"epochs {asked.epochs or 'as found'}\n"
    )
    print("| recipe | AUROC | F-measure | known rejected | unknown rejected | accuracy | minutes |")
    print("|---|---|---|---|---|---|---|")
    for name in asked.recipes.split(","):
        began, found = time.monotonic(), []
        for seed in range(asked.seeds):
            index = choose_random(labels, exponential_counts(174, KNOWN, asked.imbalance), seed)
            fresh = torch.ones(len(known), dtype=torch.bool)
            fresh[index] = False
            train = Dataset.of("digits 0-7", "image", images(pixels, known[index]), labels.take(index), [])
            model = api.train(train, recipe=name, seed=seed, epochs=asked.epochs)
            test = torch.cat([known[fresh], torch.nonzero(digit >= KNOWN).flatten()])
            raw, y = images(pixels, test), [str(k) for k in digit[test].tolist()]
            frame = api.predict(model, raw, prior="balanced", reject_rate=0.05, say=lambda note: None)
            below = frame.attrs["rejected"]["below"]
            probabilities = torch.from_numpy(frame[[f"p_{k}" for k in model.names]].to_numpy().copy())
            scores = scored_open(y, model.names, probabilities, below)
            right = [a == b for a, b in zip(frame["most_probable"], y) if b in model.names]
            found.append({**scores, "accuracy": sum(right) / len(right)})
        cells = [
            f"{statistics.mean(v):.3f} ± {statistics.stdev(v) if len(v) > 1 else float('nan'):.3f}"
            for key in ("auroc", "f_measure", "known_rejected", "unknown_rejected", "accuracy")
            for v in [[one[key] for one in found]]
        ]
        print(f"| {name} | {' | '.join(cells)} | {(time.monotonic() - began) / 60:.1f} |", flush=True)


if __name__ == "__main__":
    main()
