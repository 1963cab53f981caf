"""Several data sets: compare on each, and rank the recipes over them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longtail import data as data_room
from longtail.api.comparing import compare
from longtail.api.comparison import Comparison
from longtail.api.loading import DEFAULT_OUT, Given, load
from longtail.api.telling import told
from longtail.clock import monotonic, today
from longtail.comparison.leaderboard import shown_priors
from longtail.comparison.ranking import Ranking, rank, shared_priors
from longtail.comparison.results import hardware, versions
from longtail.costs import Costs, by_class_name, columns_named
from longtail.data import Dataset
from longtail.files import write_json
from longtail.report import brief
from longtail.report.ranks import write_ranks
from longtail.run import OutOfTime
from longtail.run.engine import engine_of
from longtail.run.loop import On


def check_costs(said: Any, sets: Mapping[str, Dataset]) -> None:
    """Costs that do not fit every data set are an error before anything is trained.

    Raises:
        ValueError: they lack a class of one, or stand in class order where the data sets have other classes.
    """
    if said is None:
        return
    orders = {data.labels.names for data in sets.values()}
    if len(orders) > 1 and not by_class_name(said, files=True):
        raise ValueError(
            "costs= stand in class order, and these data sets have other classes: name the classes, as in a csv file, or "
            "compare the data sets one by one"
        )
    for name, data in sets.items():
        try:
            Costs.of(said, data.labels.names, files=True).matrix(data.costs_of)
        except ValueError as why:
            raise ValueError(f"data set {name}: {why}") from None


@dataclass(frozen=True, eq=False, repr=False)
class Several:
    """What ``compare_several`` found.

    Attributes:
        comparisons: one a data set, by its name.
        rankings: recipes ranked over the data sets, one a prior.
        folder: where ranks.json, report.html and a folder a data set are.
    """

    comparisons: dict[str, Comparison]
    rankings: tuple[Ranking, ...]
    folder: Path

    @property
    def table(self) -> Any:
        """A pandas DataFrame, one row per prior and recipe, best mean rank first, with the score on each data set."""
        return brief.ranks_table(self.rankings)

    def __repr__(self) -> str:
        return brief.several_text(self.rankings, self.folder)

    def _repr_html_(self) -> str:
        return brief.several_html(self.rankings, self.folder)


def compare_several(
    data: Sequence[Given],
    *,
    out: str | Path = DEFAULT_OUT,
    prior: str = "natural",
    budget: float | None = None,
    began: float | None = None,
    on: On | None = None,
    verbose: int = 1,
    command: str | None = None,
    model: bool | None = None,
    how: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Several:
    """Compare recipes on several data sets, each as ``compare`` does, and rank them over the data sets.

    Made again with the same settings, it goes on where it was.

    Args:
        data: two or more files, folders or data sets; all are read before anything is trained.
        out: folder; each data set gets a folder of its name in it.
        prior: "natural" or "balanced"; probabilities of your own belong to one data set's classes.
        budget: seconds for all of them; each gets its share of what is left.
        began: as for ``compare``.
        on, verbose, command, model: as for ``compare``.
        how: how to read the data, as for ``load``.
        settings: recipes, folds, seeds, costs (by class name, unless all data sets have the same classes), metric,
            baseline, jobs, backbone, epochs, tuning, duplicates, device, precision, engine, as for ``compare``.

    Raises:
        ValueError: fewer than two data sets, another prior, costs that do not fit each of them, or a device that is not
            there.
        OutOfTime: no run finished on any of them but one.
    """
    if len(data) < 2:
        raise ValueError(f"data holds {len(data)} data sets; ranks over data sets need at least two")
    if prior not in ("natural", "balanced"):
        raise ValueError(f"prior={prior!r}: over several data sets it must be natural or balanced")
    said = [settings.pop(name, None) for name in ("engine", "device", "precision")]
    settings["engine"] = engine_of(*said)
    folder, began = Path(out), monotonic() if began is None else began
    if (folder / "results.json").exists():
        raise ValueError(
            f"{folder} holds the results of one data set: name another folder with --out (out=... in Python)"
        )
    sets: dict[str, Dataset] = {}
    found: dict[str, Comparison] = {}
    late = ""
    columns = columns_named(settings.get("costs"), files=True)
    with told(on, verbose) as say:
        for given in data:
            dataset = load(given, on=say, cost_columns=columns, **(how or {}))
            title = re.sub(r"[^\w.-]+", "-", dataset.name).strip(".-") or "data"
            name = next(
                n for n in (title, *(f"{title}-{k}" for k in range(2, len(data) + 2))) if n not in sets
            )
            sets[name] = dataset
        check_costs(settings.get("costs"), sets)
        for k, (name, dataset) in enumerate(sets.items()):
            left = None if budget is None else (budget - (monotonic() - began)) / (len(sets) - k)
            say({"note": f"data set {name}"})
            if on is None:
                say({"data": data_room.inspect_facts(dataset)})
            try:
                found[name] = compare(
                    dataset,
                    out=folder / name,
                    prior=prior,
                    budget=None if left is None else max(1e-9, left),
                    on=say,
                    command=command,
                    model=model,
                    **settings,
                )
            except OutOfTime as why:  # the other data sets must not be lost for this one
                late = f"data set {name}: {why}"
                say({"note": late})
    if len(found) < 2:
        raise OutOfTime(late)
    if any(c.record.left_out for c in found.values()):
        boards = [{row.recipe for row in next(iter(c.rows.values())) if row.rank} for c in found.values()]
        if len(set.intersection(*boards)) < 2:
            raise OutOfTime(
                "fewer than two recipes finished on all data sets, so there is nothing to rank; each data set has its "
                f"own table in {folder}. The same again goes on from here"
            )
    results = {name: c.record for name, c in found.items()}
    priors = shared_priors([shown_priors(r) for r in results.values()])
    rankings = tuple(rank(results, p) for p in priors)
    about_all = {
        "format": 1,
        "command": command or "",
        "created": today(),
        "hardware": hardware(),
        "versions": versions(),
        "folds": next(iter(results.values())).settings.folds,
        "datasets": {
            name: {
                **{k: getattr(r.data, k) for k in ("n", "num_classes", "imbalance")},
                "link": f"{name}/report.html",
            }
            for name, r in results.items()
        },
    }
    write_json(folder / "ranks.json", {**about_all, "rankings": [r.to_json() for r in rankings]})
    write_ranks(about_all, rankings, folder / "report.html")
    return Several(found, rankings, folder)
