"""Metrics: how good outputs are, and how close two sets of outputs come.

Outputs are by name, (samples, …), in real values (float), as `Dataset` holds the inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.data.dataset import Array, Dataset
from edgetool.data.function import call_function, find_function, is_function_reference
from edgetool.errors import DataError, UsageError
from edgetool.figures import Figure

Arrays = Mapping[str, Array]
Function = Callable[[Arrays, Array | None, Arrays], float]


@dataclass(frozen=True)
class Metric:
    """A number from (outputs, labels, inputs). name: as the user spells it."""

    name: str
    function: Function


def choose_metric(name: str | None, outputs: Arrays, dataset: Dataset) -> Metric | None:
    """The metric of that name; without a name the one that labels and outputs suggest, or None.

    Integer labels and one output of several classes suggest top1; labels of 0 and 1 with one
    score or a reconstruction suggest auc; float labels of the output's shape, mse.
    Raises: UsageError for an unknown name.
    """
    if name is None:
        suggested = _suggest(outputs, dataset)
        return None if suggested is None else Metric(suggested, BUILT_IN[suggested])
    if name in BUILT_IN:
        return Metric(name, BUILT_IN[name])
    if is_function_reference(name):
        function = find_function(name)
        return Metric(
            name, lambda *arguments: _number(call_function(function, name, *arguments), name)
        )
    raise UsageError(
        f"metric '{name}' is not known", hints=(f"{', '.join(BUILT_IN)}, or module:function",)
    )


def evaluate(metric: Metric | None, outputs: Arrays, dataset: Dataset) -> dict[str, Figure]:
    """{metric name: figure} over all samples; empty without a metric.

    Raises: DataError when the data lack what the metric needs; UsageError when a user's
    function fails or gives no finite number.
    """
    if metric is None:
        return {}
    value = metric.function(outputs, dataset.labels, dataset.inputs)
    if not math.isfinite(value):
        raise UsageError(
            f"metric '{metric.name}' is {value} over {dataset.samples} samples",
            hints=("a finite number: are there labels, and outputs that differ?",),
        )
    source = f"{dataset.samples} samples of {dataset.path}"
    return {metric.name: Figure(value, "1", "computed", source)}


# --- the built-in metrics -----------------------------------------------------------------------


def top1(outputs: Arrays, labels: Array | None, inputs: Arrays) -> float:
    """Fraction of samples whose largest output is the labelled class.

    labels: integers (samples,), or one-hot (samples, classes).
    """
    output = only_output(outputs, "top1")
    labels = _require_labels(labels, "top1")
    if labels.ndim == 2 and labels.shape == output.shape and labels.shape[1] > 1:
        labels = labels.argmax(axis=1)
    labels = labels.reshape(len(labels), -1)
    if labels.shape[1] != 1 or labels.dtype.kind not in "biu":
        raise DataError("top1 needs integer labels, one a sample", hints=("--metric mse",))
    classes = output.reshape(len(output), -1).shape[1]
    if classes < 2 or int(labels.max()) >= classes or int(labels.min()) < 0:
        low, high = int(labels.min()), int(labels.max())
        raise DataError(
            f"labels {low}..{high} do not fit an output of {classes} classes",
            hints=(f"labels from 0 to {max(classes - 1, 0)}", "--metric auc or mse"),
        )
    return float((decisions(output) == labels[:, 0]).mean())


def auc(outputs: Arrays, labels: Array | None, inputs: Arrays) -> float:
    """Area under the ROC curve: how often a sample labelled 1 scores above one labelled 0.

    The score is the output if it is one number a sample, the second of two, or else, where the
    output has as many values as the input (an autoencoder), the mean squared error of
    reconstruction: label 1 means anomaly. Ties count half.
    """
    labels = _require_labels(labels, "auc").reshape(-1)
    scores = anomaly_scores(only_output(outputs, "auc"), inputs)
    if len(labels) != len(scores) or not np.isin(labels, (0, 1)).all():
        raise DataError("auc needs labels 0 and 1, one a sample")
    positive = labels == 1
    pairs = int(positive.sum()) * int((~positive).sum())
    if pairs == 0:
        raise DataError("auc needs samples of both labels, 0 and 1")
    ranks = _average_ranks(scores)
    count = int(positive.sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / pairs)


def anomaly_scores(output: Array, inputs: Arrays) -> npt.NDArray[np.float64]:
    """One score a sample, (samples,); see auc."""
    flat = output.reshape(len(output), -1).astype(np.float64)
    if flat.shape[1] <= 2:
        return flat[:, -1]
    return reconstruction_errors(flat, inputs)


def reconstruction_errors(output: Array, inputs: Arrays) -> npt.NDArray[np.float64]:
    """Mean squared difference between output and the only input, per sample (samples,)."""
    flat = output.reshape(len(output), -1).astype(np.float64)
    source = next(iter(inputs.values())) if len(inputs) == 1 else None
    if source is None or source.size != flat.size:
        raise DataError(
            f"an output of {flat.shape[1]} values is neither a score nor a reconstruction"
        )
    difference = flat - source.reshape(flat.shape).astype(np.float64)
    return np.asarray((difference * difference).mean(axis=1), np.float64)


def mse(outputs: Arrays, labels: Array | None, inputs: Arrays) -> float:
    """Mean squared difference from the labels, or from the input where there are none."""
    output = only_output(outputs, "mse")
    if labels is None:
        return float(reconstruction_errors(output, inputs).mean())
    if labels.size != output.size:
        raise DataError(f"labels {labels.shape} do not fit the output {output.shape}")
    difference = output.astype(np.float64) - labels.reshape(output.shape).astype(np.float64)
    return float((difference * difference).mean())


BUILT_IN: Mapping[str, Function] = {"top1": top1, "auc": auc, "mse": mse}


# --- closeness -----------------------------------------------------------------------------------


def decisions(outputs: Array) -> npt.NDArray[np.int64]:
    """Index of the largest value of each sample, (samples,); the first of equals."""
    return np.asarray(outputs.reshape(len(outputs), -1).argmax(axis=1), np.int64)


def decisions_equal(first: Array, second: Array) -> float:
    """Fraction of samples with the same decision."""
    if len(first) != len(second) or not len(first):
        raise ValueError(f"{len(first)} and {len(second)} samples cannot be compared")
    return float((decisions(first) == decisions(second)).mean())


def sqnr_db(reference: Array, output: Array) -> float:
    """Signal to quantization noise: 10·log10(Σ reference² / Σ (reference - output)²).

    inf for identical arrays, -inf for a reference of zeros that is not matched.
    """
    signal = reference.astype(np.float64)
    noise = float(((signal - output.astype(np.float64)) ** 2).sum())
    power = float((signal**2).sum())
    if noise == 0.0:
        return math.inf
    return 10.0 * math.log10(power / noise) if power > 0.0 else -math.inf


# --- inside --------------------------------------------------------------------------------------


def only_output(outputs: Arrays, metric: str) -> Array:
    """The model's output; DataError when there are several."""
    if len(outputs) != 1:
        raise DataError(
            f"{metric} needs one output, the model has {len(outputs)}: {', '.join(outputs)}",
            hints=("--metric module:function, called with (outputs, labels, inputs)",),
        )
    return next(iter(outputs.values()))


def _number(value: Any, name: str) -> float:
    """What a user's metric returned, if it is one number."""
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"metric '{name}' returned {type(value).__name__}, not a number",
            hints=("return one float over all samples",),
        ) from error


def _suggest(outputs: Arrays, dataset: Dataset) -> str | None:
    labels = dataset.labels
    if labels is None or len(outputs) != 1:
        return None
    output = next(iter(outputs.values()))
    values = output.reshape(len(output), -1).shape[1]
    if labels.dtype.kind == "f":
        return "mse" if labels.size == output.size else None
    binary = bool(np.isin(labels, (0, 1)).all())
    reconstructs = len(dataset.inputs) == 1 and next(iter(dataset.inputs.values())).size
    if values == 1 or (binary and values > 2 and reconstructs == output.size):
        return "auc" if binary else None
    return "top1" if output.ndim == 2 or values == math.prod(output.shape[1:2]) else None


def _require_labels(labels: Array | None, metric: str) -> Array:
    if labels is None:
        raise DataError(f"{metric} needs labels", hints=("an array 'y' in the data file",))
    return labels


def _average_ranks(scores: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Ranks from 1; equal scores share their mean rank."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], np.float64)
