"""Shape inference: every value's shape and element type, found by ONNX's own rules."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from edgetool.errors import ModelFormatError
from edgetool.graph.edit import nodes_of
from edgetool.graph.values import static_shape

_LARGE_TENSOR_BYTES = 1024


def infer_shapes(model: ir.Model, *, forget: bool = False) -> None:
    """Fill in shapes and element types of the main graph's values.

    forget: drop what the values say now first (inputs and constants keep theirs), for when
    an input's shape was changed. Contents of large constants take no part.
    Raises: ModelFormatError when ONNX refuses the graph.
    """
    if forget:
        _forget(model.graph)
    for value in model.graph.initializers.values():
        if value.const_value is not None:
            value.shape = ir.Shape(value.const_value.shape.numpy())
            value.dtype = value.const_value.dtype
    proto = _skeleton(model)
    try:
        inferred = onnx.shape_inference.infer_shapes(proto, check_type=True, data_prop=True)
    except Exception as error:
        raise ModelFormatError(f"shapes cannot be inferred: {_first_line(error)}") from error
    _take_over(model.graph, inferred.graph)


def unknown_values(graph: ir.Graph) -> list[ir.Value]:
    """Node outputs without a static shape or an element type, in order."""
    outputs = [value for node in nodes_of(graph) for value in node.outputs if value.name]
    return [value for value in outputs if static_shape(value) is None or value.dtype is None]


def _forget(graph: ir.Graph) -> None:
    for node in graph:
        for value in node.outputs:
            value.shape = None


def _skeleton(model: ir.Model) -> onnx.ModelProto:
    """The model with large constants as graph inputs, their contents left out."""
    large = [
        value
        for value in model.graph.initializers.values()
        if value.const_value is not None and value.const_value.nbytes > _LARGE_TENSOR_BYTES
    ]
    tensors = [value.const_value for value in large]
    for value in large:
        model.graph.inputs.append(value)
        del model.graph.initializers[str(value.name)]
        value.const_value = None
    try:
        proto: onnx.ModelProto = ir.serde.serialize_model(model)
    finally:
        for value, tensor in zip(large, tensors, strict=True):
            value.const_value = tensor
            model.graph.inputs.remove(value)
            model.graph.register_initializer(value)
    return proto


def _take_over(graph: ir.Graph, inferred: onnx.GraphProto) -> None:
    found = {info.name: info for info in (*inferred.value_info, *inferred.output)}
    for node in graph:
        for value in node.outputs:
            info = found.get(value.name or "")
            if info is None or not info.type.HasField("tensor_type"):
                continue
            tensor = info.type.tensor_type
            if tensor.elem_type:
                value.dtype = ir.DataType(tensor.elem_type)
            if tensor.HasField("shape"):
                value.shape = ir.Shape(
                    d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim
                )


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
