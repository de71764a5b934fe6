"""Three small programs whose generated C and memory plan are kept as text.

Weights come from a formula, so that they never depend on a random generator's version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from edgetool.program.operator import Array, Clamp, Operator
from edgetool.program.ops.add import Add
from edgetool.program.ops.concat import Concat
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.ops.fully_connected import FullyConnected
from edgetool.program.ops.reshape import Reshape
from edgetool.program.ops.softmax import Softmax
from edgetool.program.ops.split import Split
from edgetool.program.ops.transpose_conv2d import TransposeConv2D
from edgetool.program.program import Operation, Program
from edgetool.program.tensor import Quantization, Tensor

RELU = Clamp(0.0, math.inf)


class Sketch:
    """Tensors and operations being put together."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.operations: list[Operation] = []

    def activation(
        self, name: str, shape: Sequence[int], scale: float | None = None, zero_point: int = 0
    ) -> str:
        """int8 with a scale, else float32."""
        quantization = None if scale is None else Quantization.per_tensor(scale, zero_point)
        dtype = "float32" if scale is None else "int8"
        return self._add(Tensor(name, tuple(shape), dtype, quantization))

    def weights(self, name: str, shape: Sequence[int], scales: Array | None = None) -> str:
        """Numbers -127..127 by formula; int8 with scales, else float."""
        numbers = (np.arange(math.prod(shape)) * 37 % 255 - 127).reshape(shape)
        if scales is None:
            return self._add(_constant(name, (numbers / 512).astype(np.float32), None, None))
        axis = int(np.argmax(np.array(shape) == scales.size)) if scales.size > 1 else None
        return self._add(_constant(name, numbers.astype(np.int8), scales, axis))

    def bias(self, name: str, size: int, scale: float | None = None) -> str:
        """Numbers by formula; int32 with a scale, else float."""
        numbers = np.arange(size) * 411 % 1000 - 500
        if scale is None:
            return self._add(_constant(name, (numbers / 512).astype(np.float32), None, None))
        scales = np.array([scale], np.float32)
        return self._add(_constant(name, numbers.astype(np.int32), scales, None))

    def step(
        self, name: str, operator: Operator, inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        """Append an operation."""
        self.operations.append(Operation(name, operator, tuple(inputs), tuple(outputs)))

    def program(self, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> Program:
        """The program."""
        ports = (tuple(inputs), tuple(outputs))
        return Program(name, self.tensors, tuple(self.operations), *ports, *ports)

    def _add(self, tensor: Tensor) -> str:
        self.tensors[tensor.name] = tensor
        return tensor.name


def classifier() -> Program:
    """int8: convolution, depthwise, a flatten that is a view, fully connected."""
    sketch = Sketch()
    x = sketch.activation("image", (1, 8, 8, 1), 0.5, 3)
    a = sketch.activation("a", (1, 4, 4, 6), 0.25, -128)
    b = sketch.activation("b", (1, 4, 4, 6), 0.125, -128)
    flat = sketch.activation("flat", (1, 96), 0.125, -128)
    y = sketch.activation("logits", (1, 4), 0.75, 10)
    per_channel = np.array([0.01, 0.02, 0.005, 0.04, 0.03, 0.015], np.float32)
    operands = [x, sketch.weights("w0", (6, 3, 3, 1), per_channel), sketch.bias("b0", 6, 0.01)]
    sketch.step("conv/first", Conv2D((2, 2), (1, 1), (0, 0, 1, 1), 1, RELU), operands, [a])
    operands = [a, sketch.weights("w1", (1, 3, 3, 6), per_channel), sketch.bias("b1", 6, 0.01)]
    depthwise = DepthwiseConv2D((1, 1), (1, 1), (1, 1, 1, 1), RELU)
    sketch.step("depthwise", depthwise, operands, [b])
    sketch.step("flatten", Reshape(), [b], [flat])
    operands = [flat, sketch.weights("w2", (4, 96), np.array([0.02], np.float32))]
    sketch.step("dense", FullyConnected(), [*operands, sketch.bias("b2", 4, 0.0025)], [y])
    return sketch.program("classifier", [x], [y])


def branches() -> Program:
    """int8: two inputs, a residual add, concat and split, three outputs, one a view of an input."""
    sketch = Sketch()
    names = ["left", "right", "sum", "joined"]
    shapes = [(1, 4, 3, 2), (1, 4, 3, 2), (1, 4, 3, 2), (1, 4, 3, 4)]
    for name, shape in zip(names, shapes, strict=True):
        sketch.activation(name, shape, 0.1, -5)
    for name in ("low", "high"):
        sketch.activation(name, (1, 4, 3, 2), 0.1, -5)
    sketch.activation("same", (1, 24), 0.1, -5)
    sketch.step("residual", Add(RELU), ["left", "right"], ["sum"])
    sketch.step("concat", Concat(3), ["sum", "left"], ["joined"])
    sketch.step("split", Split(3, (2, 2)), ["joined"], ["low", "high"])
    sketch.step("flat input", Reshape(), ["right"], ["same"])
    return sketch.program("two-branches", ["left", "right"], ["low", "same", "high"])


def upsampler() -> Program:
    """float32: transposed convolution, grouped convolution without a bias, softmax."""
    sketch = Sketch()
    x = sketch.activation("x", (1, 3, 4, 2))
    a = sketch.activation("a", (1, 6, 8, 4))
    b = sketch.activation("b", (1, 6, 8, 4))
    y = sketch.activation("y", (1, 6, 8, 4))
    operands = [x, sketch.weights("up/kernel", (4, 2, 2, 2)), sketch.bias("up/bias", 4)]
    sketch.step("up", TransposeConv2D((2, 2), (0, 0, 0, 0), Clamp(0.0, 6.0)), operands, [a])
    grouped = Conv2D((1, 1), (1, 2), (1, 2, 1, 2), 2)
    sketch.step("grouped", grouped, [a, sketch.weights("grouped/kernel", (4, 3, 3, 2)), ""], [b])
    sketch.step("softmax", Softmax(3), [b], [y])
    return sketch.program("3-upsampler", [x], [y])


def wide() -> Program:
    """int8: layers of the shapes that kernel variants are made for. Not among the golden ones."""
    sketch = Sketch()
    x = sketch.activation("x", (1, 12, 12, 16), 0.5, -128)
    a = sketch.activation("a", (1, 12, 12, 32), 0.25, -128)
    b = sketch.activation("b", (1, 12, 12, 32), 0.25, -128)
    c = sketch.activation("c", (1, 12, 12, 24), 0.25, -128)
    flat = sketch.activation("flat", (1, 3456), 0.25, -128)
    y = sketch.activation("y", (1, 10), 0.5, 0)
    scales = [np.full(size, 0.01, np.float32) for size in (32, 32, 24, 1)]
    pads = (1, 1, 1, 1)
    operands = [x, sketch.weights("w0", (32, 3, 3, 16), scales[0]), sketch.bias("b0", 32, 0.005)]
    sketch.step("square", Conv2D((1, 1), (1, 1), pads, 1, RELU), operands, [a])
    operands = [a, sketch.weights("w1", (1, 3, 3, 32), scales[1]), sketch.bias("b1", 32, 0.0025)]
    sketch.step("depthwise", DepthwiseConv2D((1, 1), (1, 1), pads, RELU), operands, [b])
    operands = [b, sketch.weights("w2", (24, 1, 1, 32), scales[2]), sketch.bias("b2", 24, 0.0025)]
    sketch.step("pointwise", Conv2D((1, 1), (1, 1), (0, 0, 0, 0), 1, RELU), operands, [c])
    sketch.step("flatten", Reshape(), [c], [flat])
    operands = [flat, sketch.weights("w3", (10, 3456), scales[3]), sketch.bias("b3", 10, 0.0025)]
    sketch.step("dense", FullyConnected(), operands, [y])
    return sketch.program("wide", ["x"], ["y"])


def _constant(name: str, data: Array, scale: Array | None, axis: int | None) -> Tensor:
    quantization = None
    if scale is not None:
        quantization = Quantization(scale, np.zeros(scale.shape, np.int32), axis)
    return Tensor(name, data.shape, str(data.dtype), quantization, data)


GOLDEN: Mapping[str, Program] = {
    "classifier": classifier(),
    "two_branches": branches(),
    "model_3_upsampler": upsampler(),
}
