"""Where ONNX values live in a Program: in a tensor, in an order of axes, perhaps as a view."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from edgetool.program.layouts import Layout, channels_last
from edgetool.program.tensor import Tensor

RESHAPES = frozenset(["Reshape", "Flatten", "Squeeze", "Unsqueeze"])
# Operators that want channels last; an input feeding one of them is given in that order.
SPATIAL = frozenset(
    [
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Resize",
        "Upsample",
    ]
)
# Operators that keep the order of axes, looked through when the input's order is chosen.
ORDER_KEEPING = frozenset(
    [
        "QuantizeLinear",
        "DequantizeLinear",
        "Relu",
        "Clip",
        "LeakyRelu",
        "HardSwish",
        "Sigmoid",
        "Tanh",
        "Add",
        "Sub",
        "Mul",
        "Pad",
        "Cast",
        "Identity",
        "BatchNormalization",
    ]
)


@dataclass(frozen=True, eq=False)
class Bound:
    """Where an ONNX value lives.

    layout: order of the tensor's axes.   dequantized: the value is float, the tensor integer.
    pending: (shape, layout) of the value before a flatten to (1, K) that has not been carried
    out: the tensor still has that shape and order.
    """

    tensor: Tensor
    layout: Layout
    dequantized: bool = False
    pending: tuple[tuple[int, ...], Layout] | None = None


def preferred_layout(value: ir.Value, rank: int) -> Layout | None:
    """Channels last if the value flows into a spatial operator as ONNX's NCHW, else None."""
    for use in value.uses():
        node = use.node
        if node.op_type in SPATIAL and use.idx == 0:
            return channels_last(rank)
        if node.op_type in ORDER_KEEPING and use.idx == 0:
            found = preferred_layout(node.outputs[0], rank)
            if found is not None:
                return found
    return None
