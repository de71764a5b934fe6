"""CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED.

TFLite weights: [out, h, w, in], depthwise [1, h, w, out]. ONNX: [out, in, h, w], transposed
convolution [in, out, h, w]. Biases keep the file's integers and scales.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from edgetool.importers.tflite.layout import Layout, same_memory_order
from edgetool.importers.tflite.operation import Operation
from edgetool.importers.tflite.records import LiteTensor, Scales
from edgetool.importers.tflite.windows import (
    Window,
    attributes,
    is_same_padding,
    spatial_windows,
)

_OUT_IN_H_W = (0, 3, 1, 2)
_IN_OUT_H_W = (3, 0, 1, 2)
_DEPTHWISE = (3, 0, 1, 2)
# LiteRT ignores a bias's own scale; a file where it is another than this is inconsistent.
_BIAS_SCALE_TOLERANCE = 0.01


def conv_2d(operation: Operation) -> None:
    """Conv; fewer weight channels than input channels mean groups."""
    data, weights = operation.input(0), operation.input(1)
    channels = operation.require_rank(data, 4)[3]
    out, height, width, inner = operation.require_rank(weights, 4)
    if inner < 1 or channels % inner or out % (channels // inner):
        raise operation.error(f"{inner} weight channels do not divide {channels} input channels")
    weight = _weights(operation, 1, _OUT_IN_H_W, channel_axis=0)
    _emit_conv(operation, weight, (height, width), out, channels // inner)


def depthwise_conv_2d(operation: Operation) -> None:
    """Conv with as many groups as input channels."""
    data, weights = operation.input(0), operation.input(1)
    channels = operation.require_rank(data, 4)[3]
    one, height, width, out = operation.require_rank(weights, 4)
    if one != 1 or channels < 1 or out % channels:
        raise operation.error(
            f"weights {list(weights.shape)} do not belong to {channels} input channels"
        )
    weight = _weights(operation, 1, _DEPTHWISE, channel_axis=3)
    _emit_conv(operation, weight, (height, width), out, channels)


def _emit_conv(
    operation: Operation, weight: ir.Value, kernel: tuple[int, int], out: int, group: int
) -> None:
    batch, height, width, _ = operation.input(0).shape
    windows, same = spatial_windows(operation, kernel), is_same_padding(operation)
    sizes = [w.output(n, same) for w, n in zip(windows, (height, width), strict=True)]
    if min(sizes) < 1:
        raise operation.error(f"its window {kernel} is larger than its input {height}x{width}")
    values = {
        **attributes(windows, (height, width), same),
        "dilations": tuple(window.dilation for window in windows),
        "group": group,
    }
    first = Layout.CHANNELS_FIRST
    inputs = [operation.real(0, first), weight, *_bias(operation, 2, out)]
    operation.compute("Conv", inputs, (batch, sizes[0], sizes[1], out), first, values)


def transpose_conv(operation: Operation) -> None:
    """ConvTranspose; inputs are the output's shape, weights, data and an optional bias."""
    batch, height, width, channels = operation.require_rank(operation.input(2), 4)
    out, *kernel, inner = operation.require_rank(operation.input(1), 4)
    shape = operation.integers(0)
    if inner != channels or len(shape) != 4 or shape[0] != batch or shape[3] != out:
        raise operation.error(
            f"weights {list(operation.input(1).shape)} and output {list(shape)} do not belong to"
            f" input {list(operation.input(2).shape)}"
        )
    windows = spatial_windows(operation, (kernel[0], kernel[1]))
    values = _transposed_pads(operation, windows, (height, width), (shape[1], shape[2]))
    first = Layout.CHANNELS_FIRST
    weight = _weights(operation, 1, _IN_OUT_H_W, channel_axis=0)
    inputs = [operation.real(2, first), weight, *_bias(operation, 3, out, data=2)]
    operation.compute("ConvTranspose", inputs, shape, first, values)


def _transposed_pads(
    operation: Operation,
    windows: tuple[Window, Window],
    inputs: tuple[int, int],
    outputs: tuple[int, int],
) -> dict[str, tuple[int, ...]]:
    """Pads such that ONNX makes the output sizes that the file states."""
    same, begins, ends, extra = is_same_padding(operation), [], [], []
    for window, size, output in zip(windows, inputs, outputs, strict=True):
        if output < 1 or window.output(output, same) != size:
            raise operation.error(f"{size} inputs cannot become {output} outputs")
        begin = window.pads(output, same)[0]
        cut = (size - 1) * window.stride + window.extent - begin - output
        begins.append(begin)
        ends.append(max(0, cut))
        extra.append(max(0, -cut))
    return {
        "kernel_shape": tuple(window.kernel for window in windows),
        "strides": tuple(window.stride for window in windows),
        "pads": (*begins, *ends),
        "output_padding": tuple(extra),
    }


