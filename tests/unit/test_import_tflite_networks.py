"""TFLite networks in the graph: quantization to the bit, layouts, names, real models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgetool.graph import Graph, constant_array
from edgetool.importers.tflite import read
from lite_comparison import SOURCE, assert_same_numbers, run_graph, single_operators
from lite_models import LiteWriter, pointwise, small_network

# --- quantization -----------------------------------------------------------------------


def parameters_of_graph(graph: Graph) -> set[tuple[str, bytes, bytes]]:
    """(type, scales, zero points) of everything between Q and DQ; int32 has no zero point."""
    found = set()
    for node in graph.graph:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            scale = constant_array(node.inputs[1])
            zero = constant_array(node.inputs[2]) if len(node.inputs) > 2 else None
            assert scale is not None
            zeros = np.zeros(scale.size, np.int64) if zero is None else zero.astype(np.int64)
            dtype = "int32" if zero is None else str(zero.dtype)
            found.add((dtype, scale.tobytes(), zeros.tobytes()))
    return found


def parameters_of_file(data: bytes) -> set[tuple[str, bytes, bytes]]:
    """The same, read by the schema's object API from the tensors that operators name."""
    names = {schema.TensorType.INT8: "int8", schema.TensorType.INT32: "int32"}
    graph = schema.ModelT.InitFromPackedBuf(data, 0).subgraphs[0]
    used = {index for node in graph.operators for index in (*node.inputs, *node.outputs)}
    found = set()
    for index in used - {-1}:
        tensor = graph.tensors[index]
        if tensor.quantization is not None and tensor.quantization.scale is not None:
            scale, zero = tensor.quantization.scale, tensor.quantization.zeroPoint
            found.add((names[tensor.type], scale.tobytes(), zero.tobytes()))
    return found


def test_network_keeps_every_scale_and_zero_point_to_the_bit() -> None:
    data = small_network(quantized=True)
    assert parameters_of_graph(read(data, SOURCE)) == parameters_of_file(data)


@pytest.mark.parametrize("quantized", [False, True], ids=["float", "int8"])
def test_network_gives_the_numbers_of_litert(quantized: bool) -> None:
    # One step of a logit is 0.08, which moves a class by up to 5 steps of 1/256.
    graph = assert_same_numbers(small_network(quantized), samples=10, lsb=10)
    assert graph.opset == 17
    assert graph.is_quantized() == quantized
    recorded = graph.model.metadata_props.get("edgetool.quantization")
    assert recorded == ("imported" if quantized else None)


def test_operators_of_a_network_are_within_one_step_of_litert() -> None:
    for data in single_operators(small_network(quantized=True)):
        assert_same_numbers(data, samples=10)


def test_weights_of_minus_128_survive() -> None:
    net = LiteWriter(quantized=True)
    data, weights = net.activation((1, 4)), net.weights((2, 4), None)
    net.model.buffers[-1].data = np.full(8, 0x80, np.uint8)
    result = net.activation((1, 2))
    net.operator("FULLY_CONNECTED", [data, weights, -1], [result], "FullyConnectedOptions")
    graph = read(net.file([data], [result]), SOURCE)
    arrays = [value.const_value.numpy() for value in graph.graph.initializers.values()]  # type: ignore[union-attr]
    assert any(a.dtype == np.int8 and a.size == 8 and np.all(a == -128) for a in arrays)


def test_float16_weights_become_float32_constants() -> None:
    net = LiteWriter()
    data, result = net.activation((1, 4)), net.activation((1, 3))
    half = net.rng.standard_normal((3, 4)).astype(np.float16)
    packed, weights = net.tensor("half", (3, 4), "float16", half), net.activation((3, 4))
    net.operator("DEQUANTIZE", [packed], [weights], "DequantizeOptions")
    net.operator("FULLY_CONNECTED", [data, weights, -1], [result], "FullyConnectedOptions")
    graph = assert_same_numbers(net.file([data], [result]))
    assert [node.op_type for node in graph.graph] == ["Gemm"]


def test_float_ends_around_an_int8_operator_are_quantize_and_dequantize() -> None:
    net = LiteWriter(quantized=True)
    image, result = net.tensor("image", (1, 4), "float32"), net.tensor("y", (1, 4), "float32")
    data, middle = net.activation((1, 4)), net.activation((1, 4), 0.02, 0)
    net.operator("QUANTIZE", [image], [data], "QuantizeOptions")
    net.operator("RELU", [data], [middle])
    net.operator("DEQUANTIZE", [middle], [result], "DequantizeOptions")
    graph = assert_same_numbers(net.file([image], [result]))
    types = [node.op_type for node in graph.graph]
    pair = ["QuantizeLinear", "DequantizeLinear"]
    assert types == [*pair, "Relu", *pair]


