"""Predictions into files, in the format of the ending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from longtail.adjust.inputs import Ints, softmax
from longtail.adjust.predictions import Predictions
from longtail.files import whole
from longtail.tables import ending, write_table


def write_predictions(predictions: Predictions, decided: Ints, path: str | Path, raw: bool = False) -> None:
    """Write the other columns, the probabilities, the decision and the label (where known).

    Another column of a name that is written here is called ``NAME (input)``.

    Raises:
        ValueError: an ending that is not written.
    """
    probs = softmax(predictions.logits)
    named = np.array(predictions.names, dtype=object)
    if ending(path)[0] == ".npz":
        text = named.astype(str)
        arrays: dict[str, Any] = {"probs": probs, "prediction": text[decided], "classes": text}
        if predictions.y is not None:
            arrays["label"] = np.append(text, "")[predictions.y]
        if isinstance(predictions.others, dict):
            arrays = {**predictions.others, **arrays}
        with whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        return
    import pandas

    table = pandas.DataFrame(probs, columns=[f"p_{name}" for name in predictions.names])
    table["prediction"] = named[decided]
    if predictions.y is not None:
        table["label"] = np.array([*predictions.names, None], dtype=object)[predictions.y]
    if predictions.others is not None:
        others = pandas.DataFrame(predictions.others).reset_index(drop=True)
        others.columns = [f"{c} (input)" if c in table.columns else c for c in others.columns]
        table = pandas.concat([others, table], axis=1)
    write_table(table, path, raw)
