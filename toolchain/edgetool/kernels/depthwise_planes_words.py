"""depthwise_conv2d_planes_s8 for Armv6-M: planes in cells of one word."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.depthwise_planes import KINDS, planes_call
from edgetool.kernels.short_scaling import split_scaling
from edgetool.program.operator import KernelCall
from edgetool.program.ops.depthwise_conv2d import DepthwiseConv2D
from edgetool.program.tensor import Tensor

__all__ = ["KINDS", "call"]

CELL_BYTES, PLANE_BYTES = 4, 2048


def call(
    operator: DepthwiseConv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None where depthwise_planes has none."""
    return planes_call(operator, inputs, outputs, CELL_BYTES, PLANE_BYTES, split_scaling)