def test_uint8_ends_around_an_int8_operator_are_requantized() -> None:
    net = LiteWriter(quantized=True)
    image = net.tensor("image", (1, 4), "uint8", scales=(0.04, 121))
    result = net.tensor("y", (1, 4), "uint8", scales=(0.02, 128))
    data, middle = net.activation((1, 4)), net.activation((1, 4), 0.02, 0)
    net.operator("QUANTIZE", [image], [data], "QuantizeOptions")
    net.operator("RELU", [data], [middle])
    net.operator("QUANTIZE", [middle], [result], "QuantizeOptions")
    assert_same_numbers(net.file([image], [result]))


def test_requantizing_between_int8_scales_is_dequantize_and_quantize() -> None:
    net = LiteWriter(quantized=True)
    data, result = net.activation((1, 4)), net.activation((1, 4), 0.1, 30)
    net.operator("QUANTIZE", [data], [result], "QuantizeOptions")
    graph = assert_same_numbers(net.file([data], [result]))
    assert [node.op_type for node in graph.graph] == ["DequantizeLinear", "QuantizeLinear"]


def test_bias_without_a_scale_gets_input_scale_times_weight_scale() -> None:
    net = LiteWriter(quantized=True)
    data, weights = net.activation((1, 4)), net.weights((2, 4), None)
    bias, result = net.bias(data, weights, 2), net.activation((1, 2), 0.03, 0)
    net.graph.tensors[bias].quantization = None
    net.operator("FULLY_CONNECTED", [data, weights, bias], [result], "FullyConnectedOptions")
    interpreted = read(net.file([data], [result]), SOURCE)
    scales = [net.graph.tensors[index].quantization.scale for index in (data, weights)]
    product = (scales[0] * scales[1]).astype(np.float32)
    assert product.tobytes() in {scale for _, scale, _ in parameters_of_graph(interpreted)}


# --- layout -----------------------------------------------------------------------------


@pytest.mark.parametrize("quantized", [False, True], ids=["float", "int8"])
def test_chain_of_image_operators_has_one_transpose(quantized: bool) -> None:
    graph = read(small_network(quantized), SOURCE).graph
    assert [node.op_type for node in graph].count("Transpose") == 1


@pytest.mark.parametrize("quantized", [False, True], ids=["float", "int8"])
def test_image_output_is_in_the_files_layout_and_name(quantized: bool) -> None:
    net = LiteWriter(1, quantized)
    x, y = pointwise(net)
    net.graph.tensors[y].name = "heat map"
    graph = assert_same_numbers(net.file([x], [y]))
    assert graph.graph.inputs[0].name == "net/layer_0"
    assert graph.graph.outputs[0].name == "heat map"
    dtype = "int8" if quantized else "float32"
    assert str(graph.graph.outputs[0].dtype.numpy()) == dtype  # type: ignore[union-attr]
    assert tuple(graph.graph.outputs[0].shape) == (1, 5, 5, 4)  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("quantized", [False, True], ids=["float", "int8"])
def test_axes_are_translated_behind_a_convolution(axis: int, quantized: bool) -> None:
    net = LiteWriter(axis, quantized)
    x, y = pointwise(net)
    shape = [1, 5, 5, 4]
    shape[axis] *= 2
    joined = net.like(y, tuple(shape))
    net.operator("CONCATENATION", [y, y], [joined], "ConcatenationOptions", {"axis": axis})
    pads = [0] * 8
    pads[2 * axis] = 2
    shape[axis] += 2
    padded, amounts = net.like(y, tuple(shape)), net.integers(*pads)
    net.graph.tensors[amounts].shape = [4, 2]
    net.operator("PAD", [joined, amounts], [padded], "PadOptions")
    starts, sizes = [0] * 4, [-1] * 4
    starts[axis] = 1
    shape[axis] -= 1
    cut = net.like(y, tuple(shape))
    inputs = [padded, net.integers(*starts), net.integers(*sizes)]
    net.operator("SLICE", inputs, [cut], "SliceOptions")
    kept = net.activation(tuple(1 if i == axis else n for i, n in enumerate(shape)), 0.05, 0)
    keep = {"keepDims": True}
    net.operator("MEAN", [cut, net.integers(axis)], [kept], "ReducerOptions", keep)
    dropped = net.activation(tuple(n for i, n in enumerate(shape) if i != axis), 0.05, 0)
    net.operator("MEAN", [cut, net.integers(axis)], [dropped], "ReducerOptions")
    assert_same_numbers(net.file([x], [kept, dropped]), lsb=2)


