"""Kept: the out-of-fold predictions of a comparison, row by row, and the most certain mistakes among them.

They follow from the outputs that every run leaves beside its numbers (:mod:`longtail.comparison.outputs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail.comparison.leaderboard import board, shown_priors
from longtail.comparison.mistake import Mistake, in_words, small_picture
from longtail.comparison.outputs import Outputs, load_outputs
from longtail.comparison.points import aimed_of
from longtail.comparison.record import Results, Run
from longtail.formats.images import ImageFiles
from longtail.kinds import Sentences
from longtail.prior import Prior
from longtail.store import Entries
from longtail.tables import write_table

SHOWN = 60
"""Mistakes on a page, at most."""
PER_CLASS = 5
NUMBERS = 2**25
"""Rows times classes up to which the probability of every class is written; above, of decision and true class alone."""


def predictions(
    results: Results,
    outputs: Entries,
    recipe: str,
    of: Mapping[str, Tensor] | None = None,
    every_class: bool = True,
) -> Any:
    """What a recipe said of every test row, as a pandas DataFrame; one row per seed and row of the data.

    Columns: ``row`` (from 0, among the rows that were read), ``fold`` and ``seed`` (from 0), ``truth``, ``decision``,
    ``probability`` of the decision, ``p_truth`` of the true class, and ``p_CLASS`` for each class (left out where that
    would be too many numbers): all under the declared prior, and by the declared costs, or for the point that ranks.

    Args:
        outputs: what the runs of the comparison said.
        recipe: one that it compared.
        of: the values of each column that the costs name, of all rows of the data.
        every_class: with the columns ``p_CLASS``.

    Raises:
        ValueError: there is no such recipe, it has no finished run, or what it said is no longer there.
    """
    import pandas as pd

    if recipe not in results.recipes:
        raise ValueError(f"recipe={recipe!r} was not compared here; there are {', '.join(results.recipes)}")
    parts, names = [], results.data.names
    for run in results.by_recipe[recipe].values():
        found = outputs_of(outputs, run)
        if found is None:
            raise ValueError(
                f"what {recipe} said in {run.where} is no longer there: the same comparison makes it again"
            )
        p, decided = found.under(declared(results), results.settings.costs, of, aimed_of(results))
        at = torch.arange(len(decided))
        columns = {
            "row": found.rows.numpy(),
            "fold": run.fold,
            "seed": run.seed,
            "truth": [names[k] for k in found.y.tolist()],
            "decision": [names[k] for k in decided.tolist()],
            "probability": p[at, decided].numpy(),
            "p_truth": p[at, found.y].numpy(),
        }
        if every_class and results.data.n * results.data.num_classes <= NUMBERS:
            columns |= {f"p_{name}": p[:, k].numpy() for k, name in enumerate(names)}
        parts.append(pd.DataFrame(columns))
    if not parts:
        raise ValueError(f"recipe={recipe!r} has no finished run here")
    return pd.concat(parts).sort_values(["seed", "row"], kind="stable").reset_index(drop=True)


def write_predictions(
    results: Results, outputs: Entries, file: Path, of: Mapping[str, Tensor] | None = None
) -> None:
    """Write a csv: what the best recipe said of every test row. Where that is no longer there, no
    older file stays in its place.
    """
    try:
        found = predictions(results, outputs, best_recipe(results), of)
    except ValueError:
        file.unlink(missing_ok=True)
        return
    write_table(found, file)


def mistakes(table: Any, per_class: int = 5) -> Any:
    """The most certain mistakes of each true class: rows that were given another class, the highest probability first.

    Args:
        table: from :func:`predictions`; of several seeds each row counts once, by its most certain mistake.
        per_class: how many of each class, at most.

    >>> import pandas as pd
    >>> said = {"row": [0, 1, 2], "truth": ["a", "a", "a"], "decision": ["b", "a", "b"], "probability": [0.6, 0.9, 0.8]}
    >>> mistakes(pd.DataFrame(said))["row"].tolist()
    [2, 0]
    """
    wrong = table[table["truth"] != table["decision"]]
    sure = wrong.sort_values("probability", ascending=False, kind="stable").drop_duplicates("row")
    return (
        sure.groupby("truth", sort=False)
        .head(per_class)
        .sort_values(["truth", "probability"], ascending=[True, False], kind="stable")
        .reset_index(drop=True)
    )


def worst(
    results: Results, outputs: Entries, raw: Any, of: Mapping[str, Tensor] | None = None
) -> tuple[Mistake, ...]:
    """The most certain mistakes of the best recipe, with the rows themselves; the rarest class first. At most
    ``PER_CLASS`` of a class and ``SHOWN`` in all; none where what it said is no longer there.

    Args:
        raw: the rows of the data set, as they were read.
        of: the values of each column that the costs name, of all rows.
    """
    try:
        table = predictions(results, outputs, best_recipe(results), of, every_class=False)
    except ValueError:
        return ()
    found = mistakes(table, max(1, min(PER_CLASS, SHOWN // results.data.num_classes)))
    count = dict(zip(results.data.names, results.data.counts))
    rows = sorted(found.to_dict("records"), key=lambda row: (count[row["truth"]], row["truth"]))[:SHOWN]
    at = [int(row["row"]) for row in rows]
    columns = cells(raw, at)
    return tuple(
        Mistake(
            row=k,
            fold=int(row["fold"]),
            seed=int(row["seed"]),
            truth=row["truth"],
            decision=row["decision"],
            probability=float(row["probability"]),
            p_truth=float(row["p_truth"]),
            words=in_words({name: values[i] for name, values in columns.items()}),
            picture=picture(raw, k),
        )
        for i, (k, row) in enumerate(zip(at, rows))
    )


def best_recipe(results: Results) -> str:
    """The best recipe under the declared prior whose training converged; without any, the one ranked first."""
    made = board(results, shown_priors(results)[0])
    return (made.winner or made.rows[0]).recipe


def declared(results: Results) -> Prior:
    """The prior that the user declared."""
    prior = shown_priors(results)[0]
    if prior == "declared":
        return Prior.given(results.settings.prior_vector)
    return Prior.balanced() if prior == "balanced" else Prior.natural()


def outputs_of(outputs: Entries, run: Run) -> Outputs | None:
    """What a run said of its test rows; None where that is not there."""
    return None if run.identity is None else load_outputs(outputs, run.identity)


def cells(raw: Any, rows: list[int]) -> dict[str, list[Any]]:
    """Those rows of a data set as columns: cells of a table, text, or paths of pictures; none for numbers alone.

    >>> cells(["good", "bad"], [1])
    {'text': ['bad']}
    """
    if hasattr(raw, "iloc"):
        taken = raw.iloc[rows]
        return {str(name): list(taken[name]) for name in raw.columns}
    if isinstance(raw, Sentences):
        return {"sentence": [raw.around(k) for k in rows]}
    if isinstance(raw, list):
        return {"text": [raw[k] for k in rows]}
    if isinstance(raw, ImageFiles) and all(isinstance(source, Path) for source in raw.sources):
        return {"path": [str(raw.sources[k]) for k in rows]}
    return {}


def picture(raw: Any, row: int) -> str:
    """A row of images as a small picture, a ``data:`` address; empty where it is none, or can no longer be read."""
    if not isinstance(raw, ImageFiles) and getattr(raw, "ndim", 0) != 4:
        return ""
    try:
        pixels = raw[row]
    except ValueError:
        return ""
    return small_picture(pixels) if pixels.dtype == torch.uint8 and pixels.shape[0] == 3 else ""


def with_cells(found: Any, columns: Mapping[str, list[Any]]) -> Any:
    """The mistakes with the row's own cells behind them; a name that is there already gets "(input)" behind it."""
    taken = set(found.columns)
    return found.assign(
        **{f"{name} (input)" if name in taken else name: values for name, values in columns.items()}
    )
