from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetool.data import Dataset
from edgetool.errors import DataError, UsageError
from edgetool.metrics import (
    auc,
    choose_metric,
    decisions,
    decisions_equal,
    evaluate,
    mse,
    sqnr_db,
    top1,
)

Array = np.ndarray[Any, Any]


def dataset(x: Any, y: Any = None) -> Dataset:
    x = np.asarray(x, np.float32)
    labels = None if y is None else np.asarray(y)
    return Dataset({"x": x}, labels, len(x), "data.npz", "0" * 64)


def test_top1_is_the_fraction_of_right_classes() -> None:
    scores = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    assert top1({"y": scores}, np.array([1, 0, 0, 0]), {}) == 0.75
    one_hot = np.eye(2, dtype=np.int64)[[1, 0, 0, 0]]
    assert top1({"y": scores}, one_hot, {}) == 0.75


def test_top1_refuses_labels_that_no_class_has() -> None:
    with pytest.raises(DataError, match=r"labels 0\.\.5 do not fit an output of 2 classes"):
        top1({"y": np.zeros((2, 2))}, np.array([0, 5]), {})
    with pytest.raises(DataError, match="needs labels"):
        top1({"y": np.zeros((2, 2))}, None, {})
    with pytest.raises(DataError, match="one output"):
        top1({"y": np.zeros((2, 2)), "z": np.zeros((2, 2))}, np.array([0, 1]), {})


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=2, max_size=30))
def test_auc_equals_counting_all_pairs(samples: list[tuple[int, int]]) -> None:
    labels = np.array([label for label, _ in samples])
    scores = np.array([score for _, score in samples], np.float64)
    pairs = [(p, n) for p in scores[labels == 1] for n in scores[labels == 0]]
    if not pairs:
        with pytest.raises(DataError, match="both labels"):
            auc({"y": scores}, labels, {})
        return
    counted = sum(1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs) / len(pairs)
    assert auc({"y": scores.reshape(-1, 1)}, labels, {}) == pytest.approx(counted)


def test_auc_of_an_autoencoder_scores_the_reconstruction_error() -> None:
    x = np.zeros((3, 8), np.float32)
    outputs = {"y": x + np.array([[0.1], [5.0], [0.2]], np.float32)}
    assert auc(outputs, np.array([0, 1, 0]), {"x": x}) == 1.0
    assert auc(outputs, np.array([1, 0, 0]), {"x": x}) == 0.0


def test_auc_of_two_classes_scores_the_second() -> None:
    outputs = {"y": np.array([[0.9, 0.1], [0.2, 0.8]])}
    assert auc(outputs, np.array([0, 1]), {"x": np.zeros((2, 5))}) == 1.0


def test_mse_compares_with_labels_or_with_the_input() -> None:
    outputs = {"y": np.array([[1.0, 2.0], [3.0, 4.0]])}
    assert mse(outputs, np.array([[1.0, 2.0], [3.0, 2.0]]), {}) == 1.0
    assert mse(outputs, None, {"x": np.array([[1.0, 2.0], [3.0, 0.0]])}) == 4.0
    with pytest.raises(DataError, match="neither a score nor a reconstruction"):
        mse(outputs, None, {"x": np.zeros((2, 3))})


@pytest.mark.parametrize(
    ("x", "y", "output", "expected"),
    [
        (np.zeros((4, 3)), [0, 1, 2, 1], np.zeros((4, 3)), "top1"),
        (np.zeros((4, 3)), [0, 1, 1, 0], np.zeros((4, 3)), "auc"),
        (np.zeros((4, 9)), [0, 1, 1, 0], np.zeros((4, 2)), "top1"),
        (np.zeros((4, 9)), [0, 1, 1, 0], np.zeros((4, 1)), "auc"),
        (np.zeros((4, 9)), np.zeros((4, 2)), np.zeros((4, 2)), "mse"),
        (np.zeros((4, 9)), None, np.zeros((4, 2)), None),
    ],
)
def test_labels_and_outputs_suggest_a_metric(
    x: Array, y: Any, output: Array, expected: str | None
) -> None:
    metric = choose_metric(None, {"y": output}, dataset(x, y))
    assert (metric.name if metric else None) == expected


def test_evaluate_gives_a_computed_figure_by_name() -> None:
    data = dataset(np.zeros((2, 4)), [0, 1])
    outputs = {"y": np.eye(2)}
    figures = evaluate(choose_metric("top1", outputs, data), outputs, data)
    assert figures["top1"].value == 1.0
    assert (figures["top1"].unit, figures["top1"].kind) == ("1", "computed")
    assert evaluate(None, outputs, data) == {}


def test_a_metric_of_the_user_is_called_with_outputs_labels_and_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_metrics.py").write_text(
        "def total(outputs, labels, inputs):\n"
        "    return outputs['y'].sum() + labels.sum() + inputs['x'].sum()\n"
        "def broken(outputs, labels, inputs): raise ValueError('no such class')\n"
        "def nan(outputs, labels, inputs): return float('nan')\n"
    )
    monkeypatch.chdir(tmp_path)
    data, outputs = dataset(np.ones((2, 3)), [4, 5]), {"y": np.ones((2, 2))}
    metric = choose_metric("my_metrics:total", outputs, data)
    assert evaluate(metric, outputs, data)["my_metrics:total"].value == 19.0
    for name, message in (("broken", "ValueError: no such class"), ("nan", "is nan over 2")):
        with pytest.raises(UsageError, match=message):
            evaluate(choose_metric(f"my_metrics:{name}", outputs, data), outputs, data)
    with pytest.raises(UsageError, match="'f2' is not known"):
        choose_metric("f2", outputs, data)


def test_decisions_equal_counts_samples_with_the_same_largest_output() -> None:
    first = np.array([[1, 2, 3], [3, 2, 1], [5, 5, 0]])
    second = np.array([[0, 0, 9], [1, 2, 3], [5, 5, 0]])
    assert decisions(first).tolist() == [2, 0, 0]
    assert decisions_equal(first, second) == pytest.approx(2 / 3)


def test_sqnr_is_20_db_for_noise_a_tenth_of_the_signal() -> None:
    signal = np.random.default_rng(0).choice([-1.0, 1.0], 1000)
    assert sqnr_db(signal, signal * 1.1) == pytest.approx(20.0)
    assert sqnr_db(signal, signal) == math.inf
    assert sqnr_db(np.zeros(3), np.ones(3)) == -math.inf
