"""What must hold of a graph after every pass."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from edgetool.graph.graph import Graph
from edgetool.graph.values import constant_array, dtype_of, node_label, static_shape

_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")


def find_problems(graph: Graph, *, complete: bool = True) -> list[str]:
    """One line for each rule that the graph breaks; none means that it is legal.

    Rules: nodes in topological order, every value defined once and named. complete adds what
    holds once shapes are fixed: default domain only, no subgraphs, constant quantization
    parameters, a static shape and an element type for every value.
    """
    problems = list(_check_order(graph.graph))
    if complete:
        problems += [*_check_nodes(graph.graph), *_check_shapes(graph.graph)]
    return problems


def computed_parameters(graph: ir.Graph) -> list[ir.Node]:
    """Quantizing nodes with a scale or zero point that is not constant."""
    return [node for node in graph if node.op_type in _QUANTIZERS and _is_computed(node)]


def _is_computed(node: ir.Node) -> bool:
    parameters = [value for value in node.inputs[1:] if value is not None]
    return not parameters or any(constant_array(value) is None for value in parameters)


def foreign_nodes(graph: ir.Graph) -> list[ir.Node]:
    """Nodes of other domains, or with subgraphs: nothing here can lower them."""
    return [node for node in graph if node.domain != "" or has_subgraph(node)]


def has_subgraph(node: ir.Node) -> bool:
    """Whether the node carries a graph as an attribute (If, Loop, Scan)."""
    kinds = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
    return any(found.type in kinds for found in node.attributes.values())


def _check_order(graph: ir.Graph) -> Iterator[str]:
    defined = {id(value) for value in (*graph.inputs, *graph.initializers.values())}
    names: dict[str, int] = {str(v.name): id(v) for v in graph.initializers.values()}
    names |= {str(value.name): id(value) for value in graph.inputs}
    for node in graph:
        for value in node.inputs:
            if value is not None and id(value) not in defined:
                yield f"{node_label(node)} reads '{value.name}' before it is defined"
        for value in node.outputs:
            defined.add(id(value))
            if not value.name and (value.uses() or value.is_graph_output()):
                yield f"{node_label(node)} has an output without a name"
            if value.name and names.setdefault(value.name, id(value)) != id(value):
                yield f"{node_label(node)} defines '{value.name}' a second time"
    for value in graph.outputs:
        if id(value) not in defined:
            yield f"output '{value.name}' is not defined"


def _check_nodes(graph: ir.Graph) -> Iterator[str]:
    for node in graph:
        if node.domain != "":
            yield f"{node_label(node)} is of domain '{node.domain}'"
        if has_subgraph(node):
            yield f"{node_label(node)} has a subgraph"
    for node in computed_parameters(graph):
        yield f"{node_label(node)} has a scale or zero point that is not constant"


def _check_shapes(graph: ir.Graph) -> Iterator[str]:
    values = [*graph.inputs, *(value for node in graph for value in node.outputs if value.name)]
    for value in values:
        if static_shape(value) is None:
            yield f"'{value.name}' has no static shape ({value.shape})"
        elif dtype_of(value) is None:
            yield f"'{value.name}' has no element type"
