"""How each Program operator is written in TFLite: builtin code, version, operands, options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from edgetool.errors import UnsupportedOperatorError
from edgetool.program.operator import Clamp
from edgetool.program.program import Operation
from edgetool.program.tensor import Quantization, Tensor


@dataclass(frozen=True, eq=False)
class Code:
    """A constant in the integers of a tensor, with that tensor's parameters."""

    data: npt.NDArray[Any]
    quantization: Quantization | None


Operand = str | npt.NDArray[Any] | Code  # a tensor's name, or a small constant to be added

ACTIVATIONS = {
    "NONE": Clamp(),
    "RELU": Clamp(0.0),
    "RELU6": Clamp(0.0, 6.0),
    "RELU_N1_TO_1": Clamp(-1.0, 1.0),
}


@dataclass(frozen=True)
class TfliteOperator:
    """One TFLite operator to write.

    code: name in BuiltinOperator.   version: lowest that has this form.
    operands: tensor names, constants to add, "" for an absent one.
    options: name of the options table and its fields; None without options.
    padding: explicit (top, left, bottom, right) that a PAD before it must carry out.
    border: what the PAD writes, None for zeros.
    """

    code: str
    version: int
    operands: tuple[Operand, ...]
    options: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    border: Code | None = None


@dataclass(frozen=True)
class Context:
    """The operation at hand and its tensors."""

    operation: Operation
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def operator(self) -> Any:
        """The Program operator; its fields depend on its kind."""
        return self.operation.operator

    @property
    def x(self) -> Tensor:
        """The first input."""
        return self.tensor(0)

    @property
    def y(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def tensor(self, index: int) -> Tensor:
        """A required input."""
        found = self.inputs[index]
        if found is None:
            raise self.refuse(f"input {index} is missing")
        return found

    @property
    def is_integer(self) -> bool:
        """Whether the output is quantized."""
        return self.y.dtype != "float32"

    def version(self, int8: int, int16: int, float32: int = 1) -> int:
        """The lowest version of the operator that takes the output's element type."""
        return {"int8": int8, "int16": int16}.get(self.y.dtype, float32)

    def refuse(self, why: str) -> UnsupportedOperatorError:
        """The error when TFLite has no such form."""
        return UnsupportedOperatorError(
            f"layer {self.operation.name} ({self.operation.operator.kind}): {why} in TFLite"
        )

    def activation(self) -> int:
        """The fused activation code for the operator's clamp."""
        return int(getattr(tflite.ActivationFunctionType, self.activation_name()))

    def activation_name(self) -> str:
        """NONE, RELU, RELU6 or RELU_N1_TO_1: the one that gives the same results."""
        clamp: Clamp = self.operator.clamp
        for name, known in ACTIVATIONS.items():
            if clamp == known:
                return name
            if self.is_integer and clamp.integer_bounds(self.y) == known.integer_bounds(self.y):
                return name
        raise self.refuse(f"clamping to [{clamp.minimum}, {clamp.maximum}] has no form")


Form = Callable[[Context], TfliteOperator]


def _integers(*values: int) -> npt.NDArray[np.int32]:
    return np.array(values, np.int32)


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """(before, after) that TFLite's SAME gives along one axis."""
    out = -(-size // stride)
    total = max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _padding(
    context: Context, kernel: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> tuple[int, tuple[int, int, int, int]]:
    """TFLite's padding code, and what a PAD before must add when neither code fits."""
    top, left, bottom, right = context.operator.padding
    if (top, left, bottom, right) == (0, 0, 0, 0):
        return int(tflite.Padding.VALID), (0, 0, 0, 0)
    stride = context.operator.stride
    rows = same_padding(context.x.shape[1], kernel[0], stride[0], dilation[0])
    columns = same_padding(context.x.shape[2], kernel[1], stride[1], dilation[1])
    if rows == (top, bottom) and columns == (left, right):
        return int(tflite.Padding.SAME), (0, 0, 0, 0)
    return int(tflite.Padding.VALID), (top, left, bottom, right)


def _conv2d(context: Context) -> TfliteOperator:
    op, weights = context.operator, context.tensor(1)
    padding, explicit = _padding(context, (weights.shape[1], weights.shape[2]), op.dilation)
    grouped = op.groups > 1
    return TfliteOperator(
        "CONV_2D",
        6 if grouped else context.version(3, 4),
        context.operation.inputs,
        "Conv2DOptions",
        {
            "Padding": padding,
            "StrideH": op.stride[0],
            "StrideW": op.stride[1],
            "DilationHFactor": op.dilation[0],
            "DilationWFactor": op.dilation[1],
            "FusedActivationFunction": context.activation(),
        },
        explicit,
    )


def _depthwise(context: Context) -> TfliteOperator:
    op, weights = context.operator, context.tensor(1)
    padding, explicit = _padding(context, (weights.shape[1], weights.shape[2]), op.dilation)
    return TfliteOperator(
        "DEPTHWISE_CONV_2D",
        context.version(3, 5, 2),
        context.operation.inputs,
        "DepthwiseConv2DOptions",
        {
            "Padding": padding,
            "StrideH": op.stride[0],
            "StrideW": op.stride[1],
            "DilationHFactor": op.dilation[0],
            "DilationWFactor": op.dilation[1],
            "DepthMultiplier": weights.shape[3] // context.x.shape[3],
            "FusedActivationFunction": context.activation(),
        },
        explicit,
    )


def _transpose_conv2d(context: Context) -> TfliteOperator:
    op, weights = context.operator, context.tensor(1)
    rows = same_padding(context.y.shape[1], weights.shape[1], op.stride[0])
    columns = same_padding(context.y.shape[2], weights.shape[2], op.stride[1])
    if tuple(op.padding) == (0, 0, 0, 0):
        padding = tflite.Padding.VALID
    elif tuple(op.padding) == (rows[0], columns[0], rows[1], columns[1]):
        padding = tflite.Padding.SAME
    else:
        raise context.refuse(f"transposed convolution with padding {op.padding} has no form")
    shape = _integers(*context.y.shape)
    operands: tuple[Operand, ...] = (
        shape,
        context.operation.inputs[1],
        context.operation.inputs[0],
    )
    bias = context.operation.inputs[2] if len(context.operation.inputs) > 2 else ""
    has_activation = context.activation_name() != "NONE"
    return TfliteOperator(
        "TRANSPOSE_CONV",
        4 if has_activation else (3 if bias else context.version(2, 2)),
        (*operands, bias) if bias else operands,
        "TransposeConvOptions",
        {
            "Padding": padding,
            "StrideH": op.stride[0],
            "StrideW": op.stride[1],
            "FusedActivationFunction": context.activation() if has_activation else None,
        },
    )


def _fully_connected(context: Context) -> TfliteOperator:
    return TfliteOperator(
        "FULLY_CONNECTED",
        context.version(4, 7),
        context.operation.inputs,
        "FullyConnectedOptions",
        {"FusedActivationFunction": context.activation(), "KeepNumDims": False},
    )


def _binary(code: str, options: str, int16_version: int) -> Form:
    def form(context: Context) -> TfliteOperator:
        fields: dict[str, Any] = {"FusedActivationFunction": context.activation()}
        if context.y.dtype == "int16" and code != "MUL":
            fields["PotScaleInt16"] = False  # scales need not be powers of two
        version = context.version(2, int16_version)
        return TfliteOperator(code, version, context.operation.inputs, options, fields)

    return form


def _concat(context: Context) -> TfliteOperator:
    return TfliteOperator(
        "CONCATENATION",
        context.version(2, 3),
        context.operation.inputs,
        "ConcatenationOptions",
        {"Axis": context.operator.axis, "FusedActivationFunction": 0},
    )


def _pad(context: Context) -> TfliteOperator:
    op = context.operator
    widths = np.array(list(zip(op.before, op.after, strict=True)), np.int32)
    version = context.version(2, 3)
    if op.value == 0.0:
        operands: tuple[Operand, ...] = (context.operation.inputs[0], widths)
        return TfliteOperator("PAD", version, operands, "PadOptions")
    value = Code(np.array([op.fill(context.y)], context.y.dtype), context.y.quantization)
    return TfliteOperator(
        "PADV2", version, (context.operation.inputs[0], widths, value), "PadV2Options"
    )


def _pool(code: str) -> Form:
    def form(context: Context) -> TfliteOperator:
        op = context.operator
        padding, explicit = _padding(context, op.window)
        if any(explicit) and code != "MAX_POOL_2D":  # an average would count the border
            raise context.refuse(f"pooling with padding {op.padding} has no form")
        fields = {
            "Padding": padding,
            "StrideH": op.stride[0],
            "StrideW": op.stride[1],
            "FilterHeight": op.window[0],
            "FilterWidth": op.window[1],
            "FusedActivationFunction": context.activation(),
        }
        version = context.version(2, 3)
        lowest = _lowest(context.x) if any(explicit) else None
        return TfliteOperator(
            code, version, context.operation.inputs, "Pool2DOptions", fields, explicit, lowest
        )

    return form


def _lowest(tensor: Tensor) -> Code:
    """The element that never wins a maximum."""
    info = np.finfo(np.float32) if tensor.dtype == "float32" else np.iinfo(tensor.dtype)
    return Code(np.array([info.min], tensor.dtype), tensor.quantization)


def _mean(context: Context) -> TfliteOperator:
    axes = _integers(*context.operator.axes)
    return TfliteOperator(
        "MEAN",
        context.version(2, 3),
        (context.operation.inputs[0], axes),
        "ReducerOptions",
        {"KeepDims": context.operator.keepdims},
    )


def _clip(context: Context) -> TfliteOperator:
    code = context.activation_name()
    if code == "NONE":
        return _quantize(context)
    if code == "RELU_N1_TO_1":
        if context.y.dtype == "int16":
            raise context.refuse("RELU_N1_TO_1 on int16 has no form")
        return TfliteOperator(code, 1, context.operation.inputs)
    version = context.version(2, 3)
    return TfliteOperator(code, version, context.operation.inputs)


def _quantize(context: Context) -> TfliteOperator:
    version = 1 if context.x.dtype == "float32" else 2
    return TfliteOperator("QUANTIZE", version, context.operation.inputs, "QuantizeOptions")


def _simple(code: str, integer_version: int, options: str | None = None, **fields: Any) -> Form:
    """An operator whose options are constants or fields of the Program operator."""

    def form(context: Context) -> TfliteOperator:
        version = integer_version if context.is_integer else 1
        values = {key: getattr(context.operator, name) for key, name in fields.items()}
        return TfliteOperator(code, version, context.operation.inputs, options, values)

    return form


def _softmax(context: Context) -> TfliteOperator:
    version, fields = context.version(2, 3), {"Beta": context.operator.beta}
    return TfliteOperator("SOFTMAX", version, context.operation.inputs, "SoftmaxOptions", fields)


def _dequantize(context: Context) -> TfliteOperator:
    version = 3 if context.x.dtype == "int16" else 2
    return TfliteOperator("DEQUANTIZE", version, context.operation.inputs, "DequantizeOptions")


def _reshape(context: Context) -> TfliteOperator:
    shape = _integers(*context.y.shape)
    return TfliteOperator(
        "RESHAPE", 1, (context.operation.inputs[0], shape), "ReshapeOptions", {"NewShape": shape}
    )


def _transpose(context: Context) -> TfliteOperator:
    permutation = _integers(*context.operator.permutation)
    version = context.version(2, 5)
    operands: tuple[Operand, ...] = (context.operation.inputs[0], permutation)
    return TfliteOperator("TRANSPOSE", version, operands, "TransposeOptions")


def _slice(context: Context) -> TfliteOperator:
    op = context.operator
    starts, steps = _integers(*op.starts), _integers(*op.steps)
    stops = starts + np.array(op.sizes, np.int32) * steps
    # A stop below zero would count from the end: a reversed slice to index 0 needs the end mask.
    mask = sum(1 << axis for axis, stop in enumerate(stops) if stop < 0)
    return TfliteOperator(
        "STRIDED_SLICE",
        2 if context.is_integer else 1,
        (context.operation.inputs[0], starts, stops, steps),
        "StridedSliceOptions",
        {"BeginMask": 0, "EndMask": mask},
    )


def _split(context: Context) -> TfliteOperator:
    op = context.operator
    return TfliteOperator(
        "SPLIT_V",
        2 if context.is_integer else 1,
        (context.operation.inputs[0], _integers(*op.sizes), np.array(op.axis, np.int32)),
        "SplitVOptions",
        {"NumSplits": len(op.sizes)},
    )


def _resize_nearest(context: Context) -> TfliteOperator:
    op = context.operator
    size = _integers(context.y.shape[1], context.y.shape[2])
    return TfliteOperator(
        "RESIZE_NEAREST_NEIGHBOR",
        3 if op.half_pixel_centers else (2 if context.is_integer else 1),
        (context.operation.inputs[0], size),
        "ResizeNearestNeighborOptions",
        {"AlignCorners": op.align_corners, "HalfPixelCenters": op.half_pixel_centers},
    )


FORMS: dict[str, Form] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise,
    "transpose_conv2d": _transpose_conv2d,
    "fully_connected": _fully_connected,
    "add": _binary("ADD", "AddOptions", 3),
    "sub": _binary("SUB", "SubOptions", 5),
    "mul": _binary("MUL", "MulOptions", 4),
    "concat": _concat,
    "pad": _pad,
    "max_pool2d": _pool("MAX_POOL_2D"),
    "average_pool2d": _pool("AVERAGE_POOL_2D"),
    "mean": _mean,
    "clip": _clip,
    "leaky_relu": _simple("LEAKY_RELU", 2, "LeakyReluOptions", Alpha="alpha"),
    "hard_swish": _simple("HARD_SWISH", 1),
    "sigmoid": _simple("LOGISTIC", 2),
    "tanh": _simple("TANH", 2),
    "softmax": _softmax,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
    "split": _split,
    "resize_nearest": _resize_nearest,
    "quantize": _quantize,
    "dequantize": _dequantize,
    "requantize": _quantize,
}
