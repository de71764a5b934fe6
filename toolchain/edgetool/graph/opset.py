"""Raising a graph's operator set, by onnx's own converter."""

from __future__ import annotations

import onnx
import onnx.version_converter
import onnx_ir as ir

from edgetool.errors import ModelError
from edgetool.graph.graph import Graph


def raise_opset(graph: Graph, least: int) -> Graph:
    """The graph in operator set `least`, or as it is where it has a newer one.

    Raises: ModelError where onnx cannot convert it.
    """
    if graph.opset >= least:
        return graph
    try:
        converted = onnx.version_converter.convert_version(ir.to_proto(graph.model), least)
    except Exception as error:  # the converter raises RuntimeError and its own, without a base
        raise ModelError(
            f"the model uses opset {graph.opset} and cannot be converted to {least}",
            details=(str(error).strip().splitlines()[0],),
            hints=(f"export the model with opset {least}",),
        ) from error
    return Graph(ir.from_proto(converted), graph.source)
