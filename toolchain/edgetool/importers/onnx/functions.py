"""Model-local functions, inlined; their expansion is counted before it happens."""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import InlinePass

from edgetool.errors import ModelFormatError
from edgetool.importers.onnx.checks import MAX_NODES

_Key = tuple[str, str, str]


def inline_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without functions; the same object when there are none.

    Raises: ModelFormatError when functions call each other in a circle, expand to more than
    MAX_NODES nodes, or are of another opset than the model.
    """
    if not model.functions:
        return model
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    if len(functions) != len(model.functions):
        raise ModelFormatError("two functions have the same name")
    _check_opsets(model)
    sizes: dict[_Key, int] = {}
    for key in functions:
        _expanded_size(key, functions, sizes, ())
    total = sum(sizes.get(_key(node), 1) for node in model.graph.node)
    if total > MAX_NODES:
        raise ModelFormatError(f"functions expand to {total:,} nodes, the limit is {MAX_NODES:,}")
    inlined = InlinePass()(ir.serde.deserialize_model(model)).model
    inlined.functions.clear()
    proto: onnx.ModelProto = ir.serde.serialize_model(inlined)
    return proto


def _key(node: onnx.NodeProto) -> _Key:
    return (node.domain, node.op_type, node.overload)


def _expanded_size(
    key: _Key,
    functions: dict[_Key, onnx.FunctionProto],
    sizes: dict[_Key, int],
    callers: tuple[_Key, ...],
) -> int:
    if key in sizes:
        return sizes[key]
    if key in callers or len(callers) > 64:
        raise ModelFormatError(f"function '{key[1]}' calls itself, or is nested too deeply")
    size = 0
    for node in functions[key].node:
        called = _key(node)
        inner = (*callers, key)
        size += _expanded_size(called, functions, sizes, inner) if called in functions else 1
    if size > MAX_NODES:
        raise ModelFormatError(f"function '{key[1]}' expands to {size:,} nodes")
    sizes[key] = size
    return size


def _check_opsets(model: onnx.ModelProto) -> None:
    wanted = {entry.domain: entry.version for entry in model.opset_import}
    for function in model.functions:
        for entry in function.opset_import:
            if entry.domain == "" and entry.version != wanted.get(""):
                raise ModelFormatError(
                    f"function '{function.name}' is of opset {entry.version}, "
                    f"the model of {wanted.get('')}"
                )
