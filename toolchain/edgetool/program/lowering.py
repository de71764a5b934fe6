"""Lowering: Graph (ONNX, any layout, QDQ or float) to Program (channels last, typed).

Transposes cost nothing here: each ONNX value is *bound* to a Program tensor together with the
order in which that tensor holds the value's axes, so a Transpose only changes the binding. The
same goes for DequantizeLinear: its output is bound to the integer tensor as a view, and only an
operator that really computes in float makes a Dequantize operation of it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.errors import ModelError, UnsupportedOperatorError
from edgetool.graph import (
    Graph,
    attribute,
    constant_array,
    dtype_of,
    node_label,
    static_shape,
)
from edgetool.graph.blocks import block_size, dequantize_blocks
from edgetool.program.binding import RESHAPES, Bound, preferred_layout
from edgetool.program.builder import Builder
from edgetool.program.layouts import (
    Layout,
    between,
    identity,
    moves_only_units,
    permute,
)
from edgetool.program.operator import Clamp
from edgetool.program.ops import rules
from edgetool.program.ops.dequantize import Dequantize
from edgetool.program.ops.requantize import Requantize
from edgetool.program.ops.reshape import Reshape
from edgetool.program.ops.transpose import Transpose
from edgetool.program.program import Program
from edgetool.program.rebinding import REBINDING
from edgetool.program.site import Constant, Site
from edgetool.program.tensor import DTYPES, Quantization, Tensor


def lower(graph: Graph, name: str) -> Program:
    """The Program of a graph with static shapes.

    Raises: UnsupportedOperatorError naming the layer; ModelError for unknown shapes.
    """
    return Lowering(graph, name).run()


class Lowering:
    """One lowering in progress; rules see it through Site."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name
        self.builder = Builder()
        self.bound: dict[ir.Value, Bound] = {}
        self.done: set[ir.Node] = set()
        self._floats: dict[tuple[str, Layout], Tensor] = {}
        self._transposed: dict[tuple[str, Layout], Tensor] = {}
        self._requantized: dict[tuple[str, float, int], Tensor] = {}
        self._views: dict[str, Tensor] = {}  # reshaped tensor → the tensor whose elements it shows

    def run(self) -> Program:
        """Lower every node in order."""
        main = self.graph.graph
        inputs = [self._bind_input(value) for value in main.inputs if value.const_value is None]
        for node in main:
            if node not in self.done:
                self._lower_node(node)
        outputs = [self._output_tensor(value) for value in main.outputs]
        program = Program(
            self.name,
            self.builder.tensors,
            tuple(self.builder.operations),
            tuple(tensor.name for tensor in inputs),
            tuple(tensor.name for tensor in outputs),
            tuple(v.name or "" for v in main.inputs if v.const_value is None),
            tuple(v.name or "" for v in main.outputs),
        )
        return drop_unused(program)

    # --- what rules ask of values -------------------------------------------------------

    def shape(self, value: ir.Value) -> tuple[int, ...]:
        """The value's static ONNX shape."""
        found = static_shape(value)
        if found is None:
            array = constant_array(value)
            if array is None:
                raise ModelError(
                    f"the shape of '{value.name}' is not known",
                    hints=("give the model's input shapes with --shape name=1,3,224,224",),
                )
            return tuple(array.shape)
        return found

    def is_constant(self, value: ir.Value) -> bool:
        """Whether the value is an initializer, or DequantizeLinear of one."""
        if constant_array(value) is not None:
            return True
        producer = value.producer()
        return (
            producer is not None
            and producer.op_type == "DequantizeLinear"
            and constant_array(producer.inputs[0]) is not None
        )

    def constant(self, value: ir.Value) -> Constant | None:
        """The value as a Constant, with its quantization if it is dequantized; else None."""
        array = constant_array(value)
        if array is not None:
            return Constant(value.name or "constant", array, None)
        if not self.is_constant(value):
            return None
        producer = value.producer()
        if producer is None or producer.inputs[0] is None:
            return None
        source = producer.inputs[0]
        data = constant_array(source)
        if data is None:
            return None
        real = dequantize_blocks(producer) if block_size(producer) else None
        if real is not None:  # kernels know no blocks: what they hold is computed now
            return Constant(value.name or "constant", real, None)
        return Constant(source.name or "constant", data, self.parameters_of(producer, data.ndim))

    def is_integer_view(self, value: ir.Value) -> bool:
        """Whether the value is held as integers with a known quantization."""
        bound = self.bound.get(value)
        return bound is not None and bound.tensor.quantization is not None

    def quantization_behind(self, value: ir.Value) -> tuple[str, Quantization] | None:
        """(dtype, parameters) when all that happens to the value is one QuantizeLinear."""
        users = [use.node for use in value.uses()]
        if not users or value.is_graph_output():
            return None
        if any(user.op_type != "QuantizeLinear" for user in users):
            return None
        found = [self.parameters_of(user, len(self.shape(value))) for user in users]
        if not found[0].is_per_tensor or not all(found[0].same_as(other) for other in found):
            return None
        return self.quantized_dtype(users[0]), found[0]

    def has_constant_bounds(self, node: ir.Node) -> bool:
        """Whether a Relu or Clip has bounds known now."""
        return all(v is None or constant_array(v) is not None for v in node.inputs[1:])

    def clamp_of(self, node: ir.Node) -> Clamp:
        """The interval of a Relu or Clip."""
        if node.op_type == "Relu":
            return Clamp(0.0, math.inf)
        bounds = [-math.inf, math.inf]
        for index, value in enumerate(node.inputs[1:3]):
            array = constant_array(value)
            if array is not None:
                bounds[index] = float(array.reshape(-1)[0])
        return Clamp(*bounds)

    # --- tensors of values --------------------------------------------------------------

    def bind(self, value: ir.Value, tensor: Tensor, layout: Layout, dequantized: bool) -> None:
        """Record that the value lives in tensor."""
        self.bound[value] = Bound(tensor, layout, dequantized)

    def tensor(
        self, value: ir.Value, layout: Layout | None = None, as_float: bool = False
    ) -> Tensor:
        """The tensor of an activation in the wanted layout (as it is when None)."""
        bound = self.materialized(value)
        tensor = self._dequantized(bound) if as_float else bound.tensor
        if layout is None or layout == bound.layout:
            return tensor
        return self._transpose(tensor, between(bound.layout, layout), layout)

    def flat_tensor(
        self, value: ir.Value, as_float: bool = False
    ) -> tuple[Tensor, npt.NDArray[np.int64] | None]:
        """The (1, K) tensor of a value and the ONNX index of each element (None: in order)."""
        bound = self.bound_of(value)
        if bound.pending is None:
            return self.tensor(value, identity(len(self.shape(value))), as_float), None
        shape, layout = bound.pending
        order = np.arange(math.prod(shape)).reshape(shape).transpose(layout).reshape(-1)
        tensor = self._dequantized(bound) if as_float else bound.tensor
        return self.reshape(tensor, self.shape(value)), order

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """tensor under another shape; itself, or what it is a view of, where that has the shape."""
        if tensor.shape == shape:
            return tensor
        if tensor.name in self._views:
            return self.reshape(self._views[tensor.name], shape)
        if tensor.data is not None:
            name = f"{tensor.name}_reshaped"
            return self.builder.constant(name, tensor.data.reshape(shape), tensor.quantization)
        view = self._derived(tensor, "reshape", Reshape(), shape, identity(len(shape)))
        self._views[view.name] = tensor
        return view

    def requantize(self, tensor: Tensor, quantization: Quantization) -> Tensor:
        """tensor with other per-tensor parameters; itself when they are the same."""
        if quantization.same_as(tensor.quantization):
            return tensor
        key = (tensor.name, float(quantization.scale[0]), int(quantization.zero_point[0]))
        if key not in self._requantized:
            output = self.builder.activation(
                f"{tensor.name}_requantized",
                tensor.shape,
                tensor.dtype,
                quantization,
                tensor.layout,
            )
            self.builder.operation(f"{tensor.name}_requantize", Requantize(), [tensor], [output])
            self._requantized[key] = output
        return self._requantized[key]

    def result_name(self, value: ir.Value, quantized: bool) -> str:
        """Name of the tensor that holds a result: the quantized value's where there is one."""
        if quantized:
            value = next(use.node for use in value.uses()).outputs[0]
        return value.name or "value"

    def step_name(self, node: ir.Node) -> str:
        """Name of the operation made from a node."""
        return node.name or node.outputs[0].name or node.op_type

    # --- nodes that only change the binding ---------------------------------------------

    def _lower_node(self, node: ir.Node) -> None:
        if node.op_type == "Constant" or all(self.is_constant(v) for v in node.outputs):
            return
        if node.domain not in ("", "ai.onnx"):
            raise UnsupportedOperatorError(
                f"layer {node_label(node)}: operators of domain '{node.domain}' are not known"
            )
        if node.op_type in REBINDING:
            REBINDING[node.op_type](self, node)
        elif node.op_type in rules():
            rules()[node.op_type](Site(node, self))
        else:
            raise UnsupportedOperatorError(
                f"layer {node_label(node)}: operator {node.op_type} has no integer or C form",
                details=(f"supported: {', '.join(sorted(supported_onnx()))}",),
                hints=("a Linux board's onnxruntime runs it: --target raspberry-pi-5",),
            )

    # --- inside -------------------------------------------------------------------------

    def _bind_input(self, value: ir.Value) -> Tensor:
        shape = self.shape(value)
        dtype = dtype_of(value) or "float32"
        if dtype not in DTYPES:
            raise UnsupportedOperatorError(f"input '{value.name}' is {dtype}")
        layout = preferred_layout(value, len(shape)) or identity(len(shape))
        quantization = self._input_quantization(value) if dtype != "float32" else None
        name = value.name or "input"
        tensor = self.builder.activation(name, permute(shape, layout), dtype, quantization, layout)
        self.bind(value, tensor, layout, False)
        return tensor

    def _input_quantization(self, value: ir.Value) -> Quantization | None:
        """Parameters of the DequantizeLinear behind an integer input, layout changes between."""
        for use in value.uses():
            if use.node.op_type == "DequantizeLinear":
                return self.parameters_of(use.node, len(self.shape(value)))
            if use.node.op_type == "Transpose" or use.node.op_type in RESHAPES:
                return self._input_quantization(use.node.outputs[0])
        return None

    def _output_tensor(self, value: ir.Value) -> Tensor:
        bound = self.materialized(value)
        tensor = self._dequantized(bound)
        if not bound.dequantized and bound.tensor.quantization is not None:
            tensor = bound.tensor
        if tensor.layout == bound.layout:
            return tensor
        return self._derived(tensor, "output", Reshape(), tensor.shape, bound.layout)

    def materialized(self, value: ir.Value) -> Bound:
        """The value's binding with a pending flatten carried out."""
        bound = self.bound_of(value)
        if bound.pending is None:
            return bound
        shape, layout = bound.pending
        ordered = self._transpose(bound.tensor, between(layout, identity(len(shape))), ())
        flat = Bound(self.reshape(ordered, self.shape(value)), (0, 1), bound.dequantized)
        self.bound[value] = flat
        return flat

    def _dequantized(self, bound: Bound) -> Tensor:
        tensor = bound.tensor
        if tensor.dtype == "float32" or tensor.quantization is None:
            return tensor
        key = (tensor.name, bound.layout)
        if key not in self._floats:
            name = f"{tensor.name}_dequantized"
            output = self.builder.activation(name, tensor.shape, "float32", layout=bound.layout)
            self.builder.operation(f"{tensor.name}_dequantize", Dequantize(), [tensor], [output])
            self._floats[key] = output
        return self._floats[key]

    def _transpose(self, tensor: Tensor, permutation: Layout, layout: Layout) -> Tensor:
        shape = permute(tensor.shape, permutation)
        if moves_only_units(tensor.shape, permutation):
            return self.reshape(tensor, shape)
        key = (tensor.name, permutation)
        if key not in self._transposed:
            operator = Transpose(permutation)
            self._transposed[key] = self._derived(tensor, "transpose", operator, shape, layout)
        return self._transposed[key]

    def _derived(
        self,
        tensor: Tensor,
        verb: str,
        operator: Reshape | Transpose,
        shape: tuple[int, ...],
        layout: Layout,
    ) -> Tensor:
        name = f"{tensor.name.rpartition(';')[2]}_{verb}"  # TFLite joins the names it fused by ";"
        output = self.builder.activation(name, shape, tensor.dtype, tensor.quantization, layout)
        self.builder.operation(name, operator, [tensor], [output])
        return output

    def bound_of(self, value: ir.Value) -> Bound:
        """The value's binding. Raises: ModelError where data should flow and none does."""
        if value not in self.bound:
            raise ModelError(f"value '{value.name}' is constant or undefined where data must flow")
        return self.bound[value]

    def input_of(self, node: ir.Node) -> ir.Value:
        """The node's first input. Raises: ModelError when it is absent."""
        value = node.inputs[0]
        if value is None:
            raise ModelError(f"layer {node_label(node)}: its input is missing")
        return value

    def parameters_of(self, node: ir.Node, rank: int) -> Quantization:
        """Scale and zero point of a QuantizeLinear or DequantizeLinear."""
        scale = constant_array(node.inputs[1])
        zero = constant_array(node.inputs[2]) if len(node.inputs) > 2 else None
        if scale is None:
            raise UnsupportedOperatorError(f"layer {node_label(node)}: its scale is not constant")
        scale = scale.astype(np.float32).reshape(-1)
        zero_point = np.zeros(scale.shape, np.int32) if zero is None else zero.reshape(-1)
        axis = int(attribute(node, "axis", 1)) % max(rank, 1) if scale.size > 1 else None
        return Quantization(scale, zero_point.astype(np.int32), axis)

    def quantized_dtype(self, node: ir.Node) -> str:
        """Integer type that a QuantizeLinear makes: int8 or int16."""
        dtype = dtype_of(node.outputs[0])
        zero = constant_array(node.inputs[2]) if len(node.inputs) > 2 else None
        dtype = dtype or (str(zero.dtype) if zero is not None else "uint8")
        if dtype not in ("int8", "int16"):
            raise UnsupportedOperatorError(
                f"layer {node_label(node)}: activations of type {dtype}, int8 or int16 expected"
            )
        return dtype


def supported_onnx() -> frozenset[str]:
    """The ONNX operator types that lower to a Program."""
    return frozenset({"Constant"} | set(REBINDING) | set(rules()))


def drop_unused(program: Program) -> Program:
    """The program without operations and constants that no output depends on."""
    needed = set(program.outputs)
    kept = []
    for operation in reversed(program.operations):
        if needed.intersection(operation.outputs):
            kept.append(operation)
            needed.update(name for name in operation.inputs if name)
    produced = {name for operation in kept for name in operation.outputs}
    used = needed | produced | set(program.inputs)
    tensors = {name: tensor for name, tensor in program.tensors.items() if name in used}
    return Program(
        program.name,
        tensors,
        tuple(reversed(kept)),
        program.inputs,
        program.outputs,
        program.input_names,
        program.output_names,
    )
