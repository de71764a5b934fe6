"""Operation: what a conversion rule sees of one operator, and the ways it emits ONNX nodes.

Two kinds of operators:
- *computing* ones (convolution, addition, softmax …) work on real numbers: `real` inputs, a float
  operator, the fused activation, and `compute` quantizes the result by the file's parameters;
- *moving* ones (reshape, pad, concatenation …) work on the stored integers when inputs and
  outputs share one scale: `moved` inputs and `move`, which falls back to computing otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from edgetool.errors import ModelFormatError
from edgetool.importers.tflite.builder import FLOAT
from edgetool.importers.tflite.emitter import Emitter, graph_dtype
from edgetool.importers.tflite.layout import Layout, Shape
from edgetool.importers.tflite.records import LiteOperator, LiteTensor

_NONE, _RELU, _RELU_N1_TO_1, _RELU6, _TANH = range(5)
_CLIPS = {_RELU_N1_TO_1: (-1.0, 1.0), _RELU6: (0.0, 6.0)}
# Shapes, axes and paddings are short; a long "constant" here is a mistake.
_MOST_INTEGERS = 1024


class Operation:
    """One operator of the file on its way into the graph."""

    def __init__(self, operator: LiteOperator, emitter: Emitter) -> None:
        self.operator = operator
        self.emitter = emitter
        self.builder = emitter.builder
        self.name = emitter.short[operator.outputs[0]] if operator.outputs else operator.kind

    # --- what the file says -------------------------------------------------------------

    def error(self, why: str, *hints: str) -> ModelFormatError:
        """The error to raise: names the operator and its first output."""
        where = f"operator {self.operator.index} {self.operator.kind} ('{self.name}')"
        return ModelFormatError(f"{where}: {why}", hints=hints)

    def option(self, name: str) -> Any:
        """An option under the schema's name."""
        return self.operator.options[name]

    def has(self, index: int) -> bool:
        """Whether the optional input is there."""
        return index < len(self.operator.inputs) and self.operator.inputs[index] >= 0

    def tensor_index(self, index: int) -> int:
        """Which tensor an input is.   Raises: ModelFormatError when it is missing."""
        if not self.has(index):
            raise self.error(f"input {index} is missing")
        return self.operator.inputs[index]

    def input(self, index: int) -> LiteTensor:
        """A required input."""
        return self.emitter.tensors[self.tensor_index(index)]

    def inputs(self) -> list[LiteTensor]:
        """All inputs, none of them absent."""
        return [self.input(index) for index in range(len(self.operator.inputs))]

    def output(self, index: int = 0) -> LiteTensor:
        """A required output."""
        if index >= len(self.operator.outputs):
            raise self.error(f"output {index} is missing")
        return self.emitter.tensors[self.operator.outputs[index]]

    def outputs(self) -> list[LiteTensor]:
        """All outputs."""
        return [self.output(index) for index in range(len(self.operator.outputs))]

    def integers(self, index: int) -> tuple[int, ...]:
        """A constant input of few integers (axes, shape, pads), flattened."""
        tensor = self.input(index)
        if tensor.data is None or tensor.dtype not in ("int32", "int64"):
            raise self.error(f"{tensor.label} must be constant integers")
        if tensor.elements > _MOST_INTEGERS:
            raise self.error(f"{tensor.label} has {tensor.elements} elements, too many")
        return tuple(int(number) for number in tensor.data.reshape(-1))

    def axis(self, number: int, rank: int) -> int:
        """An axis in 0..rank-1; negative ones count from the end."""
        if not -rank <= number < rank:
            raise self.error(f"axis {number} of {rank} dimensions")
        return number % rank

    def require_rank(self, tensor: LiteTensor, rank: int) -> Shape:
        """The tensor's shape.   Raises: ModelFormatError if it has other than rank dimensions."""
        if len(tensor.shape) != rank:
            raise self.error(
                f"{tensor.label} has shape {list(tensor.shape)}, {rank} dimensions expected"
            )
        return tensor.shape

    # --- operands -----------------------------------------------------------------------

    def layout(self, tensors: Sequence[LiteTensor]) -> Layout:
        """The layout to work in: NCHW if an activation is at hand in it and all have rank 4."""
        activations = [tensor for tensor in tensors if tensor.data is None]
        if any(len(tensor.shape) != 4 for tensor in activations):
            return Layout.FILE
        natives = {self.emitter.native(tensor.index) for tensor in activations}
        return Layout.CHANNELS_FIRST if Layout.CHANNELS_FIRST in natives else Layout.FILE

    def real(self, index: int, layout: Layout) -> ir.Value:
        """An input in float32."""
        tensor = self.input(index)
        self.require_real(tensor)
        return self.emitter.real(tensor.index, layout)

    def require_real(self, tensor: LiteTensor) -> None:
        """Refuse a tensor that holds neither float32 nor int8 with a scale, int4 if constant."""
        is_integer = tensor.dtype == "int8" or (tensor.dtype == "int4" and tensor.data is not None)
        if tensor.dtype == "float32" or (is_integer and tensor.is_quantized):
            return
        if tensor.dtype == "uint8":
            raise self.error(
                f"{tensor.label} is uint8: this quantization from before 2019 is not read",
                "convert the model again with int8 quantization",
            )
        raise self.error(
            f"{tensor.label} is {tensor.dtype} where float32 or quantized int8 is expected"
        )

    # --- results ------------------------------------------------------------------------

    def check_shape(self, shape: Shape, index: int = 0) -> None:
        """Compare the shape that follows from the inputs with the file's.

        Dimensions that the file leaves open are filled in.
        """
        tensor = self.output(index)
        open_axes = tensor.dynamic_axes
        same = len(shape) == len(tensor.shape) and all(
            axis in open_axes or a == b
            for axis, (a, b) in enumerate(zip(shape, tensor.shape, strict=True))
        )
        if not same:
            raise self.error(
                f"{tensor.label} has shape {list(tensor.shape)} in the file, its"
                f" inputs make {list(shape)}"
            )
        if min(shape, default=1) < 1 or math.prod(shape) >= 2**31:
            raise self.error(f"its result has shape {list(shape)}")
        self.emitter.set_shape(tensor.index, tuple(shape))

    def compute(
        self,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        shape: Shape,
        layout: Layout = Layout.FILE,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Emit a float operator, the fused activation, and quantize into the output.

        shape: of the output in the file's layout.   layout: of inputs and output.
        """
        self.check_shape(shape)
        value = self.float_node(op_type, inputs, shape, layout, attributes)
        self.finish(self.activated(value, shape, layout), layout)

    def float_node(
        self,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        shape: Shape,
        layout: Layout = Layout.FILE,
        attributes: Mapping[str, Any] | None = None,
    ) -> ir.Value:
        """One float node of this operator; shape in the file's layout."""
        output = (layout.place(shape), FLOAT)
        return self.builder.node(op_type, inputs, output, self.name, attributes)

    def finish(self, value: ir.Value, layout: Layout) -> None:
        """value, float32, is the first output before quantization."""
        self.require_real(self.output())
        self.emitter.define_real(self.output().index, layout, value)

    def activated(self, value: ir.Value, shape: Shape, layout: Layout) -> ir.Value:
        """value behind the fused activation."""
        activation = self.operator.options.get("FusedActivationFunction", _NONE)
        output = (layout.place(shape), FLOAT)
        if activation == _NONE:
            return value
        if activation == _RELU:
            return self.builder.node("Relu", [value], output, f"{self.name}/relu")
        if activation == _TANH:
            return self.builder.node("Tanh", [value], output, f"{self.name}/tanh")
        if activation in _CLIPS:
            return self.clipped(value, shape, layout, _CLIPS[activation])
        raise self.error(f"fused activation {activation} is not read")

    def clipped(
        self, value: ir.Value, shape: Shape, layout: Layout, bounds: tuple[float, float]
    ) -> ir.Value:
        """value behind a Clip."""
        name = f"{self.name}/clip"
        ends = zip(("minimum", "maximum"), bounds, strict=True)
        limits = [self.builder.constant(f"{name}/{n}", np.array(b, np.float32)) for n, b in ends]
        return self.builder.node("Clip", [value, *limits], (layout.place(shape), FLOAT), name)

    # --- moving -------------------------------------------------------------------------

    def keeps_integers(self, tensors: Sequence[LiteTensor]) -> bool:
        """Whether the integers themselves can be moved.

        They can if all tensors (data in, data out) share one type and scale and no activation
        is fused.
        """
        first = tensors[0]
        if self.operator.options.get("FusedActivationFunction", _NONE) != _NONE:
            return False
        return all(
            tensor.dtype == first.dtype
            and (tensor.scales is first.scales or _same_scales(tensor, first))
            for tensor in tensors
        )

    def moved(self, index: int, layout: Layout, as_integers: bool) -> ir.Value:
        """An input of a moving operator."""
        if not as_integers:
            return self.real(index, layout)
        tensor = self.input(index)
        if tensor.dtype in ("uint8", "int16"):
            self.require_real(tensor)
        return self.emitter.stored(tensor.index, layout)

    def move(
        self,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        shape: Shape,
        layout: Layout,
        as_integers: bool,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Emit an operator that only moves or chooses elements."""
        if not as_integers:
            self.compute(op_type, inputs, shape, layout, attributes)
            return
        self.check_shape(shape)
        output = (layout.place(shape), graph_dtype(self.output()))
        value = self.builder.node(op_type, inputs, output, self.name, attributes)
        self.emitter.define(self.output().index, layout, value)


def _same_scales(a: LiteTensor, b: LiteTensor) -> bool:
    if a.scales is None or b.scales is None:
        return a.scales is b.scales
    return a.scales.same_as(b.scales)
