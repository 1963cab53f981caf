"""The figure of docs/priors.md: one measurement, two classes, and how the best decision moves with the prior.

python docs/priors_figure.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def main() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "longtail", "font.family": "sans-serif"})
    from matplotlib import pyplot as plt

    x = np.linspace(-3, 6, 400)
    fine, unsafe = np.exp(-0.5 * x**2), np.exp(-0.5 * (x - 2.5) ** 2)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
    for axis, share, title in zip(axes, (0.02, 0.5), ("natural: 2 % unsafe", "balanced: 50 % unsafe")):
        a, b = (1 - share) * fine, share * unsafe
        axis.fill_between(x, a / a.max(), alpha=0.35, label="fine")
        axis.fill_between(x, b / a.max(), alpha=0.35, label="unsafe")
        axis.plot(x, b / (a + b), color="black", label="probability of unsafe")
        boundary = 1.25 + np.log((1 - share) / share) / 2.5
        axis.axvline(boundary, color="black", linestyle=":")
        axis.text(boundary + 0.1, 0.9, "decide unsafe →")
        axis.set(title=title, xlabel="measurement", yticks=[0, 0.5, 1])
    axes[0].legend(loc="center left", frameon=False)
    figure.tight_layout()
    figure.savefig(HERE / "images" / "priors.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
