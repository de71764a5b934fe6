"""Let a convolution do the zero padding that a Pad does in front of it."""

from __future__ import annotations

import onnx_ir as ir

from edgetool.graph import Graph, attribute, constant_array, node_label, only_consumer
from edgetool.graph.edit import bypass, nodes_of, remove_unused
from edgetool.passes.contract import PassContext, PassResult, unchanged


def run(graph: Graph, context: PassContext) -> PassResult:
    """A spatial Pad with zeros goes when a Conv is its only reader."""
    notes = []
    for node in nodes_of(graph.graph, ("Pad",)):
        conv = only_consumer(node.outputs[0])
        if conv is not None and conv.op_type == "Conv" and conv.domain == "":
            pads = _spatial_zero_pads(node)
            explicit = attribute(conv, "auto_pad", "NOTSET") in ("NOTSET", "VALID")
            source = node.inputs[0]
            if pads is not None and explicit and source is not None and bypass(node, source):
                _add_pads(conv, pads)
                notes.append(f"Pad folded into {node_label(conv)}")
    if not notes:
        return unchanged(graph)
    remove_unused(graph.graph)
    return PassResult(graph, True, tuple(notes))


def _spatial_zero_pads(node: ir.Node) -> tuple[int, ...] | None:
    """The pads of the spatial axes, begins then ends, when that is all the node does."""
    if attribute(node, "mode", "constant") != "constant":
        return None
    inputs = [*node.inputs, None, None, None]
    pads, value = constant_array(inputs[1]), constant_array(inputs[2])
    if pads is None or inputs[3] is not None:
        return None
    if inputs[2] is not None and (value is None or value.any()):
        return None
    rank = pads.size // 2
    begins, ends = pads[:rank], pads[rank:]
    if (pads < 0).any() or begins[:2].any() or ends[:2].any():
        return None
    return tuple(int(pad) for pad in (*begins[2:], *ends[2:]))


def _add_pads(conv: ir.Node, pads: tuple[int, ...]) -> None:
    present = attribute(conv, "pads", (0,) * len(pads))
    conv.attributes.pop("auto_pad", None)
    total = [a + b for a, b in zip(present, pads, strict=True)]
    conv.attributes["pads"] = ir.AttrInt64s("pads", total)
