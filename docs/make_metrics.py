"""Write docs/metrics.md from the metrics' room: ``python docs/make_metrics.py``."""

from __future__ import annotations

from pathlib import Path

from longtail.metrics import Metric, found

HERE = Path(__file__).parent
NEEDS = {
    "decisions": "the decided classes",
    "probabilities": "the probabilities of each row",
    "order": "all rows, sorted by a class's probability",
}
PRIOR = {"rows": "yes", "within classes": "no"}


def page() -> str:
    """The guide, then a line for each metric."""
    note = "<!-- Written by docs/make_metrics.py from the metrics; edit those, or metrics_guide.md. -->\n"
    head = "| name | meaning | better | looks at | moved by the prior | tested on rows |\n|---|---|---|---|---|---|\n"
    guide = (HERE / "metrics_guide.md").read_text(encoding="utf-8")
    return note + guide.replace("TABLE\n", head + "".join(line(m) for m in found().values()))


def line(m: Metric) -> str:
    """One metric."""
    only = f" Only with {m.least_classes} classes or more." if m.least_classes > 1 else ""
    only += " Only where costs are declared." if m.of_costs else ""
    only += " Only for tokens with BIO tags." if m.of_sequences else ""
    tested = "yes" if m.smooth else "no, on folds"
    cells = (f"`{m.name}`", m.meaning + only, m.better, NEEDS[m.needs], PRIOR[m.weights], tested)
    return "| " + " | ".join(cells) + " |\n"


if __name__ == "__main__":
    (HERE / "metrics.md").write_text(page(), encoding="utf-8")
