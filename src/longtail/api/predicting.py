"""Predict: classes and probabilities of new rows, from a model that was kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from longtail import data as data_room
from longtail.api.loading import Given
from longtail.api.rejecting import Reject, rejected_by
from longtail.api.unknown import check_word, said_under
from longtail.classes import UNSEEN
from longtail.costs import Costs
from longtail.data import Dataset, FeatureEncoder
from longtail.data.predicted import columns_kept, label_column, predicted_frame, scored, scored_open
from longtail.data.tagged import is_tagged_file, write_tagged
from longtail.data.tokens import token_frame
from longtail.formats.reading import tell
from longtail.kinds import Sentences
from longtail.model import Model
from longtail.prior import Prior, Said
from longtail.run.engine import engine_of
from longtail.tables import check_table_file, write_table


def predict(
    model: str | Path | Model,
    data: Given,
    *,
    prior: Said = "natural",
    costs: Any = None,
    reject_below: float | None = None,
    reject_rate: float | None = None,
    out: str | Path | None = None,
    keep: str | Sequence[str | int] = (),
    label: str | None = None,
    say: Callable[[str], None] | None = None,
    raw: bool = False,
    device: str | None = None,
    precision: str | None = None,
    **how: Any,
) -> Any:
    """Predicted class, most probable class and probabilities for every row, as a pandas DataFrame.

    Under the natural prior classes are decided by thresholds tuned on held-out rows (for macro F1), where training found
    some that help; ``prediction`` then differs from ``most_probable`` in some rows. Where costs are declared, here or
    when the model was made, the cheapest decision is taken, under any prior. Of a model that was made for a point
    (``metric="recall@precision>=0.9"``), its threshold under the prior decides.

    A prior that nobody knows can be estimated on the rows themselves, without labels: ``prior="estimated"``. And rows
    that are probably of none of the classes can be rejected, by their largest probability under the prior asked for:
    their ``prediction`` is then "none of these".

    Columns: ``path`` where rows are image files, the kept columns, ``label`` where the file has labels, ``prediction``,
    and ``p_CLASS`` for each class. ``frame.attrs["notes"]`` says what was detected and not used;
    ``frame.attrs["scores"]`` has the scores where there are labels: under the prior asked for, and as frequent as in the
    file. ``frame.attrs["prior"]`` has what was found of a prior that was left to be found, ``frame.attrs["rejected"]``
    the threshold and what it costs on held-out rows, and ``frame.attrs["open_set"]`` how well rows were rejected, where
    labels tell (a label that is none of the classes says that its row is of none).

    Args:
        model: a folder that ``train`` or ``compare`` wrote, or the model itself.
        data: rows with the columns the model was trained on, in a file or in memory (a data frame, an array, texts ...);
            a label column is not needed.
        prior: class frequencies where the model is used, as in ``compare``; "natural" is as in training. "estimated"
            finds them on these rows, by EM; "experts" weighs the experts of a recipe such as sade for these rows.
        reject_below: reject a row whose largest probability is below this number.
        reject_rate: the same, by the number below which this share of held-out training rows lies; they are all of
            known classes, so that many of those are lost.
        costs: what each decision costs, as in ``compare``; None takes those of the model, if it has any.
        out: a csv, tsv, jsonl, parquet, feather or xlsx file to write, by its ending; None does not write. Tags of
            tokens also as CoNLL columns (conll, bio, iob, txt) or as a line of lists for each sentence (jsonl).
        keep: columns of the file to keep beside the predictions; "all" keeps all.
        label: the column of labels, for scores; None takes the one that training had, where the file has it.
        raw: leave cells alone that a spreadsheet would run; else they get a quote in front.
        say: called with each note on how the rows were read; None warns of what could not be read.
        device, precision: as for ``compare``, whatever the model was trained on; None leaves a model in memory as it is.
        how: how to read the data: text, header, split, encoding, delimiter, missing, skip_bad, sheet, images; all but
            text are for files, and refused for data in memory.

    Raises:
        ValueError: before any work, an ending of ``out`` that is not written, a device that is not there, or a prior or a
            rejection that the model cannot do; data that the model cannot take, or rows too few to estimate a prior on.
    """
    if out is not None and not is_tagged_file(out):
        check_table_file(out)
    engine = engine_of(None, device, precision)
    loaded = model if isinstance(model, Model) else Model.load(model_folder(Path(model)), engine)
    if (device, precision) != (None, None):
        loaded = loaded.running(engine)
    word = check_word(loaded.outcome, prior)
    deploy = None if word is not None else Prior.of(prior, loaded.outcome.classes, files=True)
    if costs is not None:
        given = Costs.of(costs, loaded.names, files=True)
        loaded = replace(loaded, outcome=loaded.outcome.but(costs=given))
    reject = Reject.of(loaded.outcome, reject_below, reject_rate)
    if reject_rate is not None and word == "experts":
        raise ValueError("reject_rate: held-out rows know nothing of prior='experts'; say reject_below=...")
    declared = loaded.outcome.costs
    columns = () if declared is None else declared.columns
    like = loaded.encoder.front if isinstance(loaded.encoder, FeatureEncoder) else loaded.encoder
    if isinstance(data, Dataset):
        beside = {**data_room.costs_in(data.raw, columns), **data.costs_of}
        rows = data_room.Rows(data.raw, costs=dict(beside))
        labels: list[Any] | None = [data.labels.names[k] for k in data.labels.y.tolist()]
    else:
        remembered = loaded.reading
        rows = data_room.read_inputs(
            data, like, classes=loaded.names, reading=remembered, cost_columns=columns, **how
        )
        labels = label_column(
            rows, loaded.names, label, remembered.get("label"), tuple(getattr(like, "columns", ()))
        )
    sentences = rows.raw if isinstance(rows.raw, Sentences) else None
    if out is not None and sentences is None:
        check_table_file(out)
    kept = columns_kept(rows, keep)  # a column that is not there is an error before the work
    if sentences is not None:
        rows.frame = token_frame(sentences) if rows.frame is None else rows.frame
        kept = list(dict.fromkeys(("sentence", "token", *(name for name in kept if name != "tag"))))
    rows.notes += [f"class {name!r} had no training row: {UNSEEN}" for name in loaded.outcome.classes.unseen]
    encoded = loaded.encoder(rows.raw)
    found = said_under(loaded.outcome, encoded, word, deploy)
    probabilities, chosen = found.probabilities, found.decide(rows.costs)
    rows.notes += found.notes
    if declared is not None:
        rows.notes.append(f"decided by costs. {declared.in_words(loaded.names)}")
    elif (aimed := loaded.outcome.aimed) is not None and found.prior is not None:
        rows.notes.append(aimed.in_words(loaded.names, found.outcome.threshold(found.prior)))
    tested = None if found.prior is None else found.prior.resolve(loaded.outcome.classes)
    rejected, below, rejection = None, 0.0, None
    if reject is not None:
        below = reject.threshold(loaded.outcome, tested)
        rejected = rejected_by(below, probabilities)
        rejection, said = reject.said(loaded.outcome, tested, below, rejected)
        rows.notes.append(said)
    scores: dict[str, dict[str, float]] = {}
    opened: dict[str, float] = {}
    if labels is not None:
        opened = {} if reject is None else scored_open(labels, loaded.names, probabilities, below)
        cost = None if declared is None else torch.from_numpy(declared.matrix(rows.costs))
        labels, scores, said = scored(
            labels, loaded.names, probabilities, chosen, tested, cost,
            None if sentences is None else sentences.sentence,
        )  # fmt: skip
        rows.notes.append(said if not opened else f"{said}; the scores are as if no row were rejected")
    frame = predicted_frame(rows, kept, labels, loaded.names, probabilities, chosen, rejected)
    frame.attrs["decided_by"] = loaded.outcome.decided_by
    if scores:
        frame.attrs["scores"] = scores
    for name, about in (("prior", found.about), ("rejected", rejection), ("open_set", opened)):
        if about:
            frame.attrs[name] = about
    frame.attrs["notes"] = list(rows.notes)
    tell(rows.notes, say)
    if out is not None and sentences is not None and is_tagged_file(out):
        write_tagged(frame, sentences, out)
    elif out is not None:
        write_table(frame, out, raw)
    return frame


def model_folder(folder: Path) -> Path:
    """The folder of a model: the one given, or the model in a folder that ``compare`` wrote."""
    inner = folder / "model"
    return inner if not (folder / "model.json").exists() and (inner / "model.json").exists() else folder
