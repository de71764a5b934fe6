"""The model as an ONNX graph: the one form that importers make and passes change."""

from edgetool.graph.graph import Graph, ModelSource
from edgetool.graph.values import (
    attribute,
    constant_array,
    dtype_of,
    make_constant,
    node_label,
    only_consumer,
    static_shape,
)

__all__ = [
    "Graph",
    "ModelSource",
    "attribute",
    "constant_array",
    "dtype_of",
    "make_constant",
    "node_label",
    "only_consumer",
    "static_shape",
]
