"""Operators whose int8 output has one fixed scale and zero point by LiteRT's specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgetool.program.layouts import Layout
from edgetool.program.operator import Operator
from edgetool.program.tensor import Quantization, Tensor

if TYPE_CHECKING:
    from edgetool.program.site import Site

SIGMOID_OUTPUT = Quantization.per_tensor(1 / 256, -128)  # softmax too
TANH_OUTPUT = Quantization.per_tensor(1 / 128, 0)


def emit_with_output(
    site: Site,
    operator: Operator,
    x: Tensor,
    layout: Layout,
    fixed: Quantization,
    shape: tuple[int, ...] | None = None,
) -> None:
    """Emit operator on x; where the node's output has other parameters, requantize after it."""
    from edgetool.program.ops.requantize import Requantize  # ops import this file

    if not site.quantized or fixed.same_as(site.output_quantization):
        site.emit(operator, [x], layout, shape)
        return
    builder, name = site.lowering.builder, f"{site.node.outputs[0].name}_fixed"
    middle = builder.activation(name, x.shape, x.dtype, fixed)
    builder.operation(f"{name}_{operator.kind}", operator, [x], [middle])
    site.emit(Requantize(), [middle], layout, shape)
