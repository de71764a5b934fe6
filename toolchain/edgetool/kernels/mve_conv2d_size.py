"""mve_conv2d with weights at their own size, but for layers of fewer than 16 taps."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.mve_conv2d import BALANCED, KINDS, Spending, make_call
from edgetool.program.operator import KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

__all__ = ["KINDS", "OPTIMIZE", "call"]

OPTIMIZE = ("size",)
SIZE = Spending(BALANCED.strip_bytes, 0.0)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """conv2d_mve_s8, or None for groups and floats."""
    return make_call(operator, inputs, outputs, SIZE)
