"""Quantization parameters as each format stores them, read without edgetool.

Parameters are (scale float32 (n,), zero point int64 (n,)): one for a tensor, or one a channel.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray

Parameters = tuple[NDArray[np.float32], NDArray[np.int64]]
INTEGERS = re.compile(r"(\w+)\[\d+\][^=;{]*= \{([^}]*)\}")


def of_onnx(path: Path) -> dict[str, Parameters]:
    """Of every quantized value: what QuantizeLinear writes or DequantizeLinear reads."""
    model = onnx.load(path)
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in model.graph.initializer}
    found: dict[str, Parameters] = {}
    for node in model.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        quantized = node.output[0] if node.op_type == "QuantizeLinear" else node.input[0]
        scale = constants[node.input[1]].reshape(-1)
        assert scale.dtype == np.float32
        parameters = scale, constants[node.input[2]].reshape(-1).astype(np.int64)
        if quantized in found:
            assert_same(found[quantized], parameters, f"Q and DQ of {quantized}")
        found[quantized] = parameters
    return found


def layers_of_onnx(path: Path) -> list[tuple[str, str, str]]:
    """(input, weights, output), the quantized values around each Conv and Gemm, in order."""
    nodes = onnx.load(path).graph.node
    producer = {name: node for node in nodes for name in node.output}
    consumer = {name: node for node in nodes for name in node.input}
    found = []
    for node in nodes:
        if node.op_type in ("Conv", "Gemm"):
            last = consumer[node.output[0]]
            if last.op_type == "Relu":
                last = consumer[last.output[0]]
            data, weights = (producer[name].input[0] for name in node.input[:2])
            found.append((data, weights, last.output[0]))
    return found


def of_tflite(path: Path) -> dict[str, Parameters]:
    """Of every tensor that has a scale, by its name."""
    graph = tflite.Model.GetRootAs(path.read_bytes(), 0).Subgraphs(0)
    found = {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        stored = tensor.Quantization()
        if stored is not None and stored.ScaleLength():
            parameters = stored.ScaleAsNumpy(), stored.ZeroPointAsNumpy()
            found[tensor.Name().decode()] = parameters
    return found


def constants_of_tflite(path: Path) -> dict[str, NDArray[np.int64]]:
    """Contents of every integer constant in its shape, by its tensor's name."""
    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    types = {tflite.TensorType.INT8: np.int8, tflite.TensorType.INT32: np.int32}
    graph, found = model.Subgraphs(0), {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength() and tensor.Type() in types:
            contents = buffer.DataAsNumpy().view(types[tensor.Type()])
            shaped = contents.reshape(tensor.ShapeAsNumpy())
            found[tensor.Name().decode()] = shaped.astype(np.int64)
    return found


def of_c_header(path: Path) -> dict[str, tuple[np.float32, int]]:
    """INPUT and OUTPUT of a generated header."""
    text, found = path.read_text(), {}
    for end in ("INPUT", "OUTPUT"):
        scale = re.search(rf"_{end}_SCALE (\S+)f$", text, re.MULTILINE)
        zero_point = re.search(rf"_{end}_ZERO_POINT \((-?\d+)\)$", text, re.MULTILINE)
        assert scale is not None and zero_point is not None
        found[end] = np.float32(scale[1]), int(zero_point[1])
    return found


def arrays_of_c(path: Path, suffix: str) -> list[NDArray[np.int64]]:
    """The integer arrays of a generated file whose names end in suffix, in order."""
    found = INTEGERS.findall(path.read_text())
    numbers = [text for name, text in found if name.endswith(suffix)]
    return [np.array([int(n) for n in re.findall(r"-?\d+", text)]) for text in numbers]


def fixed_point(real: float) -> tuple[int, int]:
    """(multiplier, shift): multiplier · 2**(shift - 31), as LiteRT's QuantizeMultiplier."""
    fraction, exponent = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        return 2**30, exponent + 1
    return multiplier, exponent


def assert_same(one: Parameters, other: Parameters, where: str) -> None:
    """Equal to the bit."""
    assert one[0].tobytes() == other[0].astype(np.float32).tobytes(), f"scales of {where}"
    np.testing.assert_array_equal(one[1], other[1], err_msg=f"zero points of {where}")
