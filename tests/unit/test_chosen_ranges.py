"""Ranges chosen by what they do to the model's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import networks
from edgetool.graph import Graph
from edgetool.passes import PassContext, quantize_static
from edgetool.quantization.measured_ranges import Observed, choose_by_output, fake_quantize
from edgetool.quantization.parameters import Range, activation_parameters
from edgetool.quantization.ranges import chosen_method
from qdq import graph_of, model_of, normal_samples

WIDE, NARROW = Range(-100.0, 100.0), Range(-1.0, 1.0)


def dense(weights: NDArray[Any]) -> Graph:
    """y = weights · x.   weights: (outputs, inputs)."""
    outputs, inputs = weights.shape
    model = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: ["" : 17]>
        dense (float[1, {inputs}] x) => (float[1, {outputs}] y) {{ y = Gemm<transB = 1>(x, w) }}"""
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights.astype(np.float32), "w"))
    return graph_of(model)


def samples_with_outliers() -> dict[str, NDArray[Any]]:
    """The first of two inputs reaches 100, the other 1."""
    values = np.random.default_rng(0).uniform(-1, 1, (24, 2)).astype(np.float32)
    return {"x": values * np.array([100, 1], np.float32)}


@pytest.mark.parametrize(
    ("weights", "best"), [([0.0, 1.0], NARROW), ([1.0, 0.0], WIDE)], ids=["unread", "read"]
)
def test_outliers_are_cut_off_only_where_the_outputs_do_not_need_them(
    weights: list[float], best: Range
) -> None:
    observed = [Observed(("x",), (WIDE, NARROW), WIDE)]
    found = choose_by_output(
        dense(np.array([weights])), observed, samples_with_outliers(), symmetric=False, refine=False
    )
    assert found.ranges == (best,)
    assert found.chosen <= found.first


def test_refining_finds_a_range_between_the_candidates() -> None:
    samples = {"x": np.random.default_rng(1).uniform(-50, 50, (24, 64)).astype(np.float32)}
    observed = [Observed(("x",), (WIDE,), WIDE)]
    found = choose_by_output(dense(np.eye(64)), observed, samples, symmetric=False, refine=True)
    assert 49.0 < found.ranges[0].high < 75.0
    assert found.chosen < 0.6 * found.first


def test_fake_quantization_rounds_and_saturates() -> None:
    parameters = activation_parameters(Range(-1.0, 1.0))
    found = fake_quantize(np.array([0.0, 0.3, 5.0, -5.0], np.float32), parameters)
    assert found[0] == 0.0
    assert abs(found[1] - 0.3) <= parameters.scale / 2
    assert found[2:] == pytest.approx([1.0, -1.0], abs=2 * parameters.scale)


@pytest.mark.parametrize("effort", ["normal", "max"])
def test_auto_ranges_say_what_they_gained_and_are_the_same_every_time(effort: str) -> None:
    def quantized() -> tuple[bytes, tuple[str, ...]]:
        graph = graph_of(networks.inverted_residual(3))
        options = {"ranges": "auto", "effort": effort}
        result = quantize_static.run(graph, PassContext(normal_samples(graph), options=options))
        return model_of(result.graph).SerializeToString(), result.notes

    first, second = quantized(), quantized()
    assert first == second
    assert any("samples held back" in note for note in first[1])


def test_max_effort_chooses_ranges_and_int16_takes_all() -> None:
    assert chosen_method({"effort": "max"}) == "auto"
    assert chosen_method({"effort": "max", "ranges": "mse"}) == "mse"
    assert chosen_method({"effort": "max", "activation_bits": 16}) == "minmax"
    assert chosen_method({"effort": "normal"}) == chosen_method({}) == "percentile"
