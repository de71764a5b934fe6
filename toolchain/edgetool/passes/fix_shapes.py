"""Give every value a static shape and an element type.

A dynamic batch (an unknown first dimension) becomes 1. Any other unknown dimension must come
from the user (`context.shapes`).
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from edgetool.errors import ModelError, ModelFormatError, UnsupportedOperatorError, UsageError
from edgetool.graph import Graph, node_label, static_shape
from edgetool.graph.check import computed_parameters, foreign_nodes, has_subgraph
from edgetool.graph.shapes import infer_shapes, unknown_values
from edgetool.passes import fold_constants
from edgetool.passes.contract import PassContext, PassResult, unchanged

MAX_VALUE_ELEMENTS = 1 << 31


def run(graph: Graph, context: PassContext) -> PassResult:
    """Fix input shapes, then infer all others, folding shape arithmetic on the way.

    Raises: ModelError naming an input's unknown dimension; UsageError for a shape of an input
    that does not exist; UnsupportedOperatorError naming a node that cannot be followed.
    """
    _refuse_foreign(graph.graph)
    refuse_unknown_names(graph.graph, context.shapes)
    notes = [note for value in graph.graph.inputs for note in _fix_input(value, context)]
    if not notes and not unknown_values(graph.graph) and not computed_parameters(graph.graph):
        return unchanged(graph)
    infer_shapes(graph.model, forget=True)
    while unknown := unknown_values(graph.graph):
        if not fold_constants.run(graph, context).changed:
            raise _unknown_shape(unknown[0])
        infer_shapes(graph.model)
    _refuse_huge(graph.graph)
    _refuse_computed_parameters(graph, context)
    return PassResult(graph, True, (*notes, f"{len(graph.graph)} nodes have static shapes"))


def _refuse_foreign(graph: ir.Graph) -> None:
    nodes = foreign_nodes(graph)
    if nodes:
        kind = "a subgraph" if has_subgraph(nodes[0]) else f"of domain '{nodes[0].domain}'"
        raise UnsupportedOperatorError(
            f"{node_label(nodes[0])} is {kind}, which cannot be compiled",
            details=[f"{len(nodes)} such nodes: {', '.join(sorted({n.op_type for n in nodes}))}"],
            hints=["export the model with standard ONNX operators and without control flow"],
        )


def refuse_unknown_names(graph: ir.Graph, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise UsageError for a shape of an input that the graph does not have."""
    names = [str(value.name) for value in graph.inputs]
    for name in shapes:
        if name not in names:
            raise UsageError(
                f"--shape: the model has no input '{name}'",
                details=[f"it has: {', '.join(names)}"],
                hints=[f"--shape {names[0] if names else 'NAME'}=DIMS"],
            )


def _fix_input(value: ir.Value, context: PassContext) -> list[str]:
    before = value.shape
    after = fixed_input_shape(value, context.shapes.get(str(value.name)))
    value.shape = ir.Shape(after)
    known = before is not None and tuple(before) == after
    return [] if known else [f"input '{value.name}' is {_text(after)}"]


def fixed_input_shape(value: ir.Value, given: tuple[int, ...] | None) -> tuple[int, ...]:
    """The static shape that an input gets, from the user's shape for it where there is one.

    Raises: ModelError for a dimension that is not known or a shape that does not fit it.
    """
    name = str(value.name)
    if given is not None and any(dim < 1 for dim in given):
        raise UsageError(f"--shape: {_text(given)} of input '{name}' is not positive")
    if value.shape is None:
        if given is None:
            raise ModelError(
                f"input '{name}' has no shape at all", hints=[f"--shape {name}=1,3,224,224"]
            )
        return given
    before = tuple(value.shape)
    return _given_shape(name, before, given) if given else _default_shape(name, before)


def _given_shape(
    name: str, before: tuple[int | ir.SymbolicDim, ...], given: tuple[int, ...]
) -> tuple[int, ...]:
    """The user's shape, which may change unknown dimensions and the batch only."""
    fixed = [(i, dim) for i, dim in enumerate(before) if isinstance(dim, int) and i > 0]
    if len(given) != len(before) or any(given[i] != dim for i, dim in fixed):
        raise ModelError(
            f"--shape: {_text(given)} does not fit input '{name}', which is {_symbols(before)}",
            hints=[f"--shape {name}={_example(before)}"],
        )
    return given


def _default_shape(name: str, before: tuple[int | ir.SymbolicDim, ...]) -> tuple[int, ...]:
    batch = before[0] if before else None
    dims: list[int] = []
    for index, dim in enumerate(before):
        if isinstance(dim, int):
            dims.append(dim)
        elif index == 0 or (dim.value is not None and dim == batch):
            dims.append(1)
        else:
            raise ModelError(
                f"input '{name}' has no fixed size in dimension {index} ({_symbols(before)})",
                hints=[f"--shape {name}={_example(before)}"],
            )
    return tuple(dims)


def _example(before: tuple[int | ir.SymbolicDim, ...]) -> str:
    rank = len(before)
    usual = {2: (1, 10), 3: (1, 64, 128), 4: (1, 3, 224, 224)}.get(rank, (1,) * rank)
    pairs = zip(before, usual, strict=True)
    return ",".join(str(dim if isinstance(dim, int) else size) for dim, size in pairs)


def _unknown_shape(value: ir.Value) -> ModelError:
    node = value.producer()
    where = f"'{value.name}'" if node is None else node_label(node)
    return UnsupportedOperatorError(
        f"{where} has a shape that depends on the data, or is not known: {value.shape}",
        hints=["an export with fixed input shapes", "--shape INPUT=1,3,224,224"],
    )


def _refuse_huge(graph: ir.Graph) -> None:
    for node in graph:
        for value in node.outputs:
            elements = 1
            for dim in static_shape(value) or ():
                elements *= dim
            if not 0 < elements <= MAX_VALUE_ELEMENTS:
                raise ModelFormatError(f"{node_label(node)}: an output of {elements:,} elements")


def _refuse_computed_parameters(graph: Graph, context: PassContext) -> None:
    if computed_parameters(graph.graph):
        fold_constants.run(graph, context)
    for node in computed_parameters(graph.graph):
        raise UnsupportedOperatorError(
            f"{node_label(node)} has a scale or zero point that depends on the input",
            hints=["static quantization: this form computes its ranges while it runs"],
        )


def _symbols(dims: tuple[int | ir.SymbolicDim, ...]) -> str:
    texts = (dim if isinstance(dim, int) else dim.value or "?" for dim in dims)
    return "x".join(str(text) for text in texts)


def _text(dims: tuple[int, ...]) -> str:
    return "x".join(map(str, dims))