@pytest.mark.parametrize("code", ["RESHAPE", "SOFTMAX", "ADD", "TRANSPOSE"])
def test_operator_behind_a_convolution_sees_the_files_order(code: str) -> None:
    net = LiteWriter(5)
    x, y = pointwise(net)
    if code == "RESHAPE":
        z = net.activation((1, 100))
        net.operator(code, [y, net.integers(1, 100)], [z])
    elif code == "SOFTMAX":
        z = net.activation((1, 5, 5, 4))
        net.operator(code, [y], [z], "SoftmaxOptions", {"beta": 1.0})
    elif code == "ADD":
        z = net.activation((1, 5, 5, 4))
        net.operator(code, [y, net.operand((5, 4))], [z], "AddOptions")
    else:
        z = net.activation((5, 1, 4, 5))
        net.operator(code, [y, net.integers(2, 0, 3, 1)], [z], "TransposeOptions")
    assert_same_numbers(net.file([x], [z]))


def test_shape_computed_by_the_model_is_folded() -> None:
    """What Keras writes for Flatten with an open batch: SHAPE, STRIDED_SLICE, PACK, RESHAPE."""
    net = LiteWriter(2)
    data, result = net.activation((1, 3, 4)), net.activation((1, 12))
    whole, first = net.tensor("shape", (3,), "int32"), net.tensor("batch", (), "int32")
    packed = net.tensor("packed", (2,), "int32")
    net.operator("SHAPE", [data], [whole], "ShapeOptions", {"outType": schema.TensorType.INT32})
    masks = {"shrinkAxisMask": 1}
    numbers = [net.integers(row) for row in (0, 1, 1)]
    net.operator("STRIDED_SLICE", [whole, *numbers], [first], "StridedSliceOptions", masks)
    inputs = [first, net.tensor("minus one", (), "int32", np.array(-1, np.int32))]
    net.operator("PACK", inputs, [packed], "PackOptions", {"valuesCount": 2})
    net.operator("RESHAPE", [data, packed], [result])
    net.graph.tensors[data].shapeSignature = [-1, 3, 4]
    net.graph.tensors[result].shapeSignature = [-1, -1]
    graph = assert_same_numbers(net.file([data], [result]))
    assert [node.op_type for node in graph.graph] == ["Reshape"]


def test_output_that_is_an_input_passes_through_identity() -> None:
    net = LiteWriter()
    data, result = net.activation((1, 4), name="a"), net.activation((1, 4), name="b")
    net.operator("RELU", [data], [result])
    graph = read(net.file([data], [result, data]), SOURCE)
    assert [value.name for value in graph.graph.outputs] == ["b", "a_1"]
    x = np.array([[-1, 2, -3, 4]], np.float32)
    relu, same = run_graph(graph, [x])
    assert np.array_equal(same, x) and np.array_equal(relu, np.maximum(x, 0))


def test_names_are_short_and_unique() -> None:
    names = [node.name for node in read(small_network(quantized=True), SOURCE).graph]
    assert len(set(names)) == len(names)
    assert not any(name is None or name.startswith("net/") for name in names)


# --- real models ------------------------------------------------------------------------

# MLPerf Tiny's models (github.com/mlcommons/tiny), by sha256.
FLOAT_MODELS = {
    "kws": "e5ab04af610ebec251c0fddfaeafe8557dd650a1cb93cba6627a8839d8ca9713",
    "ic": "b5c0046d6e0328b4956afd6baa29555a29b1f1c65bdd45aaed75b7cd484d9f79",
}
INT8_MODELS = {
    "kws": "aeea436800704fce17b17292e4412630ad856e9d777c044c64ef748a880bd0ae",
    "ic": "3c002613d1b2475eb51dd78dfb85a546c8ae658dee71cf6ade43b022fe205415",
}


@pytest.mark.parametrize("name", FLOAT_MODELS)
def test_mlperf_float_model_gives_the_numbers_of_litert(
    name: str, mirror_file: Callable[[str], Path]
) -> None:
    graph = assert_same_numbers(mirror_file(FLOAT_MODELS[name]).read_bytes(), samples=10)
    assert [node.op_type for node in graph.graph].count("Transpose") == 1


@pytest.mark.parametrize("name", INT8_MODELS)
def test_mlperf_int8_model_keeps_every_scale_and_zero_point_to_the_bit(
    name: str, mirror_file: Callable[[str], Path]
) -> None:
    data = mirror_file(INT8_MODELS[name]).read_bytes()
    assert parameters_of_graph(read(data, SOURCE)) == parameters_of_file(data)


@pytest.mark.parametrize("name", INT8_MODELS)
def test_mlperf_int8_operators_are_within_one_step_of_litert(
    name: str, mirror_file: Callable[[str], Path]
) -> None:
    """Each operator alone, on random int8: differences do not add up along the network."""
    for data in single_operators(mirror_file(INT8_MODELS[name]).read_bytes()):
        assert_same_numbers(data, samples=2)
