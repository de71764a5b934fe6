"""QOperator and uint8 models come to int8 QDQ with their parameters kept to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import Array, assert_legal, graph_of, largest_difference, operators
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from edgetool.errors import UnsupportedOperatorError
from edgetool.graph import Graph, constant_array, dtype_of
from edgetool.graph.execute import Executor
from edgetool.importers import load_model
from edgetool.passes import PassContext, expand_qoperators, fix_shapes, normalize_qdq
from networks import random_inputs, residual_network

CONTEXT = PassContext()


class Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, model: onnx.ModelProto) -> None:
        self.left = [random_inputs(model, seed) for seed in range(3)]

    def get_next(self) -> dict[str, Array] | None:
        return self.left.pop() if self.left else None


def by_onnxruntime(folder: Path, form: QuantFormat, kind: QuantType) -> Graph:
    """residual_network as onnxruntime's own tool quantizes it."""
    model = residual_network(3)
    source, target = folder / "float.onnx", folder / "int8.onnx"
    onnx.save(model, source)
    types = {"activation_type": kind, "weight_type": QuantType.QInt8, "per_channel": True}
    quantize_static(source, target, Reader(model), quant_format=form, **types)
    return load_model(target)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", [QuantFormat.QOperator, QuantFormat.QDQ])
def test_onnxruntimes_models_keep_their_outputs(tmp_path: Path, form: QuantFormat) -> None:
    before = by_onnxruntime(tmp_path, form, QuantType.QUInt8)
    after = expand_qoperators.run(before.clone(), CONTEXT)
    assert after.changed == (form == QuantFormat.QOperator)
    graph = fix_shapes.run(after.graph, CONTEXT).graph
    graph = normalize_qdq.run(graph, CONTEXT).graph
    assert_legal(graph)
    assert not normalize_qdq.run(graph, CONTEXT).changed
    assert not expand_qoperators.run(graph, CONTEXT).changed
    assert not any(dtype_of(value) == "uint8" for node in graph.graph for value in node.outputs)
    first, second = Executor(before), Executor(graph)
    for seed in range(8):
        feeds = random_inputs(residual_network(3), 50 + seed)
        a, b = first.run(feeds), second.run(feeds)
        for name, wanted in a.items():
            # The integer kernels of QOperator round differently in one step of 1/256 or so.
            assert np.abs(wanted - b[name]).max() <= (0.06 if form == QuantFormat.QOperator else 0)


def scales(graph: Graph) -> list[bytes]:
    found = [n for n in graph.graph if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    return [np.asarray(constant_array(node.inputs[1])).tobytes() for node in found]


UINT8 = """g (uint8[1,4] x) => (uint8[1,4] y) {
    a = DequantizeLinear(x, s, z) b = Relu(a) c = QuantizeLinear(b, t) r = Reshape(c, shape)
    d = DequantizeLinear(r, t) w = DequantizeLinear(q, s, z) e = Add(d, w) y =
        QuantizeLinear(e, s, z) }"""
CONSTANTS: dict[str, Array] = {
    "s": np.array(0.1, np.float32),
    "t": np.array(0.03, np.float32),
    "z": np.array(100, np.uint8),
    "q": np.array([0, 100, 128, 255], np.uint8),
    "shape": np.array([1, 4]),
}


def test_uint8_becomes_int8_by_a_shift_of_128() -> None:
    before = graph_of(UINT8, CONSTANTS)
    result = normalize_qdq.run(before.clone(), CONTEXT)
    assert_legal(result.graph)
    assert not normalize_qdq.run(result.graph, CONTEXT).changed
    assert scales(result.graph) == scales(before)
    data = np.random.default_rng(0).integers(0, 256, (50, 1, 4)).astype(np.uint8)
    first, second = Executor(before), Executor(result.graph)
    for row in data:
        shifted = (row.astype(np.int16) - 128).astype(np.int8)
        wanted = first.run({"x": row})["y"].astype(np.int16) - 128
        assert np.array_equal(second.run({"x": shifted})["y"], wanted)
    assert result.graph.model.metadata_props["edgetool.uint8_input.x"] == "128"


def test_uint8_arithmetic_is_refused_by_name() -> None:
    text = """g (float[1,4] x) => (float[1,4] y) {
        a = QuantizeLinear(x, s, z) b = BitShift<direction="LEFT">(a, a) y =
        DequantizeLinear(b, s, z) }"""
    with pytest.raises(UnsupportedOperatorError, match="bitshift_1"):
        normalize_qdq.run(graph_of(text, CONSTANTS), CONTEXT)


def test_a_uint8_image_that_is_cast_stays_uint8() -> None:
    text = """g (uint8[1,4] x) => (float[1,4] y) {
        f = Cast<to=1>(x) a = QuantizeLinear(f, s, z) y = DequantizeLinear(a, s, z) }"""
    result = normalize_qdq.run(graph_of(text, CONSTANTS), CONTEXT)
    assert dtype_of(result.graph.graph.inputs[0]) == "uint8"
    assert result.changed


def test_qlinearmatmul_is_written_with_q_and_dq() -> None:
    text = """g (uint8[2,4] x) => (uint8[2,3] y) { y = QLinearMatMul(x, s, z, w, t, zw, s, z) }"""
    rng = np.random.default_rng(1)
    # Small weights: onnxruntime's integer kernel saturates 16-bit sums on processors without VNNI.
    constants: dict[str, Array] = {
        **CONSTANTS,
        "w": rng.integers(-20, 20, (4, 3)).astype(np.int8),
        "zw": np.zeros((), np.int8),
    }
    before = graph_of(text, constants)
    result = expand_qoperators.run(before.clone(), CONTEXT)
    fix_shapes.run(result.graph, CONTEXT)
    assert operators(result.graph) == [
        "DequantizeLinear",
        "DequantizeLinear",
        "MatMul",
        "QuantizeLinear",
    ]
    assert largest_difference(before, result.graph) <= 0.01
