"""Site: what a lowering rule sees of one ONNX node and the way it emits operations.

A rule reads inputs and constants, decides parameters, and emits. Two kinds of rules:

- computing operators (Conv, Add, Softmax …): `site.input(i, layout)`, then
  `site.emit(operator, inputs, layout)`. When the node stands between DequantizeLinear and
  QuantizeLinear, `site.quantized` is true, inputs come as integers, and the output tensor
  takes the type and parameters of the QuantizeLinear behind it. A Relu or Clip that follows
  one of CLAMPED is part of the node: `site.clamp` holds it.
- operators that only move or choose elements (MaxPool, Slice, Resize …):
  `site.raw_input(i, layout)` and `site.emit_moved(operator, inputs, layouts)`: they work on
  integers or floats as they come, and outputs keep the input's quantization.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.errors import UnsupportedOperatorError
from edgetool.graph import attribute, node_label, only_consumer
from edgetool.program.layouts import Layout, identity, permute
from edgetool.program.operator import Clamp, Operator
from edgetool.program.tensor import Quantization, Tensor

if TYPE_CHECKING:
    from edgetool.program.lowering import Lowering

# Operators whose LiteRT form has a fused activation.
CLAMPED = frozenset(
    [
        "Conv",
        "ConvTranspose",
        "Gemm",
        "MatMul",
        "Add",
        "Sub",
        "Mul",
        "AveragePool",
        "GlobalAveragePool",
    ]
)


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant operand in ONNX's own layout.

    data: float32, or integers with their quantization (axis in ONNX's layout).
    """

    name: str
    data: npt.NDArray[Any]
    quantization: Quantization | None

    def as_float(self) -> npt.NDArray[np.float32]:
        """The real values in float32."""
        if self.quantization is None:
            return self.data.astype(np.float32)
        shape = [1] * self.data.ndim
        if not self.quantization.is_per_tensor and self.quantization.axis is not None:
            shape[self.quantization.axis] = -1
        zero_point = self.quantization.zero_point.reshape(shape)
        real = (self.data.astype(np.int64) - zero_point).astype(np.float32)
        return np.asarray(real * self.quantization.scale.reshape(shape), np.float32)


