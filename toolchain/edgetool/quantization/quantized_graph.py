"""A float graph's layers, constants and values written as integers, all at once."""

from __future__ import annotations

from edgetool.quantization.constants import quantize_constants
from edgetool.quantization.insertion import QdqWriter
from edgetool.quantization.layers import Selection
from edgetool.quantization.scale_groups import Grouping


def insert_quantization(
    writer: QdqWriter, selection: Selection, grouping: Grouping
) -> tuple[str, ...]:
    """Write Q/DQ and integer constants into the graph; returns notes on raised scales."""
    integer_nodes = {n for layer in selection.layers for n in (layer.node, layer.clamp) if n}
    notes: list[str] = []
    for layer in selection.layers:
        notes += quantize_constants(writer, layer, grouping, writer.parameters)
    for value, group in grouping.group_of.items():
        owned = value.is_graph_input() or value.producer() in integer_nodes
        users = {use.node for use in value.uses()}
        readers = users if owned else users & integer_nodes
        becomes_output = owned and value.is_graph_output() and not value.is_graph_input()
        writer.quantize_value(value, group, readers, becomes_output)
    for node, index in grouping.requantized:
        writer.requantize_input(node, index, grouping.group_of[node.outputs[0]])
    return tuple(notes)
