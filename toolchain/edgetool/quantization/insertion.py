"""Writing quantization into a graph: Q/DQ pairs, integer weights and biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.graph import make_constant
from edgetool.quantization.parameters import ActivationParameters
from edgetool.quantization.scale_groups import ScaleGroup


class QdqWriter:
    """Inserts QuantizeLinear and DequantizeLinear under unique, readable names.

    The values of one group read the very same scale and zero point constants. bits: of the
    activations, 8, 16 or 4.   weight_bits: 8 or 4.   narrow: names of nodes whose weights take 4
    bits whatever the others do.
    """

    def __init__(
        self,
        graph: ir.Graph,
        parameters: Mapping[ScaleGroup, ActivationParameters],
        symmetric: bool = False,
        bits: int = 8,
        weight_bits: int = 8,
        narrow: frozenset[str] = frozenset(),
    ) -> None:
        self.graph = graph
        self.parameters = parameters
        self.symmetric = symmetric
        self.bits = bits
        self.weight_bits = weight_bits
        self.narrow = narrow
        self._constants: dict[ScaleGroup, tuple[ir.Value, ir.Value]] = {}
        self._dequantized: dict[tuple[ir.Value, ScaleGroup], ir.Value] = {}
        self._taken = {v.name for n in graph for v in n.outputs}
        self._taken |= {v.name for v in graph.inputs} | set(graph.initializers)

    def quantize_value(
        self, value: ir.Value, group: ScaleGroup, readers: set[ir.Node], becomes_output: bool
    ) -> None:
        """Put Q/DQ behind value; readers take the DQ output, so does the graph if asked."""
        uses = [use for use in value.uses() if use.node in readers]
        if not uses and not becomes_output:
            return
        output = self._insert_pair(value, value.name or "value", group, after=value.producer())
        for use in uses:
            use.node.replace_input_with(use.idx, output)
        if becomes_output:
            self._become_output(value, output)

    def requantize_input(self, node: ir.Node, index: int, group: ScaleGroup) -> None:
        """Give one input of a node the parameters of group by a second Q/DQ pair."""
        value = node.inputs[index]
        if value is None:
            raise ValueError(f"input {index} of {node.name} is absent")
        if (value, group) not in self._dequantized:
            name = f"{(value.name or 'value').removesuffix('_dequantized')}_requantized"
            pair = self._insert_pair(value, name, group, before=node)
            self._dequantized[value, group] = pair
        node.replace_input_with(index, self._dequantized[value, group])

    def quantized_constant(
        self,
        node: ir.Node,
        index: int,
        integers: npt.NDArray[Any],
        scale: npt.NDArray[np.float32],
        zero_point: int = 0,
        axis: int | None = None,
    ) -> None:
        """Replace a constant input by integers and a DequantizeLinear.

        scale: () or (channels,) along axis.
        """
        old = node.inputs[index]
        name = (old.name if old is not None else None) or "constant"
        zeros = np.full(scale.shape, zero_point, integers.dtype)
        inputs = [
            self._constant(f"{name}_quantized", integers),
            self._constant(f"{name}_scale", scale),
            self._constant(f"{name}_zero_point", zeros),
        ]
        attributes = {} if axis is None else {"axis": axis}
        made = self._node("DequantizeLinear", name, inputs, attributes)
        self._describe(made.outputs[0], ir.DataType.FLOAT, ir.Shape(integers.shape))
        self.graph.insert_before(node, made)
        node.replace_input_with(index, made.outputs[0])
        if old is not None:
            self._drop_if_unused(old)

    # --- inside -------------------------------------------------------------------------

    def _insert_pair(
        self,
        value: ir.Value,
        name: str,
        group: ScaleGroup,
        after: ir.Node | None = None,
        before: ir.Node | None = None,
    ) -> ir.Value:
        scale, zero_point = self._group_constants(group)
        quantize = self._node("QuantizeLinear", name, [value, scale, zero_point])
        self._describe(quantize.outputs[0], ir.DataType.from_numpy(self._dtype(group)), value.shape)
        inputs = [quantize.outputs[0], scale, zero_point]
        dequantize = self._node("DequantizeLinear", name, inputs)
        self._describe(dequantize.outputs[0], ir.DataType.FLOAT, value.shape)
        if after is not None:
            self.graph.insert_after(after, [quantize, dequantize])
        else:
            self.graph.insert_before(before or self.graph[0], [quantize, dequantize])
        return dequantize.outputs[0]

    def _node(
        self,
        op_type: str,
        name: str,
        inputs: list[ir.Value],
        attributes: Mapping[str, int] | None = None,
    ) -> ir.Node:
        verb = "quantize" if op_type == "QuantizeLinear" else "dequantize"
        made = ir.node(op_type, inputs, attributes or {}, name=f"{name}_{verb}")
        made.outputs[0].name = self._unique(f"{name}_{verb}d")
        return made

    def _describe(self, value: ir.Value, dtype: ir.DataType, shape: ir.Shape | None) -> None:
        value.type = ir.TensorType(dtype)
        value.shape = shape

    def _group_constants(self, group: ScaleGroup) -> tuple[ir.Value, ir.Value]:
        if group not in self._constants:
            parameters = self.parameters[group]
            scale = np.array(parameters.scale, np.float32)
            zero_point = np.array(parameters.zero_point, self._dtype(group))
            self._constants[group] = (
                self._constant(f"{group.name}_scale", scale),
                self._constant(f"{group.name}_zero_point", zero_point),
            )
        return self._constants[group]

    def _dtype(self, group: ScaleGroup) -> np.dtype[Any]:
        wide: npt.DTypeLike = np.int16 if self.bits == 16 else np.int8
        return np.dtype(ml_dtypes.int4 if self.parameters[group].bits == 4 else wide)

    def _constant(self, name: str, array: npt.NDArray[Any]) -> ir.Value:
        return make_constant(self.graph, self._unique(name), array)

    def _unique(self, name: str) -> str:
        unique, count = name, 1
        while unique in self._taken:
            unique, count = f"{name}_{count}", count + 1
        self._taken.add(unique)
        return unique

    def _become_output(self, value: ir.Value, output: ir.Value) -> None:
        """output takes value's place and name among the graph's outputs."""
        name = value.name
        value.name = self._unique(f"{name}_unquantized")
        output.name = name
        for index, found in enumerate(self.graph.outputs):
            if found is value:
                self.graph.outputs[index] = output

    def _drop_if_unused(self, value: ir.Value) -> None:
        if list(value.uses()) or value.is_graph_output():
            return
        producer = value.producer()
        if producer is not None:
            self.graph.remove(producer, safe=True)
        elif value.name is not None and value.name in self.graph.initializers:
            del self.graph.initializers[value.name]
