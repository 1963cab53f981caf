"""Predictions straight from a model: scikit-learn, torch, Hugging Face. Each is recognised by what it can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from longtail.adjust.predictions import Predictions


def predictions_of(
    model: Any,
    inputs: Any,
    label: Any | None = None,
    names: Sequence[str] | None = None,
    batch_size: int = 256,
) -> Predictions:
    """What a trained model says about ``inputs``, ready for :func:`longtail.adjust.adjust_predictions`.

    Args:
        model: an estimator with ``predict_proba`` (its ``classes_`` are the names); or a torch module that returns
            logits ``[B, C]`` or an output with ``.logits``, as Hugging Face models do (their ``config.id2label`` are
            the names). A module is run in evaluation mode, without gradients, on its own device, and left in the mode
            it was in.
        inputs: what ``predict_proba`` takes; or for a module a tensor ``[N, ...]``, a mapping of tensors (a tokenizer's
            encoding), or an iterable of batches (a DataLoader): tensors, mappings, or pairs of inputs and labels.
            Labels in the batches (a mapping's ``"labels"``) are collected.
        label: class indices or names ``[N]``, where they are not in the batches.
        names: one a class; None takes the model's.
        batch_size: rows at a time, where ``inputs`` are one tensor or mapping.

    Raises:
        TypeError: the model is neither.
        ValueError: no rows, or outputs that are no logits or probabilities; the row is named.

    >>> import torch
    >>> from torch import nn
    >>> model = nn.Linear(2, 3)
    >>> predictions_of(model, torch.randn(5, 2), [0, 1, 2, 0, 1]).logits.shape
    (5, 3)
    """
    if hasattr(model, "predict_proba"):
        called = [str(c) for c in model.classes_] if names is None else names
        return Predictions.of(model.predict_proba(inputs), "probabilities", _plain(label), called)
    if not (callable(model) and hasattr(model, "parameters") and hasattr(model, "eval")):
        raise TypeError(
            f"model is a {type(model).__name__}: it needs predict_proba (calibrate a decision_function first), or to be "
            "a torch module; for arrays of your own use Predictions.of(values, kind)"
        )
    logits, found = _run(model, inputs, batch_size)
    id2label = getattr(getattr(model, "config", None), "id2label", None)
    if names is None and isinstance(id2label, Mapping) and len(id2label) == logits.shape[1]:
        names = [str(id2label[k]) for k in range(len(id2label))]
    if (
        label is None and found is not None and names is not None
    ):  # labels in batches are indices, whatever the names
        label = np.array([str(n) for n in names])[found.numpy()]
    return Predictions.of(logits, "logits", found if label is None else label, names)


def _run(model: Any, inputs: Any, batch_size: int) -> tuple[np.ndarray[Any, Any], Any]:
    """Logits ``[N, C]``, and the labels that the batches held, or None."""
    import torch

    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    was, logits, labels = model.training, [], []
    model.eval()
    try:
        with torch.no_grad():
            for x, y in _batches(inputs, batch_size):
                if isinstance(x, Mapping):
                    out = model(**{k: v.to(device) for k, v in x.items()})
                else:
                    out = model(x.to(device))
                logits.append(getattr(out, "logits", out).float().cpu())
                labels += [] if y is None else [torch.as_tensor(y).cpu()]
    finally:
        model.train(was)
    if not logits:
        raise ValueError("inputs hold no row")
    return torch.cat(logits).numpy(), torch.cat(labels) if labels else None


def _batches(inputs: Any, size: int) -> Iterator[tuple[Any, Any]]:
    """Pairs of inputs and labels (or None)."""
    if isinstance(inputs, Mapping):
        n = len(next(iter(inputs.values())))
        for start in range(0, n, size):
            yield _split({k: v[start : start + size] for k, v in inputs.items()})
    elif hasattr(inputs, "shape"):
        for start in range(0, len(inputs), size):
            yield inputs[start : start + size], None
    elif isinstance(inputs, Iterable):
        for batch in inputs:
            yield _split(batch)
    else:
        raise TypeError(
            f"inputs is a {type(inputs).__name__}: a tensor, a mapping of tensors, or batches of them"
        )


def _split(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, Mapping):
        return {k: v for k, v in batch.items() if k not in ("labels", "label")}, batch.get(
            "labels", batch.get("label")
        )
    if isinstance(batch, tuple | list):
        return (batch[0], batch[1]) if len(batch) > 1 else (batch[0], None)
    return batch, None


def _plain(label: Any) -> Any:
    """Labels as an estimator has them are names of its classes, numbers too."""
    return None if label is None else np.asarray(label).astype(str)
