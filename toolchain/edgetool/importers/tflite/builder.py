"""ONNX nodes and constants under construction, with unique names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgetool.importers.tflite.flatbuffer import Budget
from edgetool.importers.tflite.layout import Shape
from edgetool.importers.tflite.names import UniqueNames

OPSET = 17
IR_VERSION = 8  # the first that has opset 17
FLOAT = ir.DataType.FLOAT


class GraphBuilder:
    """Collects nodes and initializers in order.

    budget: every constant's bytes are charged to it, so that a small file whose operators all
    name the same weights cannot fill the memory.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.value_names = UniqueNames()
        self.nodes: list[ir.Node] = []
        self.initializers: list[ir.Value] = []
        self._node_names = UniqueNames()

    def value(self, name: str, shape: Shape, dtype: ir.DataType) -> ir.Value:
        """A value that nothing computes yet; name must be unique."""
        return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype))

    def node(
        self,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        output: tuple[Shape, ir.DataType],
        name: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> ir.Value:
        """Append a node with one output of a shape and type."""
        return self.many(op_type, inputs, [output], name, attributes)[0]

    def many(
        self,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        outputs: Sequence[tuple[Shape, ir.DataType]],
        name: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> list[ir.Value]:
        """Append a node with several outputs."""
        values = [self.value(self.value_names.take(name), *output) for output in outputs]
        unique = self._node_names.take(name)
        self.nodes.append(ir.node(op_type, inputs, attributes, outputs=values, name=unique))
        return values

    def constant(self, name: str, array: npt.NDArray[Any]) -> ir.Value:
        """A new initializer."""
        self.budget.spend(array.nbytes, 1, f"constant '{name}'")
        unique = self.value_names.take(name)
        tensor = ir.tensor(np.array(array, order="C"), name=unique)
        value = self.value(unique, array.shape, tensor.dtype)
        value.const_value = tensor
        self.initializers.append(value)
        return value

    def integers(self, name: str, numbers: Sequence[int]) -> ir.Value:
        """A vector of int64."""
        return self.constant(name, np.array(numbers, np.int64))

    def model(self, name: str, inputs: list[ir.Value], outputs: list[ir.Value]) -> ir.Model:
        """The finished model."""
        graph = ir.Graph(
            inputs,
            outputs,
            nodes=self.nodes,
            initializers=self.initializers,
            opset_imports={"": OPSET},
            name=name,
        )
        return ir.Model(graph, ir_version=IR_VERSION, producer_name="edgetool")
