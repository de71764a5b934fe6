"""An ONNX model cut apart at the values that a Program names: the ONNX side of program.cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgetool.graph import dtype_of, static_shape
from edgetool.program.cut import RESULT
from edgetool.program.program import Program


@dataclass(frozen=True)
class OnnxCut:
    """A model whose operations read fresh inputs.

    inputs, outputs: ONNX value name to Program tensor name.
    types, shapes: element type and shape of inputs.
    """

    model: bytes
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    types: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]


def cut_onnx(model: bytes, program: Program) -> OnnxCut:
    """Cut the model at every value that holds an activation tensor of the Program.

    The value "t" becomes an input, what was computed for it the output "t/result". What lies
    between two such values (a transpose, a Q/DQ pair) stays together.
    """
    import onnx

    loaded = ir.from_proto(onnx.load_model_from_string(model))
    graph = loaded.graph
    tensors = {t.source: t.name for t in program.activations() if t.layout}
    inputs = {v.name or "": tensors[v.name] for v in graph.inputs if v.name in tensors}
    results: list[ir.Value] = []
    for value in [value for node in graph for value in node.outputs if value.name in tensors]:
        tensor = tensors[value.name or ""]
        if value.uses():
            fresh = _read_afresh(graph, value)
            inputs[fresh.name or ""] = tensor
        if tensor not in program.inputs:
            results.append(value)
    outputs = {value.name or "": tensors[_plain(value)] for value in results}
    graph.outputs[:] = results
    RemoveUnusedNodesPass()(loaded)
    _drop_unused_inputs(graph, inputs)
    types = {value.name or "": dtype_of(value) or "float32" for value in graph.inputs}
    shapes = {value.name or "": static_shape(value) or () for value in graph.inputs}
    return OnnxCut(ir.to_proto(loaded).SerializeToString(), inputs, outputs, types, shapes)


def _read_afresh(graph: ir.Graph, value: ir.Value) -> ir.Value:
    """A new graph input under the value's name, which its consumers read; value is renamed."""
    fresh = ir.Value(name=value.name, shape=value.shape, type=value.type)
    ir.convenience.replace_all_uses_with(value, fresh)
    value.name = RESULT.format(value.name)
    graph.inputs.append(fresh)
    return fresh


def _plain(value: ir.Value) -> str:
    return (value.name or "").removesuffix(RESULT.format(""))


def _drop_unused_inputs(graph: ir.Graph, inputs: dict[str, str]) -> None:
    for value in list(graph.inputs):
        if not value.uses():
            graph.inputs.remove(value)
            inputs.pop(value.name or "", None)
