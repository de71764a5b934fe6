"""Write HardSigmoid as alpha * clip(x + beta / alpha, 0, 1 / alpha), which every runtime has.

TFLite has no HardSigmoid and int8 no form of its own for it; after fuse_hardswish what is left
are the gates of squeeze-and-excitation blocks, a few channels each.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edgetool.graph import Graph, attribute, dtype_of, make_constant, node_label
from edgetool.graph.edit import insert_node, nodes_of, replace_node
from edgetool.passes.contract import PassContext, PassResult, unchanged


def run(graph: Graph, context: PassContext) -> PassResult:
    """Each float32 HardSigmoid with a rising slope becomes Add, Clip and Mul."""
    notes = []
    for node in nodes_of(graph.graph, ("HardSigmoid",)):
        source = node.inputs[0]
        slope = float(attribute(node, "alpha", 0.2))
        if source is None or dtype_of(source) != "float32" or slope <= 0:
            continue
        notes.append(f"{node_label(node)} is Add, Clip and Mul")
        _split(graph.graph, node, source, slope)
    return PassResult(graph, True, tuple(notes)) if notes else unchanged(graph)


def _split(graph: ir.Graph, node: ir.Node, source: ir.Value, slope: float) -> None:
    def constant(name: str, number: float) -> ir.Value:
        return make_constant(graph, f"{node.name}_{name}", np.array(number, np.float32))

    offset = constant("offset", float(attribute(node, "beta", 0.5)) / slope)
    bounds = [constant("low", 0.0), constant("high", 1 / slope)]
    shifted = insert_node(node, "Add", [source, offset], name=f"{node.name}_shift", like=source)
    gate = insert_node(node, "Clip", [shifted, *bounds], name=f"{node.name}_clip", like=source)
    replace_node(node, "Mul", [gate, constant("slope", slope)])
