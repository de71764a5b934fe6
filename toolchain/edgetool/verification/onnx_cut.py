"""An ONNX model cut apart at the values that a Program names: the ONNX side of program.cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir

from edgetool.graph import dtype_of
from edgetool.program.cut import RESULT
from edgetool.program.program import Program


@dataclass(frozen=True)
class OnnxCut:
    """A model whose operations read fresh inputs.

    inputs, outputs: ONNX value name to Program tensor name.   types: element type of inputs.
    """

    model: bytes
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    types: Mapping[str, str]


def cut_onnx(model: bytes, program: Program) -> OnnxCut:
    """Cut the model at every value that holds an activation tensor of the Program.

    The value "t" becomes an input, what was computed for it the output "t/result". What lies
    between two such values (a transpose, a Q/DQ pair) stays together.
    """
    import onnx

    loaded = ir.from_proto(onnx.load_model_from_string(model))
    graph = loaded.graph
    tensors = {
        t.source: t.name for t in program.activations() if _has_onnx_layout(t.layout, t.shape)
    }
    graph_inputs = {
        value.name: tensors[value.name] for value in graph.inputs if value.name in tensors
    }
    inputs, outputs = dict[str, str](), dict[str, str]()
    types = {value.name or "": dtype_of(value) or "float32" for value in graph.inputs}
    results: list[ir.Value] = []
    for node in list(graph):
        for value in node.outputs:
            name = value.name or ""
            if name not in tensors or value.shape is None or not value.uses():
                if name in tensors:
                    outputs[name] = tensors[name]
                    results.append(value)
                continue
            fresh = ir.Value(name=name, shape=value.shape, type=value.type)
            ir.convenience.replace_all_uses_with(value, fresh)
            value.name = RESULT.format(name)
            graph.inputs.append(fresh)
            inputs[name] = tensors[name]
            types[name] = dtype_of(fresh) or "float32"
            outputs[value.name] = tensors[name]
            results.append(value)
    graph.outputs[:] = results
    kept = {**{str(k): v for k, v in graph_inputs.items()}, **inputs}
    _drop_unused_inputs(graph, kept)
    return OnnxCut(ir.to_proto(loaded).SerializeToString(), kept, outputs, types)


def _drop_unused_inputs(graph: ir.Graph, inputs: dict[str, str]) -> None:
    for value in list(graph.inputs):
        if not value.uses():
            graph.inputs.remove(value)
            inputs.pop(value.name or "", None)


def _has_onnx_layout(layout: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(layout) == len(shape)
