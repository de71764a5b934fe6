"""A small .tflite model for every operator that edgetool reads, in float32 and int8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lite_models import LiteWriter, Shape

Ends = tuple[Sequence[int], Sequence[int]]
Case = Callable[[LiteWriter], Ends]

SAME, VALID = 0, 1
RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3


def conv(x: Shape, kernel: Shape, y: Shape, per_tensor: bool = False, **fields: Any) -> Case:
    def case(net: LiteWriter) -> Ends:
        data = net.activation(x)
        weights = net.weights(kernel, None if per_tensor else 0)
        result = net.activation(y, 0.11, 12)
        inputs = [data, weights, net.bias(data, weights, kernel[0])]
        options = {"strideH": 1, "strideW": 1, **fields}
        net.operator("CONV_2D", inputs, [result], "Conv2DOptions", options)
        return [data], [result]

    return case


def depthwise(x: Shape, kernel: Shape, y: Shape, **fields: Any) -> Case:
    def case(net: LiteWriter) -> Ends:
        data, weights = net.activation(x), net.weights(kernel, 3)
        result = net.activation(y, 0.05, 12)
        options = {"strideH": 1, "strideW": 1, "depthMultiplier": kernel[3] // x[3], **fields}
        inputs = [data, weights, net.bias(data, weights, kernel[3])]
        net.operator("DEPTHWISE_CONV_2D", inputs, [result], "DepthwiseConv2DOptions", options)
        return [data], [result]

    return case


def transposed(x: Shape, kernel: Shape, y: Shape, bias: bool = False, **fields: Any) -> Case:
    def case(net: LiteWriter) -> Ends:
        data, weights = net.activation(x), net.weights(kernel)
        shape, result = net.integers(*y), net.activation(y, 0.08, 12)
        biases = [net.bias(data, weights, kernel[0])] if bias else []
        inputs = [shape, weights, data, *biases]
        net.operator("TRANSPOSE_CONV", inputs, [result], "TransposeConvOptions", fields)
        return [data], [result]

    return case


def dense(x: Shape, kernel: Shape, y: Shape, bias: bool = True, **fields: Any) -> Case:
    def case(net: LiteWriter) -> Ends:
        data, weights = net.activation(x), net.weights(kernel, None)
        result = net.activation(y, 0.07, -30)
        biases = [net.bias(data, weights, kernel[0])] if bias else [-1]
        inputs = [data, weights, *biases]
        net.operator("FULLY_CONNECTED", inputs, [result], "FullyConnectedOptions", fields)
        return [data], [result]

    return case


def arithmetic(code: str, a: Shape, b: Shape, y: Shape, **fields: Any) -> Case:
    def case(net: LiteWriter) -> Ends:
        first, second = net.activation(a), net.activation(b, 0.03, 11)
        result = net.activation(y, 0.06, -2)
        net.operator(code, [first, second], [result], f"{code.capitalize()}Options", fields)
        return [first, second], [result]

    return case


def with_constant(code: str, a: Shape, b: Shape, y: Shape, first: bool = False) -> Case:
    def case(net: LiteWriter) -> Ends:
        data, constant = net.activation(a), net.operand(b)
        result = net.activation(y, 0.05, 1)
        inputs = [constant, data] if first else [data, constant]
        net.operator(code, inputs, [result], f"{code.capitalize()}Options")
        return [data], [result]

    return case


def extremum(code: str, a: Shape, b: Shape, y: Shape) -> Case:
    def case(net: LiteWriter) -> Ends:
        first, second = net.activation(a), net.activation(b)
        result = net.like(first, y)
        net.operator(code, [first, second], [result], "MaximumMinimumOptions")
        return [first, second], [result]

    return case


def pool(code: str, x: Shape, window: tuple[int, int], y: Shape, **fields: Any) -> Case:
    def case(net: LiteWriter) -> Ends:
        data = net.activation(x)
        result = net.like(data, y)
        options = {"filterHeight": window[0], "filterWidth": window[1], "strideH": 1, "strideW": 1}
        net.operator(code, [data], [result], "Pool2DOptions", {**options, **fields})
        return [data], [result]

    return case


def elementwise(
    code: str, table: str = "", scales: tuple[float, int] = (0.02, 3), **fields: Any
) -> Case:
    def case(net: LiteWriter) -> Ends:
        data, result = net.activation((1, 4, 3, 6)), net.activation((1, 4, 3, 6), *scales)
        net.operator(code, [data], [result], table, fields)
        return [data], [result]

    return case


def mean(x: Shape, axes: Sequence[int], y: Shape, keep: bool) -> Case:
    def case(net: LiteWriter) -> Ends:
        data, result = net.activation(x), net.activation(y, 0.02, 6)
        inputs = [data, net.integers(*axes)]
        net.operator("MEAN", inputs, [result], "ReducerOptions", {"keepDims": keep})
        return [data], [result]

    return case


def moving(
    code: str, x: Shape, y: Shape, *numbers: Sequence[int], table: str = "", **fields: Any
) -> Case:
    """An operator on one tensor with constant integer inputs; scales stay the same."""

    def case(net: LiteWriter) -> Ends:
        data = net.activation(x)
        result = net.like(data, y)
        constants = [net.integers(*row) for row in numbers]
        net.operator(code, [data, *constants], [result], table, fields)
        return [data], [result]

    return case


def pad_with_value(net: LiteWriter) -> Ends:
    data = net.activation((1, 3, 4, 2))
    result = net.like(data, (1, 6, 5, 2))
    pads = net.integers(0, 0, 1, 2, 0, 1, 0, 0)
    paddings = net.graph.tensors[pads]
    paddings.shape = [4, 2]
    net.operator("PADV2", [data, pads, net.operand((), like=data)], [result], "PadV2Options")
    return [data], [result]


def pad(x: Shape, y: Shape, pads: Sequence[int]) -> Case:
    def case(net: LiteWriter) -> Ends:
        data, amounts = net.activation(x), net.integers(*pads)
        net.graph.tensors[amounts].shape = [len(x), 2]
        result = net.like(data, y)
        net.operator("PAD", [data, amounts], [result], "PadOptions")
        return [data], [result]

    return case


def concat(net: LiteWriter) -> Ends:
    a = net.activation((1, 3, 4, 2))
    b, result = net.like(a, (1, 3, 4, 5)), net.like(a, (1, 3, 4, 7))
    net.operator("CONCATENATION", [a, b], [result], "ConcatenationOptions", {"axis": -1})
    return [a, b], [result]


def split(net: LiteWriter) -> Ends:
    data = net.activation((1, 3, 4, 6))
    parts = [net.like(data, (1, 3, 4, 2)) for _ in range(3)]
    net.operator("SPLIT", [net.integers(3), data], parts, "SplitOptions", {"numSplits": 3})
    net.graph.tensors[net.graph.operators[-1].inputs[0]].shape = []
    return [data], parts


def resize(code: str, size: tuple[int, int], **fields: Any) -> Case:
    table = {"RESIZE_BILINEAR": "ResizeBilinearOptions"}.get(code, "ResizeNearestNeighborOptions")
    return moving(code, (1, 4, 5, 3), (1, *size, 3), size, table=table, **fields)


def softmax(shape: Shape, beta: float) -> Case:
    def case(net: LiteWriter) -> Ends:
        data, result = net.activation(shape), net.activation(shape, 1 / 256, -128)
        net.operator("SOFTMAX", [data], [result], "SoftmaxOptions", {"beta": beta})
        return [data], [result]

    return case


CASES: dict[str, Case] = {
    "conv_2d, same, stride 2, relu": conv(
        (1, 7, 6, 4), (8, 3, 3, 4), (1, 4, 3, 8), strideH=2, strideW=2, fusedActivationFunction=RELU
    ),
    "conv_2d, valid, dilated": conv(
        (1, 9, 8, 2),
        (3, 3, 2, 2),
        (1, 5, 5, 3),
        padding=VALID,
        dilationHFactor=2,
        dilationWFactor=3,
    ),
    "conv_2d, even kernel, relu6": conv(
        (1, 5, 5, 3), (4, 4, 2, 3), (1, 5, 5, 4), fusedActivationFunction=RELU6
    ),
    "conv_2d, one scale": conv((1, 5, 5, 3), (4, 1, 1, 3), (1, 5, 5, 4), per_tensor=True),
    "conv_2d, groups": conv((1, 5, 5, 6), (4, 3, 3, 3), (1, 5, 5, 4)),
    "depthwise, same, stride 2": depthwise(
        (1, 7, 7, 5), (1, 3, 3, 5), (1, 4, 4, 5), strideH=2, strideW=2
    ),
    "depthwise, multiplier 2, valid": depthwise(
        (1, 6, 5, 3), (1, 2, 3, 6), (1, 5, 3, 6), padding=VALID, fusedActivationFunction=RELU
    ),
    "transpose_conv, same, stride 2": transposed(
        (1, 3, 4, 3), (5, 3, 3, 3), (1, 6, 8, 5), bias=True, strideH=2, strideW=2
    ),
    "transpose_conv, valid": transposed(
        (1, 3, 3, 2), (4, 3, 2, 2), (1, 7, 6, 4), padding=VALID, strideH=2, strideW=2
    ),
    "transpose_conv, kernel smaller than stride": transposed(
        (1, 3, 3, 2), (4, 1, 1, 2), (1, 6, 6, 4), strideH=2, strideW=2
    ),
    "fully_connected": dense((1, 12), (5, 12), (1, 5), fusedActivationFunction=RELU),
    "fully_connected, image": dense((1, 2, 3, 4), (5, 24), (1, 5)),
    "fully_connected, keeps dimensions": dense((1, 3, 8), (5, 8), (1, 3, 5), keepNumDims=True),
    "fully_connected, no bias": dense((1, 12), (5, 12), (1, 5), bias=False),
    "add": arithmetic("ADD", (1, 4, 3, 5), (1, 4, 3, 5), (1, 4, 3, 5), fusedActivationFunction=1),
    "add, channels": arithmetic("ADD", (1, 4, 3, 5), (1, 1, 1, 5), (1, 4, 3, 5)),
    "add, constant vector": with_constant("ADD", (1, 4, 3, 5), (5,), (1, 4, 3, 5)),
    "sub": arithmetic(
        "SUB", (1, 4, 3, 5), (1, 4, 3, 5), (1, 4, 3, 5), fusedActivationFunction=RELU_N1_TO_1
    ),
    "sub, constant first": with_constant("SUB", (1, 4, 3, 5), (1,), (1, 4, 3, 5), first=True),
    "mul": arithmetic("MUL", (1, 4, 3, 5), (1, 4, 3, 5), (1, 4, 3, 5)),
    "mul, constant scalar": with_constant("MUL", (1, 4, 3, 5), (), (1, 4, 3, 5)),
    "maximum": extremum("MAXIMUM", (1, 4, 3, 5), (1, 4, 3, 5), (1, 4, 3, 5)),
    "minimum": extremum("MINIMUM", (1, 4, 3, 5), (1, 1, 3, 1), (1, 4, 3, 5)),
    "max_pool_2d": pool("MAX_POOL_2D", (1, 7, 6, 3), (3, 2), (1, 4, 3, 3), strideH=2, strideW=2),
    "max_pool_2d, relu6": pool(
        "MAX_POOL_2D", (1, 6, 6, 3), (3, 3), (1, 4, 4, 3), padding=1, fusedActivationFunction=RELU6
    ),
    "average_pool_2d, same": pool("AVERAGE_POOL_2D", (1, 5, 5, 3), (3, 3), (1, 5, 5, 3)),
    "average_pool_2d, valid": pool(
        "AVERAGE_POOL_2D", (1, 5, 5, 3), (5, 5), (1, 1, 1, 3), padding=VALID
    ),
    "mean, spatial": mean((1, 4, 3, 5), (1, 2), (1, 5), keep=False),
    "mean, spatial, kept": mean((1, 4, 3, 5), (1, 2), (1, 1, 1, 5), keep=True),
    "mean, channels": mean((1, 4, 3, 5), (-1,), (1, 4, 3), keep=False),
    "relu": elementwise("RELU"),
    "relu6": elementwise("RELU6"),
    "relu_n1_to_1": elementwise("RELU_N1_TO_1"),
    "leaky_relu": elementwise("LEAKY_RELU", "LeakyReluOptions", alpha=0.2),
    "hard_swish": elementwise("HARD_SWISH", "HardSwishOptions"),
    "logistic": elementwise("LOGISTIC", scales=(1 / 256, -128)),
    "tanh": elementwise("TANH", scales=(1 / 128, 0)),
    "softmax": softmax((1, 9), 1.0),
    "softmax, image, beta": softmax((1, 3, 2, 9), 0.5),
    "reshape": moving(
        "RESHAPE",
        (1, 4, 3, 2),
        (1, 8, 3),
        (1, -1, 3),
        table="ReshapeOptions",
        newShape=[1, -1, 3],
    ),
    "squeeze": moving("SQUEEZE", (1, 1, 1, 5), (1, 5), table="SqueezeOptions", squeezeDims=[1, 2]),
    "squeeze, all": moving("SQUEEZE", (1, 4, 1, 5), (4, 5), table="SqueezeOptions", squeezeDims=[]),
    "expand_dims": moving("EXPAND_DIMS", (1, 4, 5), (1, 4, 1, 5), (-2,), table="ExpandDimsOptions"),
    "transpose": moving(
        "TRANSPOSE", (1, 4, 3, 2), (1, 2, 4, 3), (0, 3, 1, 2), table="TransposeOptions"
    ),
    "slice": moving(
        "SLICE", (1, 6, 5, 4), (1, 3, 4, 2), (0, 2, 1, 0), (1, 3, -1, 2), table="SliceOptions"
    ),
    "strided_slice": moving(
        "STRIDED_SLICE",
        (1, 6, 5, 4),
        (1, 2, 5, 3),
        (0, 1, 2, 0),
        (1, 5, 3, -1),
        (1, 2, 1, 1),
        table="StridedSliceOptions",
        beginMask=0b0100,
        endMask=0b0100,
    ),
    "strided_slice, backwards": moving(
        "STRIDED_SLICE",
        (1, 6, 5, 4),
        (1, 6, 5, 2),
        (0, 0, 0, 3),
        (1, 6, 5, 0),
        (1, 1, 1, -2),
        table="StridedSliceOptions",
        endMask=0b1000,
    ),
    "strided_slice, dropped axis": moving(
        "STRIDED_SLICE",
        (1, 6, 5, 4),
        (1, 5, 4),
        (0, -2, 0, 0),
        (1, 0, 5, 4),
        (1, 1, 1, 1),
        table="StridedSliceOptions",
        shrinkAxisMask=0b0010,
    ),
    "concatenation": concat,
    "split": split,
    "pad": pad((1, 3, 4, 2), (1, 6, 5, 4), (0, 0, 1, 2, 0, 1, 1, 1)),
    "pad, vector": pad((1, 5), (1, 8), (0, 0, 1, 2)),
    "padv2": pad_with_value,
    "resize_nearest_neighbor": resize("RESIZE_NEAREST_NEIGHBOR", (8, 10)),
    "resize_nearest_neighbor, half pixels": resize(
        "RESIZE_NEAREST_NEIGHBOR", (2, 10), halfPixelCenters=True
    ),
    "resize_nearest_neighbor, corners": resize(
        "RESIZE_NEAREST_NEIGHBOR", (7, 9), alignCorners=True
    ),
    "resize_bilinear": resize("RESIZE_BILINEAR", (8, 10)),
    "resize_bilinear, half pixels": resize("RESIZE_BILINEAR", (8, 10), halfPixelCenters=True),
    "resize_bilinear, corners": resize("RESIZE_BILINEAR", (7, 9), alignCorners=True),
}