def fully_connected(operation: Operation) -> None:
    """Gemm; an input of other than two dimensions is flattened first."""
    data, weights = operation.input(0), operation.input(1)
    out, inner = operation.require_rank(weights, 2)
    if operation.option("WeightsFormat") != 0:
        raise operation.error("shuffled weights are not read")
    if inner < 1 or data.elements % inner:
        raise operation.error(f"{data.elements} inputs do not fill rows of {inner} weights")
    rows = data.elements // inner
    value = flattened(operation, 0, (rows, inner))
    weight = _weights(operation, 1, (0, 1), channel_axis=0)
    inputs = [value, weight, *_bias(operation, 2, out)]
    keeps = operation.option("KeepNumDims")
    shape = (*data.shape[:-1], out) if keeps else (rows, out)
    if math.prod(shape) != rows * out:
        raise operation.error(f"{list(data.shape)} inputs do not keep their dimensions")
    operation.check_shape(shape)
    result = operation.float_node("Gemm", inputs, (rows, out), attributes={"transB": 1})
    result = operation.activated(result, (rows, out), Layout.FILE)
    if len(shape) != 2:
        target = operation.builder.integers(f"{operation.name}/shape", shape)
        result = operation.float_node("Reshape", [result, target], shape)
    operation.finish(result, Layout.FILE)


def flattened(operation: Operation, index: int, shape: tuple[int, int]) -> ir.Value:
    """An input in float32 under a two-dimensional shape."""
    tensor = operation.input(index)
    if tensor.shape == shape:
        return operation.real(index, Layout.FILE)
    layout = operation.layout([tensor])
    layout = layout if same_memory_order(tensor.shape) else Layout.FILE
    value = operation.real(index, layout)
    target = operation.builder.integers(f"{operation.name}/rows", shape)
    return operation.float_node("Reshape", [value, target], shape)


def _weights(
    operation: Operation, index: int, permutation: tuple[int, ...], channel_axis: int
) -> ir.Value:
    tensor = operation.input(index)
    operation.require_real(tensor)
    if tensor.scales is not None:
        if not tensor.scales.per_tensor and tensor.scales.axis != channel_axis:
            raise operation.error(f"{tensor.label} has scales along axis {tensor.scales.axis}")
        if np.any(tensor.scales.zero_point):
            raise operation.error(f"{tensor.label} has a zero point other than 0")
    return operation.emitter.weights(tensor.index, f"{operation.name}/weights", permutation)


def _bias(operation: Operation, index: int, out: int, data: int = 0) -> list[ir.Value]:
    """The bias in float32, [] when there is none. data: which input holds the activations."""
    if not operation.has(index):
        return []
    tensor = operation.input(index)
    if tensor.data is None or tensor.elements != out:
        raise operation.error(f"{tensor.label} must be a constant of {out} elements")
    name = f"{operation.name}/bias"
    if tensor.dtype == "float32":
        return [operation.emitter.weights(tensor.index, name, (0,), (out,))]
    scales = _bias_scales(operation, tensor, out, operation.input(data))
    value = operation.builder.constant(name, tensor.data.reshape(-1))
    return [operation.emitter.dequantized(value, scales, axis=0)]


def _bias_scales(operation: Operation, bias: LiteTensor, out: int, data: LiteTensor) -> Scales:
    """The file's scales of an int32 bias; input scale times weight scale where it has none."""
    weights = operation.input(1).scales
    if bias.dtype != "int32" or data.scales is None or weights is None:
        raise operation.error(f"{bias.label} is {bias.dtype}, which does not go with its input")
    expected = (data.scales.scale * weights.scale).astype(np.float32)
    if bias.scales is None:
        return Scales(expected, np.zeros(expected.size, np.int64), 0)
    found = bias.scales
    if np.any(found.zero_point) or found.scale.size not in (1, out):
        raise operation.error(f"{bias.label} has a zero point, or {found.scale.size} scales")
    if not np.allclose(found.scale, expected, rtol=_BIAS_SCALE_TOLERANCE, atol=0):
        raise operation.error(f"{bias.label}: its scale is not input scale times weight scale")
    return found