class Site:
    """One node of the graph being lowered."""

    def __init__(self, node: ir.Node, lowering: Lowering) -> None:
        self.node = node
        self.lowering = lowering

    # --- what the node says -------------------------------------------------------------

    @property
    def label(self) -> str:
        """How messages name the node."""
        return node_label(self.node)

    def attribute(self, name: str, default: Any = None) -> Any:
        """The attribute's value, default when absent."""
        return attribute(self.node, name, default)

    def unsupported(self, why: str, *hints: str) -> UnsupportedOperatorError:
        """The error to raise when this form of the operator has no lowering."""
        return UnsupportedOperatorError(f"layer {self.label}: {why}", hints=hints)

    @property
    def input_count(self) -> int:
        """Number of inputs, absent ones at the end not counted."""
        return max((i + 1 for i, v in enumerate(self.node.inputs) if v is not None), default=0)

    def has(self, index: int) -> bool:
        """Whether the optional input is there."""
        return index < len(self.node.inputs) and self.node.inputs[index] is not None

    def shape(self, index: int) -> tuple[int, ...]:
        """ONNX shape of an input."""
        return self.lowering.shape(self._value(index))

    def output_shape(self, index: int = 0) -> tuple[int, ...]:
        """ONNX shape of an output."""
        return self.lowering.shape(self.node.outputs[index])

    def layout(self, index: int) -> Layout:
        """The layout in which the input is at hand; identity for constants."""
        bound = self.lowering.bound.get(self._value(index))
        return identity(len(self.shape(index))) if bound is None else bound.layout

    # --- quantization -------------------------------------------------------------------

    @cached_property
    def quantized(self) -> bool:
        """Whether the node computes in integers: all inputs are, and the output becomes so."""
        values = [value for value in self.node.inputs if value is not None]
        activations = [value for value in values if not self.lowering.is_constant(value)]
        if not activations or not all(map(self.lowering.is_integer_view, activations)):
            return False
        return all(q is not None for q in self.output_quantizations)

    @cached_property
    def output_quantizations(self) -> tuple[tuple[str, Quantization] | None, ...]:
        """Element type and parameters of the QuantizeLinear behind each output, or None."""
        return tuple(self.lowering.quantization_behind(value) for value in self._final_values)

    @property
    def output_quantization(self) -> Quantization:
        """Parameters of the first output; only where `quantized`."""
        found = self.output_quantizations[0]
        if found is None:
            raise self.unsupported("its output is not quantized")
        return found[1]

    @cached_property
    def clamp(self) -> Clamp:
        """The activation fused into this node."""
        return Clamp() if self._activation is None else self.lowering.clamp_of(self._activation)

    @cached_property
    def _activation(self) -> ir.Node | None:
        if self.node.op_type not in CLAMPED:
            return None
        follower = only_consumer(self.node.outputs[0])
        if follower is None or follower.op_type not in ("Relu", "Clip"):
            return None
        return follower if self.lowering.has_constant_bounds(follower) else None

    @cached_property
    def _final_values(self) -> tuple[ir.Value, ...]:
        if self._activation is not None:
            return (self._activation.outputs[0],)
        return tuple(self.node.outputs)

    # --- operands -----------------------------------------------------------------------

    def is_constant(self, index: int) -> bool:
        """Whether the input is known at compile time."""
        return self.has(index) and self.lowering.is_constant(self._value(index))

    def constant(self, index: int) -> Constant:
        """A constant input with its quantization; refuses an activation."""
        found = self.lowering.constant(self._value(index))
        if found is None:
            raise self.unsupported(f"input {index} must be constant")
        return found

    def integers(self, index: int) -> tuple[int, ...] | None:
        """A constant integer input (axes, shape, pads) flattened, None when it is absent."""
        if not self.has(index):
            return None
        return tuple(int(number) for number in self.constant(index).data.reshape(-1))

    def input(self, index: int, layout: Layout | None = None) -> Tensor:
        """An operand of a computing operator: integers where `quantized`, else float32.

        layout: wanted order of axes; None takes it as it is. Constants are laid out at once.
        """
        if self.is_constant(index):
            return self.constant_operand(index, layout or identity(len(self.shape(index))))
        return self.lowering.tensor(self._value(index), layout, as_float=not self.quantized)

    def raw_input(self, index: int, layout: Layout | None = None) -> Tensor:
        """An operand as it comes, integers or float32."""
        if self.is_constant(index):
            raise self.unsupported(f"input {index} is a constant: fold it first")
        return self.lowering.tensor(self._value(index), layout)

    def constant_operand(self, index: int, layout: Layout) -> Tensor:
        """A constant as an activation-like operand: laid out, integer where `quantized`."""
        constant = self.constant(index)
        data = constant.data if self.quantized else constant.as_float()
        quantization = constant.quantization if self.quantized else None
        if quantization is not None and not quantization.is_per_tensor:
            raise self.unsupported(f"constant input {index} is quantized per channel")
        return self.add_constant(constant.name, data.transpose(layout), quantization)

    def flat_input(self, index: int) -> tuple[Tensor, npt.NDArray[np.int64] | None]:
        """An input of shape (1, K) and the ONNX index of each of its elements.

        The indices are None when the order is ONNX's own; else the caller permutes its weights
        (a flatten of a channels-last tensor costs nothing this way).
        """
        return self.lowering.flat_tensor(self._value(index), as_float=not self.quantized)

    def add_constant(
        self, name: str, data: npt.NDArray[Any], quantization: Quantization | None = None
    ) -> Tensor:
        """A new constant tensor of the Program."""
        return self.lowering.builder.constant(name, data, quantization)

    def weights(self, index: int, layout: Layout) -> Tensor:
        """Constant weights in the wanted layout; integer with parameters where `quantized`.

        layout: as for activations; the quantization axis follows.
        """
        constant = self.constant(index)
        if not self.quantized:
            return self.add_constant(constant.name, constant.as_float().transpose(layout))
        quantization = constant.quantization
        if quantization is None:
            raise self.unsupported("its weights are not quantized but its activations are")
        axis = None if quantization.is_per_tensor else layout.index(quantization.axis or 0)
        moved = Quantization(quantization.scale, quantization.zero_point, axis)
        return self.add_constant(constant.name, constant.data.transpose(layout), moved)

    def bias(self, index: int, scale: npt.NDArray[np.float32]) -> Tensor | None:
        """Constant bias (out,), None when absent: int32 where `quantized`, else float32.

        scale: input scale times weight scale, (1,) or (out,), float32. An int32 bias is kept
        verbatim; a float bias is rounded to this scale.
        """
        if not self.has(index):
            return None
        constant = self.constant(index)
        if not self.quantized:
            return self.add_constant(constant.name, constant.as_float().reshape(-1))
        if constant.quantization is not None and constant.data.dtype == np.int32:
            return self.add_constant(
                constant.name, constant.data.reshape(-1), constant.quantization
            )
        real = constant.as_float().reshape(-1).astype(np.float64)
        info = np.iinfo(np.int32)
        integers = np.clip(np.round(real / scale.astype(np.float64)), info.min, info.max)
        zero_point = np.zeros(scale.shape, np.int32)
        parameters = Quantization(scale, zero_point, 0 if scale.size > 1 else None)
        return self.add_constant(constant.name, integers.astype(np.int32), parameters)

    def rescaled(self, tensor: Tensor, quantization: Quantization) -> Tensor:
        """tensor, requantized to other parameters if its own differ."""
        return self.lowering.requantize(tensor, quantization)

    def reshaped(self, tensor: Tensor, shape: Sequence[int]) -> Tensor:
        """tensor under another shape of as many elements (constants at once, else a view)."""
        return self.lowering.reshape(tensor, tuple(shape))

    # --- results ------------------------------------------------------------------------

    def emit(
        self,
        operator: Operator,
        inputs: Sequence[Tensor | None],
        layout: Layout | None = None,
        shape: Sequence[int] | None = None,
    ) -> Tensor:
        """Append a computing operation; its output is the node's (with the fused activation).

        layout: order of the output's axes, ONNX's own by default.
        shape: the operator's own output shape where it differs in form (same elements in the
        same order) from the ONNX output's laid-out shape.
        """
        value = self._final_values[0]
        layout = layout or identity(len(self.output_shape()))
        laid_out = permute(self.output_shape(), layout)
        own = laid_out if shape is None else tuple(shape)
        found = self.output_quantizations[0] if self.quantized else None
        dtype, quantization = found if found is not None else ("float32", None)
        name = self.lowering.result_name(value, self.quantized)
        output = self.lowering.builder.activation(name, own, dtype, quantization, layout)
        self.lowering.builder.operation(
            self.lowering.step_name(self.node), operator, inputs, [output]
        )
        if self._activation is not None:
            self.lowering.done.add(self._activation)
        self.lowering.bind(value, self.reshaped(output, laid_out), layout, self.quantized)
        return output

    def emit_moved(
        self,
        operator: Operator,
        inputs: Sequence[Tensor],
        layouts: Sequence[Layout],
        shape: Sequence[int] | None = None,
    ) -> tuple[Tensor, ...]:
        """Append an operation that keeps the type and quantization of its first input.

        layouts: order of axes of each output. inputs come from `raw_input` or `rescaled`.
        shape: as in `emit`, of a single output.
        """
        first = inputs[0]
        outputs = [
            self.lowering.builder.activation(
                self.lowering.result_name(value, False),
                shape or permute(self.lowering.shape(value), layout),
                first.dtype,
                first.quantization,
                layout,
            )
            for value, layout in zip(self.node.outputs, layouts, strict=True)
        ]
        self.lowering.builder.operation(
            self.lowering.step_name(self.node), operator, inputs, outputs
        )
        view = first.quantization is not None and self.node.outputs[0].dtype == ir.DataType.FLOAT
        for value, tensor, layout in zip(self.node.outputs, outputs, layouts, strict=True):
            laid_out = permute(self.lowering.shape(value), layout)
            self.lowering.bind(value, self.reshaped(tensor, laid_out), layout, view)
        return tuple(outputs)

    def _value(self, index: int) -> ir.Value:
        if not self.has(index):
            raise self.unsupported(f"input {index} is missing")
        value = self.node.inputs[index]
        if value is None:
            raise self.unsupported(f"input {index} is missing")
        return value
