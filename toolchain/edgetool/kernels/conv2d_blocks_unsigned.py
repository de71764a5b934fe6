"""conv2d_blocks_s8 for Armv6-M: weights as unsigned bytes, products of 32 bits only."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.kernels.conv2d_blocks import KINDS, Block, blocks_call
from edgetool.kernels.short_scaling import split_scaling
from edgetool.program.operator import KernelCall
from edgetool.program.ops.conv2d import Conv2D
from edgetool.program.tensor import Tensor

__all__ = ["KINDS", "call"]

BLOCK = Block(together=1, unrolled=8, offsets=4, unsigned=True, scaling=split_scaling)


def call(
    operator: Conv2D, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> KernelCall | None:
    """The call, None where conv2d_blocks has none."""
    return blocks_call(operator, inputs, outputs, BLOCK)
