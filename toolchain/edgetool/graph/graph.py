"""Graph: an ONNX model in memory with the file it came from."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from edgetool.graph.values import dtype_of


@dataclass(frozen=True)
class ModelSource:
    """The file a model was read from.

    path: as the user named it.   format: the importer's name ("onnx", "tflite").
    sha256: of the file's bytes, external data not included.
    """

    path: str
    format: str
    sha256: str

    def to_json(self) -> dict[str, str]:
        """{path, format, sha256}."""
        return {"path": self.path, "format": self.format, "sha256": self.sha256}


@dataclass(frozen=True)
class Graph:
    """An ONNX model (opset 13 or later, default domain) and its source.

    model: onnx_ir.Model; passes change it in place, so clone before you share it.
    Float graphs hold float32; quantized graphs are QDQ: QuantizeLinear and DequantizeLinear
    around float operators, int8 or int16 activations per tensor, int8 or int4 weights, int32
    biases.
    """

    model: ir.Model
    source: ModelSource

    @property
    def graph(self) -> ir.Graph:
        """The main graph."""
        return self.model.graph

    @property
    def opset(self) -> int:
        """Version of the default operator set."""
        return int(self.model.graph.opset_imports.get("", 0))

    def clone(self) -> Graph:
        """A deep copy of the structure; constant tensors are shared, they are never written."""
        model = self.model.clone()
        for value in _values(
            model.graph
        ):  # onnx_ir shares their types and shapes, and changes them
            value.type = copy.copy(value.type)
            value.shape = None if value.shape is None else value.shape.copy()
        return Graph(model, self.source)

    def is_quantized(self) -> bool:
        """Whether any node is a QuantizeLinear or DequantizeLinear."""
        return any(n.op_type in ("QuantizeLinear", "DequantizeLinear") for n in self.graph)

    def integer_precision(self) -> str | None:
        """int8, int16x8, w4a8 or w4, by the types of a quantized graph; None for a float one.

        w4: int4 weights alone.   int8 also where only some layers have int4 weights.
        """
        if not self.is_quantized():
            return None
        types = {node.op_type: set[str | None]() for node in self.graph}
        for node in self.graph:
            types[node.op_type] |= {dtype_of(v) for v in (*node.inputs, *node.outputs) if v}
        if "int16" in types.get("QuantizeLinear", ()):
            return "int16x8"
        narrow = "int4" in types.get("DequantizeLinear", ())
        if "QuantizeLinear" not in types:
            return "w4" if narrow else "int8"
        return "w4a8" if narrow and not self._has_wide_weights() else "int8"

    def has_int4(self) -> bool:
        """Whether any constant is int4."""
        return any(dtype_of(value) == "int4" for value in self.graph.initializers.values())

    def _has_wide_weights(self) -> bool:
        """Whether a layer that could have int4 weights has int8 ones."""
        layers = (node for node in self.graph if node.op_type in ("Conv", "Gemm", "MatMul"))
        makers = (node.inputs[1].producer() for node in layers if node.inputs[1] is not None)
        return any(
            dtype_of(maker.inputs[0]) == "int8"
            for maker in makers
            if maker is not None
            and maker.inputs[0] is not None
            and maker.inputs[0].is_initializer()
        )


def _values(graph: ir.Graph) -> Iterator[ir.Value]:
    """Every value of a graph: inputs, constants and results of nodes."""
    yield from graph.inputs
    yield from graph.initializers.values()
    for node in graph:
        yield from node.outputs
