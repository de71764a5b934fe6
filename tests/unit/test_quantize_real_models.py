"""The shipped network and keyword spotting: int8 stays within a point of float."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetool.data import Dataset, InputSpec, load_data, overlap_note
from edgetool.graph import Graph, static_shape
from edgetool.importers import load_model
from edgetool.metrics import choose_metric, decisions_equal, evaluate, sqnr_db
from edgetool.passes import PassContext
from edgetool.pipeline import FLOAT, run_pipeline
from edgetool.quantization.ranges import METHODS
from qdq import broken_rules, model_of, outputs, quantize

DIGITS = Path(__file__).parents[2] / "models" / "digits-cnn"
KWS_MODEL = "7d3b1f2918bb63030e0f4d0475f554f81ab4d6c81b4c4648a9be19aed212572d"
KWS_DATA = "61f8a31c4a21f486d4940f3cce5a50e1f6b36e13bf3ef733602af5cff482039d"


def prepared(path: Path) -> Graph:
    """The float graph after all passes that come before quantization."""
    return run_pipeline(load_model(path), PassContext(), (FLOAT,))[0]


def specs(graph: Graph) -> list[InputSpec]:
    return [InputSpec(str(v.name), static_shape(v) or (), "float32") for v in graph.graph.inputs]


def compare(graph: Graph, quantized: Graph, data: Dataset) -> tuple[float, float, float, float]:
    """(float top1, int8 top1, SQNR in dB, share of equal decisions)."""
    wanted, got = outputs(graph, data.inputs), outputs(quantized, data.inputs)
    metric = choose_metric("top1", wanted, data)
    scores = [evaluate(metric, found, data)["top1"].value for found in (wanted, got)]
    (reference,), (result,) = wanted.values(), got.values()
    return (*scores, sqnr_db(reference, result), decisions_equal(reference, result))  # type: ignore[return-value]


@pytest.mark.parametrize("symmetric", [False, True])
def test_digits_cnn_keeps_its_accuracy(symmetric: bool) -> None:
    graph = prepared(DIGITS / "model.onnx")
    calibration = load_data(str(DIGITS / "calibration.npz"), specs(graph))
    evaluation = load_data(str(DIGITS / "evaluation.npz"), specs(graph))
    assert overlap_note(calibration, evaluation) == ()
    found = quantize(graph, calibration.inputs, symmetric=symmetric)
    assert broken_rules(model_of(found.graph), symmetric) == []
    real, integer, sqnr, equal = compare(graph, found.graph, evaluation)
    assert integer >= real - 0.01
    assert equal >= 0.99
    assert sqnr > 30.0


@pytest.mark.parametrize("method", METHODS)
def test_keyword_spotting_is_within_a_point_of_float(
    mirror_file: Callable[[str], Path], method: str
) -> None:
    graph = prepared(mirror_file(KWS_MODEL))
    data = mirror_file(KWS_DATA)
    calibration = load_data(f"{data}[:200]", specs(graph))
    evaluation = load_data(f"{data}[200:]", specs(graph))
    options: dict[str, Any] = {"ranges": method}
    found = quantize(graph, calibration.inputs, **options)
    assert broken_rules(model_of(found.graph)) == []
    real, integer, sqnr, equal = compare(graph, found.graph, evaluation)
    assert real == pytest.approx(0.9125)
    assert integer >= real - 0.01
    assert equal >= 0.98
    assert sqnr > {"percentile": 31.0, "entropy": 25.0}.get(method, 27.0)
