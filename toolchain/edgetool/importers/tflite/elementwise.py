"""Operators that work on each element: arithmetic, activations, softmax, (de)quantization."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgetool.importers.tflite.layout import Layout, Shape
from edgetool.importers.tflite.operation import Operation

_BINARY = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "MAXIMUM": "Max", "MINIMUM": "Min"}
_UNARY = {"RELU": "Relu", "LOGISTIC": "Sigmoid", "TANH": "Tanh", "HARD_SWISH": "HardSwish"}
_CLIPS = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}


def binary(operation: Operation) -> None:
    """Two operands with NumPy's broadcasting; constants are laid out as the other operand is."""
    tensors = [operation.input(0), operation.input(1)]
    layout = operation.layout(tensors)
    shape = _broadcast(operation, [tensor.shape for tensor in tensors])
    inputs = [_operand(operation, index, layout) for index in (0, 1)]
    operation.compute(_BINARY[operation.operator.kind], inputs, shape, layout)


def unary(operation: Operation) -> None:
    """One operand, no parameters."""
    _unary(operation, _UNARY[operation.operator.kind], {})


def leaky_relu(operation: Operation) -> None:
    """LeakyRelu with the file's slope."""
    alpha = float(operation.option("Alpha"))
    if not np.isfinite(alpha):
        raise operation.error(f"alpha is {alpha}")
    _unary(operation, "LeakyRelu", {"alpha": alpha})


def clip(operation: Operation) -> None:
    """RELU6 and RELU_N1_TO_1."""
    data = operation.input(0)
    layout = operation.layout([data])
    operation.check_shape(data.shape)
    bounds = _CLIPS[operation.operator.kind]
    value = operation.clipped(operation.real(0, layout), data.shape, layout, bounds)
    operation.finish(value, layout)


def softmax(operation: Operation) -> None:
    """Softmax over the last axis; a beta other than 1 multiplies its input first."""
    data, beta = operation.input(0), float(operation.option("Beta"))
    if not data.shape or not np.isfinite(beta):
        raise operation.error(f"shape {list(data.shape)}, beta {beta}")
    layout = operation.layout([data])
    value = operation.real(0, layout)
    if beta != 1.0:
        factor = operation.builder.constant(f"{operation.name}/beta", np.array(beta, np.float32))
        value = operation.float_node("Mul", [value, factor], data.shape, layout)
    axis = layout.axis(len(data.shape) - 1)
    operation.compute("Softmax", [value], data.shape, layout, {"axis": axis})


def quantize(operation: Operation) -> None:
    """QuantizeLinear; between two quantized types a DequantizeLinear stands before it."""
    data, result = operation.input(0), operation.output()
    if not result.is_quantized or not (data.is_quantized or data.dtype == "float32"):
        raise operation.error(f"from {data.dtype} to {result.dtype} without parameters")
    layout = operation.layout([data])
    operation.check_shape(data.shape)
    operation.emitter.define_real(
        operation.output().index, layout, operation.emitter.real(data.index, layout)
    )


def dequantize(operation: Operation) -> None:
    """DequantizeLinear; float16 constants become float32 constants now."""
    data = operation.input(0)
    operation.check_shape(data.shape)
    if operation.output().dtype != "float32":
        raise operation.error(f"its output is {operation.output().dtype}")
    if data.data is not None and data.dtype == "float16":
        operation.emitter.fold(operation.output().index, data.data.astype(np.float32))
        return
    if not data.is_quantized:
        raise operation.error(f"{data.label} is {data.dtype} without a scale")
    if data.data is not None:
        value, layout = _dequantized_constant(operation), Layout.FILE
    else:
        layout = operation.layout([data])
        value = operation.emitter.real(data.index, layout)
    operation.emitter.define(operation.output().index, layout, value)


def _dequantized_constant(operation: Operation) -> ir.Value:
    data = operation.input(0)
    operation.require_real(data)
    axes = tuple(range(len(data.shape)))
    return operation.emitter.weights(data.index, f"{operation.name}/constant", axes)


def _unary(operation: Operation, op_type: str, attributes: dict[str, float]) -> None:
    data = operation.input(0)
    layout = operation.layout([data])
    value = operation.real(0, layout)
    operation.compute(op_type, [value], data.shape, layout, attributes)


def _operand(operation: Operation, index: int, layout: Layout) -> ir.Value:
    tensor = operation.input(index)
    if tensor.data is None or layout is Layout.FILE:
        return operation.real(index, layout)
    operation.require_real(tensor)
    if tensor.scales is not None and not tensor.scales.per_tensor:
        raise operation.error(f"{tensor.label} has one scale per channel")
    if len(tensor.shape) > 4:
        raise operation.error(f"{tensor.label} has more dimensions than the other operand")
    shape = (1,) * (4 - len(tensor.shape)) + tensor.shape
    name = f"{operation.name}/operand"
    return operation.emitter.weights(tensor.index, name, layout.permutation, shape)


def _broadcast(operation: Operation, shapes: Sequence[Shape]) -> Shape:
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise operation.error(f"shapes {[list(shape) for shape in shapes]} do not broadcast")
        result.append(wide.pop() if wide else 1)
    return tuple(result)
