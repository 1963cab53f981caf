"""Draw docs/sampling.svg: the classes that one epoch of each sampler holds. Run: python docs/sampling_figure.py"""

from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "longtail"
import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402

from longtail import samplers as s  # noqa: E402
from longtail.labels import Labels  # noqa: E402
from longtail.part import part, switch  # noqa: E402

COUNTS = torch.tensor([int(500 * 100 ** (-c / 9)) for c in range(10)])
LABELS = Labels.of(torch.repeat_interleave(torch.arange(10), COUNTS))
DEFERRED = switch({0: part(s.Shuffled), 0.8: part(s.ClassBalanced)})


class Union:
    """The originals and the new images that the bag of tricks makes of them."""

    def __call__(self, labels: Labels, generator: torch.Generator, t: float) -> torch.Tensor:
        return torch.cat([s.Shuffled()(labels, generator), s.Complement()(labels, generator)])

    def stream_prior(self, labels: Labels, t: float) -> torch.Tensor:
        return torch.full((labels.num_classes,), 1 / labels.num_classes)


PANELS = [
    ("Shuffled()", s.Shuffled(), 0.0),
    ("ClassBalanced(power=0.5)", s.ClassBalanced(power=0.5), 0.0),
    ("ClassBalanced()", s.ClassBalanced(), 0.0),
    ("ClassBalanced(power=-1)", s.ClassBalanced(power=-1.0), 0.0),
    ("Progressive(), t = 0.25", s.Progressive(), 0.25),
    ("Progressive(), t = 0.75", s.Progressive(), 0.75),
    ("EffectiveNumberSampler(beta=0.99)", s.EffectiveNumberSampler(beta=0.99), 0.0),
    ("RepeatFactor(threshold=0.1)", s.RepeatFactor(threshold=0.1), 0.0),
    ("ClassAware(k=4)", s.ClassAware(k=4), 0.0),
    ("OverSample(to=200)", s.OverSample(to=200), 0.0),
    ("UnderSample(to=50)", s.UnderSample(to=50), 0.0),
    ("Subset(group='few')", s.Subset(group="few"), 0.0),
    ("MPerClass(m=4, batch_size=32)", s.MPerClass(m=4, batch_size=32), 0.0),
    ("Complement()", s.Complement(), 0.0),
    ("Shuffled() and Complement()", Union(), 0.0),
    ("DRS by switch, t = 0.9", DEFERRED.at(0.9).build(), 0.9),
]


def main() -> None:
    """Bars: examples of one epoch, by class. Dots: what ``stream_prior`` declares."""
    figure, axes = plt.subplots(4, 4, figsize=(11, 8.5), sharex=True)
    for axis, (title, sampler, t) in zip(axes.flat, PANELS, strict=True):
        index = sampler(LABELS, torch.Generator().manual_seed(0), t)
        seen = torch.bincount(LABELS.y[index], minlength=10)
        axis.bar(range(10), seen, color="#7aa6c2")
        axis.plot(range(10), sampler.stream_prior(LABELS, t) * len(index), "k.", markersize=4)
        axis.set_title(f"{title}\n{len(index)} examples", fontsize=8)
        axis.tick_params(labelsize=7)
    figure.supxlabel("class, from the most to the least frequent", fontsize=9)
    figure.tight_layout()
    figure.savefig(Path(__file__).with_name("sampling.svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
