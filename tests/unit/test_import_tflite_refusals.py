"""What the TFLite importer refuses, and what it says then."""

from __future__ import annotations

import numpy as np
import pytest

from edgetool.errors import ModelFormatError
from edgetool.importers.tflite import read
from lite_comparison import SOURCE
from lite_models import LiteWriter, pointwise, small_network


def refusal(data: bytes) -> str:
    with pytest.raises(ModelFormatError) as caught:
        read(data, SOURCE)
    return str(caught.value)


def test_unknown_operator_is_refused_by_name() -> None:
    net = LiteWriter()
    data, result = net.activation((1, 4)), net.activation((1, 4))
    net.operator("COS", [data], [result])
    text = refusal(net.file([data], [result]))
    assert "operator 0 is COS: edgetool does not read this operator" in text


def test_custom_operator_is_refused_by_its_own_name() -> None:
    net = LiteWriter()
    data, result = net.activation((1, 4)), net.activation((1, 4))
    net.operator("CUSTOM", [data], [result])
    net.model.operatorCodes[0].customCode = "TFLite_Detection_PostProcess"
    assert "'TFLite_Detection_PostProcess'" in refusal(net.file([data], [result]))


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_other_quantized_types_are_refused_with_what_to_do(dtype: str) -> None:
    net = LiteWriter()
    data = net.tensor("x", (1, 4), dtype, scales=(0.1, 0))
    result = net.tensor("y", (1, 4), dtype, scales=(0.1, 0))
    net.operator("RELU", [data], [result])
    text = refusal(net.file([data], [result]))
    assert dtype in text and "convert the model again with int8" in text


def test_dimension_that_is_not_fixed_is_refused() -> None:
    net = LiteWriter()
    data, result = net.activation((1, 4)), net.activation((1, 4))
    net.operator("RELU", [data], [result])
    net.graph.tensors[data].shapeSignature = [-1, -1]
    assert "not fixed" in refusal(net.file([data], [result]))


def test_wrong_shape_in_the_file_is_refused_with_both_shapes() -> None:
    net = LiteWriter()
    x, y = pointwise(net)
    net.graph.tensors[y].shape = [1, 5, 6, 4]
    text = refusal(net.file([x], [y]))
    assert "[1, 5, 6, 4]" in text and "[1, 5, 5, 4]" in text and "CONV_2D" in text


def test_tensor_that_nothing_writes_is_refused() -> None:
    net = LiteWriter()
    data, loose, result = (net.activation((1, 4)) for _ in range(3))
    net.operator("RELU", [loose], [result])
    assert "before anything writes it" in refusal(net.file([data], [result]))


def test_tensor_written_twice_is_refused() -> None:
    net = LiteWriter()
    data, result = net.activation((1, 4)), net.activation((1, 4))
    for _ in range(2):
        net.operator("RELU", [data], [result])
    assert "written twice" in refusal(net.file([data], [result]))


def test_bias_with_a_foreign_scale_is_refused() -> None:
    net = LiteWriter(quantized=True)
    data, weights = net.activation((1, 4)), net.weights((2, 4), None)
    bias, result = net.bias(data, weights, 2), net.activation((1, 2))
    net.graph.tensors[bias].quantization.scale = np.array([0.5], np.float32)
    net.operator("FULLY_CONNECTED", [data, weights, bias], [result], "FullyConnectedOptions")
    assert "input scale times weight scale" in refusal(net.file([data], [result]))


@pytest.mark.parametrize(
    "data", [b"", b"TFL3", b"\x00" * 64, b"\x08\x00\x00\x00ONNX" + b"\x00" * 64, b"PK" * 99]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    assert "TFLite file" in refusal(data)


def test_every_shorter_file_is_refused() -> None:
    """The writer puts the root table first and contents last: no prefix is a whole model."""
    data = small_network(quantized=True)
    for length in range(0, len(data), 61):
        refusal(data[:length])


def test_small_file_that_names_one_large_constant_often_stays_small() -> None:
    """Each operator would copy the same 1 MB of weights: 100 MB in all from a 1 MB file."""
    net = LiteWriter()
    data = net.activation((1, 1024))
    weights = [net.weights((256, 1024), None)]
    for _ in range(99):
        weights.append(net.tensor("shared", (256, 1024), "float32"))
        net.graph.tensors[-1].buffer = net.graph.tensors[weights[0]].buffer
    for constant in weights:
        result = net.activation((1, 256))
        net.operator("FULLY_CONNECTED", [data, constant, -1], [result], "FullyConnectedOptions")
    assert "never end" in refusal(net.file([data], [result]))


def test_vector_longer_than_the_file_is_refused() -> None:
    data = bytearray(small_network(quantized=False))
    name = data.index(b"classes") - 4
    data[name : name + 4] = (0xFFFFFFFF).to_bytes(4, "little")
    refusal(bytes(data))
