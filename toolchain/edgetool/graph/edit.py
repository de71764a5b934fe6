"""Changing a graph in place: new nodes, replaced values, removal of what nothing reads.

A replacement takes over the name of what it replaces, so that reports and graph outputs keep
the names the user knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import onnx_ir as ir


def unique_name(graph: ir.Graph, wanted: str) -> str:
    """wanted, with a numeric suffix if a value or node of graph has that name."""
    taken = set(graph.initializers) | {value.name for value in graph.inputs}
    for node in graph:
        taken.add(node.name)
        taken.update(value.name for value in node.outputs)
    name, count = wanted, 1
    while name in taken:
        name, count = f"{wanted}_{count}", count + 1
    return name


def insert_node(
    before: ir.Node,
    op_type: str,
    inputs: Sequence[ir.Value | None],
    attributes: Mapping[str, Any] | None = None,
    *,
    name: str,
    like: ir.Value | None = None,
) -> ir.Value:
    """Put a default-domain node with one output in front of another node; gives the output.

    name: wanted for the node and its output, made unique.   like: gives shape and dtype.
    """
    graph = _graph_of(before)
    unique = unique_name(graph, name)
    output = ir.Value(name=unique)
    if like is not None:
        output.shape, output.type = like.shape, like.type
    node = ir.Node(
        "",
        op_type,
        inputs,
        ir.convenience.convert_attributes(dict(attributes or {})),
        outputs=[output],
        name=unique,
    )
    graph.insert_before(before, node)
    return output


def replace_node(
    node: ir.Node,
    op_type: str,
    inputs: Sequence[ir.Value | None],
    attributes: Mapping[str, Any] | None = None,
) -> ir.Node:
    """Another operator in a one-output node's place, with its name, output name and shape."""
    name, old = node.name, node.outputs[0]
    output = insert_node(node, op_type, inputs, attributes, name=f"{name or op_type}_new", like=old)
    replaced = output.producer()
    if replaced is None:
        raise ValueError("a new node has no output")
    swap_output(node, output)
    replaced.name = name
    return replaced


def swap_output(node: ir.Node, value: ir.Value) -> None:
    """Let value take the place and the name of a node's only output; the node goes.

    value: made by another node, not a graph input, output or constant itself.
    """
    graph, old = _graph_of(node), node.outputs[0]
    name = old.name
    ir.convenience.replace_all_uses_with(old, value, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    old.name = None
    value.name = name


def bypass(node: ir.Node, value: ir.Value) -> bool:
    """Let the readers of a node's only output read value instead; the node goes.

    False, and nothing changes, when the output is the graph's and value cannot take its name.
    """
    graph, old = _graph_of(node), node.outputs[0]
    if old.is_graph_output():
        owned = value.producer() is not None and not value.is_graph_output()
        if not owned:
            return False
        swap_output(node, value)
        return True
    ir.convenience.replace_all_uses_with(old, value)
    graph.remove(node, safe=True)
    return True


def set_input(node: ir.Node, index: int, value: ir.Value | None) -> None:
    """Connect value as the node's input index, adding absent inputs in between."""
    if index >= len(node.inputs):
        node.resize_inputs(index + 1)
    node.replace_input_with(index, value)


def remove_unused(graph: ir.Graph) -> int:
    """Drop nodes and initializers that no graph output depends on; gives the number of nodes."""
    removed = 0
    for node in reversed(list(graph)):
        if not any(value.is_graph_output() or value.uses() for value in node.outputs):
            graph.remove(node, safe=True)
            removed += 1
    for value in list(graph.initializers.values()):
        if not value.uses() and not value.is_graph_output():
            del graph.initializers[str(value.name)]
    return removed


def nodes_of(graph: ir.Graph, op_types: Iterable[str] | None = None) -> list[ir.Node]:
    """The default-domain nodes of these types (all types if None), in order, as a list."""
    wanted = None if op_types is None else set(op_types)
    return [n for n in graph if n.domain == "" and (wanted is None or n.op_type in wanted)]


def _graph_of(node: ir.Node) -> ir.Graph:
    graph = node.graph
    if not isinstance(graph, ir.Graph):
        raise ValueError(f"node '{node.name}' is in no graph")
    return graph
