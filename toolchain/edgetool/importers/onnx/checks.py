"""Structure of an ONNX model, checked in Python before any C++ of onnx sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import onnx
from onnx import AttributeProto

from edgetool.errors import ModelFormatError
from edgetool.importers.onnx.tensors import MAX_DEPTH, element_count

MIN_OPSET, MAX_OPSET = 7, 24
MAX_NODES = 50_000
MAX_NAME_LENGTH = 4096
_LATEST_IR_VERSION = 13

_ATTRIBUTE_FIELDS = {
    AttributeProto.FLOAT: "f",
    AttributeProto.INT: "i",
    AttributeProto.STRING: "s",
    AttributeProto.TENSOR: "t",
    AttributeProto.GRAPH: "g",
    AttributeProto.FLOATS: "floats",
    AttributeProto.INTS: "ints",
    AttributeProto.STRINGS: "strings",
    AttributeProto.TENSORS: "tensors",
    AttributeProto.GRAPHS: "graphs",
}


def check_model(model: onnx.ModelProto) -> None:
    """Refuse a model whose versions, types, names or attributes are not well formed.

    Raises: ModelFormatError naming the value or node.
    """
    if not model.HasField("graph") or not model.graph.node:
        raise ModelFormatError("the model has no nodes")
    if not 3 <= model.ir_version <= _LATEST_IR_VERSION:
        raise ModelFormatError(f"ONNX IR version {model.ir_version} is not known")
    _check_opsets(model)
    if model.training_info:
        raise ModelFormatError("the model carries training information")
    _check_graph(model.graph, frozenset(), 0)
    for value in (*model.graph.input, *model.graph.output):
        _check_interface(value)
    if not model.graph.output:
        raise ModelFormatError("the model has no outputs")


def opset_of(model: onnx.ModelProto) -> int:
    """The version of the default operator set."""
    return next((int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)


def sort_nodes(graph: onnx.GraphProto) -> None:
    """Put nodes into topological order, keeping their order where it is one already.

    Raises: ModelFormatError naming a value that is never defined, or part of a cycle.
    """
    defined = {value.name for value in graph.input} | {t.name for t in graph.initializer}
    waiting = [(node, needed_names(node)) for node in graph.node]
    everything = defined | {name for node in graph.node for name in node.output}
    for node, needed in waiting:
        if missing := needed - everything:
            raise ModelFormatError(f"{_label(node)} reads undefined '{min(missing)[:100]}'")
    ordered = list(_ordered(waiting, defined))
    if len(ordered) != len(waiting):
        done = {id(node) for node in ordered}
        stuck = next(node for node, _ in waiting if id(node) not in done)
        raise ModelFormatError(f"{_label(stuck)} is part of a cycle")
    for value in graph.output:
        if value.name not in defined:
            raise ModelFormatError(f"output '{value.name[:100]}' is not defined")
    if any(a is not b for a, b in zip(ordered, graph.node, strict=True)):
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
        del graph.node[:]
        graph.node.extend(copies)


def needed_names(node: onnx.NodeProto) -> set[str]:
    """What a node reads: its inputs, and what its subgraphs take from outside."""
    names = {name for name in node.input if name}
    for found in node.attribute:
        for graph in (*((found.g,) if found.HasField("g") else ()), *found.graphs):
            names |= _captured_names(graph)
    return names


def check_operators(model: onnx.ModelProto) -> None:
    """Check default-domain nodes against ONNX's own operator schemas; unknown ones pass.

    Raises: ModelFormatError for a wrong number of inputs or outputs, or a wrong attribute.
    """
    version = opset_of(model)
    for node in model.graph.node:
        if node.domain in ("", "ai.onnx") and onnx.defs.has(node.op_type, version, ""):
            _check_node_schema(node, onnx.defs.get_schema(node.op_type, version, ""))


def _check_opsets(model: onnx.ModelProto) -> None:
    domains = [entry.domain for entry in model.opset_import]
    if len(set(domains)) != len(domains):
        raise ModelFormatError("an operator set is imported twice")
    version = opset_of(model)
    if not MIN_OPSET <= version <= MAX_OPSET:
        raise ModelFormatError(
            f"opset {version} is not read, only {MIN_OPSET} to {MAX_OPSET}",
            hints=[f"export the model again with an opset of {MIN_OPSET} to {MAX_OPSET}"],
        )


def _check_graph(graph: onnx.GraphProto, outer: frozenset[str], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ModelFormatError(f"subgraphs are nested more than {MAX_DEPTH} deep")
    if len(graph.node) > MAX_NODES:
        raise ModelFormatError(f"{len(graph.node):,} nodes, the limit is {MAX_NODES:,}")
    inputs = _unique((value.name for value in graph.input), "input")
    constants = _unique((tensor.name for tensor in graph.initializer), "initializer")
    _unique((value.name for value in graph.output), "output")
    outputs = (name for node in graph.node for name in node.output if name)
    results = _unique(outputs, "value")
    for name in results & (inputs | constants | outer):
        raise ModelFormatError(f"value '{name[:100]}' is defined twice")
    for value in graph.value_info:
        _check_type(value)
    visible = outer | inputs | constants | results
    for node in graph.node:
        _check_node(node, visible, depth)


def _check_node(node: onnx.NodeProto, visible: frozenset[str], depth: int) -> None:
    if not node.op_type or any(len(name) > MAX_NAME_LENGTH for name in (node.name, node.op_type)):
        raise ModelFormatError(f"node '{node.name[:100]}' has no usable name or operator")
    if not node.output or not any(node.output):
        raise ModelFormatError(f"{_label(node)} has no outputs")
    _unique((found.name for found in node.attribute), f"attribute of {_label(node)}")
    for found in node.attribute:
        if found.ref_attr_name or found.type not in _ATTRIBUTE_FIELDS:
            raise ModelFormatError(f"{_label(node)}: attribute '{found.name[:100]}' has no value")
        for graph in (*((found.g,) if found.HasField("g") else ()), *found.graphs):
            _check_graph(graph, visible, depth + 1)


def _check_interface(value: onnx.ValueInfoProto) -> None:
    _check_type(value)
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.elem_type:
        raise ModelFormatError(f"'{value.name[:100]}' is not a tensor with an element type")
    if any(dim.HasField("dim_value") and dim.dim_value == 0 for dim in tensor.shape.dim):
        raise ModelFormatError(f"'{value.name[:100]}' has a dimension of 0")


def _check_type(value: onnx.ValueInfoProto) -> None:
    tensor = value.type.tensor_type
    if tensor.elem_type and tensor.elem_type not in onnx.TensorProto.DataType.values():
        raise ModelFormatError(f"'{value.name[:100]}' has element type {tensor.elem_type}")
    known = (dim.dim_value for dim in tensor.shape.dim if dim.HasField("dim_value"))
    element_count(tuple(known), f"'{value.name[:100]}'")


def _check_node_schema(node: onnx.NodeProto, schema: onnx.defs.OpSchema) -> None:
    for kind, count, low, high in (
        ("inputs", len(node.input), schema.min_input, schema.max_input),
        ("outputs", len(node.output), schema.min_output, schema.max_output),
    ):
        if not low <= count <= high:
            allowed = f"allowed are {low} to {high}"
            raise ModelFormatError(f"{_label(node)} has {count} {kind}, {allowed}")
    found = {item.name: item for item in node.attribute}
    for name, known in schema.attributes.items():
        if known.required and name not in found:
            raise ModelFormatError(f"{_label(node)} lacks the attribute '{name}'")
        if name in found and int(found[name].type) != _type_number(known.type):
            raise ModelFormatError(f"{_label(node)}: attribute '{name}' is of a wrong type")
    for name in set(found) - set(schema.attributes):
        raise ModelFormatError(f"{_label(node)} has an unknown attribute '{name[:100]}'")


def _type_number(kind: Any) -> int:
    """AttributeProto's number for a schema's attribute type (a C++ enumeration)."""
    return int(kind.value)


def _ordered(
    waiting: list[tuple[onnx.NodeProto, set[str]]], defined: set[str]
) -> Iterator[onnx.NodeProto]:
    """Nodes as their inputs become defined (Kahn's algorithm); defined grows on the way."""
    readers: dict[str, list[int]] = {}
    open_inputs = []
    for index, (_, needed) in enumerate(waiting):
        missing = needed - defined
        open_inputs.append(len(missing))
        for name in missing:
            readers.setdefault(name, []).append(index)
    for start in range(len(waiting)):
        ready = [start] if open_inputs[start] == 0 else []
        while ready:
            index = ready.pop()
            open_inputs[index] = -1
            yield waiting[index][0]
            for name in waiting[index][0].output:
                defined.add(name)
                for reader in readers.pop(name, ()):
                    open_inputs[reader] -= 1
                    # Later ones are reached by the outer loop, in their own order.
                    if open_inputs[reader] == 0 and reader < start:
                        ready.append(reader)


def _captured_names(graph: onnx.GraphProto) -> set[str]:
    inner = {value.name for value in graph.input} | {t.name for t in graph.initializer}
    inner |= {name for node in graph.node for name in node.output}
    needed: set[str] = {value.name for value in graph.output}
    for node in graph.node:
        needed |= needed_names(node)
    return needed - inner


def _unique(names: Iterable[str], kind: str) -> frozenset[str]:
    seen: set[str] = set()
    for name in names:
        if not name or len(name) > MAX_NAME_LENGTH:
            raise ModelFormatError(f"{kind} with an empty or overlong name")
        if name in seen:
            raise ModelFormatError(f"{kind} '{name[:100]}' is defined twice")
        seen.add(name)
    return frozenset(seen)


def _label(node: onnx.NodeProto) -> str:
    return f"node '{node.name[:100]}' ({node.op_type[:100]})"
