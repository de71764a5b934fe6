"""Bytes to Graph: parse, check everything in Python, then build."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx_ir as ir

from edgetool.errors import ModelFormatError
from edgetool.graph import Graph, ModelSource
from edgetool.importers.onnx.checks import check_model, check_operators, sort_nodes
from edgetool.importers.onnx.functions import inline_functions
from edgetool.importers.onnx.names import name_nodes
from edgetool.importers.onnx.raise_opset import raise_opset
from edgetool.importers.onnx.tensors import load_tensors
from edgetool.importers.onnx.wire import check_fields

_AGAIN = ("export or download the file again", "onnx.checker.check_model says more")


def read(data: bytes, source: ModelSource, folder: Path | None = None) -> Graph:
    """The Graph in the bytes of an .onnx file, opset 13 or later.

    folder: where external data may lie; None forbids them.
    Raises: ModelFormatError, and nothing else, when the bytes are not a model.
    """
    try:
        return Graph(_build(_parse(data), folder), source)
    except ModelFormatError as error:
        raise ModelFormatError(
            f"{source.path}: {error.message}", details=error.details, hints=error.hints or _AGAIN
        ) from error
    except Exception as error:
        # Untrusted bytes reach protobuf, NumPy and onnx_ir: whatever they raise means the same.
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise ModelFormatError(
            f"{source.path}: not a valid ONNX model ({reason})", hints=_AGAIN
        ) from error


def _parse(data: bytes) -> onnx.ModelProto:
    check_fields(data)
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception as error:
        raise ModelFormatError("not an ONNX model, or cut short") from error
    return proto


def _build(proto: onnx.ModelProto, folder: Path | None) -> ir.Model:
    load_tensors(proto, folder)
    proto = inline_functions(proto)
    check_model(proto)
    sort_nodes(proto.graph)
    check_operators(proto)
    _drop_constant_inputs(proto.graph)
    _forget_origin(proto)
    model = ir.serde.deserialize_model(proto)
    _own_contents(model.graph)
    raise_opset(model)
    name_nodes(model.graph)
    return model


def _own_contents(graph: ir.Graph) -> None:
    """Take constants out of the file's message: one of its parts would keep all of it in memory."""
    for value in graph.initializers.values():
        tensor = value.const_value
        if isinstance(tensor, ir.TensorProtoTensor):
            value.const_value = ir.Tensor(
                tensor.numpy(), dtype=tensor.dtype, shape=tensor.shape, name=tensor.name
            )


def _drop_constant_inputs(graph: onnx.GraphProto) -> None:
    """Inputs with an initializer are constants: IR versions before 4 list them as inputs too."""
    constants = {tensor.name for tensor in graph.initializer}
    kept = [value for value in graph.input if value.name not in constants]
    if not kept:
        raise ModelFormatError("the model has no inputs")
    del graph.input[:]
    graph.input.extend(kept)


def _forget_origin(proto: onnx.ModelProto) -> None:
    """Remove text that says nothing about the numbers but would change an artifact's hash."""
    proto.ClearField("doc_string")
    proto.graph.ClearField("doc_string")
    for node in proto.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
